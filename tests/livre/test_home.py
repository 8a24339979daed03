"""Les cartes de l'accueil."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from livre import home

TOC = """root: accueil
parts:
  - caption: Une partie
    chapters:
      - file: a/un
      - file: a/deux
  - caption: Annexes
    chapters:
      - file: a/trois
"""
HOME = "<p><strong>Une partie.</strong> Ce qu'elle\ncontient.</p><p><strong>Autre.</strong></p>"


@pytest.fixture
def app(tmp_path, monkeypatch) -> SimpleNamespace:
    """Un site écrit, dont une page a une image et un temps de lecture."""
    out = tmp_path / "site"
    (out / "a").mkdir(parents=True)
    (out / "_images").mkdir()
    Image.new("RGB", (600, 300), "red").save(out / "_images" / "f.webp")
    (out / "accueil.html").write_text(HOME)
    (out / "a/un.html").write_text('<p class="lecture" data-x>Lecture : 12 min</p>')
    (out / "a/deux.html").write_text(
        '<p class="lecture">Lecture : 100 min</p><img src="../_images/f.webp">'
    )
    (out / "a/trois.html").write_text("")
    (tmp_path / "_toc.yml").write_text(TOC)
    times = {"a/un": {"runtime": 30.0}, "a/deux": {"runtime": 90.0}}
    monkeypatch.setattr(
        home.NbMetadataCollector, "get_exec_data", lambda env, page: times.get(page)
    )
    config = SimpleNamespace(root_doc="accueil", external_toc_path="_toc.yml")
    builder = SimpleNamespace(name="html")
    return SimpleNamespace(
        outdir=str(out), srcdir=str(tmp_path), config=config, builder=builder, env=None
    )


def read(app) -> BeautifulSoup:
    return BeautifulSoup(Path(app.outdir, "accueil.html").read_text(), "html.parser")


def test_a_paragraph_becomes_a_card(app):
    home.write(app, None)
    (card,) = read(app).select(".carte")
    assert card.select_one(".carte-durees").get_text() == "2 pages, lecture 1 h 50, calcul 2 min"
    assert "Ce qu'elle\ncontient." in card.get_text()
    picture = card.img
    assert (picture["width"], picture["height"]) == ("256", "128")
    assert picture["alt"].startswith("Une figure")
    with Image.open(Path(app.outdir, picture["src"])) as image:
        assert image.size == (256, 128)
    assert "Autre." not in card.get_text()


def test_a_page_that_was_not_written_again_keeps_its_cards(app):
    home.write(app, None)
    before = read(app)
    home.write(app, None)
    assert read(app) == before


def test_a_part_without_picture_has_no_empty_one(app):
    Path(app.outdir, "a/deux.html").write_text("")
    home.write(app, None)
    assert not read(app).select(".carte img")


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [
        (0.2, "1 min"),
        (12.4, "12 min"),
        (99, "99 min"),
        (112, "1 h 50"),
        (119, "1 h 55"),
        (121, "2 h 00"),
    ],
)
def test_a_duration_reads_well(minutes, shown):
    assert home.duration(minutes) == shown
