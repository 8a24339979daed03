"""Le rapport HTML : un seul fichier, qui se suffit, et dont la taille suit celle du problème."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from outcomes import large, odd
from photos import page
from photos.arguments import parse, read_request
from photos.dataset import Dataset
from photos.folder import Folder, Refused
from photos.outcome import READABLE, Outcome
from reseaux.tables import Table

NASTY = Refused("<script>alert(1)</script>.png", "ce n'est pas une image & plus")


def built(outcome: Outcome, command: str = "apprendre d", drawn: bytes = b"png") -> str:
    """La page de réponses toutes faites."""
    images = [Image.new("RGB", (8, 8), "red")] * len(outcome.files)
    tested = np.arange(len(outcome.files))
    folder = Folder(tuple(images), outcome.truth, outcome.names, outcome.files, (NASTY,))
    read = Dataset("<b>mes images</b>", folder, tested[:0], tested, False)
    words = command.split()
    request = read_request(parse(words), words)
    return page.build(request, read, outcome, "Sonde « x ».", drawn)


def test_everything_is_told_in_one_file() -> None:
    outcome = replace(odd(), names=('<i>"a"</i>', "b", "猫" * 40))
    text = built(outcome, "apprendre mes/images --graine 3")
    assert "<script" not in text
    assert "<b>mes" not in text
    assert "<i>" not in text
    soup = BeautifulSoup(text, "html.parser")
    assert soup.html is not None
    assert soup.html["lang"] == "fr"
    assert soup.find("meta", {"name": "viewport"})
    assert not soup.find_all(["link", "script", "iframe"])
    sources = [image["src"] for image in soup.find_all("img")]
    assert len(sources) == 2
    assert all(str(source).startswith("data:image/") for source in sources)
    assert all(image["alt"] for image in soup.find_all("img"))
    said = soup.get_text(" ")
    for expected in (
        "50,0\u00a0% (2 sur 4), intervalle à 95 %",
        NASTY.file,
        NASTY.reason,
        "reseaux apprendre mes/images --graine 3",
        "torchvision",
    ):
        assert expected in said
    assert soup.figcaption is not None
    assert soup.figcaption.text.startswith('b, prise pour <i>"a"</i> (')


def test_the_matrix_is_a_table_that_counts() -> None:
    truth, answers = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 2])
    outcome = Outcome(("a", "b", "c"), tuple("123456"), truth, np.eye(3)[answers])
    soup = BeautifulSoup(built(outcome), "html.parser")
    table = soup.find("table", class_="confusion")
    assert table is not None
    rows = [[cell.text for cell in row.find_all("td")] for row in table.tbody.find_all("tr")]
    assert rows == [["1", "2", "0"], ["0", "1", "0"], ["1", "0", "1"]]  # vraie classe en ligne
    assert [head.text for head in table.thead.find_all("th")] == ["a", "b", "c"]
    assert [head.text for head in table.tbody.find_all("th")] == ["a", "b", "c"]
    shades = [cell["style"] for cell in table.tbody.find_all("td")]
    assert shades[:3] == ["--part:33%", "--part:67%", "--part:0%"]


@pytest.mark.parametrize("classes", [60, 240])
def test_the_size_follows_the_number_of_classes(classes: int) -> None:
    """Deux fois plus de classes, au plus deux fois plus de page (et pas quatre)."""
    small, big = (len(built(large(count))) for count in (classes, 2 * classes))
    assert big < 2.1 * small
    soup = BeautifulSoup(built(large(classes)), "html.parser")
    assert not soup.find("table", class_="confusion")
    assert len(soup.find_all("figure")) == 12
    captions = [caption.text for caption in soup.find_all("caption")]
    assert {"Les confusions les plus fréquentes", "Exactitude par classe"} <= set(captions)


def test_no_mistake() -> None:
    outcome = Outcome(("a", "b"), ("u", "v"), np.array([0, 1]), np.eye(2))
    assert "<p>Aucune.</p>" in built(outcome)


def test_a_file_name_is_text_and_the_matrix_has_a_name() -> None:
    text = built(replace(odd(), files=("<u>0</u>", "f1", "<u>2</u>", "f3")))
    assert "<u>" not in text
    region = BeautifulSoup(text, "html.parser").find("div", {"role": "region", "class": "tableau"})
    assert region is not None
    assert "vraie classe" in str(region["aria-label"])


@pytest.mark.parametrize("rows", [page.LONG, page.LONG + 1])
def test_a_long_table_is_folded(rows: int) -> None:
    html = page._table(Table("titre", ("n",), [(k,) for k in range(rows)]))
    assert ("<details>" in html) == (rows > page.LONG)


def test_each_mistake_is_shown_with_its_own_image() -> None:
    images = [Image.new("RGB", (8, 8), (60 * k, 0, 0)) for k in range(4)]
    soup = BeautifulSoup(page._mistakes(odd(), images), "html.parser")
    for figure, i in zip(soup.find_all("figure"), odd().worst, strict=True):
        encoded = str(figure.img["src"]).removeprefix("data:image/jpeg;base64,")
        shown = Image.open(io.BytesIO(base64.b64decode(encoded)))
        assert shown.getpixel((4, 4))[0] == pytest.approx(60 * i, abs=3)
        assert f"f{i}" in figure.text


def test_a_matrix_is_a_table_up_to_twenty_classes() -> None:
    """La dernière qui se lit case par case, et la première qui ne se lit plus."""
    whole, map_ = (
        BeautifulSoup(built(large(count)), "html.parser") for count in (READABLE, READABLE + 1)
    )
    assert len(whole.select("table.confusion tbody tr")) == READABLE == 20
    assert not whole.select("img.carte")
    assert not map_.select("table.confusion")
    assert len(map_.select("img.carte")) == 1
