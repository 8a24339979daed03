"""Les couches dont la sortie se déduit des réglages : inutile de les exécuter.

Un raccourci, rien de plus : sans lui, les lignes d'un résumé sont les mêmes (un test le tient).
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from reseaux.anatomy.receptive import Window, pair

# La forme de sortie, lot compris, d'après la couche, l'entrée et la fenêtre de la couche ; ``None``
# si l'entrée ne convient pas.
ShapeRule = Callable[[Any, Tensor, Window | None], tuple[int, ...] | None]


def known_macs(layer: nn.Module, shape: tuple[int, ...]) -> int:
    """Les multiplications-additions d'une couche de :data:`KNOWN`, pour cette forme de sortie."""
    if isinstance(layer, nn.Conv2d):
        inputs = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
        return math.prod(shape) * inputs
    return math.prod(shape) * layer.in_features if isinstance(layer, nn.Linear) else 0


def _map_sizes(layer: Any, x: Tensor, window: Window | None) -> list[int] | None:
    """Hauteur et largeur d'une sortie, pour une fenêtre glissante sur des cartes N×C×H×L."""
    if window is None or x.dim() != 4 or isinstance(layer.padding, str):
        return None
    ceil, sizes = getattr(layer, "ceil_mode", False), []
    for n, k, s, d, p in zip(x.shape[2:], *window, pair(layer.padding), strict=True):
        free = n + 2 * p - d * (k - 1) - 1
        out = (-(-free // s) if ceil else free // s) + 1
        # Arrondie vers le haut, la dernière fenêtre doit encore commencer dans l'image.
        sizes.append(out - 1 if ceil and (out - 1) * s >= n + p else out)
    return sizes if min(sizes) > 0 else None


def _conv_shape(layer: nn.Conv2d, x: Tensor, window: Window | None) -> tuple[int, ...] | None:
    sizes = _map_sizes(layer, x, window)
    fits = sizes and x.shape[1] == layer.in_channels
    return (x.shape[0], layer.out_channels, *sizes) if sizes and fits else None


def _pool_shape(
    layer: nn.MaxPool2d | nn.AvgPool2d, x: Tensor, window: Window | None
) -> tuple[int, ...] | None:
    sizes = _map_sizes(layer, x, window)
    two_outputs = getattr(layer, "return_indices", False)
    return (*x.shape[:2], *sizes) if sizes and not two_outputs else None


def _linear_shape(layer: nn.Linear, x: Tensor, window: Window | None) -> tuple[int, ...] | None:
    return (*x.shape[:-1], layer.out_features) if x.shape[-1] == layer.in_features else None


def _norm_shape(layer: nn.BatchNorm2d, x: Tensor, window: Window | None) -> tuple[int, ...] | None:
    return tuple(x.shape) if x.dim() == 4 and x.shape[1] == layer.num_features else None


def _same_shape(layer: nn.Module, x: Tensor, window: Window | None) -> tuple[int, ...]:
    return tuple(x.shape)


_SAME_SHAPE: tuple[Any, ...] = (
    *(nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh),
    *(nn.LeakyReLU, nn.ELU, nn.Dropout, nn.Dropout2d, nn.Identity, nn.LocalResponseNorm),
)
# Le ``forward`` de PyTorch -> la forme de ce qu'il rend. Chercher par ``forward``, et non par
# classe, laisse de côté les sous-classes qui le redéfinissent.
KNOWN: dict[Any, ShapeRule] = {
    nn.Conv2d.forward: _conv_shape,
    nn.Linear.forward: _linear_shape,
    nn.MaxPool2d.forward: _pool_shape,
    nn.AvgPool2d.forward: _pool_shape,
    nn.BatchNorm2d.forward: _norm_shape,
    **{layer.forward: _same_shape for layer in _SAME_SHAPE},
}
# Deux tenseurs de même forme en donnent un troisième ; laisser PyTorch la calculer prendrait cent
# microsecondes.
KNOWN_OPERATIONS = {torch.ops.aten.add, torch.ops.aten.mul}
