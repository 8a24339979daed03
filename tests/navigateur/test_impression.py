"""Ce qui sort de l'imprimante : rien de coupé ni de replié, du noir sur du blanc ; le PDF."""

import io
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser
from pypdf import PdfReader

from livre import pdf
from site_files import SITE, article, html_pages, require_site

pytestmark = pytest.mark.navigateur

PAGE = "chapters/classiques/vgg"
PAPER = {"prefer_css_page_size": True, "format": "A4", "print_background": True}
# Ce qui dépasse la feuille, ou qu'une boîte retient.
CUT = """() => {
  const shown = (e) => e.getClientRects().length && e.getBoundingClientRect().width > 1;
  const room = document.documentElement.clientWidth;
  return [...document.querySelectorAll("article *")].filter(shown).filter((e) =>
    !e.closest("math") && (e.getBoundingClientRect().right > room + 1
    || (/auto|scroll|hidden/.test(getComputedStyle(e).overflowX + getComputedStyle(e).overflowY)
        && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1))))
    .map((e) => `${e.tagName} ${e.getAttribute("class")}`);
}"""


def letters(text: str) -> str:
    """Le texte sans ses blancs : sur le papier, les lignes se coupent ailleurs."""
    return "".join(text.split())


@pytest.fixture(scope="module", params=["light", "dark"])
def printed(request: pytest.FixtureRequest, browser: Browser, address: str) -> dict:
    """La page imprimée par son bouton, dans un des deux thèmes."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    mode = request.param
    page.add_init_script(
        f"localStorage.setItem('mode', '{mode}'); localStorage.setItem('theme', '{mode}');"
        "window.print = () => { window.printed = true; };"
    )
    page.goto(f"{address}/{PAGE}.html")
    page.locator(".livre-imprimer").click()
    page.wait_for_function("window.printed")
    missing = page.evaluate(
        "[...document.images].filter((i) => !i.complete || !i.naturalWidth).map((i) => i.src)"
    )
    folds = page.locator("article details:not([open])").count()
    document = page.pdf(**PAPER)
    after = page.evaluate("document.documentElement.dataset.theme")
    still = page.locator("article details:not([open])").count()
    # La même page, à la largeur de la feuille, comme le papier la mesure.
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 990})
    found = {"cut": page.evaluate(CUT), "ground": page.evaluate(
        "[...document.querySelectorAll('body, article, article pre')]"
        ".map((e) => getComputedStyle(e).color)"
    )}  # fmt: skip
    page.close()
    assert (after, still) == (mode, folds)  # l'écran redevient ce qu'il était
    return {**found, "missing": missing, "pdf": PdfReader(io.BytesIO(document)), "folds": folds}


def test_nothing_is_cut_and_no_page_is_blank(printed: dict) -> None:
    assert printed["missing"] == []
    assert printed["cut"] == []
    sheets = [letters(sheet.extract_text()) for sheet in printed["pdf"].pages]
    assert min(map(len, sheets)) > 40
    # La colonne E de VGG, la dernière de son tableau.
    assert any("BCDE" in text and "161619" in text for text in sheets)


def test_the_code_and_the_solutions_are_whole(printed: dict) -> None:
    text = letters("".join(sheet.extract_text() for sheet in printed["pdf"].pages))
    page = article(html_pages()[f"{PAGE}.html"])
    blocks = page.select(".cell_input pre")
    assert len(blocks) > 10
    lines = [line for block in blocks for line in block.get_text().splitlines() if line.strip()]
    # Un numéro de page peut tomber au milieu d'une cellule, jamais au milieu d'une ligne.
    assert [line for line in lines if letters(line) not in text] == []
    assert printed["folds"] > 5
    for solution in page.select("details.sd-dropdown p"):
        assert letters(solution.get_text())[:40] in text or solution.find("math")


def test_dark_prints_as_black_on_white(printed: dict) -> None:
    for colour in printed["ground"]:
        red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
        assert max(red, green, blue) < 128, colour


def test_the_folds_print_open_without_a_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{PAGE}.html")
    sheets = PdfReader(io.BytesIO(page.pdf(**PAPER))).pages
    context.close()
    text = letters("".join(sheet.extract_text() for sheet in sheets))
    folds = article(html_pages()[f"{PAGE}.html"]).select("details pre")
    lines = [line for fold in folds for line in fold.get_text().splitlines() if line.strip()]
    assert len(lines) > 10
    assert [line for line in lines if letters(line) not in text] == []


def test_the_book_has_a_title_bookmarks_links_and_numbers(browser: Browser, tmp_path: Path) -> None:
    parts = [
        pdf.Part("", ["chapters/accueil"]),
        pdf.Part(
            "Une partie", ["chapters/classiques/quiz-classiques", "chapters/annexes/glossaire"]
        ),
    ]
    pdf.write(browser, require_site(), parts, "Un titre", tmp_path / "livre.pdf")
    assert not (SITE / pdf.WHOLE).exists()
    reader = PdfReader(tmp_path / "livre.pdf")
    sheets = [sheet.extract_text() for sheet in reader.pages]
    assert sheets[0].startswith("Un titre")
    assert "Sommaire" not in sheets[0]
    assert min(len(letters(sheet)) for sheet in sheets) > 5  # aucune page blanche
    assert "Sommaire" in sheets[1]
    assert sum("Unepartie" in letters(sheet)[:12] for sheet in sheets) == 1
    assert reader.metadata.title == "Un titre"
    bookmarks = [mark for mark in reader.outline if not isinstance(mark, list)]
    assert "Une partie" in [mark.title for mark in bookmarks]
    titles = {
        page: BeautifulSoup((SITE / f"{page}.html").read_text("utf-8"), "html.parser").h1.get_text()
        for part in parts for page in part.pages
    }  # fmt: skip
    numbers = pdf.first_pages((tmp_path / "livre.pdf").read_bytes(), parts)
    for page, title in titles.items():
        words = letters(title.removesuffix("#"))
        # Au sommaire avec son numéro ; ce numéro est celui de la feuille, qui le porte en bas.
        assert f"{words}{numbers[page]}" in letters(sheets[1])
        sheet = letters(sheets[numbers[page] - 1])
        assert words in sheet
        assert sheet.endswith(str(numbers[page])) or sheet.startswith(str(numbers[page]))
    inside = [
        note for sheet in reader.pages for note in sheet.get("/Annots", [])
        if "/Dest" in note.get_object() or "/D" in note.get_object().get("/A", {})
    ]  # fmt: skip
    assert len(inside) >= 10
