"""Une image montrée sous une licence qui demande son auteur le nomme, et nomme sa licence."""

import re
from pathlib import Path

import pytest

from livre.expected_outputs import chapters, to_notebook
from reseaux import data

FREE = {"CC0", "domaine public"}
SOLAR = ("Buerhop", "CC BY-NC-SA 4.0")
# L'auteur tel qu'une légende le nomme, et la licence qui doit l'y suivre.
OWED = {p.author: p.licence for p in data.PHOTOS.values() if p.licence not in FREE} | dict([SOLAR])


def captions(page: Path) -> list[str]:
    """Les légendes des figures d'une page."""
    told = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in to_notebook(page).cells]
    return [" ".join(figure.get("caption", "").split()) for figure in told if figure]


def code(page: Path) -> str:
    return "\n".join(cell.source for cell in to_notebook(page).cells if cell.cell_type == "code")


def test_there_are_authors_to_name() -> None:
    assert len(OWED) >= 3


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_a_named_author_is_followed_by_the_licence(page: Path) -> None:
    for caption in captions(page):
        for author, licence in OWED.items():
            if author in caption:
                assert licence in caption.split(author)[1], f"{author} sans licence : {caption}"


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_a_photograph_that_is_shown_names_its_author(page: Path) -> None:
    source, told = code(page), " ".join(captions(page))
    if "imshow" not in source and "show_images" not in source:
        return
    for name, photo in data.PHOTOS.items():
        if photo.licence not in FREE and re.search(rf"""["']{name}["']""", source):
            assert photo.author in told, f"{page.name} montre « {name} » sans nommer {photo.author}"
    if "solar_cells(" in source:
        assert SOLAR[0] in told, f"{page.name} montre des cellules solaires sans leur auteur"
