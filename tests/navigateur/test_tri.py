"""Le tri des tableaux, dans Chromium : sur un tableau fait par ``Table``, puis sur le site."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from livre.chrome import STATIC
from reseaux.tables import Table

pytestmark = pytest.mark.navigateur

TABLE = Table(
    "Des réseaux",
    ("réseau", "poids", "exactitude"),
    [
        ("vgg16", 138357544, 71.592),
        ("Éco", None, 9.5),
        ("resnet101", 44549160, 81.886),
        ("resnet50", 25557032, None),
        ("densenet", 7978856, 71.594),
    ],
    {"exactitude": 1},
    sortable=True,
)
FIRST = ["vgg16", "Éco", "resnet101", "resnet50", "densenet"]
BY_NAME = ["densenet", "Éco", "resnet50", "resnet101", "vgg16"]
BY_SIZE = ["vgg16", "resnet101", "resnet50", "densenet", "Éco"]


def page_with(table: Table) -> str:
    style = (STATIC / "livre.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="fr"><head><title>Tri</title><style>{style}</style></head>'
        f'<body><main class="bd-article"><h1>Tri</h1>{table._repr_html_()}</main></body></html>'
    )


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_content(page_with(TABLE))
    page.add_script_tag(path=str(Path(STATIC) / "tri.js"))
    yield page
    page.close()


def names(page: Page) -> list[str]:
    return page.locator("tbody tr > :first-child").all_inner_texts()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


def orders(page: Page) -> list[str | None]:
    return [th.get_attribute("aria-sort") for th in page.locator("thead th").all()]


def test_the_first_order_is_the_author_s(page: Page) -> None:
    assert names(page) == FIRST
    assert orders(page) == [None, None, None]
    assert page.locator("thead button").count() == 3


def test_text_is_sorted_in_french_and_numbers_inside_it_as_numbers(page: Page) -> None:
    button(page, "réseau").click()
    assert names(page) == BY_NAME
    assert orders(page) == ["ascending", None, None]
    button(page, "réseau").click()
    assert names(page) == BY_NAME[::-1]
    assert orders(page) == ["descending", None, None]


def test_numbers_are_sorted_by_value_and_empty_cells_stay_last(page: Page) -> None:
    button(page, "poids").click()
    assert names(page) == BY_SIZE
    button(page, "poids").click()
    assert names(page) == [*BY_SIZE[3::-1], "Éco"]
    assert orders(page) == [None, "ascending", None]
    # 71,592 et 71,594 s'affichent de même : c'est la valeur exacte qui décide.
    button(page, "exactitude").click()
    assert names(page) == ["resnet101", "densenet", "vgg16", "Éco", "resnet50"]
    assert orders(page) == [None, None, "descending"]


def test_the_new_order_is_announced(page: Page) -> None:
    told = page.get_by_role("status")
    expect(told).to_have_text("")
    for name, order in (
        ("réseau", "du premier au dernier"),
        ("réseau", "du dernier au premier"),
        ("poids", "du plus grand au plus petit"),
        ("poids", "du plus petit au plus grand"),
    ):
        button(page, name).click()
        expect(told).to_have_text(f"Trié par {name}, {order}")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_keyboard_sorts(page: Page, key: str) -> None:
    for _ in range(3):  # le cadre qui défile, puis les deux premiers en-têtes
        page.keyboard.press("Tab")
    expect(button(page, "poids")).to_be_focused()
    page.keyboard.press(key)
    assert names(page) == BY_SIZE
    expect(button(page, "poids")).to_be_focused()


def test_rows_stay_whole(page: Page) -> None:
    before = set(page.locator("tbody tr").all_inner_texts())
    button(page, "exactitude").click()
    assert set(page.locator("tbody tr").all_inner_texts()) == before


def test_the_site_and_the_notebook_sort_alike(page: Page) -> None:
    for column, reverse in (("réseau", False), ("poids", True), ("exactitude", True)):
        button(page, column).click()
        assert names(page) == [row[0] for row in TABLE.sorted_by(column, reverse).rows]


def test_an_ordinary_table_gets_no_button(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(page_with(Table("t", ("a",), [("b",)])))
    page.add_script_tag(path=str(Path(STATIC) / "tri.js"))
    assert page.locator("button").count() == 0
    page.close()


def test_without_javascript_the_table_stays(browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(page_with(TABLE) + f"<script>{(STATIC / 'tri.js').read_text()}</script>")
    assert names(page) == FIRST
    assert page.locator("button").count() == 0
    context.close()


def test_no_accessibility_defect(page: Page) -> None:
    button(page, "poids").click()
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []


def test_the_site_has_its_sortable_table(context: BrowserContext, address: str) -> None:
    page = context.new_page()
    page.goto(f"{address}/chapters/reutiliser/preentraines.html")
    table = page.locator(".tableau.triable").first
    table.locator("xpath=ancestor::details/summary").click()  # il est replié : 80 lignes
    first = table.locator("tbody th").first
    expect(first).to_have_text("alexnet")
    table.get_by_role("button", name="top-1").click()
    expect(first).to_have_text("vit_h_14")
    page.close()
