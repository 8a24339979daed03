"""Inception-v3 [Szegedy15, §6 et table 1].

La table 1 de l'article et le modèle publié par ses auteurs diffèrent ; nous suivons le modèle, que
torchvision reprend aussi. Dans le tronc, une convolution 1×1 et un max pooling remplacent deux des
six convolutions 3×3 ; les modules A ont une branche 5×5 ; les modules qui réduisent la taille, que
la table compte dans l'étage suivant, sont à part. Comme dans torchvision, mais pas dans TensorFlow,
les moyennes 3×3 comptent les zéros de la marge.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from reseaux.architectures.staged import Staged


class Conv(NamedTuple):
    """Une convolution, suivie d'une normalisation de lot et d'une ReLU."""

    filters: int
    height: int = 1  # du noyau
    width: int = 1
    stride: int = 1
    padded: bool = True  # une marge de zéros garde la taille

    def build(self, in_channels: int) -> nn.Sequential:
        """Construit les trois couches ; l'epsilon est celui du modèle publié."""
        kernel = (self.height, self.width)
        padding = (self.height // 2, self.width // 2) if self.padded else 0
        return nn.Sequential(
            nn.Conv2d(in_channels, self.filters, kernel, self.stride, padding, bias=False),
            nn.BatchNorm2d(self.filters, eps=0.001),
            nn.ReLU(inplace=True),
        )


# Les mots de la description : un module est fait de branches, concaténées ; une branche, d'étapes
# qui se suivent ; une étape est une convolution, un pooling ou, de nouveau, des branches.
Pool: TypeAlias = Callable[[], nn.Module]
Step: TypeAlias = "Conv | Pool | tuple[Branch, ...]"
Branch: TypeAlias = tuple[Step, ...]
Branches: TypeAlias = tuple[Branch, ...]

AVERAGE = partial(nn.AvgPool2d, 3, stride=1, padding=1)
MAX = partial(nn.MaxPool2d, 3, stride=2)


def halve(filters: int) -> Conv:
    """Une convolution 3×3 de pas 2, sans marge : elle divise la taille par deux."""
    return Conv(filters, 3, 3, stride=2, padded=False)


def split(filters: int) -> Branches:
    """Un 1×3 et un 3×1 côte à côte [Szegedy15, figure 7]."""
    return ((Conv(filters, 1, 3),), (Conv(filters, 3, 1),))


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


class Chain(nn.Sequential):
    """Les étapes d'une branche, l'une après l'autre ; la dernière sort ``out_channels`` cartes."""

    def __init__(self, in_channels: int, branch: Branch) -> None:
        super().__init__()
        self.out_channels = in_channels
        for step in branch:
            if isinstance(step, Conv):
                self.append(step.build(self.out_channels))
                self.out_channels = step.filters
            elif callable(step):
                self.append(step())
            else:
                parallel = Parallel(self.out_channels, step)
                self.append(parallel)
                self.out_channels = parallel.out_channels


class Parallel(nn.Module):
    """Des branches côte à côte, concaténées (N×C×H×L → N×C′×H′×L′)."""

    def __init__(self, in_channels: int, branches: Branches) -> None:
        super().__init__()
        chains = [Chain(in_channels, branch) for branch in branches]
        self.branches = nn.ModuleList(chains)
        self.out_channels = sum(chain.out_channels for chain in chains)

    def forward(self, x: Tensor) -> Tensor:
        """Concatène les branches le long des canaux."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


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


class InceptionV3(Staged):
    """Inception-v3 : N×3×299×299 → N×``num_classes``.

    L'article ne dit rien du dropout ; 20 % est celui du modèle publié.

    À l'entraînement (``train()``) avec ``aux_heads=True``, rend un couple : les scores, puis ceux
    du classifieur auxiliaire branché après le dernier module B.

    Args:
        num_classes: nombre de classes.
        aux_heads: ajouter le classifieur auxiliaire.
    """

    def __init__(self, num_classes: int = 1000, aux_heads: bool = False) -> None:
        super().__init__()
        self.stem = Chain(3, STEM)
        self.blocks = nn.ModuleDict()
        self.aux = nn.ModuleDict()
        channels = self.stem.out_channels
        for name, branches in BLOCKS.items():
            block = Parallel(channels, branches)
            self.blocks[name] = block
            channels = block.out_channels
            if aux_heads and name == "b4":
                self.aux[name] = AuxiliaryHead(channels, num_classes)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels, num_classes)
        )
