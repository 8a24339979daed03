"""L'index de la recherche : ce qui y entre, et les fichiers qu'il laisse dans le site."""

import gzip
import json
import re
from pathlib import Path

import pytest
from sphinx.errors import ExtensionError

from livre import search


@pytest.fixture(scope="module")
def fragments(application):
    """Le texte gardé de chaque page, par adresse, lu dans les fichiers de Pagefind."""
    found = {}
    for file in (Path(application.outdir) / search.FOLDER / "fragment").iterdir():
        text = gzip.decompress(file.read_bytes()).decode()
        page = json.loads(text[text.index("{") :])
        found[page["url"]] = page
    return found


def test_every_page_of_the_book_is_there(application, fragments):
    assert {url.strip("/").removesuffix(".html") for url in fragments} == application.env.found_docs


def test_prose_tables_and_captions_but_no_code(fragments):
    words = fragments["/a/un.html"]["content"]
    assert "Une formule" in words
    assert "Des nombres" in words  # la légende du tableau
    assert "Une courbe" in words  # celle de la figure
    assert "Celle de" in words  # une solution repliée
    for left_out in ("du code", "base64", "Afficher", "y=x", "#"):
        assert left_out not in words, left_out


def test_a_section_has_its_anchor(pages, fragments):
    anchors = {anchor["id"] for anchor in fragments["/a/un.html"]["anchors"]}
    sections = {h.parent["id"] for h in pages["a/un"].select("section > :is(h2, h3)")}
    assert sections
    assert sections <= anchors


def test_only_what_the_script_loads_is_left(application):
    out = Path(application.outdir)
    names = {re.sub(r"fr_\w+", "fr_0", file.name) for file in (out / search.FOLDER).glob("*.*")}
    assert names == search.KEPT | {"pagefind.fr_0.pf_meta"}
    assert not list(out.glob("search*"))
    assert not [name for name in search.REPLACED if (out / "_static" / name).exists()]


def test_a_page_without_article_gives_nothing_to_search():
    assert "<body></body>" in search.searched("<html><body><p>rien</p></body></html>")


def test_a_failure_stops_the_building(application, monkeypatch):
    monkeypatch.setattr(search, "SKIPPED", ":::")
    with pytest.raises(ExtensionError, match="recherche"):
        search.write_index(application, None)
    monkeypatch.undo()
    search.write_index(application, None)
