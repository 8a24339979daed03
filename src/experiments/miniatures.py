"""Des réseaux en miniature, assez petits pour s'entraîner sur un processeur.

Une idée par réseau : celle de l'article, à une taille qui s'entraîne en secondes. Ils ont le même
nombre de multiplications-additions : ``width``, qui multiplie toutes leurs cartes, est réglé pour.

Les piles sont celles de l'article des raccourcis pour les petites images [He15, §4.2] : une
convolution, trois étages de n paires, une moyenne, une couche connectée ; 6n + 2 couches.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.arguments import Count, Seed, checked
from reseaux.errors import ReseauxError


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, normalized: bool = True, **kw: Any
) -> list[nn.Module]:
    """Une convolution de même taille au pas près, puis sa normalisation si on la demande."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not normalized, **kw)
    return [layer, nn.BatchNorm2d(outputs)] if normalized else [layer]


class Pair(nn.Module):
    """Deux convolutions 3×3 ; avec un raccourci, on ajoute leur entrée à leur sortie.

    Quand la taille change, le raccourci n'a toujours pas de paramètre : il garde un pixel sur deux
    et complète par des cartes nulles (l'option A de l'article).
    """

    def __init__(self, inputs: int, outputs: int, shortcut: bool, normalized: bool) -> None:
        super().__init__()
        self.stride, self.shortcut = outputs // inputs, shortcut
        first = conv(inputs, outputs, 3, self.stride, normalized)
        second = conv(outputs, outputs, normalized=normalized)
        self.residual = nn.Sequential(*first, nn.ReLU(), *second)

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×L → N×C′×H′×L′."""
        y: Tensor = self.residual(x)
        if self.shortcut:
            kept = x[:, :, :: self.stride, :: self.stride]
            y = y + F.pad(kept, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
        return F.relu(y)


@checked
def stack(
    depth: Count, shortcut: bool, normalized: bool, classes: Count, width: Count = 8
) -> nn.Sequential:
    """Une pile de l'article, N×1×H×L → N×classes : ``width``, 2 et 4 ``width`` cartes.

    Raises:
        ReseauxError: la profondeur n'est pas 6n + 2.
    """
    if depth < 8 or depth % 6 != 2:
        raise ReseauxError(f"Profondeur {depth} : il faut 6n + 2, soit 8, 14, 20…")
    pairs = (depth - 2) // 6
    widths = [width] * (pairs + 1) + [2 * width] * pairs + [4 * width] * pairs
    return nn.Sequential(
        *conv(1, width, normalized=normalized),
        nn.ReLU(),
        *(Pair(a, b, shortcut, normalized) for a, b in pairwise(widths)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )


def lenet(classes: int, side: int, width: float = 1.36) -> nn.Sequential:
    """Deux 5×5, tanh et moyennes, puis trois couches connectées [LeCun98]."""
    a, b, c, d = _maps(width, 6, 16, 120, 84)
    return nn.Sequential(
        *conv(1, a, 5, normalized=False),
        nn.Tanh(),
        nn.AvgPool2d(2),
        *conv(a, b, 5, normalized=False),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Sequential(nn.Linear(b * (side // 4) ** 2, c), nn.Tanh(), nn.Linear(c, d), nn.Tanh()),
        nn.Linear(d, classes),
    )


def vgg(
    classes: int,
    side: int,
    width: float = 0.8,
    normalized: bool = True,
    active: type[nn.Module] = nn.ReLU,
    dropout: float = 0.5,
    connected: bool = True,
) -> nn.Sequential:
    """Des 3×3 deux par deux, les cartes doublent quand la taille est divisée par deux."""
    layers: list[nn.Module] = []
    inputs = 1
    for outputs in _maps(width, 8, 16, 32):
        for a in (inputs, outputs):
            layers += [*conv(a, outputs, normalized=normalized), active()]
        layers, inputs = [*layers, nn.MaxPool2d(2)], outputs
    features = inputs * (side // 8) ** 2 if connected else inputs
    layers += [nn.Flatten()] if connected else [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if connected:  # une couche cachée, comme les deux de l'article
        layers += [nn.Linear(features, 2 * inputs), active(), nn.Dropout(dropout)]
        features = 2 * inputs
    return nn.Sequential(*layers, nn.Linear(features, classes))


def nin(classes: int, side: int, width: float = 0.7) -> nn.Sequential:
    """Un perceptron par pixel après chaque convolution, une carte par classe à la fin."""
    layers: list[nn.Module] = []
    inputs = 1
    for outputs, kernel in zip(_maps(width, 12, 24, 24), (5, 5, 3), strict=True):
        for a, k in ((inputs, kernel), (outputs, 1), (outputs, 1)):
            layers += [*conv(a, outputs, k), nn.ReLU()]
        layers, inputs = [*layers, nn.MaxPool2d(2)], outputs
    return nn.Sequential(
        *layers[:-1], nn.Conv2d(inputs, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


class Branches(nn.Module):
    """Un module Inception : 1×1, 3×3 et 5×5 réduites, max pooling, côte à côte."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        reduced, part = max(inputs // 2, 1), outputs // 4

        def branch(*layers: nn.Module) -> nn.Sequential:
            return nn.Sequential(*layers, nn.ReLU())

        self.branches = nn.ModuleList(
            [
                branch(*conv(inputs, part, 1)),
                branch(*conv(inputs, reduced, 1), nn.ReLU(), *conv(reduced, part)),
                branch(*conv(inputs, reduced // 2, 1), nn.ReLU(), *conv(reduced // 2, part, 5)),
                branch(nn.MaxPool2d(3, 1, padding=1), *conv(inputs, outputs - 3 * part, 1)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×L → N×C′×H×L."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def inception(classes: int, side: int, width: float = 0.72) -> nn.Sequential:
    """Une convolution, puis quatre modules à plusieurs branches, deux par taille."""
    a, b, c = _maps(width, 16, 32, 64)
    return nn.Sequential(
        *conv(1, a),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Branches(a, b),
        Branches(b, b),
        nn.MaxPool2d(2),
        Branches(b, c),
        Branches(c, c),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(c, classes),
    )


def residual(classes: int, side: int, width: float = 0.5) -> nn.Sequential:
    """Une pile de 14 couches avec raccourcis (:func:`stack`)."""
    return stack(14, True, True, classes, *_maps(width, 8))


def depthwise(classes: int, side: int, width: float = 0.92) -> nn.Sequential:
    """Une 3×3 par carte, puis une 1×1 qui les mélange, six fois."""
    layers: list[nn.Module] = [*conv(1, _maps(width, 16)[0]), nn.ReLU()]
    maps = _maps(width, 16, 16, 32, 32, 64, 64, 64)
    for (a, b), stride in zip(pairwise(maps), (1, 2, 1, 2, 1, 1), strict=True):
        layers += [*conv(a, a, 3, stride, groups=a), nn.ReLU(), *conv(a, b, 1), nn.ReLU()]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps[-1], classes)
    )


def _maps(width: float, *counts: int) -> list[int]:
    return [max(1, round(width * count)) for count in counts]


NETWORKS: dict[str, Callable[..., nn.Sequential]] = {
    "lenet": lenet,
    "vgg": vgg,
    "nin": nin,
    "inception": inception,
    "residual": residual,
    "depthwise": depthwise,
}


@checked
def started(model: nn.Module, seed: Seed) -> nn.Module:
    """Tire les poids des convolutions comme l'article (variance 2 / entrées) ; biais nuls.

    Args:
        seed: graine du tirage ; le hasard de l'appelant n'est pas touché.
    """
    generator = torch.Generator().manual_seed(seed)
    for part in model.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            # Une couche connectée rend les scores ; une convolution précède une ReLU.
            gain: Literal["relu", "linear"] = "relu" if isinstance(part, nn.Conv2d) else "linear"
            nn.init.kaiming_normal_(part.weight, nonlinearity=gain, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return model
