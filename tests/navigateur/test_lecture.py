"""Lire une page : focus visible, dialogues nommés, code à déplier, colonne assez large."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from site_files import toc_pages

pytestmark = pytest.mark.navigateur

NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
# L'élément choisi, et s'il se distingue : un contour, ou une ombre que le thème met à sa place.
CHOSEN = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const shown = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2)
    || style.boxShadow !== "none";
  return [`${e.tagName} ${e.id} ${e.className} ${e.textContent.trim().slice(0, 30)}`, shown];
}"""


@pytest.fixture
def page(context: BrowserContext, address: str) -> Iterator[Page]:
    page = context.new_page()
    page.set_viewport_size(WIDE)
    page.goto(f"{address}/chapters/classiques/inception.html")
    yield page
    page.close()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["390", "1280"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_focus_is_always_seen(page: Page, size: dict, theme: str) -> None:
    page.set_viewport_size(size)
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    seen = {}
    for _ in range(120):
        page.keyboard.press("Tab")
        name, shown = page.evaluate(CHOSEN)
        if name in seen and name.startswith("BODY"):
            break
        seen[name] = shown
    assert len(seen) > 25
    assert any("primary-toggle" in name for name in seen)
    assert [name for name, shown in seen.items() if not shown and "BODY" not in name] == []


def test_every_dialog_has_a_name(page: Page) -> None:
    names = page.evaluate(
        "[...document.querySelectorAll('dialog')].map((e) => e.getAttribute('aria-label'))"
    )
    assert len(names) >= 2
    assert all(names)


@pytest.mark.parametrize("name", ["classiques/inception", "reutiliser/transfert"])
def test_the_column_never_gets_narrower_on_a_wider_screen(
    page: Page, address: str, name: str
) -> None:
    page.goto(f"{address}/chapters/{name}.html")
    widths = []
    for width in (1200, 1280, 1440, 1500, 1501, 1680, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        widths.append(page.locator(".bd-article").bounding_box()["width"])
    assert widths == sorted(widths)


def test_all_the_code_unfolds_but_not_the_solutions(page: Page) -> None:
    code = page.locator(".cell:is(.tag_hide-input, .tag_verification) > details")
    others = page.locator("article details:not(.cell:is(.tag_hide-input, .tag_verification) > *)")
    opened = "(all) => all.filter((e) => e.open).length"
    assert code.count() > 2
    assert others.count() > 2
    page.get_by_role("button", name="Déplier tout le code").click()
    assert code.evaluate_all(opened) == code.count()
    assert others.evaluate_all(opened) == 0
    fold = page.get_by_role("button", name="Replier le code")
    code.first.locator("summary").click()
    expect(fold).to_have_count(0)  # un repli fermé à la main : il reste à déplier
    page.get_by_role("button", name="Déplier tout le code").click()
    fold.click()
    assert code.evaluate_all(opened) == 0


def test_a_page_without_folded_code_has_no_button(page: Page, address: str) -> None:
    for name in toc_pages():
        page.goto(f"{address}/{name}.html")
        folded = page.locator(".cell:is(.tag_hide-input, .tag_verification) > details").count()
        line = page.locator(".lecture").count()
        assert page.locator(".deplier").count() == bool(folded and line), name


def test_the_reading_time_is_under_the_title(page: Page) -> None:
    line = page.locator("h1 + .lecture")
    expect(line).to_contain_text("min")
    minutes = int(line.inner_text().split(":")[1].split()[0])
    assert 5 <= minutes <= 20
