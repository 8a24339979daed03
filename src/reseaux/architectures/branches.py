"""La langue des Inception normalisés : un module est une donnée, et ces classes la construisent.

Un module est fait de branches, concaténées ; une branche, d'étapes qui se suivent ; une étape est
une convolution, un pooling ou, de nouveau, des branches.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from reseaux.architectures.staged import Staged


class Conv(NamedTuple):
    """Une convolution, suivie d'une normalisation par lots et d'une ReLU."""

    filters: int
    height: int = 1  # du noyau
    width: int = 1
    stride: int = 1
    padded: bool = True  # une marge de zéros garde la taille

    def build(self, in_channels: int) -> nn.Sequential:
        """Construit les trois couches ; l'epsilon est celui des modèles publiés."""
        kernel = (self.height, self.width)
        padding = (self.height // 2, self.width // 2) if self.padded else 0
        return nn.Sequential(
            nn.Conv2d(in_channels, self.filters, kernel, self.stride, padding, bias=False),
            nn.BatchNorm2d(self.filters, eps=0.001),
            nn.ReLU(inplace=True),
        )


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


class BranchedNetwork(Staged):
    """Un tronc, puis des modules faits de branches : images → N×``num_classes``.

    Args:
        stem: le tronc.
        blocks: les branches de chaque module.
        dropout: le taux, avant la couche connectée ; 0 : pas de dropout.
    """

    def __init__(
        self, stem: Chain, blocks: Mapping[str, Branches], dropout: float, num_classes: int
    ) -> None:
        super().__init__()
        self.stem = stem
        self.blocks = nn.ModuleDict()
        channels = stem.out_channels
        for name, branches in blocks.items():
            self.blocks[name] = block = Parallel(channels, branches)
            channels = block.out_channels
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            *([nn.Dropout(dropout)] if dropout else []),
            nn.Linear(channels, num_classes),
        )
