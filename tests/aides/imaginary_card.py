"""Une carte graphique imaginaire : les nombres restent ceux du processeur, les places se suivent.

Comme sur une vraie, une opération entre un tenseur de la carte et un tenseur du processeur échoue,
et NumPy ne lit pas la carte. Une place se reconnaît à la mémoire du tenseur : ses vues y sont.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten

CARD = torch.device("cuda", 0)
_MOVES = {Tensor.to, Tensor.cpu, Tensor.cuda}
# Les numéros du processeur sont permis ; changer la mémoire d'un tenseur le déplace.
_FREE = {Tensor.__getitem__, torch._has_compatible_shallow_copy_type}
_READS = {Tensor.numpy, Tensor.__array__}


class ImaginaryCard(TorchFunctionMode):
    """Le contexte où la carte existe."""

    def __init__(self, *models: nn.Module) -> None:
        super().__init__()
        self._kept: dict[int, Any] = {}  # gardées : leur adresse ne resservira pas
        for model in models:
            for tensor in (*model.parameters(), *model.buffers()):
                self._put(tensor)

    def _put(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        self._kept[storage.data_ptr()] = storage

    def _holds(self, value: object) -> bool:
        return isinstance(value, Tensor) and value.untyped_storage().data_ptr() in self._kept

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        tensors = [v for v in tree_flatten((args, kwargs))[0] if isinstance(v, Tensor)]
        here = [t for t in tensors if self._holds(t)]
        if function == Tensor.device.__get__:  # type: ignore[attr-defined]
            return CARD if here else function(*args, **kwargs)
        if function in _MOVES:
            return self._move(function, args, kwargs)
        if function in _READS:
            assert not here, "NumPy ne lit pas une carte graphique"
        elsewhere = [t for t in tensors if t.ndim and not self._holds(t)]
        if function not in _FREE and function != Tensor.data.__set__:  # type: ignore[attr-defined]
            assert not (here and elsewhere), f"{function} mêle la carte et le processeur"
        wanted = here or str(kwargs.get("device", "")).startswith("cuda")
        if "device" in kwargs:
            kwargs["device"] = "cpu"
        result = function(*args, **kwargs)
        if wanted:
            for value in tree_flatten(result)[0]:
                if isinstance(value, Tensor):
                    self._put(value)
        return result

    def _move(self, function: Any, args: Any, kwargs: Any) -> Any:
        (tensor, *rest) = args
        goals = [
            v for v in (*rest, kwargs.pop("device", None)) if isinstance(v, torch.device | str)
        ]
        goals += ["cpu"] * (function is Tensor.cpu)
        rest = [v for v in rest if isinstance(v, torch.dtype)]
        layout = kwargs.get("memory_format") or torch.preserve_format
        changed = Tensor.to(tensor, *rest, memory_format=layout)
        on_card = str(goals[0]).startswith("cuda") if goals else self._holds(tensor)
        if on_card == self._holds(tensor) and (on_card == self._holds(changed)):
            return changed
        moved = changed.clone()
        if on_card:
            self._put(moved)
        return moved
