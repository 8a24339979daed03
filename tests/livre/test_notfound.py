"""La page 404 : servie à n'importe quelle adresse, elle trouve quand même le site."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from livre import notfound


def read(folder) -> BeautifulSoup:
    return BeautifulSoup((Path(folder) / "404.html").read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize(("output", "root"), [("html", "/"), ("publie", "/b/")])
def test_every_address_starts_from_the_root_of_the_site(application, published, output, root):
    page = read(Path(application.outdir).parent / output)
    links = [tag["href"] for tag in page.select("link[href], a[href]")]
    links += [tag["src"] for tag in page.select("script[src]")]
    inside = [link for link in links if not link.startswith(("#", "https:", "data:"))]
    assert len(inside) > 5
    assert all(link.startswith(root) and not link.startswith("//") for link in inside), inside
    assert page.html["data-content_root"] == root
    assert f"{root}accueil.html" in inside
    assert not page.select("link[rel=canonical]")


def test_other_pages_keep_their_canonical_address(pages, published):
    link = published["a/un"].select_one("link[rel=canonical]")
    assert link["href"] == "https://a.github.io/b/a/un.html"
    assert not pages["a/un"].select("link[rel=canonical]")


def test_it_speaks_french_and_has_no_notebook(application):
    page = read(application.outdir)
    assert page.h1.get_text() == "Cette page n’existe pas"
    assert page.html["lang"] == "fr"
    assert not page.select(".livre-notebook")


def test_only_relative_addresses_change():
    page = '<a href="#x"><a href="./a"><a href="https://x.y"><a href="b/c"><img src="/d">'
    expected = '<a href="#x"><a href="/r/a"><a href="https://x.y"><a href="/r/b/c"><img src="/d">'
    assert notfound.from_the_root(page, "/r/") == expected
