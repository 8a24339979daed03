"""Les formules : ce qui se traduit, ce qui est refusé."""

from xml.etree import ElementTree as ET

import pytest

from livre.alphabets import styled
from livre.mathml import FormulaError, to_mathml

NS = "{http://www.w3.org/1998/Math/MathML}"


def tags(latex: str, *, display: bool = False) -> list[str]:
    root = ET.fromstring(to_mathml(latex, display=display))
    return [element.tag.removeprefix(NS) for element in root.iter()]


def text(latex: str) -> str:
    return "".join(ET.fromstring(to_mathml(latex, display=False)).itertext())


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\mathbf{x}", "𝐱"),
        (r"\boldsymbol{\theta}", "𝜽"),
        (r"\mathcal{S}", "𝒮"),
        (r"\mathcal H", "ℋ"),
        (r"\mathbb{R}", "ℝ"),
        (r"\mathrm{ReLU}", "ReLU"),
        (r"1{,}5", "1,5"),
        (r"x \sim P", "x∼P"),
        (r"\lfloor x \rfloor", "⌊x⌋"),
    ],
)
def test_letters_and_numbers(latex: str, shown: str) -> None:
    assert text(latex) == shown


def test_decimal_comma_is_inside_one_number() -> None:
    assert tags("1{,}5").count("mn") == 1


def test_limits_are_below_in_display_and_aside_in_text() -> None:
    assert "munderover" in tags(r"\sum_{i=1}^n x_i", display=True)
    assert "munderover" not in tags(r"\sum_{i=1}^n x_i")


def test_alignment_becomes_a_table() -> None:
    aligned = tags(r"\begin{aligned} a &= b \\ &= c \end{aligned}", display=True)
    assert aligned.count("mtr") == 2
    assert aligned.count("mtd") == 4


@pytest.mark.parametrize(
    "latex", [r"\inconnue{x}", r"\frac{a", "x^", r"a & b", r"\begin{matrix} 1", r"\left( x"]
)
def test_wrong_formulas_are_refused(latex: str) -> None:
    with pytest.raises(FormulaError):
        to_mathml(latex, display=False)


def test_styled_leaves_what_has_no_style() -> None:
    assert styled("é+", "bold") == "é+"
