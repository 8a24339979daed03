"""Inception-v4 [Szegedy16, §3.1 et figures 3 à 9].

Les figures 4 à 6 de l'article et le modèle publié par ses auteurs n'ordonnent pas pareil les 1×n et
les n×1 d'une branche (l'une des branches de la figure 5 a même deux 1×7 de suite). Nous suivons le
modèle, que timm reprend aussi : les nombres de filtres et de paramètres sont les mêmes.
"""

from functools import partial

from torch import nn

from reseaux.architectures.branches import (
    MAX,
    Branch,
    BranchedNetwork,
    Branches,
    Chain,
    Conv,
    halve,
    split,
)

# Comme TensorFlow, la moyenne ne compte pas les zéros de la marge.
AVERAGE = partial(nn.AvgPool2d, 3, stride=1, padding=1, count_include_pad=False)

STEM: Branch = (
    halve(32),
    Conv(32, 3, 3, padded=False),
    Conv(64, 3, 3),
    ((MAX,), (halve(96),)),
    (
        (Conv(64), Conv(96, 3, 3, padded=False)),
        (Conv(64), Conv(64, 1, 7), Conv(64, 7, 1), Conv(96, 3, 3, padded=False)),
    ),
    ((halve(192),), (MAX,)),
)

MODULE_A: Branches = (
    (Conv(96),),
    (Conv(64), Conv(96, 3, 3)),
    (Conv(64), Conv(96, 3, 3), Conv(96, 3, 3)),
    (AVERAGE, Conv(96)),
)
REDUCTION_A: Branches = ((halve(384),), (Conv(192), Conv(224, 3, 3), halve(256)), (MAX,))

MODULE_B: Branches = (
    (Conv(384),),
    (Conv(192), Conv(224, 1, 7), Conv(256, 7, 1)),
    (Conv(192), Conv(192, 7, 1), Conv(224, 1, 7), Conv(224, 7, 1), Conv(256, 1, 7)),
    (AVERAGE, Conv(128)),
)
REDUCTION_B: Branches = (
    (Conv(192), halve(192)),
    (Conv(256), Conv(256, 1, 7), Conv(320, 7, 1), halve(320)),
    (MAX,),
)

MODULE_C: Branches = (
    (Conv(256),),
    (Conv(384), split(256)),
    (Conv(384), Conv(448, 3, 1), Conv(512, 1, 3), split(256)),
    (AVERAGE, Conv(256)),
)

# La figure 9 de l'article : quatre modules A, sept B, trois C.
BLOCKS: dict[str, Branches] = {
    **{f"a{i}": MODULE_A for i in range(1, 5)},
    "reduction_a": REDUCTION_A,
    **{f"b{i}": MODULE_B for i in range(1, 8)},
    "reduction_b": REDUCTION_B,
    **{f"c{i}": MODULE_C for i in range(1, 4)},
}


class InceptionV4(BranchedNetwork):
    """Inception-v4 : N×3×299×299 → N×``num_classes``. Le dropout garde 80 % des valeurs."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(Chain(3, STEM), BLOCKS, 0.2, num_classes)
