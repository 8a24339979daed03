"""L'export : chaque forme de MyST devient du Markdown que Jupyter affiche, ou une erreur."""

from pathlib import Path

import nbformat
import pytest

from livre.markdown import Converter, MystError
from livre.notebooks import export, pages_of
from livre.references import References
from livre.repository import Repository
from livre.targets import Targets

HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

"""
BIB = """@inproceedings{He15, author={He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing},
title={Deep}, year={2016}}
@article{Tan19, author={Tan, Mingxing and Le, Quoc V.}, title={Eff}, journal={J}, year={2019}}
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: accueil\nparts:\n  - chapters:\n      - file: a/un\n"
    )
    (tmp_path / "references.bib").write_text(BIB)
    (tmp_path / "accueil.md").write_text("# Accueil\n\nVoir {doc}`/a/un` et {numref}`fig-a`.\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "un.md").write_text(
        HEADER + "# Page un\n\n```{code-cell} ipython3\n---\nmystnb:\n  figure:\n    name: fig-a\n"
        "    caption: Une *courbe* {cite:p}`He15`.\n---\nx = 1\n```\n\nLa {numref}`fig-a`.\n"
    )
    return tmp_path


@pytest.fixture
def convert(book: Path):
    targets = Targets()
    targets.add_page(
        "a/un", [{"cell_type": "markdown", "source": "# Page un\n\n(sec)=\n## Une section"}]
    )
    targets.add_page(
        "a/deux", [{"cell_type": "markdown", "source": "# Page *deux*\n\n$$\nx\n$$ (eq-x)"}]
    )
    return Converter("a/un", book, targets, References(book / "references.bib")).convert


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        (":::{note}\nTexte.\n:::", "> **Note**\n>\n> Texte."),
        (":::{admonition} Titre\n:class: tip\n\n- a\n- b\n:::", "> **Titre**\n>\n> - a\n> - b"),
        ("```{tip}\nTexte.\n```", "> **Astuce**\n>\n> Texte."),
        (
            ":::{dropdown} Solution\nTexte $x$.\n:::",
            "<details>\n<summary>Solution</summary>\n\nTexte $x$.\n\n</details>",
        ),
        ("::::{note}\n:::{tip}\nA\n:::\n::::", "> **Note**\n>\n> > **Astuce**\n> >\n> > A"),
        ("{cite:p}`He15`", "(He *et al.*, 2016)"),
        ("{cite:p}`He15,Tan19`", "(He *et al.*, 2016 ; Tan et Le, 2019)"),
        ("{cite:t}`Tan19`", "Tan et Le (2019)"),
        ("{doc}`deux`", "*Page *deux**"),
        ("{doc}`la suite </a/deux>`", "la suite"),
        ("[la suite](deux.md)", "la suite"),
        ("[un site](https://example.org)", "[un site](https://example.org)"),
        ("{ref}`sec`", "*Une section*"),
        ("{ref}`là <sec>`", "là"),
        ("`` {doc}`x` ``", "`` {doc}`x` ``"),
        ("```python\n{doc}`x`\n```", "```python\n{doc}`x`\n```"),
        ("(sec)=\n## Une section", "## Une section"),
        ("$$\nx^2\n$$", "$$\nx^2\n$$"),
        ("Terme\n: définition", "**Terme**  \ndéfinition"),
        ("Note.[^a]\n\n[^a]: Fin.", "Note.<sup>1</sup>\n\n<sup>1</sup> Fin."),
    ],
)
def test_conversion(convert, myst: str, markdown: str) -> None:
    assert convert(myst) == markdown


def test_equations_keep_their_number(convert) -> None:
    assert convert("$$\nx\n$$ (eq-x)") == "$$\nx \\tag{1}\n$$"
    assert convert("{eq}`eq-x`") == "(1) (page *Page *deux**)"


@pytest.mark.parametrize(
    "myst",
    [
        "{inconnu}`x`",
        ":::{inconnue}\n:::",
        "{doc}`/nulle/part`",
        "{numref}`fig-absente`",
        "{eq}`eq-absente`",
        "{cite:p}`Personne99`",
        "{cite:author}`He15`",
        ":::{note}\npas refermée",
    ],
)
def test_what_is_unknown_is_refused(convert, myst: str) -> None:
    with pytest.raises(ValueError):
        convert(myst)
    assert issubclass(MystError, ValueError)


def test_export(book: Path) -> None:
    assert pages_of(book) == ["accueil", "a/un"]
    notebooks = dict(export(book, Repository("github.com", "a/b")))
    for notebook in notebooks.values():
        nbformat.validate(notebook)
    home = "\n".join(cell.source for cell in notebooks["accueil"].cells)
    assert "Voir *Page un* et Figure 1 (page *Page un*)." in home
    cells = notebooks["a/un"].cells
    assert "git+https://github.com/a/b" in cells[1].source
    assert [cell.source for cell in cells[2:]] == [
        "# Page un",
        "x = 1",
        "**Figure 1.** Une *courbe* (He *et al.*, 2016).",
        "La Figure 1.",
    ]


def test_unknown_repository_gives_no_address(book: Path) -> None:
    for _, notebook in export(book, None):
        assert "http" not in "\n".join(cell.source for cell in notebook.cells)


def test_errors_name_the_page(book: Path) -> None:
    (book / "accueil.md").write_text("# Accueil\n\n{doc}`/nulle/part`\n")
    with pytest.raises(ValueError, match=r"accueil .*nulle/part"):
        list(export(book, None))
