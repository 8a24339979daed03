"""Les figures du rapport : lisibles, et d'un coût qui ne suit pas le carré des classes."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.artist import Artist
from PIL import Image

from outcomes import large, odd
from photos import report
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
    truth, answers = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    outcome = Outcome(("a", "b"), tuple("12345"), truth, np.eye(2)[answers])
    figure = report.draw_confusion(outcome)
    assert [t.get_text() for t in figure.axes[0].texts] == ["1", "1", "1", "2"]


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
