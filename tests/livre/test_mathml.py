"""Les formules : ce qui se traduit, ce qui est refusé."""

from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from docutils import nodes
from docutils.utils import new_document

from livre import mathml
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
        (r"\mathcal{S}", "𝒮"),
        (r"\mathcal{H}", "ℋ"),
        (r"\mathbb{R}", "ℝ"),
        (r"\mathrm{ReLU}", "ReLU"),
        (r"1{,}5", "1,5"),
        (r"x \sim P", "x∼P"),
        (r"\lfloor x \rfloor", "⌊x⌋"),
        (r"\hat x", "xˆ"),
        (r"\arg\max x", "argmaxx"),
    ],
)
def test_letters_and_numbers(latex: str, shown: str) -> None:
    assert text(latex) == shown


def test_decimal_comma_is_inside_one_number() -> None:
    assert tags("1{,}5").count("mn") == 1


def test_limits_are_below_in_display_and_aside_in_text() -> None:
    assert "munderover" in tags(r"\sum_{i=1}^n x_i", display=True)
    assert "munderover" not in tags(r"\sum_{i=1}^n x_i")
    for name in ("max", "min", "sup", "inf", "lim"):
        assert "munder" in tags(rf"\{name}_k x", display=True)
        assert "munder" not in tags(rf"\{name}_k x")
    # Un petit texte garde ses bornes à côté : c'est l'opérateur qui le dit, non sa borne.
    maximum = ET.fromstring(to_mathml(r"\max_{x} y", display=True)).find(f".//{NS}munder")
    assert [part.get("movablelimits") for part in maximum] == ["true", None]


@pytest.mark.parametrize(
    "fence",
    [r"\|", r"\lVert", r"\rVert", r"\lvert", r"\rvert", r"\langle", r"\rangle", "|", "(", "["],
)
def test_only_left_and_right_stretch(fence):
    """Comme dans TeX : une norme autour d'un indice garde la hauteur d'une lettre."""
    root = ET.fromstring(to_mathml(rf"{fence} x_k", display=True))
    shown = [element for element in root.iter() if element.text in set("|‖⟨⟩([")]
    assert len(shown) == 1
    assert shown[0].tag == f"{NS}mi" or shown[0].get("stretchy") == "false"


@pytest.mark.parametrize("fence", ["|", "("])
def test_left_right_and_big_do_stretch(fence):
    root = ET.fromstring(to_mathml(rf"\left{fence} x_k \right{fence}", display=True))
    assert {mo.get("stretchy") for mo in root.iter(f"{NS}mo")} == {"true"}
    root = ET.fromstring(to_mathml(rf"\big{fence} x_k", display=True))
    assert root.find(f".//{NS}mo").get("stretchy") != "false"


def test_spaces():
    assert 'rspace="0.167em"' in to_mathml(r"\log x", display=False)
    assert 'width="-0.167em"' in to_mathml(r"[\![ 1 ]\!]", display=False)


@pytest.mark.parametrize(
    "latex",
    [
        *(
            r"\inconnue{x}",
            r"\frac{a",
            r"\frac{a}",
            "x^",
            r"a & b",
            r"\begin{matrix} 1",
            r"\left( x",
        ),
        *(
            r"\begin{aligned} a &= b \end{aligned}",
            r"a \\ b",
            r"\boldsymbol{\theta}",
            r"\mathcal H",
        ),
    ],
)
def test_wrong_formulas_are_refused(latex: str) -> None:
    with pytest.raises(FormulaError):
        to_mathml(latex, display=False)


def test_formulas_of_a_page(pages):
    page = pages["a/un"]
    assert page.select_one(".formule math").get_text() == "x2"
    block = page.select_one(".formule-bloc")
    assert block.select_one("math")["display"] == "block"
    assert block["id"] == "equation-eq-y"
    assert block.select_one(".formule-boite")["tabindex"] == "0"
    assert block.select_one(".eqno").get_text().startswith("(1)")
    assert block.select_one(".eqno a")["title"] == "Lien vers cette équation"


def test_wrong_formula_is_a_warning_that_names_the_page(caplog):
    translator = SimpleNamespace(builder=SimpleNamespace(current_docname="a/un"), body=[])
    with caplog.at_level("WARNING"), pytest.raises(nodes.SkipNode):
        mathml.visit_inline(translator, nodes.math("", r"\inconnue<"))
    assert "a/un" in caplog.text
    assert "inconnue" in caplog.text
    assert translator.body == [r'<span class="formule"><code>\inconnue&lt;</code></span>']


def test_formulas_in_titles_are_refused(caplog):
    formula = nodes.math("", "x")
    document = new_document("page")
    document += nodes.section(
        "", nodes.title("", "", formula), nodes.paragraph("", "", nodes.math())
    )
    document += nodes.admonition("", nodes.title("", "", nodes.math("", "permise")))
    app = SimpleNamespace(env=SimpleNamespace(docname="a/un"))
    with caplog.at_level("WARNING"):
        mathml.refuse_in_titles(app, document)
    assert len(caplog.records) == 1
    assert "titre de a/un : « x »" in caplog.text
