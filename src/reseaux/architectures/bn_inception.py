"""BN-Inception, le réseau de l'article sur la normalisation de lot [Ioffe15, figure 5].

La table de l'article se contredit deux fois : avec les 128 filtres qu'elle donne à la projection
de 4c et de 4d, ces modules sortiraient 608 cartes, et 4e 1 056, alors qu'elle annonce 576, 576 et
1 024. Avec 96 filtres, comme dans le modèle que Google a publié, toutes les sorties sont justes :
nous prenons 96. Le total reste inférieur aux 13,6 millions de paramètres du §4.2, que la table
n'explique pas.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from reseaux.architectures.resnet import conv_bn
from reseaux.architectures.staged import Staged


class Inception(NamedTuple):
    """Une ligne de la table : le nombre de filtres de chaque branche d'un module."""

    conv1: int  # branche 1×1 ; 0 : pas de branche
    reduce3: int  # réduction 1×1 avant la convolution 3×3
    conv3: int
    reduce_double: int  # réduction 1×1 avant les deux convolutions 3×3 de suite
    double3: int  # filtres de chacune des deux
    pool: type[nn.AvgPool2d | nn.MaxPool2d]
    pool_proj: int  # projection 1×1 après le pooling ; 0 : pas de projection
    stride: int = 1


AVERAGE, MAX = nn.AvgPool2d, nn.MaxPool2d
BLOCKS = {
    "3a": Inception(64, 64, 64, 64, 96, AVERAGE, 32),
    "3b": Inception(64, 64, 96, 64, 96, AVERAGE, 64),
    "3c": Inception(0, 128, 160, 64, 96, MAX, 0, stride=2),
    "4a": Inception(224, 64, 96, 96, 128, AVERAGE, 128),
    "4b": Inception(192, 96, 128, 96, 128, AVERAGE, 128),
    "4c": Inception(160, 128, 160, 128, 160, AVERAGE, 96),
    "4d": Inception(96, 128, 192, 160, 192, AVERAGE, 96),
    "4e": Inception(0, 128, 192, 192, 256, MAX, 0, stride=2),
    "5a": Inception(352, 192, 320, 160, 224, AVERAGE, 128),
    "5b": Inception(352, 192, 320, 192, 224, MAX, 128),
}


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Une convolution, sa normalisation de lot et sa ReLU."""
    return nn.Sequential(*conv_bn(in_channels, out_channels, kernel, stride), nn.ReLU(inplace=True))


class InceptionBlock(nn.Module):
    """Un module : trois ou quatre branches, concaténées (N×C×H×L → N×C′×H′×L′).

    Le pas, dans 3c et 4e, est celui de la dernière couche de chaque branche.
    """

    def __init__(self, in_channels: int, filters: Inception) -> None:
        super().__init__()
        conv1, reduce3, conv3, reduce_double, double3, pool, pool_proj, stride = filters
        branches = [
            nn.Sequential(conv(in_channels, reduce3, 1), conv(reduce3, conv3, 3, stride)),
            nn.Sequential(
                conv(in_channels, reduce_double, 1),
                conv(reduce_double, double3, 3),
                conv(double3, double3, 3, stride),
            ),
            nn.Sequential(pool(3, stride, padding=1)),
        ]
        if conv1:
            branches.insert(0, conv(in_channels, conv1, 1))
        if pool_proj:
            branches[-1].append(conv(in_channels, pool_proj, 1))
        self.branches = nn.ModuleList(branches)
        self.out_channels = conv1 + conv3 + double3 + (pool_proj or in_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Concatène les branches le long des canaux."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class BNInception(Staged):
    """BN-Inception : N×3×224×224 → N×``num_classes``.

    La première convolution est séparable, comme le dit l'annexe de l'article : huit filtres 7×7
    par canal de l'image, puis une 1×1. Les convolutions n'ont pas de biais, que la normalisation
    annulerait (§3.2). L'article ne dit pas les marges : elles gardent ici la taille, ou la
    divisent juste par deux. Pas de dropout, que la normalisation de lot rend inutile (§4.2.1).
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8 * 3, 7, stride=2, padding=3, groups=3, bias=False),
            conv(8 * 3, 64, 1),
            nn.MaxPool2d(3, stride=2, padding=1),
            conv(64, 64, 1),
            conv(64, 192, 3),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        channels = 192
        self.blocks = nn.ModuleDict()
        for name, filters in BLOCKS.items():
            block = InceptionBlock(channels, filters)
            self.blocks[name] = block
            channels = block.out_channels
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)
        )
