"""Le site dans un navigateur : débordements, erreurs, boutons, accessibilité.

Chaque page est ouverte une seule fois ; ce qu'on y relève sert à plusieurs tests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from site_files import french, headings, html_pages, toc_pages

pytestmark = pytest.mark.navigateur

# Une machine chargée peut prendre son temps sans que le site soit en cause.
expect.set_options(timeout=20_000)

NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}
SERIOUS = {"critical", "serious"}
PAGES = [*toc_pages(), "404"]
SEARCH_BOXES = ".search-button__button, input[type=search]"
PRIMARY, SECONDARY = "button.primary-toggle", "button.secondary-toggle"

# Ce qui dépasse à droite, sauf ce qu'une boîte qui défile retient.
OVERFLOW = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const held = (e) => e && (getComputedStyle(e).overflowX !== "visible" || held(e.parentElement));
  const wide = [...document.body.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > room + 1 && !held(e.parentElement));
  return [`${document.documentElement.scrollWidth} px`,
          ...wide.map((e) => `${e.tagName} ${e.className}`).slice(0, 5)];
}"""
# Ce qui défile hors du clavier, ce qui est coupé, un dessin en double, une légende hors de l'écran.
LAYOUT = """() => {
  const shown = (e) => e.getClientRects().length;
  const all = (query) => [...document.querySelectorAll(`article ${query}`)].filter(shown);
  const scrolls = (e) => /auto|scroll/.test(getComputedStyle(e).overflowX)
    && e.scrollWidth > e.clientWidth + 1;
  return [
    ...all("*").filter((e) => scrolls(e) && e.tabIndex < 0)
      .map((e) => `hors du clavier : ${e.className}`),
    ...all(":is(pre, .formule-boite, .tableau, .dessin, .output)")
      .filter((e) => /hidden|clip/.test(getComputedStyle(e).overflowX)
        && e.scrollWidth > e.clientWidth + 1)
      .map((e) => `coupé : ${e.className}`),
    ...all(".dessin").filter((e) => [...e.querySelectorAll("svg")].filter(shown).length !== 1)
      .map((e) => `un dessin, pas un seul : ${e.textContent.trim().slice(0, 40)}`),
    ...all(".tableau caption").filter((e) => e.getBoundingClientRect().right > innerWidth)
      .map((e) => `légende coupée : ${e.textContent}`),
    ...all(".citation > .label").map((e) => `étiquette technique : ${e.textContent}`),
  ];
}"""
# En mode sombre, une image garde un fond blanc ; un tracé, un tableau, un dessin n'en ont pas.
DARK = """() => [
  ["img:not([data-trace])", "rgb(255, 255, 255)"], ["img[data-trace]", "rgba(0, 0, 0, 0)"],
  [".text_html:has(.tableau, .dessin)", "rgba(0, 0, 0, 0)"]]
  .flatMap(([kind, wanted]) => [...document.querySelectorAll(`.cell_output ${kind}`)]
    .map((e) => getComputedStyle(e).backgroundColor).filter((c) => c !== wanted))
  .concat([...document.querySelectorAll(".cell_output img")]
    .filter((e) => e.dataset.trace === undefined ? getComputedStyle(e).filter !== "none"
      : getComputedStyle(e).filter !== "invert(1) hue-rotate(180deg)")
    .map((e) => `couleurs : ${e.alt.slice(0, 40)}`))"""
# Le texte que JavaScript a posé : infobulles, noms des boutons. Le reste est d'un auteur.
LABELS = """() => [...document.querySelectorAll("*")]
  .filter((e) => !e.closest("article") || e.matches("button, .headerlink")).flatMap((e) =>
  ["aria-label", "title", "data-tooltip", "data-bs-original-title", "placeholder"]
    .map((name) => e.getAttribute(name))).filter(Boolean)"""


