"""BN-Inception, le réseau de l'article sur la normalisation par lots [Ioffe15, figure 5].

La table de l'article se contredit deux fois : avec les 128 filtres qu'elle donne à la projection
de 4c et de 4d, ces modules sortiraient 608 cartes, et 4e 1 056, alors qu'elle annonce 576, 576 et
1 024. Avec 96 filtres, comme dans le modèle que Google a publié, toutes les sorties sont justes :
nous prenons 96. Le total reste inférieur aux 13,6 millions de paramètres du §4.2, que la table
n'explique pas.
"""

from functools import partial

from torch import nn

from reseaux.architectures.branches import Branch, BranchedNetwork, Branches, Chain, Conv


def module(
    conv1: int,
    reduce3: int,
    conv3: int,
    reduce_double: int,
    double3: int,
    pool: type[nn.AvgPool2d | nn.MaxPool2d],
    pool_proj: int,
    stride: int = 1,
) -> Branches:
    """Une ligne de la table : trois ou quatre branches ; la dernière couche de chacune a le pas.

    Args:
        conv1: filtres de la branche 1×1 ; 0 : pas de branche.
        reduce3: réduction 1×1 avant la convolution 3×3.
        conv3: filtres de cette 3×3.
        reduce_double: réduction 1×1 avant les deux convolutions 3×3 de suite.
        double3: filtres de chacune des deux.
        pool: le pooling 3×3.
        pool_proj: projection 1×1 après lui ; 0 : pas de projection.
    """
    return (
        *([(Conv(conv1),)] if conv1 else []),
        (Conv(reduce3), Conv(conv3, 3, 3, stride)),
        (Conv(reduce_double), Conv(double3, 3, 3), Conv(double3, 3, 3, stride)),
        (partial(pool, 3, stride, padding=1), *([Conv(pool_proj)] if pool_proj else [])),
    )


AVERAGE, MAX = nn.AvgPool2d, nn.MaxPool2d
BLOCKS: dict[str, Branches] = {
    "3a": module(64, 64, 64, 64, 96, AVERAGE, 32),
    "3b": module(64, 64, 96, 64, 96, AVERAGE, 64),
    "3c": module(0, 128, 160, 64, 96, MAX, 0, stride=2),
    "4a": module(224, 64, 96, 96, 128, AVERAGE, 128),
    "4b": module(192, 96, 128, 96, 128, AVERAGE, 128),
    "4c": module(160, 128, 160, 128, 160, AVERAGE, 96),
    "4d": module(96, 128, 192, 160, 192, AVERAGE, 96),
    "4e": module(0, 128, 192, 192, 256, MAX, 0, stride=2),
    "5a": module(352, 192, 320, 160, 224, AVERAGE, 128),
    "5b": module(352, 192, 320, 192, 224, MAX, 128),
}
HALVE = partial(nn.MaxPool2d, 3, stride=2, padding=1)
STEM: Branch = (Conv(64), HALVE, Conv(64), Conv(192, 3, 3), HALVE)


class BNInception(BranchedNetwork):
    """BN-Inception : N×3×224×224 → N×``num_classes``.

    La première convolution est séparable, comme le dit l'annexe de l'article : huit filtres 7×7
    par canal de l'image, puis une 1×1. Les convolutions n'ont pas de biais, que la normalisation
    annulerait (§3.2). L'article ne dit pas les marges : elles gardent ici la taille, ou la
    divisent juste par deux. Pas de dropout, que la normalisation par lots rend inutile (§4.2.1).
    """

    def __init__(self, num_classes: int = 1000) -> None:
        stem = Chain(8 * 3, STEM)
        stem.insert(0, nn.Conv2d(3, 8 * 3, 7, stride=2, padding=3, groups=3, bias=False))
        super().__init__(stem, BLOCKS, 0, num_classes)
