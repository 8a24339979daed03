"""Des arguments qu'on ne devrait pas donner : mauvais types, mauvaises formes, NaN, négatifs."""

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from hypothesis import strategies as st

from reseaux.errors import ReseauxError

NUMBERS = st.one_of(
    st.integers(-3, 12),
    st.sampled_from(
        [10**30, -(2**63), 2**63, 10**5000, 0.5, -1.5, float("nan"), float("inf"), 1j, True]
    ),
    st.sampled_from([np.int8(3), np.uint64(2), np.float32(0.25), np.float64("nan"), np.True_]),
)
SHAPES = st.sampled_from([(), (0,), (1,), (3,), (2, 2), (1, 3, 4), (2, 3, 4, 3)])
DTYPES = ["f4", "f8", "i8", "u1", "?", "c8", "U1", "S1", "O", "M8[s]"]
ARRAYS = st.builds(lambda shape, dtype: np.zeros(shape, dtype), SHAPES, st.sampled_from(DTYPES))
TENSORS = st.builds(
    lambda shape, dtype, device: torch.zeros(shape, dtype=dtype, device=device),
    SHAPES,
    st.sampled_from([torch.float32, torch.int64, torch.bool, torch.complex64, torch.bfloat16]),
    st.sampled_from(["cpu", "meta"]),
)
TEXTS = st.one_of(st.text(max_size=5), st.sampled_from(["a\0b", "\x1b[31m", "\ud800", "0", "cpu"]))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PyTorch prévient que ces tenseurs changeront
    NESTED = torch.nested.nested_tensor([torch.zeros(1), torch.zeros(2)], layout=torch.strided)


class BytesPath:
    """Un chemin qui se donne en octets."""

    def __fspath__(self) -> bytes:
        return b"a"


OTHERS = st.sampled_from(
    [None, ..., object(), b"a", Path("a"), Path("a\0b"), BytesPath(), int, len, iter([1]), NESTED]
)
SINGLE = st.one_of(NUMBERS, ARRAYS, TENSORS, TEXTS, OTHERS)
ODD = st.one_of(
    SINGLE,
    st.lists(SINGLE, max_size=3),
    st.lists(SINGLE, max_size=3).map(tuple),
    st.dictionaries(st.one_of(st.text(max_size=2), st.integers(0, 3)), SINGLE, max_size=2),
)


@st.composite
def odd_calls(draw: st.DrawFn, calls: Mapping[str, tuple[Callable[..., Any], dict[str, Any]]]):
    """Une fonction et de bons arguments, dont un ou deux sont remplacés par n'importe quoi."""
    name = draw(st.sampled_from(sorted(calls)))
    function, arguments = calls[name]
    replaced = draw(st.lists(st.sampled_from(sorted(arguments)), min_size=1, max_size=2))
    return name, function, {**arguments, **{key: draw(ODD) for key in replaced}}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Les avertissements de NumPy et de matplotlib ne sont pas le sujet."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
    plt.close("all")


def result_or_refusal(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Appelle ; seule une erreur en français, qui dit quoi, peut en sortir."""
    with contextlib.suppress(ReseauxError):
        function(**arguments)


def public_functions(*modules: ModuleType) -> Iterator[str]:
    """Les fonctions publiques que définissent des modules, « module.fonction »."""
    for module in modules:
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", None) == module.__name__
            if inspect.isfunction(inspect.unwrap(value)) and ours and not name.startswith("_"):
                yield f"{module.__name__.removeprefix('reseaux.')}.{name}"
