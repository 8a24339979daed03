"""Chaque forme de la source est sur le site et dans le notebook : rien ne se perd en chemin."""

import re
from collections import Counter
from itertools import takewhile

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from site_files import ROOT, SITE, article, parsed, toc_pages

DIRECTIVE = re.compile(r"^[> ]*(?:`{3,}|:{3,})\{([\w-]+)\}", re.MULTILINE)
TITLED = ("admonition", "note", "warning")
NUMBERED = ("Figure", "Tableau")
# L'apostrophe compte : un réglage de Sphinx la remplacerait par une autre.
WORD = re.compile(r"\w+(?:['’]\w+)*")


class Page:
    """Une page : sa source, ce que le site en montre, son notebook."""

    def __init__(self, name: str) -> None:
        self.source = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        self.forms = Counter(DIRECTIVE.findall(self.source))
        self.site = article(parsed(SITE / f"{name}.html"))
        notebook = nbformat.read(SITE / "notebooks" / f"{name}.ipynb", as_version=4)
        self.cells = notebook.cells
        self.text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")

    def count(self, pattern: str) -> int:
        return len(re.findall(pattern, self.source, re.MULTILINE))

    def exported(self, pattern: str) -> int:
        return len(re.findall(pattern, self.text, re.MULTILINE))


@pytest.fixture(scope="module", params=toc_pages(), ids=lambda name: name.rpartition("/")[2])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(request.param)


def test_boxes(page: Page) -> None:
    expected = sum(page.forms[name] for name in TITLED)
    assert len(page.site.select("div.admonition")) == expected
    assert page.exported(r"^(?:> )+\*\*.+\*\*$") == expected


def test_solutions_are_folded(page: Page) -> None:
    solutions = page.site.select("details.sd-dropdown")
    assert len(solutions) == page.forms["dropdown"] == page.exported(r"^<details>$")
    assert page.exported(r"^<summary>.+</summary>$") == len(solutions)
    folded = page.site.select("details.hide")
    tags = re.findall(r"hide-(?:cell|input|output)", page.source)
    assert len(folded) == len(tags)
    hidden = [c for c in page.cells if c.metadata.get("jupyter", {}).get("source_hidden")]
    assert len(hidden) == len([tag for tag in tags if tag != "hide-output"])
    assert not page.site.select("details[open]")


def test_every_exercise_has_its_folded_solution(page: Page) -> None:
    """Après un exercice, jusqu'au suivant : un dépliant au moins, et aucune cellule ouverte."""
    problems = []
    for exercise in page.site.select("div.admonition:has(> .admonition-title)"):
        title = exercise.select_one(".admonition-title").get_text()
        if not title.startswith("Exercice "):
            continue
        after = list(
            takewhile(lambda t: "admonition" not in t.get("class", []), following(exercise))
        )
        folded = [tag for tag in after if tag.name == "details" or tag.select("details")]
        cells = [tag for tag in after if "cell" in tag.get("class", [])]
        if not folded or any(not cell.select("details.hide") for cell in cells):
            problems.append(title)
    assert not problems


def following(tag: Tag) -> list[Tag]:
    return [sibling for sibling in tag.next_siblings if isinstance(sibling, Tag)]


def test_cells(page: Page) -> None:
    assert len(page.site.select("div.cell")) == page.forms["code-cell"]
    installing = [c for c in page.cells if c.cell_type == "code" and "%pip install" in c.source]
    code = [c for c in page.cells if c.cell_type == "code" and c not in installing]
    assert len(code) == page.forms["code-cell"]
    blocks = page.site.select("div.highlight pre")
    assert len(blocks) >= page.forms["code-cell"]
    assert not [b for b in blocks if b.get("tabindex") != "0"], "hors du clavier"


def test_equations_are_numbered(page: Page) -> None:
    labels = page.count(r"^[> ]*\$\$ \(eq-[\w-]+\)")
    numbers = [tag.get_text(strip=True) for tag in page.site.select(".formule-bloc .eqno")]
    assert [re.match(r"\((\d+)\)", text)[1] for text in numbers] == [
        str(k + 1) for k in range(labels)
    ]
    assert re.findall(r"\\tag\{(\d+)\}", page.text) == [str(k + 1) for k in range(labels)]
    assert len(page.site.select(".formule-bloc")) == labels, "équation sans numéro"


def test_captions_are_numbered(page: Page) -> None:
    expected = {"Figure": page.count(r"^ +caption:"), "Tableau": page.forms["table"]}
    captions = page.site.select("figcaption, table > caption")
    numbers = [c.select_one(".caption-number") for c in captions]
    shown = Counter(number.get_text().split()[0] for number in numbers if number)
    assert {kind: shown[kind] for kind in NUMBERED} == expected
    assert {kind: page.exported(rf"^\*\*{kind} \d+\.\*\* ") for kind in NUMBERED} == expected
    texts = [c.select_one(".caption-text") for c in captions if c.select_one(".caption-number")]
    assert not [text for text in texts if not text or len(text.get_text(strip=True)) < 10]


def test_glossary_and_bibliography_are_whole(page: Page) -> None:
    blocks = re.findall(r"^```\{glossary\}\n(.*?)^```", page.source, re.MULTILINE | re.DOTALL)
    terms = [row for block in blocks for row in block.splitlines() if row and row[0] not in " :"]
    terms = [term.replace("'", "’") for term in terms]  # le clavier et la page ont chacun la leur
    assert [t.find(string=True) for t in page.site.select("dl.glossary dt")] == terms
    assert re.findall(r"^\*\*(.+)\*\*  $", page.text, re.MULTILINE) == terms
    if page.forms["bibliography"]:
        text = "".join(file.read_text() for file in ROOT.glob("chapters/**/*.md"))
        keys = ",".join(re.findall(r"\{cite:\w\}`([^`]+)`", text)).split(",")
        expected = len({key.strip() for key in keys})
        assert expected > 20
        assert len(page.site.select("div.citation")) == expected
        assert page.exported("^- ") == expected


def test_pages_with_a_glossary_and_a_bibliography_exist() -> None:
    pages = [Page(name) for name in toc_pages()]
    forms = sum((page.forms for page in pages), Counter())
    assert (
        sum("Exercice " in t.get_text() for p in pages for t in p.site.select(".admonition-title"))
        > 20
    )
    assert forms["glossary"] == forms["bibliography"] == 1


def words(html: Tag, *removed: str) -> Counter[str]:
    """Les mots d'une page, sans ses formules, ses programmes ni ce qu'on nomme."""
    page = BeautifulSoup(str(html), "html.parser")
    for tag in page.select(", ".join(("pre", "math", ".math", "style", *removed))):
        tag.decompose()
    for link in page.select("a.terme"):  # le renvoi d'un mot du glossaire ne coupe pas « l'époque »
        link.unwrap()
    page.smooth()
    return Counter(WORD.findall(page.get_text(" ")))


def test_the_notebook_says_all_that_the_page_says(page: Page) -> None:
    reader = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
    notebook = BeautifulSoup(reader.render(page.text), "html.parser")
    chrome = (
        ".cell_output .output",
        ".headerlink",
        "details.hide > summary",
        ".eqno",
        ".label",
        ".lecture",
        ".carte-durees",
    )
    missing = words(page.site, *chrome) - words(notebook)
    assert not missing