@dataclass
class Visit:
    """Ce qu'on a relevé sur une page."""

    overflow: dict[int, list[str]] = field(default_factory=dict)
    layout: dict[str, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    search_boxes: dict[int, int] = field(default_factory=dict)


@pytest.fixture(scope="session")
def visit(context: BrowserContext, address: str) -> Callable[[str], Visit]:
    axe = Axe()

    @cache
    def look(name: str) -> Visit:
        page = context.new_page()
        found = Visit()
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on("console", lambda m: found.errors.append(m.text) if m.type == "error" else None)
        for size in (NARROW, WIDE):
            page.set_viewport_size(size)
            page.goto(f"{address}/{name}.html")
            page.wait_for_function("document.fonts.status === 'loaded'")
            found.overflow[size["width"]] = page.evaluate(OVERFLOW)
            found.layout[f"{size['width']} px"] = page.evaluate(LAYOUT)
            boxes = page.locator(SEARCH_BOXES)
            found.search_boxes[size["width"]] = sum(box.is_visible() for box in boxes.all())
            found.violations[f"clair, {size['width']} px"] = violations(axe, page)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        found.layout["fond des figures en mode sombre"] = page.evaluate(DARK)
        only_contrast = {"runOnly": ["color-contrast"]}
        found.violations["sombre, 1280 px"] = violations(axe, page, only_contrast)
        found.labels = page.evaluate(LABELS)
        page.close()
        return found

    return look


def violations(axe: Axe, page: Page, options: dict[str, Any] | None = None) -> list[str]:
    """Les défauts graves qu'axe trouve, avec les éléments en cause."""
    # « preload » ferait redemander des feuilles de style, à de mauvaises adresses.
    wanted = {"resultTypes": ["violations"], "preload": False, **(options or {})}
    return [
        f"{rule['id']} ({rule['impact']}) : {node['html'][:150]}"
        for rule in axe.run(page, options=wanted).response["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"][:5]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_no_sideways_scroll(visit: Callable[[str], Visit], name: str) -> None:
    assert visit(name).overflow == {390: [], 1280: []}


@pytest.mark.parametrize("name", PAGES)
def test_layout(visit: Callable[[str], Visit], name: str) -> None:
    assert {where: found for where, found in visit(name).layout.items() if found} == {}


@pytest.mark.parametrize("name", PAGES)
def test_no_console_error(visit: Callable[[str], Visit], name: str) -> None:
    assert visit(name).errors == []


@pytest.mark.parametrize("name", PAGES)
def test_no_serious_accessibility_defect(visit: Callable[[str], Visit], name: str) -> None:
    assert {where: found for where, found in visit(name).violations.items() if found} == {}


@pytest.mark.parametrize("name", PAGES)
def test_labels_set_by_scripts_are_french(visit: Callable[[str], Visit], name: str) -> None:
    titles = set().union(*map(headings, html_pages().values()))
    labels = {" ".join(label.split()) for label in visit(name).labels}
    assert labels - set().union(titles, *french()) == set()


@pytest.mark.parametrize("name", toc_pages())
def test_exactly_one_search_box(visit: Callable[[str], Visit], name: str) -> None:
    assert visit(name).search_boxes == {390: 1, 1280: 1}


@pytest.fixture
def page(context: BrowserContext, address: str) -> Any:
    page = context.new_page()
    page.set_viewport_size(WIDE)
    # La deuxième page du sommaire : l'accueil n'a parfois pas de plan.
    page.goto(f"{address}/{toc_pages()[1]}.html")
    yield page
    page.close()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["390", "1280"])
def test_primary_sidebar_button(page: Page, size: Any) -> None:
    page.set_viewport_size(size)
    # Fermé, le panneau est poussé hors de l'écran.
    sidebar = expect(page.locator("nav.bd-docs-nav").first)
    shown, hidden = sidebar.to_be_in_viewport, sidebar.not_to_be_in_viewport
    before, after = (hidden, shown) if size is NARROW else (shown, hidden)
    before()
    page.locator(PRIMARY).first.click()
    after()
    if size is NARROW:
        page.keyboard.press("Escape")
    else:
        page.locator(PRIMARY).first.click()
    before()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["390", "1280"])
def test_secondary_sidebar_button(page: Page, size: Any) -> None:
    page.set_viewport_size(size)
    outline = page.locator("#pst-page-toc-nav").first
    button = page.locator(SECONDARY).first
    if size is WIDE:
        # Il y a la place : le plan est toujours là, et le bouton n'a pas lieu d'être.
        expect(outline).to_be_visible()
        expect(button).to_be_hidden()
        return
    expect(outline).to_be_hidden()
    button.click()
    expect(outline).to_be_visible()
    page.keyboard.press("Escape")
    expect(outline).to_be_hidden()


def test_theme_button_changes_the_page(page: Page) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    seen = {page.evaluate(colour)}
    for _ in range(3):
        page.locator("button.theme-switch-button").first.click()
        seen.add(page.evaluate(colour))
    assert len(seen) == 2


@pytest.mark.parametrize("kind", ["pre", ".tableau", ".formule-boite", ".dessin"])
def test_focus_is_seen(page: Page, address: str, kind: str) -> None:
    """Ce qui défile au clavier montre qu'il est choisi."""
    for name in toc_pages():
        page.goto(f"{address}/{name}.html")
        if page.locator(f"article {kind}:visible").count():
            break
    page.keyboard.press("Tab")  # le navigateur ne montre le choix qu'à qui se sert du clavier
    page.locator(f"article {kind}:visible").first.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_formulas_have_their_font(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/peu-de-donnees/risque.html")
    page.wait_for_function("document.fonts.status === 'loaded'")
    fonts = "[...document.fonts].filter((f) => f.status === 'loaded').map((f) => f.family)"
    assert any("STIX Two Math" in family for family in page.evaluate(fonts))


def test_folded_code_opens(context: BrowserContext, address: str) -> None:
    page = context.new_page()
    for name in toc_pages():
        page.goto(f"{address}/{name}.html")
        fold = page.locator("details.hide").first
        if fold.count():
            code = fold.locator("pre").first
            expect(code).to_be_hidden()
            fold.locator("summary").click()
            expect(code).to_be_visible()
            break
    else:
        pytest.fail("aucune page n'a de cellule repliée")
    page.close()


def test_copy_button_speaks_french(page: Page) -> None:
    for name in toc_pages():
        page.goto(page.url.rsplit("/chapters/", 1)[0] + f"/{name}.html")
        if page.locator(".highlight pre").count():
            break
    expect(page.locator("button.copybtn").first).to_have_attribute("data-tooltip", "Copier")


def test_nothing_came_from_another_site(visit: Callable[[str], Visit], outside: list[str]) -> None:
    """En dernier : toutes les pages ont été ouvertes."""
    for name in PAGES:
        visit(name)
    assert outside == []
