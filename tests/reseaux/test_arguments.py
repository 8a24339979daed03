from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from odd_values import NESTED
from reseaux.arguments import Count, Fraction, Positive, Seed, above, at_least, between, checked
from reseaux.errors import ReseauxError


class Color(Enum):
    RED = 1


@checked
def take(
    count: Annotated[int, at_least(2)] = 2,
    rate: Positive = 1.0,
    part: Fraction = 0.5,
    least: Annotated[float, at_least(0)] = 0.0,
    open_part: Annotated[float, between(0, 1, open=True)] = 0.5,
    name: str = "a",
    path: Path | str = "a",
    flag: bool = False,
    mode: Literal["train", "test"] = "train",
    color: Color = Color.RED,
    values: Sequence[int] = (),
    sizes: tuple[int, int] = (1, 1),
    limits: Annotated[Sequence[float], between(0, 1)] = (),
    table: Mapping[str, int] = {},
    mixed: Mapping[str, Any] = {},
    call: Callable[[int], int] = abs,
    tensor: Tensor | None = None,
    array: np.ndarray[Any, Any] | None = None,
    items: Iterator[int] | None = None,
    several: Iterable[int] = (),
    anything: Any = None,
    later: "nowhere.Thing" = None,  # type: ignore[name-defined]  # noqa: F821
) -> dict[str, Any]:
    return dict(locals())


ALLOWED = {
    "count": [2, 2**63 - 1, np.int8(3), np.uint64(4), np.array(5), torch.tensor(6)],
    "rate": [1, 1e-300, np.float32(2), np.int64(3)],
    "part": [0, 1, 0.5, np.float64(0.3)],
    "least": [0, 1e300],
    "open_part": [1e-9, 0.999],
    "name": ["", "é", np.str_("b")],
    "path": ["a", Path("a"), "m\udce8re"],
    "flag": [True, np.True_],
    "mode": ["test"],
    "color": [Color.RED],
    "values": [[], [1, 2], (np.int64(1),), range(3)],
    "sizes": [(2, 3), (np.int8(2), 3)],
    "limits": [[0, 1], (0.5,)],
    "table": [{}, {"a": 1}],
    "mixed": [{"a": object(), "b": None}],
    "call": [len, lambda x: x, int],
    "tensor": [None, torch.zeros(2), torch.nn.Parameter(torch.zeros(1))],
    "array": [np.zeros(2)],
    "items": [iter([1])],
    "several": [[1], iter([1]), np.zeros(1)],
    "anything": [object(), None, "x"],
    "later": [3, "x"],
}
REFUSED = {
    "count": [1, -1, 2.0, "2", None, True, float("nan"), np.array([2]), torch.zeros(1), [2]],
    "rate": [0, -1, float("inf"), float("nan"), "1", None, True, 1j, torch.tensor(1.0)],
    "part": [-0.1, 1.1, float("nan"), np.float32("inf"), b"0"],
    "least": [-1e-9, float("inf"), float("nan"), np.float32("inf")],
    "open_part": [0, 1, 0.0],
    "name": [b"a", 1, None, ["a"]],
    "path": [1, None, b"a", "a\0b", Path("a\0b"), "\ud800", Path("\ud800"), ["a"]],
    "flag": [1, 0, None, "True", np.int8(1)],
    "mode": ["Train", "", None, 1, ["train"]],
    "color": [1, "RED", Color],
    "values": ["12", b"12", 3, None, [1.5], ["a"], iter([1]), {1: 2}],
    "sizes": [(1,), (1, 2, 3), [1, 2], (1, "a"), 2],
    "limits": [[2], [0, float("nan")], ["a"]],
    "table": [[], {"a": "b"}, {1: 1}, None],
    "mixed": [[], {1: 1}, None],
    "call": [3, "len", None],
    "tensor": [np.zeros(2), 3, [1.0]],
    "array": [torch.zeros(2), [1]],
    "items": [[1], "a", 3],
    "several": ["a", 3, np.zeros(()), torch.zeros(())],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in ALLOWED.items() for v in vs])
def test_what_fits_is_given(name: str, value: Any) -> None:
    received = take(**{name: value})[name]
    assert received is value or received == value
    if name == "count":
        assert type(received) is int
    if name in ("rate", "part"):
        assert type(received) in (int, float)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in REFUSED.items() for v in vs])
