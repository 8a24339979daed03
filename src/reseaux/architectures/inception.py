"""GoogLeNet, le premier réseau Inception [Szegedy14, §5 et table 1]."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from reseaux.architectures.alexnet import local_response_norm
from reseaux.architectures.staged import Staged


class Inception(NamedTuple):
    """Une ligne de la table 1 : le nombre de filtres de chaque branche d'un module."""

    conv1: int  # branche 1×1
    reduce3: int  # réduction 1×1 avant la convolution 3×3
    conv3: int
    reduce5: int  # réduction 1×1 avant la convolution 5×5
    conv5: int
    pool_proj: int  # projection 1×1 après le max pooling

    @property
    def out_channels(self) -> int:
        """Cartes en sortie : les quatre branches mises bout à bout."""
        return self.conv1 + self.conv3 + self.conv5 + self.pool_proj


# La table 1 de l'article, étage par étage ; un max pooling sépare les étages.
STAGES: dict[str, dict[str, Inception]] = {
    "3": {
        "3a": Inception(64, 96, 128, 16, 32, 32),
        "3b": Inception(128, 128, 192, 32, 96, 64),
    },
    "4": {
        "4a": Inception(192, 96, 208, 16, 48, 64),
        "4b": Inception(160, 112, 224, 24, 64, 64),
        "4c": Inception(128, 128, 256, 24, 64, 64),
        "4d": Inception(112, 144, 288, 32, 64, 64),
        "4e": Inception(256, 160, 320, 32, 128, 128),
    },
    "5": {
        "5a": Inception(256, 160, 320, 32, 128, 128),
        "5b": Inception(384, 192, 384, 48, 128, 128),
    },
}


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Une convolution et sa ReLU ; GoogLeNet n'a pas de normalisation par lots."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2),
        nn.ReLU(inplace=True),
    )


def max_pool() -> nn.MaxPool2d:
    """Le max pooling 3×3 de pas 2 ; comme Caffe, il arrondit la taille vers le haut."""
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class InceptionBlock(nn.Module):
    """Un module Inception [Szegedy14, figure 2b] : quatre branches, N×C×H×L → N×C′×H×L."""

    def __init__(self, in_channels: int, filters: Inception) -> None:
        super().__init__()
        conv1, reduce3, conv3, reduce5, conv5, pool_proj = filters
        self.branch1 = conv(in_channels, conv1, 1)
        self.branch3 = nn.Sequential(conv(in_channels, reduce3, 1), conv(reduce3, conv3, 3))
        self.branch5 = nn.Sequential(conv(in_channels, reduce5, 1), conv(reduce5, conv5, 5))
        pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.branch_pool = nn.Sequential(pool, conv(in_channels, pool_proj, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Concatène les quatre branches le long des canaux."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class AuxiliaryHead(nn.Sequential):
    """Un classifieur auxiliaire, utile au seul entraînement [Szegedy14, §5]."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__(
            nn.AvgPool2d(5, stride=3),
            conv(in_channels, 128, 1),
            nn.Flatten(),
            nn.Linear(128 * 4 * 4, 1024),
            nn.ReLU(inplace=True),
            nn.Dropout(0.7),
            nn.Linear(1024, num_classes),
        )


class GoogLeNet(Staged):
    """GoogLeNet : N×3×224×224 → N×``num_classes``.

    À l'entraînement (``train()``) avec ``aux_heads=True``, rend un triplet : les scores, puis ceux
    des classifieurs auxiliaires branchés après 4a et 4d.

    Args:
        num_classes: nombre de classes.
        aux_heads: ajouter les deux classifieurs auxiliaires. Le compte de paramètres de
            l'article (table 1) ne les inclut pas.
    """

    def __init__(self, num_classes: int = 1000, aux_heads: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv(3, 64, 7, stride=2),
            max_pool(),
            local_response_norm(),
            conv(64, 64, 1),
            conv(64, 192, 3),
            local_response_norm(),
            max_pool(),
        )
        self.blocks = nn.ModuleDict()
        channels = 192
        aux_inputs = {}
        for number, stage in STAGES.items():
            if number != "3":
                self.blocks[f"pool{number}"] = max_pool()
            for name, filters in stage.items():
                self.blocks[name] = InceptionBlock(channels, filters)
                channels = filters.out_channels
                aux_inputs[name] = channels
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.4), nn.Linear(channels, num_classes)
        )
        self.aux = nn.ModuleDict(
            {name: AuxiliaryHead(aux_inputs[name], num_classes) for name in ("4a", "4d")}
            if aux_heads
            else {}
        )
