"""Les champs réceptifs : les fenêtres des couches et des opérations, et ce qu'elles laissent voir.

La règle est celle d'Araujo, Norris et Sim (2019), hauteur et largeur à part.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

aten = torch.ops.aten
# Laisse les valeurs à leur place, liste fermée : ce que PyTorch dit « pointwise », et ceci.
_POINTWISE = {
    *(aten.hardswish, aten.hardswish_, aten._prelu_kernel, aten._to_copy, aten.copy_),
    *(aten._unsafe_view, aten.empty_like, aten.zeros_like),
}
# Ne mélangent que les axes de leur deuxième argument.
_ALONG = {
    *(aten.cat, aten.stack, aten.mean, aten.sum, aten.amax, aten.amin, aten.var, aten.glu),
    *(aten._softmax, aten._log_softmax, aten._safe_softmax),
}


class Window(NamedTuple):
    """La fenêtre glissante d'une convolution ou d'une agrégation, hauteur puis largeur."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)  # en haut, à gauche


class Field(NamedTuple):
    """Ce qu'une valeur voit de l'entrée, en pixels, hauteur puis largeur.

    Attributes:
        size: le côté de ce qu'elle voit.
        step: l'écart entre deux voisines.
        start: où commence ce que voit la première ; avant l'image s'il y a une marge.
    """

    size: tuple[int, int]
    step: tuple[int, int]
    start: tuple[int, int] = (0, 0)

    def through(self, window: Window) -> "Field":
        """Traverse une fenêtre : chaque pixel de noyau de plus ajoute un écart."""
        (height, width), (down, right), (top, left) = self
        (kh, kw), (sh, sw), (dh, dw), (ph, pw) = window
        size = (height + (kh - 1) * dh * down, width + (kw - 1) * dw * right)
        return Field(size, (down * sh, right * sw), (top - ph * down, left - pw * right))


