"""Les champs réceptifs : les fenêtres des couches et des opérations, et ce qu'elles laissent voir.

La règle est celle d'Araujo, Norris et Sim (2019), hauteur et largeur à part.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

aten = torch.ops.aten


class Window(NamedTuple):
    """La fenêtre glissante d'une convolution ou d'une agrégation, hauteur puis largeur."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)


class Field(NamedTuple):
    """Ce qu'une valeur voit de l'entrée, et l'écart entre deux voisines, en pixels."""

    size: tuple[int, int]
    step: tuple[int, int]

    def through(self, window: Window) -> "Field":
        """Traverse une fenêtre : chaque pixel de noyau de plus ajoute un écart."""
        (height, width), (down, right) = self
        (kh, kw), (sh, sw), (dh, dw) = window
        size = (height + (kh - 1) * dh * down, width + (kw - 1) * dw * right)
        return Field(size, (down * sh, right * sw))


def layer_window(layer: nn.Module) -> Window | None:
    """Lit la fenêtre dans les réglages d'une couche ; ``None`` si elle n'en a pas."""
    settings = vars(layer)  # « getattr » sur un module sans ce réglage coûte une exception
    kernel = settings.get("kernel_size")
    if not isinstance(kernel, int | tuple | list):
        return None
    stride, dilation = settings.get("stride") or 1, settings.get("dilation") or 1
    return Window(pair(kernel), pair(stride), pair(dilation))


def layer_field(
    field: Field | None, window: Window | None, before: Sequence[int], after: Sequence[int]
) -> Field | None:
    """Le champ à la sortie d'une couche d'une seule entrée, d'après les formes, lot compris.

    Sans fenêtre, une couche qui change la forme d'une carte en mélange les places : il est perdu.
    """
    if field is None:
        return None
    if window is not None:
        return field.through(window)
    return field if len(after) == 2 or after == before else None


def operation_window(operation: Any, args: tuple[Any, ...]) -> Window | None:
    """Lit la fenêtre d'une opération sur des cartes N×C×H×L ; ``None`` si elle n'en a pas."""
    x = args[0]
    if not isinstance(x, Tensor) or x.dim() != 4:
        return None
    if operation is aten.convolution:
        _, weight, _, stride, _, dilation, transposed, *_ = args
        if transposed:
            return None
        return Window(pair(weight.shape[2:]), pair(stride), pair(dilation))
    if operation in (aten.max_pool2d_with_indices, aten.avg_pool2d):
        kernel = pair(args[1])
        stride = pair(args[2]) if len(args) > 2 and args[2] else kernel
        dilated = operation is aten.max_pool2d_with_indices and len(args) > 4
        return Window(kernel, stride, pair(args[4]) if dilated else (1, 1))
    if operation in (aten._adaptive_avg_pool2d, aten.adaptive_max_pool2d):
        down, across = map(_adaptive, x.shape[2:], pair(args[1]))
        return Window((down[0], across[0]), (down[1], across[1]))
    if operation is aten.mean and len(args) > 1 and {d % 4 for d in args[1]} == {2, 3}:
        return Window((x.shape[2], x.shape[3]), (x.shape[2], x.shape[3]))
    return None


def _adaptive(size: int, out: int) -> tuple[int, int]:
    """La plus grande fenêtre d'une agrégation adaptative de ``size`` vers ``out``, et son pas."""
    widths = (-(-(i + 1) * size // out) - i * size // out for i in range(out))
    return max(widths), max(1, size // out)


def operation_field(
    inputs: Sequence[tuple[Sequence[int], Field | None]],
    output: Sequence[int],
    window: Window | None,
) -> Field | None:
    """Le champ d'une sortie : la réunion de ceux des entrées, élargi par la fenêtre.

    Args:
        inputs: la forme et le champ de chaque entrée, lot compris.
        output: la forme de la sortie.
        window: la fenêtre de l'opération, si elle en a une.
    """
    fields = [field for _, field in inputs if field is not None]
    if not fields or len(fields) < len(inputs):
        return None
    shape, widest = max(inputs, key=lambda x: len(x[0]) == 4 and x[0][2] * x[0][3])
    assert widest is not None  # les champs sont tous connus
    size = (max(field.size[0] for field in fields), max(field.size[1] for field in fields))
    field = Field(size, widest.step)
    if window is not None:
        return field.through(window)
    if len(shape) > 2 and len(output) > 2:
        return field if output[-2:] == shape[-2:] else None
    # Une sortie sans place réunit toutes les positions d'une carte.
    return field.through(Window((shape[2], shape[3]), (1, 1))) if len(shape) == 4 else field


def pair(value: Any) -> tuple[int, int]:
    """Rend (hauteur, largeur) : PyTorch donne parfois un seul entier."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])
