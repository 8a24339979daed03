"""À 390 pixels, un tableau tient ou défile dans un cadre nommé ; sa légende n'est jamais coupée."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from livre.chrome import STATIC
from site_files import toc_pages

pytestmark = pytest.mark.navigateur

NARROW = {"width": 390, "height": 844}
OPEN_ALL = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
# Deux images, et le temps qu'un script de la page met à suivre un changement de taille.
SETTLE = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
  () => setTimeout(done, 400))))"""
WRONG = """() => {
  const width = document.documentElement.clientWidth;
  const all = (query) => [...document.querySelectorAll(`article ${query}`)]
    .filter((e) => e.getClientRects().length);
  const scrolls = (e) => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight;
  const text = (e) => e.textContent.replace(/#$/, "").replace(/\\s+/g, " ").trim();
  const told = (problem, e) => `${problem} : ${e.className} ${text(e).slice(0, 60)}`;
  const wrong = [];
  for (const table of all("table")) {
    const frame = table.closest("[role=region]");
    if (!frame) { wrong.push(told("sans région", table)); continue; }
    const name = (frame.getAttribute("aria-label") || "").replace(/\\s+/g, " ").trim();
    const caption = table.caption;
    if (!name) wrong.push(told("sans nom", frame));
    if (caption && !text(caption).endsWith(name))
      wrong.push(told(`« ${name} » n'est pas`, caption));
    if (scrolls(frame) && !/auto|scroll/.test(getComputedStyle(frame).overflowX))
      wrong.push(told("coupé", frame));
    if (frame.getBoundingClientRect().right > width) wrong.push(told("déborde", frame));
    if (!caption) continue;
    for (const place of [0, 10_000]) {
      frame.scrollLeft = place;
      const { left, right } = caption.getBoundingClientRect();
      if (left < 0 || right > width) wrong.push(told(`coupée, place ${place}`, caption));
      frame.scrollLeft = 0;
    }
  }
  const frames = ".tableau, .pst-scrollable-table-container, .dessin, .formule-boite";
  for (const frame of all(`:is(pre, ${frames})`))
    if (scrolls(frame) !== (frame.tabIndex >= 0)) wrong.push(told("arrêt de la touche Tab", frame));
  if (document.documentElement.scrollWidth > width)
    wrong.push(`la page défile : ${document.documentElement.scrollWidth} px`);
  return wrong;
}"""


@pytest.mark.parametrize("name", toc_pages())
def test_tables_fit_or_scroll(context: BrowserContext, address: str, name: str) -> None:
    page = context.new_page()
    page.set_viewport_size(NARROW)
    page.goto(f"{address}/{name}.html")
    page.evaluate(OPEN_ALL)
    page.evaluate(SETTLE)
    wrong = page.evaluate(WRONG)
    page.close()
    assert wrong == []


def frame(width: int) -> str:
    return (
        '<div class="tableau" role="region" tabindex="0" aria-label="Un tableau"><table>'
        f"<caption>Un tableau</caption><tr><td><div style='width:{width}px'>a</div></td></tr>"
        "</table></div>"
    )


@pytest.fixture
def page(browser: Browser) -> Any:
    page = browser.new_page(viewport=NARROW)
    style = (STATIC / "livre.css").read_text(encoding="utf-8")
    page.set_content(
        f"<!doctype html><style>{style}</style><article class='bd-article'>{frame(100)}{frame(900)}"
        f"<details><summary>Replié</summary>{frame(901)}</details></article>"
    )
    yield page
    page.close()


def stops(page: Page) -> list[bool]:
    page.evaluate(SETTLE)
    return page.evaluate("[...document.querySelectorAll('.tableau')].map((e) => e.tabIndex >= 0)")


def test_a_frame_is_a_stop_when_it_scrolls(page: Page) -> None:
    assert stops(page) == [True] * 3  # sans script, tout reste à portée du clavier
    page.add_script_tag(path=str(STATIC / "cadres.js"))
    assert stops(page)[:2] == [False, True]
    page.evaluate(OPEN_ALL)
    assert stops(page) == [False, True, True]
    page.set_viewport_size({"width": 1280, "height": 800})
    assert stops(page) == [False, False, False]
