"""Les figures du rapport : lisibles, et d'un coût qui ne suit pas le carré des classes."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.artist import Artist
from PIL import Image

from outcomes import large, odd
from photos import report
from photos.dataset import Dataset
from photos.folder import Folder, Refused
from photos.outcome import READABLE, Outcome


def test_odd_names_are_drawn(tmp_path: Path) -> None:
    with report._drawing(), warnings.catch_warnings():
        warnings.simplefilter("error")  # une figure trop serrée, un caractère absent
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        sheet = report.draw_mistakes(odd(), [Image.new("RGB", (8, 8))] * 4)
        titles = [ax.get_title() for ax in sheet.axes]
        report._write_figure(tmp_path / "erreurs.png", sheet)
        report._write_figure(tmp_path / "confusion.png", report.draw_confusion(odd()))
    assert titles[0] == "vrai : b\nréponse : 5 $ \\et 10 $\nprobabilité : 80\u00a0%"


def test_confusion_counts() -> None:
    """Une ligne par vraie classe, une colonne par réponse : la matrice n'est pas symétrique."""
    truth, answers = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 2])
    outcome = Outcome(("a", "b", "c"), tuple("123456"), truth, np.eye(3)[answers])
    ax = report.draw_confusion(outcome).axes[0]
    assert [t.get_text() for t in ax.texts] == ["1", "2", "0", "0", "1", "0", "1", "0", "1"]
    for text, (row, column) in zip(ax.texts, np.ndindex(3, 3), strict=True):
        assert text.get_position() == (column, row)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("classe répondue", "vraie classe")
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["a", "b", "c"]


@pytest.mark.parametrize("length", [1, 40])
@pytest.mark.parametrize("classes", [2, 10, READABLE])
def test_a_count_has_room_in_its_square(classes: int, length: int) -> None:
    """Un tiers de pouce par case au moins, quels que soient le nombre et la longueur des noms."""
    names = tuple(f"{k:{length}}" for k in range(classes))
    outcome = Outcome(names, ("f",) * classes, np.arange(classes), np.eye(classes))
    figure = report.draw_confusion(outcome)
    figure.draw_without_rendering()
    room = figure.axes[0].get_window_extent()
    assert min(room.width, room.height) / figure.dpi / classes > 1 / 3


def test_the_sheet_shows_each_mistake_with_its_image() -> None:
    images = [Image.new("RGB", (8, 8), (k, 0, 0)) for k in range(4)]
    sheet = report.draw_mistakes(odd(), images)
    assert [int(ax.images[0].get_array()[0, 0, 0]) for ax in sheet.axes] == [2, 0]
    assert [ax.get_title().split("\n")[0] for ax in sheet.axes] == [
        "vrai : b",
        "vrai : 5 $ \\et 10 $",
    ]


@pytest.mark.parametrize("classes", [READABLE + 1, 60, 240])
def test_a_large_matrix_is_one_image(classes: int) -> None:
    """Autant d'objets dessinés quel que soit le nombre de classes ; la carte est juste."""
    figure = report.draw_confusion(large(classes))
    ax = figure.axes[0]
    assert len(figure.findobj(Artist)) < 200
    assert tuple(figure.get_size_inches()) == (8.0, 8.0 * 0.86)
    shown = np.asarray(ax.images[0].get_array())
    assert shown.shape == (classes, classes)
    assert shown[0, 1] == 0.5  # une image sur deux de la première classe est prise pour la seconde
    assert shown[1, 1] == 1
    assert shown[1, 0] == 0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("classe répondue", "vraie classe")


def test_every_file_is_listed_in_order_with_what_became_of_it() -> None:
    """Entraînement, test et refus se mêlent : un fichier se retrouve par son nom."""
    files = ("a/1", "a/3", "b/1", "b/2")
    refused = (Refused("a/2", "fichier vide"),)
    image = Image.new("RGB", (8, 8))
    pictures = Folder((image,) * 4, np.array([0, 0, 1, 1]), ("a", "b"), files, refused)
    read = Dataset("t", pictures, np.array([1, 3]), np.array([0, 2]), False)
    chances = np.array([[0.75, 0.25], [0.625, 0.375]])
    outcome = Outcome(("a", "b"), ("a/1", "b/1"), np.array([0, 1]), chances)
    columns, rows = report.file_rows(read, outcome)
    assert columns[0] == "fichier"
    assert rows == [
        ("a/1", "a", "test", "a", 0.75, ""),
        ("a/2", "", "refusé", "", "", "fichier vide"),
        ("a/3", "a", "entraînement", "", "", ""),
        ("b/1", "b", "test", "a", 0.625, ""),
        ("b/2", "b", "entraînement", "", "", ""),
    ]
