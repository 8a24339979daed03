"""SqueezeNet 1.0 [Iandola16, §3 et table 1]."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from reseaux.architectures.inception import conv, max_pool
from reseaux.architectures.staged import Staged


class Fire(NamedTuple):
    """Une ligne de la table 1 : les filtres des trois convolutions d'un module Fire."""

    squeeze: int  # 1×1, qui réduit le nombre de cartes
    expand1: int  # 1×1
    expand3: int  # 3×3


# La table 1 de l'article, de haut en bas ; ``None`` est un max pooling.
BLOCKS: dict[str, Fire | None] = {
    "fire2": Fire(16, 64, 64),
    "fire3": Fire(16, 64, 64),
    "fire4": Fire(32, 128, 128),
    "maxpool4": None,
    "fire5": Fire(32, 128, 128),
    "fire6": Fire(48, 192, 192),
    "fire7": Fire(48, 192, 192),
    "fire8": Fire(64, 256, 256),
    "maxpool8": None,
    "fire9": Fire(64, 256, 256),
}


class FireBlock(nn.Module):
    """Un module Fire : N×C×H×L → N×(e₁ + e₃)×H×L [Iandola16, §3.2 et figure 1]."""

    def __init__(self, in_channels: int, filters: Fire) -> None:
        super().__init__()
        self.squeeze = conv(in_channels, filters.squeeze, 1)
        self.expand1 = conv(filters.squeeze, filters.expand1, 1)
        self.expand3 = conv(filters.squeeze, filters.expand3, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Concatène les deux sorties le long des canaux."""
        x = self.squeeze(x)
        return torch.cat([self.expand1(x), self.expand3(x)], dim=1)


class SqueezeNet(Staged):
    """SqueezeNet 1.0 : N×3×227×227 → N×``num_classes``.

    L'article dit 224×224, mais seul 227, la taille du modèle publié par ses auteurs, donne les
    111×111 sorties de la table 1. Comme dans ce modèle, une ReLU suit la dernière convolution : les
    scores sont positifs. Cette convolution n'a pas la marge d'un pixel qu'il lui donne : la table
    annonce 13×13 sorties.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        channels = 96
        first = nn.Sequential(nn.Conv2d(3, channels, 7, stride=2), nn.ReLU(inplace=True))
        self.stem = nn.Sequential(first, max_pool())
        self.blocks = nn.ModuleDict()
        for name, filters in BLOCKS.items():
            if filters is None:
                self.blocks[name] = max_pool()
            else:
                self.blocks[name] = FireBlock(channels, filters)
                channels = filters.expand1 + filters.expand3
        self.head = nn.Sequential(
            nn.Dropout(), conv(channels, num_classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