def layer_window(layer: nn.Module) -> Window | None:
    """Lit la fenêtre dans les réglages d'une couche ; ``None`` si elle n'en a pas."""
    settings = vars(layer)  # « getattr » sur un module sans ce réglage coûte une exception
    kernel = settings.get("kernel_size")
    if not isinstance(kernel, int | tuple | list):
        return None
    stride, dilation = settings.get("stride") or 1, settings.get("dilation") or 1
    kernel, dilation, padding = pair(kernel), pair(dilation), settings.get("padding") or 0
    if isinstance(padding, str):  # « same » : ce que le noyau ajoute, partagé entre les deux bords
        same = (dilation[0] * (kernel[0] - 1) // 2, dilation[1] * (kernel[1] - 1) // 2)
        padding = same if padding == "same" else 0
    return Window(kernel, pair(stride), dilation, pair(padding))


def layer_field(
    layer: nn.Module,
    field: Field | None,
    window: Window | None,
    before: Sequence[int],
    after: Sequence[int],
) -> Field | None:
    """Le champ à la sortie d'une couche connue d'une seule entrée, d'après les formes, lot compris.

    Sans fenêtre, une couche qui change la forme d'une carte en mélange les places : il est perdu.
    De même si elle réunit une ligne de la carte, ou la normalise par ses propres statistiques.
    """
    if field is None:
        return None
    if window is not None:
        return field.through(window)
    mixing = isinstance(layer, nn.Linear | nn.LayerNorm) or (
        isinstance(layer, nn.BatchNorm2d) and layer.running_mean is None
    )
    return field if len(after) == 2 or (after == before and not mixing) else None


def operation_window(operation: Any, args: tuple[Any, ...]) -> Window | None:
    """Lit la fenêtre d'une opération sur des cartes N×C×H×L ; ``None`` si elle n'en a pas."""
    x = args[0]
    if not isinstance(x, Tensor) or x.dim() != 4:
        return None
    if operation is aten.convolution:
        _, weight, _, stride, padding, dilation, transposed, *_ = args
        if transposed:
            return None
        return Window(pair(weight.shape[2:]), pair(stride), pair(dilation), pair(padding))
    if operation in (aten.max_pool2d_with_indices, aten.avg_pool2d):
        kernel = pair(args[1])
        stride = pair(args[2]) if len(args) > 2 and args[2] else kernel
        dilated = operation is aten.max_pool2d_with_indices and len(args) > 4
        padding = pair(args[3]) if len(args) > 3 else (0, 0)
        return Window(kernel, stride, pair(args[4]) if dilated else (1, 1), padding)
    if operation in (aten._adaptive_avg_pool2d, aten.adaptive_max_pool2d):
        down, across = map(_adaptive, x.shape[2:], pair(args[1]))
        return Window((down[0], across[0]), (down[1], across[1]))
    if operation is aten.mean and len(args) > 1 and {d % 4 for d in args[1]} == {2, 3}:
        return Window((x.shape[2], x.shape[3]), (x.shape[2], x.shape[3]))
    return None


def _adaptive(size: int, out: int) -> tuple[int, int]:
    """La plus grande fenêtre d'une agrégation adaptative de ``size`` vers ``out``, et son pas.

    Un pas qui ne tombe pas juste varie d'une fenêtre à l'autre : c'est le plus grand.
    """
    widths = (-(-(i + 1) * size // out) - i * size // out for i in range(out))
    return max(widths), -(-size // out)


def keeps_places(func: Any, args: tuple[Any, ...], made: Tensor) -> bool:
    """Dit si une place de la sortie ne dépend que de la même place des entrées, les canaux à part.

    Seules le sont les opérations d'une liste fermée ; une opération inconnue mélange les places.
    """
    operation, x = func.overloadpacket, args[0]
    if torch.Tag.pointwise in func.tags or operation in _POINTWISE:
        return True
    if func.is_view:  # les deux derniers axes gardent leur pas ; leur taille se compare ensuite
        steps = zip(made.shape[-2:], made.stride()[-2:], x.stride()[-2:], strict=False)
        return all(size == 1 or new == old for size, new, old in steps)
    if operation in _ALONG:
        rank = (x if isinstance(x, Tensor) else x[0]).dim() + (operation is aten.stack)
        given = args[1] if len(args) > 1 else None
        axes: Sequence[int] = [given] if isinstance(given, int) else given or ()
        return len(axes) > 0 and all(axis % rank < rank - 2 for axis in axes)
    if operation is aten.index:
        return bool(len(args[1]) + 2 <= x.dim())
    if operation is aten.constant_pad_nd:
        return not any(args[1][:4])
    if operation is aten.avg_pool3d:
        return tuple(args[1][1:]) == (1, 1)
    # Ses propres statistiques réuniraient toute la carte.
    return operation is aten.native_batch_norm and args[5] is False


def operation_field(
    inputs: Sequence[tuple[Sequence[int], Field | None]],
    output: Sequence[int],
    window: Window | None,
    local: bool = True,
) -> Field | None:
    """Le champ d'une sortie : la réunion de ceux des entrées, élargi par la fenêtre.

    Args:
        inputs: la forme et le champ de chaque entrée, lot compris.
        output: la forme de la sortie.
        window: la fenêtre de l'opération, si elle en a une.
        local: sans fenêtre, chaque valeur garde sa place (voir :func:`keeps_places`).
    """
    fields = [field for _, field in inputs if field is not None]
    if not fields or len(fields) < len(inputs):
        return None
    shape, widest = max(inputs, key=lambda x: _places(x[0]))
    assert widest is not None  # les champs sont tous connus
    size = (max(field.size[0] for field in fields), max(field.size[1] for field in fields))
    field = widest._replace(size=size)
    if window is not None:
        return field.through(window)
    if len(shape) <= 2:  # sans place, il a déjà tout vu
        return field
    if len(output) <= 2:  # une sortie sans place réunit toutes les positions d'une carte
        return field.through(Window((shape[-2], shape[-1]), (1, 1)))
    if output[-2:] != shape[-2:] or not (local or _places(shape) == 1):
        return None
    maps = [(size, known) for size, known in inputs if len(size) > 2 and known]
    span, start = list(field.size), list(field.start)
    for axis in (0, 1):
        places = output[axis - 2]
        aligned = [known for size, known in maps if size[axis - 2] == places]
        if places > 1 and len({known.step[axis] for known in aligned}) > 1:
            return None  # les mêmes indices, mais pas aux mêmes endroits
        # Des marges différentes décalent les champs : leur réunion dépasse le plus large.
        start[axis] = min(known.start[axis] for known in aligned)
        end = max(known.start[axis] + known.size[axis] for known in aligned)
        span[axis] = max(span[axis], end - start[axis])
        if any(size[axis - 2] < places for size, _ in maps):  # une valeur étirée sur toute la carte
            whole = widest.size[axis] + (places - 1) * widest.step[axis]
            span[axis] = max(span[axis], whole)
    return Field((span[0], span[1]), widest.step, (start[0], start[1]))


def _places(shape: Sequence[int]) -> int:
    """Le nombre de places d'une carte ; 0 pour un vecteur."""
    return shape[-2] * shape[-1] if len(shape) > 2 else 0


def pair(value: Any) -> tuple[int, int]:
    """Rend (hauteur, largeur) : PyTorch donne parfois un seul entier."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])
