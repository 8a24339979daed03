"""Les nombres à la française, comparés à l'écriture de Python et à des exemples sûrs."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reseaux import formatting as f
from reseaux.errors import ReseauxError


def read(text: str) -> float:
    """Relit un nombre écrit à la française."""
    return float(text.replace(f.THIN, "").replace(",", ".").replace("−", "-"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f.integer(0), "0"),
        (f.integer(999), "999"),
        (f.integer(34944), "34\u202f944"),
        (f.integer(138357544), "138\u202f357\u202f544"),
        (f.integer(-1234), "−1\u202f234"),
        (f.integer(-0.4), "0"),
        (f.decimal(4.6521), "4,7"),
        (f.decimal(1234.5, 2), "1\u202f234,50"),
        (f.decimal(-0.25, 2), "−0,25"),
        (f.decimal(7, 0), "7"),
        (f.decimal(-0.04), "0,0"),
        (f.percent(0.153), "15,3\u00a0%"),
        (f.percent(1, 0), "100\u00a0%"),
        (f.percent(-0.00001), "0,0\u00a0%"),
        (f.millions(138357544), "138,4\u00a0M"),
        (f.megabytes(553430176), "553\u00a0Mo"),
        (f.mebibytes(553430176), "528\u00a0Mio"),
    ],
)
def test_known_numbers(written, expected):
    assert written == expected


@given(st.integers(-(10**15), 10**15))
def test_an_integer_reads_back_in_groups_of_three(value):
    text = f.integer(value)
    assert read(text) == value
    groups = text.lstrip("−").split(f.THIN)
    assert 1 <= len(groups[0]) <= 3
    assert all(len(group) == 3 for group in groups[1:])


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_a_decimal_reads_back_to_its_precision(value, digits):
    text = f.decimal(value, digits)
    assert read(text) == float(f"{value:.{digits}f}")
    assert "." not in text
    assert "-" not in text
    assert len(text.partition(",")[2]) == digits


def test_dimensions():
    assert f.dimensions((3, 224, 224)) == "3×224×224"
    assert f.dimensions([]) == f.dimensions(None) == ""


def test_a_number_of_any_library_is_written():
    for half in (0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5), Fraction(1, 2)):
        assert f.percent(half) == "50,0\u00a0%"
    assert f.integer(10**30 + 1).replace(f.THIN, "") == str(10**30 + 1)
    assert f.integer(np.int64(2**60 + 1)).replace(f.THIN, "") == str(2**60 + 1)


@pytest.mark.parametrize("write", [f.integer, f.decimal, f.percent, f.millions, f.mebibytes])
def test_what_is_not_finite_is_said_in_french(write):
    assert write(float("nan")).split(f.NBSP)[0] == "indéfini"
    assert write(np.float32("inf")).split(f.NBSP)[0] == "∞"
    assert write(-float("inf")).split(f.NBSP)[0] == "−∞"
    for refused in ("a", "12", None, 1j, [1], torch.zeros(2)):
        with pytest.raises(ReseauxError, match="n'a pas la valeur d'un nombre"):
            write(refused)


def test_an_integer_too_long_to_write_is_refused():
    assert f.integer(10**4000).count(f.THIN) == 1333
    with pytest.raises(ReseauxError, match="chiffres"):
        f.integer(10**5000)
