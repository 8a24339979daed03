"""Ce qui est plus large que l'écran défile dans sa boîte : rien n'est coupé."""

import pytest
from playwright.sync_api import Browser

from livre.chrome import STATIC

pytestmark = pytest.mark.navigateur

# Chaque boîte du livre, autour d'un contenu de 900 pixels.
WIDE = '<div style="width: 900px">large</div>'
BOXES = {
    "formule": f'<div class="formule-bloc"><div class="formule-boite" id="boite">{WIDE}</div>'
    '<span class="eqno">(1)</span></div>',
    "tableau": f'<div class="tableau" id="boite">{WIDE}</div>',
    "tableau de MyST": f'<div class="pst-scrollable-table-container" id="boite">{WIDE}</div>',
    "dessin": f'<div class="dessin" id="boite">{WIDE}</div>',
    "sortie": f'<div class="cell_output"><div class="output" id="boite">{WIDE}</div></div>',
}


@pytest.mark.parametrize("name", BOXES)
def test_a_wide_content_scrolls_in_its_box(browser: Browser, name: str) -> None:
    """Le lecteur fait défiler lui-même : à la molette, il atteint la fin du contenu."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    style = (STATIC / "livre.css").read_text(encoding="utf-8")
    page.set_content(
        f"<!doctype html><style>body {{ margin: 0 }} {style}</style>"
        f'<main class="bd-article">{BOXES[name]}</main>'
    )
    box = page.locator("#boite")
    room, whole = page.evaluate(
        "[document.getElementById('boite').clientWidth, document.documentElement.scrollWidth]"
    )
    assert room <= whole <= 390
    box.hover()
    page.mouse.wheel(2000, 0)
    page.wait_for_function(
        "(e => e.scrollLeft + e.clientWidth >= 900 - 1)(document.getElementById('boite'))",
        timeout=10_000,
    )
    page.close()
