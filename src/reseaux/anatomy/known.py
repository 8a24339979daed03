"""Les couches dont la sortie se déduit des réglages : inutile de les exécuter.

Un raccourci, rien de plus : sans lui, les lignes d'un résumé sont les mêmes (un test le tient).
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reseaux.anatomy.receptive import Window

aten = torch.ops.aten
Shape = tuple[int, ...]
# La forme de sortie, lot compris, d'après la couche, la forme de l'entrée et la fenêtre de la
# couche ; ``None`` si l'entrée ne convient pas.
ShapeRule = Callable[[Any, Shape, Window | None], Shape | None]


def known_macs(layer: nn.Module, shape: Shape) -> int:
    """Les multiplications-additions d'une couche de :data:`KNOWN`, pour cette forme de sortie."""
    if isinstance(layer, nn.Conv2d):
        inputs = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
        return math.prod(shape) * inputs
    return math.prod(shape) * layer.in_features if isinstance(layer, nn.Linear) else 0


def known_last(layer: nn.Module, last: bool) -> bool:
    """Dit si une couche de :data:`KNOWN` rend les canaux à la fin, d'après ce qu'elle reçoit."""
    if isinstance(layer, nn.LayerNorm):
        return last or len(layer.normalized_shape) == 1
    return isinstance(layer, nn.Linear) or (last and not isinstance(layer, nn.Conv2d))


def _side(n: int, k: int, s: int, d: int, p: int, ceil: bool) -> int:
    """Un côté d'une sortie : entrée, noyau, pas, dilatation, marge, arrondi vers le haut."""
    free = n + 2 * p - d * (k - 1) - 1
    if not ceil:
        return free // s + 1
    out = -(-free // s) + 1
    # Arrondie vers le haut, la dernière fenêtre doit encore commencer dans l'image.
    return out - 1 if (out - 1) * s >= n + p else out


def _map_shape(
    layer: Any, shape: Shape, window: Window | None, channels: int, ceil: bool = False
) -> Shape | None:
    """La forme d'une sortie, pour une fenêtre glissante sur des cartes N×C×H×L."""
    if window is None or len(shape) != 4 or isinstance(layer.padding, str):
        return None
    (kh, kw), (sh, sw), (dh, dw), (ph, pw) = window
    height = _side(shape[2], kh, sh, dh, ph, ceil)
    width = _side(shape[3], kw, sw, dw, pw, ceil)
    return (shape[0], channels, height, width) if height > 0 and width > 0 else None


def _conv_shape(layer: nn.Conv2d, shape: Shape, window: Window | None) -> Shape | None:
    around = layer.padding_mode == "circular"  # voit de l'autre côté de l'image : à exécuter
    fits = len(shape) == 4 and shape[1] == layer.in_channels and not around
    if fits and layer.padding_mode == "reflect" and window is not None:  # sans répéter le bord
        fits = all(p < n for p, n in zip(window.padding, shape[2:], strict=True))
    return _map_shape(layer, shape, window, layer.out_channels) if fits else None


def _pool_shape(layer: Any, shape: Shape, window: Window | None) -> Shape | None:
    two_outputs = vars(layer).get("return_indices")  # une moyenne n'a pas ce réglage
    fits = len(shape) == 4 and not two_outputs
    return _map_shape(layer, shape, window, shape[1], layer.ceil_mode) if fits else None


def _linear_shape(layer: nn.Linear, shape: Shape, window: Window | None) -> Shape | None:
    return (*shape[:-1], layer.out_features) if shape[-1] == layer.in_features else None


def _norm_shape(layer: nn.BatchNorm2d, shape: Shape, window: Window | None) -> Shape | None:
    return shape if len(shape) == 4 and shape[1] == layer.num_features else None


def _layer_norm_shape(layer: nn.LayerNorm, shape: Shape, window: Window | None) -> Shape | None:
    normalized = layer.normalized_shape
    return shape if shape[-len(normalized) :] == normalized else None


def _same_shape(layer: nn.Module, shape: Shape, window: Window | None) -> Shape:
    return shape


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
    nn.LayerNorm.forward: _layer_norm_shape,
    **{layer.forward: _same_shape for layer in _SAME_SHAPE},
}


def _broadcast(x: Tensor, y: Any) -> Shape | None:
    if not isinstance(y, Tensor):
        return tuple(x.shape) if isinstance(y, float | int) else None
    if x.shape == y.shape:
        return tuple(x.shape)
    try:
        return tuple(torch.broadcast_shapes(x.shape, y.shape))  # type: ignore[no-untyped-call]
    except RuntimeError:
        return None


def _joined(tensors: Sequence[Tensor], dim: int = 0) -> Shape | None:
    first, *others = (list(x.shape) for x in tensors)
    if not -len(first) <= dim < len(first):
        return None
    for sizes in others:
        if len(sizes) != len(first):
            return None
        sizes[dim] = first[dim] = first[dim] + sizes[dim]
        if sizes != first:
            return None
    return tuple(first)


def _mean(x: Tensor, dims: Sequence[int] | None = None, keepdim: bool = False) -> Shape | None:
    lost = {range(x.dim())[d] for d in dims or () if -x.dim() <= d < x.dim()}
    kept = (1 if i in lost else n for i, n in enumerate(x.shape) if keepdim or i not in lost)
    return tuple(kept) if dims and len(lost) == len(dims) else None


def _product(dims: int, a: Tensor, b: Tensor) -> Shape | None:
    fits = a.dim() == b.dim() == dims and a.shape[:-2] == b.shape[:-2]
    return (*a.shape[:-1], b.shape[-1]) if fits and a.shape[-1] == b.shape[-2] else None


def _biased_product(bias: Tensor, a: Tensor, b: Tensor) -> Shape | None:
    return _product(2, a, b) if bias.shape == b.shape[1:] else None


# L'opération -> la forme de ce qu'elle rend, d'après ses arguments (des nombres à virgule d'un même
# type) ; ``None`` s'ils ne conviennent pas. La faire calculer par PyTorch prend de cent
# microsecondes à une milliseconde.
KNOWN_OPERATIONS: dict[Any, Callable[..., Shape | None]] = {
    aten.add: _broadcast,
    aten.mul: _broadcast,
    aten.cat: _joined,
    aten.mean: _mean,
    aten.mm: partial(_product, 2),
    aten.bmm: partial(_product, 3),
    aten.addmm: _biased_product,
    aten._safe_softmax: lambda x, dim: tuple(x.shape),
}
