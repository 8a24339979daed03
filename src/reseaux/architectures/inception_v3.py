"""Inception-v3 [Szegedy15, §6 et table 1].

La table 1 de l'article et le modèle publié par ses auteurs diffèrent ; nous suivons le modèle, que
torchvision reprend aussi. Dans le tronc, une convolution 1×1 et un max pooling remplacent deux des
six convolutions 3×3 ; les modules A ont une branche 5×5 ; les modules qui réduisent la taille, que
la table compte dans l'étage suivant, sont à part. Comme dans torchvision, mais pas dans TensorFlow,
les moyennes 3×3 comptent les zéros de la marge.
"""

from torch import nn

from reseaux.architectures.branches import (
    AVERAGE,
    MAX,
    Branch,
    BranchedNetwork,
    Branches,
    Chain,
    Conv,
    halve,
    split,
)


def module_a(projection: int) -> Branches:
    """Un module 35×35 : une branche 5×5, et une de deux 3×3 de suite [Szegedy15, figure 5]."""
    return (
        (Conv(64),),
        (Conv(48), Conv(64, 5, 5)),
        (Conv(64), Conv(96, 3, 3), Conv(96, 3, 3)),
        (AVERAGE, Conv(projection)),
    )


def module_b(width: int) -> Branches:
    """Un module 17×17, dont les 7×7 sont des 1×7 suivis de 7×1 [Szegedy15, figure 6]."""
    wide, tall = Conv(width, 1, 7), Conv(width, 7, 1)
    return (
        (Conv(192),),
        (Conv(width), wide, Conv(192, 7, 1)),
        (Conv(width), tall, wide, tall, Conv(192, 1, 7)),
        (AVERAGE, Conv(192)),
    )


# Un module 8×8, élargi par des 1×3 et des 3×1 [Szegedy15, figure 7].
MODULE_C: Branches = (
    (Conv(320),),
    (Conv(384), split(384)),
    (Conv(448), Conv(384, 3, 3), split(384)),
    (AVERAGE, Conv(192)),
)

STEM: Branch = (
    halve(32),
    Conv(32, 3, 3, padded=False),
    Conv(64, 3, 3),
    MAX,
    Conv(80),
    Conv(192, 3, 3, padded=False),
    MAX,
)

# Les modules, dans l'ordre : « Mixed_5b » à « Mixed_7c » dans le modèle publié.
BLOCKS: dict[str, Branches] = {
    "a1": module_a(32),
    "a2": module_a(64),
    "a3": module_a(64),
    "reduction_a": ((halve(384),), (Conv(64), Conv(96, 3, 3), halve(96)), (MAX,)),
    "b1": module_b(128),
    "b2": module_b(160),
    "b3": module_b(160),
    "b4": module_b(192),
    "reduction_b": (
        (Conv(192), halve(320)),
        (Conv(192), Conv(192, 1, 7), Conv(192, 7, 1), halve(192)),
        (MAX,),
    ),
    "c1": MODULE_C,
    "c2": MODULE_C,
}


class AuxiliaryHead(nn.Sequential):
    """Le classifieur auxiliaire, utile au seul entraînement [Szegedy15, §4 et figure 8]."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__(
            nn.AvgPool2d(5, stride=3),
            Conv(128).build(in_channels),
            Conv(768, 5, 5, padded=False).build(128),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(768, num_classes),
        )


class InceptionV3(BranchedNetwork):
    """Inception-v3 : N×3×299×299 → N×``num_classes``.

    L'article ne dit rien du dropout ; 20 % est celui du modèle publié.

    À l'entraînement (``train()``) avec ``aux_heads=True``, rend un couple : les scores, puis ceux
    du classifieur auxiliaire branché après le dernier module B.

    Args:
        num_classes: nombre de classes.
        aux_heads: ajouter le classifieur auxiliaire.
    """

    def __init__(self, num_classes: int = 1000, aux_heads: bool = False) -> None:
        super().__init__(Chain(3, STEM), BLOCKS, 0.2, num_classes)
        self.aux = nn.ModuleDict({"b4": AuxiliaryHead(768, num_classes)} if aux_heads else {})
