"""Une figure s'ouvre en grand, au clic ou avec Entrée ; Échap la referme et rend le focus."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from livre.chrome import STATIC

pytestmark = pytest.mark.navigateur

DOT = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='300' height='200'/>"
PAGE = f"""<!doctype html><html lang="fr"><head><title>Figures</title></head>
<body><main><article class="bd-article bd-content"><h1>Figures</h1>
<figure id="image"><div class="cell_output"><img src="{DOT}" alt="Un point" width="300" height="200"
style="opacity:1"></div>
<figcaption><span class="caption-number">Figure 1 </span>Un point.</figcaption>
</figure>
<figure id="dessin"><div class="dessin">
<svg class="large" style="display:none" width="500" height="300"><title>Large</title></svg>
<svg class="etroit" role="img" aria-labelledby="t" width="200" height="100" viewBox="0 0 200 100">
<title id="t">Étroit</title><rect width="200" height="100"/></svg></div></figure>
<figure id="tableau"><table><tr><td>1</td></tr></table></figure>
</article></main></body></html>"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_content(PAGE)
    page.add_style_tag(path=str(STATIC / "livre.css"))
    page.add_script_tag(path=str(STATIC / "agrandir.js"))
    yield page
    page.close()


def body(page: Page) -> str:
    return page.evaluate("document.querySelector('article').innerHTML")


@pytest.mark.parametrize(("figure", "image"), [("image", "img"), ("dessin", "svg.etroit")])
@pytest.mark.parametrize("by", ["click", "Enter", "Space"])
@pytest.mark.parametrize("out", ["Escape", "button", "outside"])
def test_a_figure_opens_and_comes_back(
    page: Page, figure: str, image: str, by: str, out: str
) -> None:
    before, button = body(page), page.locator(f"#{figure} > .agrandir")
    width = page.locator(f"#{figure} {image}").bounding_box()["width"]
    if by == "click":
        page.locator(f"#{figure} {image}").click()
    else:
        button.focus()
        page.keyboard.press(by)
    name = "Figure 1 Un point." if figure == "image" else "Figure en grand"
    dialog = page.get_by_role("dialog", name=name)
    expect(dialog).to_be_visible()
    assert dialog.locator(image).bounding_box()["width"] >= 1.5 * width
    if out == "button":
        dialog.get_by_role("button", name="Fermer").click()
    elif out == "outside":
        page.mouse.click(2, 2)
    else:
        page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    assert body(page) == before


def test_only_figures_with_an_image_get_a_button(page: Page) -> None:
    assert page.locator(".agrandir").count() == 2


def test_a_tall_figure_is_enlarged_too_and_scrolls(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 250})
    page.locator("#image img").click()
    assert page.locator("dialog img").bounding_box()["width"] == 450
    frame = page.locator("dialog .cadre")
    assert frame.evaluate("(e) => [e.scrollHeight > e.clientHeight, e.tabIndex]") == [True, 0]


def test_a_phone_scrolls_the_figure_and_the_keyboard_reaches_it(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 700})
    page.locator("#image img").click()
    frame = page.locator("dialog .cadre")
    room, whole, tab = frame.evaluate("(e) => [e.clientWidth, e.scrollWidth, e.tabIndex]")
    assert room <= 390 < whole
    assert tab == 0


def test_no_accessibility_defect_open_or_closed(page: Page) -> None:
    for _ in range(2):
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
        page.locator("#dessin svg.etroit").click()


def test_printed_there_is_no_button(page: Page) -> None:
    page.emulate_media(media="print")
    assert not page.locator(".agrandir").first.is_visible()


def test_a_finger_cannot_hover_and_sees_the_button(browser: Browser) -> None:
    context = browser.new_context(is_mobile=True, has_touch=True)
    page = context.new_page()
    page.set_content(PAGE)
    page.add_style_tag(path=str(STATIC / "livre.css"))
    page.add_script_tag(path=str(STATIC / "agrandir.js"))
    assert float(page.locator(".agrandir").first.evaluate("e => getComputedStyle(e).opacity")) > 0.5
    context.close()


def test_without_javascript_there_is_no_button(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/chapters/classiques/inception.html")
    assert page.locator("article figure").count() > 1
    assert page.locator(".agrandir").count() == 0
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_site_s_figures_open(context: BrowserContext, address: str, theme: str) -> None:
    """Sur le site, un tracé et un dessin ; en mode sombre, le tracé garde ses couleurs."""
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    for name, image in (
        ("reutiliser/transfert", "img[data-trace]"),
        ("classiques/inception", "svg"),
    ):
        page.goto(f"{address}/chapters/{name}.html")
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        shown = page.locator(f"article figure {image}:visible").first
        looks = "(e) => [getComputedStyle(e).filter, getComputedStyle(e).mixBlendMode]"
        before = shown.evaluate(looks)
        shown.click()
        inside = page.locator(f"dialog[open] {image}").first
        expect(inside).to_be_visible()
        assert inside.evaluate(looks) == before
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    page.close()
