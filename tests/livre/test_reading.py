"""Le temps de lecture compte la prose, et elle seule."""

from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document

from livre.reading import add_time, words


def page(count: int) -> nodes.document:
    tree = new_document("page")
    section = nodes.section()
    section += nodes.title("", "Un titre")
    paragraph = nodes.paragraph("", "mot " * (count - 2))
    paragraph += nodes.math("", "x y z")
    section += paragraph
    section += nodes.literal_block("", "du code qui ne compte pas")
    section += nodes.raw("", "<b>ni cela</b>", format="html")
    tree += section
    return tree


def shown(tree: nodes.document | None) -> str:
    context = {"body": "<h1>Un titre</h1><p>mot</p>"}
    add_time(SimpleNamespace(), "page", "page.html", context, tree)
    return context["body"]


def test_words_of_the_prose() -> None:
    assert words(page(7)) == 7
    tree = new_document("page")
    tree += nodes.paragraph("", "l'image d’un mi-temps, 3,5 %")
    assert words(tree) == 5  # l'image, d’un, mi-temps, 3, 5


@pytest.mark.parametrize(("count", "minutes"), [(220, 1), (329, 1), (331, 2), (2200, 10)])
def test_minutes(count: int, minutes: int) -> None:
    line = f'<p class="lecture" data-pagefind-ignore>Lecture : {minutes} min</p>'
    assert shown(page(count)) == f"<h1>Un titre</h1>\n{line}<p>mot</p>"


def test_a_short_page_or_a_page_of_the_theme_says_nothing() -> None:
    assert "lecture" not in shown(page(100))
    assert "lecture" not in shown(None)
