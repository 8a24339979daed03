"""L'export : chaque forme de MyST devient du Markdown que Jupyter affiche, ou une erreur."""

from pathlib import Path

import pytest

from livre.markdown import Converter
from livre.myst import MystError
from livre.references import References
from livre.targets import Targets

PNG = "data:image/png;base64,iVBO"  # les trois octets écrits plus bas
TABLE = "| a |\n|---|\n| {cite:p}`He16` |"


@pytest.fixture
def convert(application, tmp_path: Path):
    """Convertit un texte de la page « a/un » ; une image existe."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "i.png").write_bytes(b"\x89PN")
    references = References(application.env.domains["cite"].citations)
    return Converter("a/un", tmp_path, Targets(application.env), references).convert


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        (":::{note}\nTexte.\n:::", "> **Note**\n>\n> Texte."),
        (":::{admonition} Titre\n:class: tip\n\n- a\n- b\n:::", "> **Titre**\n>\n> - a\n> - b"),
        ("```{warning}\nTexte.\n```", "> **Avertissement**\n>\n> Texte."),
        (":::{note} D'abord\nTexte.\n:::", "> **Note**\n>\n> D'abord\n> Texte."),
        (
            ":::{dropdown} Solution *vraie* et _sûre_\nTexte $x$.\n:::",
            "<details>\n<summary>Solution vraie et sûre</summary>\n\nTexte $x$.\n\n</details>",
        ),
        (
            ":::{dropdown} Si a < b & c\nTexte.\n:::",
            "<details>\n<summary>Si a &lt; b &amp; c</summary>\n\nTexte.\n\n</details>",
        ),
        (
            ":::{dropdown}\nTexte.\n:::",
            "<details>\n<summary>Afficher</summary>\n\nTexte.\n\n</details>",
        ),
        (
            "::::{note}\n:::{warning}\nA\n:::\n::::",
            "> **Note**\n>\n> > **Avertissement**\n> >\n> > A",
        ),
        (
            "```{glossary}\nun\n  *one*.\n\ndeux\n  Voir {doc}`deux`.\n```",
            "**un**  \n*one*.\n\n**deux**  \nVoir *Page deux*.",
        ),
    ],
)
def test_directives(convert, myst: str, markdown: str) -> None:
    assert convert(myst) == markdown


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("{cite:p}`He16`", "(He *et al.*, 2016)"),
        ("{cite:p}`He16,Tan19`", "(He *et al.*, 2016 ; Tan et Le, 2019)"),
        ("{cite:t}`Tan19`", "Tan et Le (2019)"),
        ("{doc}`deux`", "*Page deux*"),
        ("{doc}`../a/deux`", "*Page deux*"),
        ("{doc}`la suite </a/deux>`", "la suite"),
        ("{doc}`la\nsuite </a/deux>`", "la suite"),
        ("[un site](https://example.org)", "[un site](https://example.org)"),
        ("{ref}`sec`", "*Une section*"),
        ("{ref}`là <sec>`", "là"),
        ("{numref}`tab-un`", "Tableau 1"),
        ("{numref}`fig-deux`", "Figure 2 (page *Page deux*)"),
        ("{eq}`eq-z`", "(2) (page *Page deux*)"),
        ("`` {doc}`x` ``", "`` {doc}`x` ``"),
        ("$[a](b)$ et `[x](y.md)`", "$[a](b)$ et `[x](y.md)`"),
        ("```python\n{doc}`x`\n\n\n(sec)=\n```", "```python\n{doc}`x`\n\n\n(sec)=\n```"),
        ("![un *chat*](i.png)", f"![un *chat*]({PNG})"),
        ("![](/a/i.png)", f"![]({PNG})"),
        ("![là](https://example.org/i.png)", "![là](https://example.org/i.png)"),
    ],
)
def test_text(convert, myst: str, markdown: str) -> None:
    assert convert(myst) == markdown


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("(sec)=\n## Une section", "## Une section"),
        ("avant\n\n% remarque\naprès", "avant\n\naprès"),
        ("$$\nx^2\n$$", "$$\nx^2\n$$"),
        ("avant\n\n$$\nx\n$$\naprès", "avant\n\n$$\nx\n$$\n\naprès"),
        ("- a\n\n  :::{note}\n  b\n  :::\n- c", "- a\n\n  > **Note**\n  >\n  > b\n\n- c"),
        ("> $$\n> x\n> $$", "> $$\n> x\n> $$"),
        ("avant\n:::{note}\nA\n:::", "avant\n\n> **Note**\n>\n> A"),
        (
            f":::{{table}} Des *mots*\n:name: tab-un\n\n{TABLE}\n:::",
            "**Tableau 1.** Des *mots*\n\n| a |\n|---|\n| (He *et al.*, 2016) |",
        ),
    ],
)
def test_blocks(convert, myst: str, markdown: str) -> None:
    assert convert(myst) == markdown


def test_equations_keep_their_number(convert) -> None:
    assert convert("$$\nx\n$$ (eq-z)") == "$$\nx \\tag{2}\n$$"
    assert convert("{eq}`eq-y`") == "(1)"


@pytest.mark.parametrize(
    ("myst", "named"),
    [
        ("{inconnu}`x`", "inconnu"),
        ("{term}`x`", "term"),
        (":::{inconnue}\n:::", "inconnue"),
        (":::{tip}\n:::", "tip"),
        (":::{list-table}\n:::", "list-table"),
        ("{doc}`/nulle/part`", "nulle/part"),
        ("[](deux.md)", "deux.md"),
        ("Note.[^a]\n\n[^a]: Fin.", "footnote"),
        ("Terme\n: définition", "Terme"),
        ("\\begin{align}\na\n\\end{align}", "amsmath"),
        ("<img src='i.png'>", "i.png"),
        ("du <img src='i.png'> texte", "i.png"),
        ("![a][b]\n\n[b]: i.png", "(?i)b"),
        (":::{table}\n:name: tab-un\n\n| a |\n|---|\n:::", "tab-un"),
        (":::{table} Sans nom\n\n| a |\n|---|\n:::", "sans nom"),
        ("```{glossary}\n```", "glossaire vide"),
        ("{numref}`fig-absente`", "fig-absente"),
        ("{ref}`absente`", "absente"),
        ("{eq}`eq-absente`", "eq-absente"),
        ("{cite:p}`Personne99`", "Personne99"),
        ("{cite:author}`He16`", "cite:author"),
        (":::{note}\npas refermée", "note"),
    ],
)
def test_what_is_unknown_is_refused_by_name(convert, myst: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        convert(myst)
    assert issubclass(MystError, ValueError)


def test_a_missing_image_is_refused(convert) -> None:
    with pytest.raises(OSError, match="absente"):
        convert("![x](absente.png)")