def test_what_does_not_fit_is_refused_in_french(name: str, value: Any) -> None:
    with pytest.raises(ReseauxError, match=f"« {name} » vaut .+ ; il faut ") as caught:
        take(**{name: value})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": "x"}, "« count » vaut 'x' ; il faut un entier, au moins 2."),
        ({"part": 2}, "« part » vaut 2 ; il faut un nombre, de 0 à 1."),
        ({"open_part": 0}, "« open_part » vaut 0 ; il faut un nombre, de 0 à 1, exclus."),
        ({"rate": 0}, "« rate » vaut 0 ; il faut un nombre, plus grand que 0."),
        ({"path": 3}, "« path » vaut 3 ; il faut un chemin ou un texte."),
        ({"mode": "x"}, "« mode » vaut 'x' ; il faut 'train' ou 'test'."),
        ({"values": 3}, "« values » vaut 3 ; il faut une suite (un entier)."),
        ({"table": 3}, "« table » vaut 3 ; il faut un dictionnaire."),
        ({"call": 3}, "« call » vaut 3 ; il faut une fonction."),
        (
            {"tensor": np.zeros((2, 3))},
            "« tensor » vaut un « ndarray » de forme (2, 3) et de type float64 ; "
            "il faut un objet « Tensor » ou None.",
        ),
        ({"array": 1}, "« array » vaut 1 ; il faut un objet « ndarray » ou None."),
    ],
)
def test_messages(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ReseauxError) as caught:
        take(**given)
    assert str(caught.value) == message


def test_a_long_value_is_cut() -> None:
    with pytest.raises(ReseauxError) as caught:
        take(count="x" * 10_000)
    assert len(str(caught.value)) < 150


def test_an_iterator_is_not_consumed() -> None:
    items = iter([1, 2])
    take(items=items)
    assert list(items) == [1, 2]


def test_positions_defaults_and_documentation() -> None:
    @checked
    def scale(self: object, *sizes: int, factor: int = len, **others: int) -> tuple[Any, ...]:  # type: ignore[assignment]
        """Ce qu'elle fait."""
        return self, sizes, factor, others

    assert scale.__doc__ == "Ce qu'elle fait."
    # Une valeur par défaut n'est pas contrôlée ; « * » et « ** » non plus.
    assert scale(1, "a", other="b") == (1, ("a",), len, {"other": "b"})
    with pytest.raises(ReseauxError, match="« factor »"):
        scale(1, factor="x")
    with pytest.raises(TypeError):
        scale()


def test_an_error_inside_is_not_disguised() -> None:
    @checked
    def fail(count: Count) -> None:
        raise TypeError("dedans")

    with pytest.raises(TypeError, match="dedans"):
        fail(1)


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(),
    st.binary(), st.lists(st.integers(), max_size=3), st.dictionaries(st.text(), st.integers()),
    st.sampled_from([np.float32("nan"), np.zeros((0, 2)), torch.zeros(2, device="meta"), object(),
                     torch.empty((), device="meta"), np.array("a"), np.datetime64("NaT"), len]),
)  # fmt: skip


@given(st.sampled_from(sorted(ALLOWED)), ODD)
def test_any_value_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        take(**{name: value})
    except ReseauxError as error:
        assert f"« {name} »" in str(error)  # noqa: PT017


@given(st.integers() | st.floats(), st.floats(-5, 5), st.floats(0, 5))
def test_bounds_are_those_of_python(value: float, low: float, width: float) -> None:
    high = low + width
    finite = value == value and abs(value) != float("inf")
    assert between(low, high).holds(value) == (finite and low <= value <= high)
    assert between(low, high, open=True).holds(value) == (finite and low < value < high)
    assert at_least(low).holds(value) == (finite and value >= low)
    assert above(low).holds(value) == (finite and value > low)


def test_shared_bounds() -> None:
    @checked
    def draw(count: Count = 1, seed: Seed = 0) -> tuple[int, int]:
        return count, seed

    assert draw(1, 2**32 - 1) == (1, 2**32 - 1)
    for wrong in ({"count": 0}, {"seed": -1}, {"seed": 2**32}):
        with pytest.raises(ReseauxError):
            draw(**wrong)


@pytest.mark.parametrize("value", [2**63, -(2**64), 10**5000], ids="abc")
def test_a_huge_integer_is_refused_in_a_few_words(value):
    @checked
    def count(n: Count) -> int:
        return n

    with pytest.raises(ReseauxError, match="un entier de plus de 64 bits"):
        count(value)
    with pytest.raises(ReseauxError, match="« n » vaut un « list »"):
        count([value, 10**5000])


def test_a_huge_integer_is_no_float():
    @checked
    def rate(n: Positive) -> float:
        return n

    assert rate(10**300) == 10**300
    with pytest.raises(ReseauxError, match="plus grand que 0"):
        rate(10**400)


def test_what_does_not_write_itself_is_named_by_its_class():
    @checked
    def text(t: str) -> str:
        return t

    with pytest.raises(ReseauxError, match=r"« t » vaut un « Tensor » ; il faut un texte"):
        text(NESTED)
