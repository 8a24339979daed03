"""L'export : chaque forme de MyST devient du Markdown que Jupyter affiche, ou une erreur."""

from pathlib import Path

import pytest

from livre.markdown import Converter
from livre.myst import MystError
from livre.references import References
from livre.targets import Targets

HE, TAN = "[He *et al.*, 2016](https://doi.org/10.1/x)", "https://example.org/a"
SITE = "https://example.org/cours/"
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
            "**un**  \n*one*.\n\n**deux**  \nVoir [*Page deux*](deux.ipynb).",
        ),
    ],
)
def test_directives(convert, myst: str, markdown: str) -> None:
    assert convert(myst) == markdown


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("{cite:p}`He16`", f"({HE})"),
        ("{cite:p}`He16,Tan19`", f"({HE} ; [Tan et Le, 2019]({TAN}))"),
        ("{cite:t}`Tan19`", f"[Tan et Le (2019)]({TAN})"),
        ("{doc}`deux`", "[*Page deux*](deux.ipynb)"),
        ("{doc}`../a/deux`", "[*Page deux*](deux.ipynb)"),
        ("{doc}`/accueil`", "[*Accueil*](../accueil.ipynb)"),
        ("{doc}`la suite </a/deux>`", "[la suite](deux.ipynb)"),
        ("{doc}`la\nsuite </a/deux>`", "[la suite](deux.ipynb)"),
        ("[un site](https://example.org)", "[un site](https://example.org)"),
        ("{ref}`sec`", "*Une section*"),
        ("{ref}`là <sec>`", "là"),
        ("{numref}`tab-un`", "Tableau 1"),
        ("{numref}`fig-deux`", "Figure 2 (page [*Page deux*](deux.ipynb))"),
        ("{eq}`eq-z`", "(2) (page [*Page deux*](deux.ipynb))"),
        ("{download}`l'image <i.png>`", "`a/i.png`"),
        ("{download}`l'image </a/i.png>`", "`a/i.png`"),
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
            f"**Tableau 1.** Des *mots*\n\n| a |\n|---|\n| ({HE}) |",
        ),
    ],
)
def test_blocks(convert, myst: str, markdown: str) -> None:
    assert convert(myst) == markdown


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("{doc}`/accueil`", f"[*Accueil*]({SITE}accueil.html)"),
        ("{doc}`là </a/deux>`", f"[là]({SITE}a/deux.html)"),
        ("{numref}`fig-un`", f"Figure 1 (page [*Page un*]({SITE}a/un.html#fig-un))"),
        ("{ref}`sec`", f"*Une section* (page [*Page un*]({SITE}a/un.html#sec))"),
        ("{ref}`là <sec>`", f"[là]({SITE}a/un.html#sec)"),
        ("{eq}`eq-y`", f"(1) (page [*Page un*]({SITE}a/un.html#equation-eq-y))"),
    ],
)
def test_cross_references_lead_to_the_pages_of_the_site(
    application, pages, tmp_path, myst: str, markdown: str
) -> None:
    references = References(application.env.domains["cite"].citations)
    converter = Converter("a/deux", tmp_path, Targets(application.env), references, SITE)
    assert converter.convert(myst) == markdown
    address, _, anchor = markdown.rpartition("](")[2].rstrip(")").partition("#")
    page = pages[address.removeprefix(SITE).removesuffix(".html")]
    assert not anchor or page.find(id=anchor)


def test_a_folded_title_shows_no_mark_of_a_link(convert) -> None:
    folded = convert(":::{dropdown} Voir {doc}`deux`\nTexte.\n:::")
    assert "<summary>Voir Page deux</summary>" in folded


def test_every_problem_of_a_text_is_told(convert) -> None:
    text = "{inconnu}`x`\n\n:::{note}\n{term}`y`\n\n{doc}`/nulle`\n:::\n\n![x](absente.png)"
    with pytest.raises(MystError) as caught:
        convert(text)
    assert len(str(caught.value).splitlines()) == 4
    for named in ("inconnu", "term", "nulle", "absente.png"):
        assert named in str(caught.value)


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
        ("{download}`des lignes <absentes.csv>`", "a/absentes.csv"),
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
    with pytest.raises(MystError, match=r"absente\.png"):
        convert("![x](absente.png)")
