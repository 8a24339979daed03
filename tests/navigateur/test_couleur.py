"""La couleur du site se change en un endroit : les deux premières règles de « livre.css »."""

import re

import pytest
from playwright.sync_api import BrowserContext

from livre.chrome import STATIC
from site_files import toc_pages

pytestmark = pytest.mark.navigateur


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_links_have_the_color_of_the_first_rules(
    context: BrowserContext, address: str, mode: str
) -> None:
    style = (STATIC / "livre.css").read_text(encoding="utf-8")
    rule = re.compile(r'html\[data-theme="(\w+)"\] \{ --pst-color-primary: #(\w{6}); \}')
    colors = dict(rule.findall(style))
    assert list(colors) == ["light", "dark"]
    assert style.index("--pst-color-primary: #") == style.index("--pst-")  # avant toute autre règle
    page = context.new_page()
    page.add_init_script(f"localStorage.mode = localStorage.theme = '{mode}'")
    page.goto(f"{address}/{toc_pages()[0]}.html")
    shown = page.evaluate("getComputedStyle(document.querySelector('article p > a')).color")
    page.close()
    wanted = [int(colors[mode][k : k + 2], 16) for k in (0, 2, 4)]
    assert shown == f"rgb({wanted[0]}, {wanted[1]}, {wanted[2]})"
