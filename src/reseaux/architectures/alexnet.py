"""AlexNet, tel que l'article de 2012 le décrit [Krizhevsky12, §3].

Ce n'est pas l'``alexnet`` de torchvision, qui suit un article de 2014 [Krizhevsky14] : 64 filtres
au lieu de 96 dans la première couche, ni groupes ni normalisation locale.
"""

from typing import NamedTuple

from torch import nn


class Conv(NamedTuple):
    """Une ligne de la description : une convolution et ce qui la suit."""

    filters: int
    kernel: int
    stride: int
    padding: int
    groups: int  # 2 : chaque moitié des filtres, sur un GPU, ne voit qu'une moitié des cartes
    lrn: bool
    pool: bool


CONVOLUTIONS = (
    Conv(96, 11, stride=4, padding=0, groups=1, lrn=True, pool=True),
    Conv(256, 5, stride=1, padding=2, groups=2, lrn=True, pool=True),
    Conv(384, 3, stride=1, padding=1, groups=1, lrn=False, pool=False),
    Conv(384, 3, stride=1, padding=1, groups=2, lrn=False, pool=False),
    Conv(256, 3, stride=1, padding=1, groups=2, lrn=False, pool=True),
)
HIDDEN = 4096  # neurones de chacune des deux couches complètement connectées cachées


def local_response_norm() -> nn.LocalResponseNorm:
    """La normalisation locale de l'article : n = 5, k = 2, α = 10⁻⁴, β = 0,75 [Krizhevsky12, §3.3].

    PyTorch divise α par n, l'article non : d'où le facteur 5.
    """
    return nn.LocalResponseNorm(size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)


class AlexNet(nn.Sequential):
    """AlexNet : N×3×227×227 → N×``num_classes``.

    L'article dit 224×224, mais seul 227 (ou une marge qu'il ne mentionne pas) donne les 55×55
    sorties qu'il annonce ; nous prenons 227. Sur les deux GPU d'alors, les couches 2, 4 et 5 ne
    voyaient que la moitié de leur entrée : ce sont ici des convolutions à deux groupes.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for filters, kernel, stride, padding, groups, lrn, pool in CONVOLUTIONS:
            conv = nn.Conv2d(channels, filters, kernel, stride, padding, groups=groups)
            layers += [conv, nn.ReLU(inplace=True)]
            if lrn:
                layers.append(local_response_norm())
            if pool:
                layers.append(nn.MaxPool2d(3, stride=2))
            channels = filters
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * 6 * 6, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(HIDDEN, num_classes),
        )
