"""Les nombres de la prose se lisent dans une sortie ou le code ; les petits entiers échappent."""

import re

import nbformat
import pytest

from livre.expected_outputs import chapters
from page_prose import PAGES, prose
from reference_notebooks import read_reference
from reseaux import published

# Un entier (milliers séparés ou non), un décimal, un pourcentage.
NUMBER = re.compile(r"(?<![\w,.×])\d{1,3}(?:[\u202f\u00a0 ]\d{3})+(?!\d)|(?<![\w,.×])\d+(?:,\d+)?")
CARD = re.compile(r"GTX\s\d+")  # le nom d'une carte graphique


def plain(number: str) -> str:
    """Rend un nombre sans séparateur de milliers, avec un point décimal."""
    return re.sub(r"[\u202f\u00a0 ]", "", number).replace(",", ".")


def must_be_shown(number: str, text_after: str) -> bool:
    """Dit si un nombre doit être montré : décimal, pourcentage, ou entier à partir de 100."""
    if "," in number or re.match(r"[\s\u00a0\u202f]?%", text_after):
        return True
    value = int(plain(number))
    is_year = 1950 <= value <= 2035 and len(number) == 4
    return value >= 100 and not is_year


def prose_numbers(text: str) -> list[str]:
    """Liste les nombres d'un texte Markdown qui doivent être montrés par la page."""
    read = CARD.sub(" ", prose(text))
    return [
        match.group()
        for match in NUMBER.finditer(read)
        if must_be_shown(match.group(), read[match.end() : match.end() + 2])
    ]


def shown_numbers(notebook) -> set[str]:
    """Rassemble les nombres des sorties et du code d'un notebook, et ceux de published.py."""
    shown = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        texts = [cell.source.replace("_", "")]
        for output in cell.outputs:
            texts += [output.get("text", ""), *output.get("data", {}).values()]
        for text in texts:
            text = re.sub(r"<[^>]*>", " ", text)
            shown |= {plain(n) for n in NUMBER.findall(text)}
            shown |= set(re.findall(r"\d+(?:\.\d+)?", text))
    figures = [f for f in vars(published).values() if isinstance(f, published.PublishedValue)]
    shown |= {f"{f.value:g}" for f in [*figures, *published.ERRORS.values()]}
    shown |= {f"{w.error:g}" for w in published.WINNERS}
    return shown


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_prose_numbers_are_shown(chapter):
    notebook = read_reference(chapter)
    shown = shown_numbers(notebook)
    typed = [
        number
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for number in prose_numbers(cell.source)
        if plain(number) not in shown
    ]
    assert not typed, f"{chapter.name} : nombres tapés qu'aucune cellule ne montre : {typed}"


@pytest.mark.parametrize("page", sorted({*PAGES} - {*chapters()}), ids=lambda path: path.stem)
def test_a_page_without_cells_types_no_number(page):
    """Aucune sortie ne les montrerait : un quiz parle d'idées, les pages donnent les nombres."""
    assert prose_numbers(page.read_text(encoding="utf-8")) == []


def test_the_search_finds_typed_numbers():
    text = (
        "Il a 34 944 poids, soit 8,1 % ; `138` et $256$ sont du code ; en 2012, 55×55, 3 couches."
    )
    assert prose_numbers(text) == ["34 944", "8,1"]
    assert prose_numbers("une hausse de 12 % et 4 096 neurones") == ["12", "4 096"]


def test_published_values_count_as_shown():
    assert "5.1" in shown_numbers(nbformat.v4.new_notebook())


# Devant ces signes, et après « : une espace insécable, pour qu'ils ne soient jamais seuls en
# début de ligne. Un « : » isolé est celui d'un tableau ou d'une définition.
BREAKABLE = re.compile(r"[^\s|:-] [:;?!»%](?=[\s*)]|$)|« ", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_sign_never_starts_a_line(page):
    found = BREAKABLE.findall(prose(page.read_text(encoding="utf-8")))
    assert not found, f"{page.name} : une espace ordinaire devant ou après {found}"


def test_the_rule_sees_ordinary_spaces():
    for text in ("Un mot : deux", "quoi ?", "un « mot", "95 % de"):
        assert BREAKABLE.search(prose(text)), text
    for text in ("Un mot\u00a0: deux", "`a : b`", "| :-- | :-: |", "$a : b$", "x :name"):
        assert not BREAKABLE.search(prose(text)), text
