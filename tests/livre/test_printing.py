"""La feuille et le script de l'impression sont dans ceux du site ; tests/navigateur imprime."""

from pathlib import Path


def test_the_sheet_and_the_script_are_loaded(application):
    static = Path(application.outdir) / "_static"
    assert "@page" in (static / "site.css").read_text(encoding="utf-8")
    assert "beforeprint" in (static / "site.js").read_text(encoding="utf-8")


def test_what_the_theme_adds_for_paper_is_gone(pages):
    assert not any(page.select("#jb-print-docs-body") for page in pages.values())
