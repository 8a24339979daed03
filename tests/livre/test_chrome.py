"""Les mots du thème sont en français, et notre feuille de style passe après les siennes."""

import gettext
from pathlib import Path

import pydata_sphinx_theme
import pytest
import sphinx
import sphinx_book_theme
from babel.messages.pofile import read_po

from livre import chrome

PO = Path(chrome.__file__).parent / "locale" / "fr" / "LC_MESSAGES" / "sphinx.po"
with PO.open("rb") as file:
    MESSAGES = {message.id: message.string for message in read_po(file) if message.id}


@pytest.mark.parametrize("word", MESSAGES)
def test_every_translation_is_needed(word):
    """Un mot que Sphinx ou le thème traduit déjà ainsi n'a pas à être dans notre fichier."""
    folders = [
        Path(package.__file__).parent / "locale" for package in (sphinx, pydata_sphinx_theme)
    ]
    catalogues = [gettext.translation("sphinx", folder, ["fr"]) for folder in folders]
    known = {catalogue.gettext(word) for catalogue in catalogues}
    assert MESSAGES[word] not in known, f"« {word} » est déjà traduit ainsi : effacez-le de {PO}"


@pytest.fixture(scope="module")
def asked():
    """Ce que Sphinx et le thème donnent à traduire, dans leurs programmes et leurs gabarits."""
    files = [
        file
        for package in (sphinx, pydata_sphinx_theme, sphinx_book_theme)
        for file in Path(package.__file__).parent.rglob("*")
        if file.suffix in (".py", ".html", ".js")
    ]
    return "".join(file.read_text(encoding="utf-8", errors="ignore") for file in files)


@pytest.mark.parametrize("word", MESSAGES)
def test_every_word_is_one_of_the_theme(word, asked):
    found = f'_("{word}")' in asked or f"_('{word}')" in asked
    assert found, f"ni Sphinx ni le thème n'affichent « {word} » : recopiez leur texte, à la lettre"


def test_our_words_come_first(application):
    assert {word: application.translator.gettext(word) for word in MESSAGES} == MESSAGES
    # Ce que nous ne traduisons pas reste traduit par Sphinx.
    assert application.translator.gettext("Warning") == "Avertissement"


def test_words_are_on_the_page(pages):
    page = pages["accueil"]
    assert (
        page.select_one("a.skip-link, #pst-skip-link a").get_text(strip=True) == "Aller au contenu"
    )
    assert page.select_one("section h2 a.headerlink")["title"] == "Lien vers cette section"
    warning = pages["a/un"].select_one(".admonition.warning .admonition-title")
    assert warning.get_text() == "Avertissement"


def test_the_theme_is_the_one_of_the_system_and_the_words_are_kept(pages):
    assert pages["accueil"].html["data-theme"] == "auto"
    text = "".join(page.get_text() for page in pages.values())
    assert "Solution de l’exercice 1" in text  # la source a une apostrophe droite
    assert "l'exercice" not in text


def test_templates_replace_those_of_the_theme(pages):
    assert pages["accueil"].select_one("nav.bd-docs-nav")["aria-label"] == "Sommaire du cours"


def test_style_comes_last_and_sorting_waits(pages, application):
    """Une feuille et un script, réunis dans l'ordre où le thème et les extensions les demandent."""
    home, static = pages["accueil"], Path(application.outdir) / "_static"
    assert [link["href"] for link in home.select("link[rel=stylesheet]")] == ["_static/site.css"]
    scripts = home.select("script[src]")
    assert [script["src"] for script in scripts] == ["_static/site.js"]
    assert scripts[0].has_attr("defer")
    style = (static / "site.css").read_text(encoding="utf-8")
    # Les deux règlent les images de l'article ; la nôtre doit l'emporter.
    assert 0 < style.index("--pst-color-text-base") < style.rindex(".bd-article img")
    code = (static / "site.js").read_text(encoding="utf-8")
    ours = (chrome.STATIC / "tri.js").read_text(encoding="utf-8")
    assert code.index("const DOCUMENTATION_OPTIONS") < code.index(ours) < code.index("bootstrap")
    names = {file.name for file in chrome.STATIC.iterdir()}
    assert names <= {file.name for file in static.iterdir()}
