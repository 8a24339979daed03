"""La recherche, dans un vrai navigateur : ce qu'on tape, ce qu'on trouve, où cela mène."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from site_files import SITE, require_site, toc_pages

pytestmark = pytest.mark.navigateur

RESIDUAL = "ResNet"
ANSWERS = "#pst-search-dialog ol > li > a"
# Ce qu'un site prudent permettrait : ni « eval », ni un autre site.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"
)


@pytest.fixture
def page(context: BrowserContext, address: str) -> Iterator[Page]:
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{address}/{toc_pages()[1]}.html")
    yield page
    page.close()


def type_in(page: Page, query: str) -> None:
    page.keyboard.press("Control+k")
    expect(page.locator("#pst-search-dialog input")).to_be_focused()
    page.keyboard.type(query)


@pytest.mark.parametrize("query", ["résiduel", "residuel", "RESIDUELLES"])
def test_accents_capitals_and_endings_do_not_count(page: Page, query: str) -> None:
    type_in(page, query)
    expect(page.locator(ANSWERS).first).to_have_text(re.compile(RESIDUAL))
    expect(page.locator("#pst-search-dialog mark").first).to_have_text(re.compile("résiduel"))


@pytest.mark.parametrize("query", ["dropout", "champ réceptif", "champ recep", "réseaux"])
def test_words_of_the_course_are_found_while_typing(page: Page, query: str) -> None:
    type_in(page, query)
    expect(page.locator("#recherche-etat")).to_contain_text(query)
    assert page.locator(ANSWERS).count() >= 5


@pytest.mark.parametrize("query", ["nesterov", "zzzqqq"])
def test_a_query_without_answer_says_so(page: Page, query: str) -> None:
    """Pagefind rendrait les pages qui contiennent « n'est » ou « z »."""
    type_in(page, query)
    expect(page.locator("#recherche-etat")).to_contain_text("Aucune page ne répond")
    assert page.locator(ANSWERS).count() == 0


def test_the_arrows_lead_to_a_section(page: Page) -> None:
    type_in(page, "champ réceptif")
    expect(page.locator("#pst-search-dialog ul a").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    here = page.evaluate("document.activeElement.href")
    assert "#" in here
    page.keyboard.press("Enter")
    page.wait_for_url(here)
    target = page.evaluate("document.querySelector(location.hash).querySelector('h2').textContent")
    assert target
    expect(page.locator("#pst-search-dialog")).to_be_hidden()


def test_nothing_is_loaded_before_a_word_and_no_eval_is_needed(
    browser: Browser, address: str
) -> None:
    context = browser.new_context()
    asked: list[str] = []

    def guard(route: Route) -> None:
        asked.append(route.request.url)
        answer = route.fetch()
        headers = {**answer.headers, "content-security-policy": POLICY}
        route.fulfill(response=answer, headers=headers)

    context.route("**/*", guard)
    page = context.new_page()
    page.goto(f"{address}/{toc_pages()[1]}.html", wait_until="networkidle")
    page.keyboard.press("Control+k")
    assert not [url for url in asked if "pagefind/" in url]
    page.keyboard.type("dropout")
    expect(page.locator(ANSWERS).first).to_be_visible()
    assert [url for url in asked if "pagefind/" in url]
    context.close()


def test_without_a_server_or_a_script_the_page_says_why(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{require_site().as_uri()}/{toc_pages()[1]}.html")
    type_in(page, "dropout")
    expect(page.locator("#recherche-etat")).to_contain_text("make servir")
    page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{toc_pages()[1]}.html")
    expect(page.locator(".recherche-sans")).to_be_visible()
    context.close()


def test_a_search_that_cannot_load_says_so_and_works_after_a_reload(page: Page) -> None:
    page.route("**/pagefind/**", lambda route: route.abort())
    type_in(page, "dropout")
    expect(page.locator("#recherche-etat")).to_contain_text("n’a pas pu se charger. Rechargez")
    page.unroute_all()
    page.reload()
    type_in(page, "dropout")
    expect(page.locator(ANSWERS).first).to_be_visible()


def test_the_other_search_is_gone() -> None:
    names = {file.name for file in SITE.rglob("*") if "pagefind" not in file.parts}
    assert not {"search.html", "searchindex.js", "searchtools.js", "language_data.js"} & names
