"""L'aspect des figures : grilles refermées, images toutes montrées, graduations françaises."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from reseaux import style
from reseaux.errors import ReseauxError


@pytest.fixture(autouse=True)
def _only_our_figures():
    plt.close("all")
    with mpl.rc_context():
        yield


def pictures(count: int) -> list[np.ndarray]:
    return [np.full((4, 6), k, np.uint8) for k in range(count)]


def test_panels_close_the_figure_and_give_it_back():
    with style.panels(2, 3, (6, 4), sharex=True) as (figure, axes):
        assert axes.shape == (2, 3)
        assert plt.get_fignums()
        axes[0, 0].plot([1, 2])
    assert not plt.get_fignums()
    assert figure.get_size_inches().tolist() == [6, 4]
    assert len(figure.axes) == 6
    assert axes[0, 0].get_shared_x_axes().joined(axes[0, 0], axes[1, 0])


def test_panels_close_the_figure_after_an_error_too():
    with pytest.raises(ZeroDivisionError), style.panels(1, 1, (2, 2)):
        _ = 1 / 0
    assert not plt.get_fignums()


@pytest.mark.parametrize("images", [True, False])
def test_panels_hide_the_axes_of_images_only(images):
    with style.panels(1, 1, (2, 2), images=images) as (_, axes):
        assert axes.shape == (1, 1)  # une grille, même d'un seul cadre
        assert axes[0, 0].axison is not images


@pytest.mark.parametrize("count", [1, 5, 6, 7])
def test_show_images_shows_each_picture_under_its_title(count):
    images, titles = pictures(count), [f"image {k}" for k in range(count)]
    figure = style.show_images(images, titles, columns=3)
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown] == titles
    for ax, image in zip(shown, images, strict=True):
        assert np.array_equal(ax.images[0].get_array(), image)
    assert not any(ax.axison for ax in figure.axes)  # les places vides de la dernière ligne aussi
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("images", "titles", "columns", "words"),
    [
        (3, 2, 6, "3 images, 2 titres"),
        (2, 3, 6, "2 images, 3 titres"),
        (0, 0, 6, "au moins une image"),
        (2, 2, 0, "« columns » vaut 0"),
    ],
)
def test_show_images_never_drops_a_picture_or_a_title(images, titles, columns, words):
    with pytest.raises(ReseauxError, match=words):
        style.show_images(pictures(images), ["titre"] * titles, columns)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros(3), "L'image 2 est de forme"),
        (np.zeros((2, 2, 2)), "H×L×3"),
        (np.zeros((0, 2)), "de forme"),
        (np.full((2, 2), "a"), "de type"),
    ],
)
def test_what_is_not_a_picture_is_named(image, words):
    with pytest.raises(ReseauxError, match=words):
        style.show_images([np.zeros((2, 2)), image], ["a", "b"])


def test_titles_are_shown_as_they_are():
    titles = ["5 $ et 10 $", "$x$", r"\bad_"]
    figure = style.show_images(pictures(3), titles)
    figure.canvas.draw()
    assert [(ax.get_title(), ax.title.get_parse_math()) for ax in figure.axes[:3]] == [
        (title, False) for title in titles
    ]
    with pytest.raises(ReseauxError, match="« titles »"):
        style.show_images(pictures(2), "ab")


def test_french_axis_writes_a_comma_and_thin_spaces():
    with style.panels(1, 1, (2, 2)) as (_, axes):
        style.french_axis(axes[0, 0].xaxis)
        style.french_axis(axes[0, 0].yaxis, 2)
        across = axes[0, 0].xaxis.get_major_formatter()
        down = axes[0, 0].yaxis.get_major_formatter()
    assert across(12345, 0) == "12\u202f345"
    assert down(-0.5, 0) == "−0,50"


def test_apply_gives_each_curve_its_colour_and_its_marker():
    style.apply()
    cycle = list(mpl.rcParams["axes.prop_cycle"])
    assert [c["color"] for c in cycle] == list(style.COLORS)
    assert [c["marker"] for c in cycle] == list(style.MARKERS)
    assert mpl.rcParams["figure.constrained_layout.use"]
    assert mpl.rcParams["image.cmap"] == "gray"
    assert mpl.rcParams["axes.grid"]


def test_colours_markers_and_hatches_tell_as_many_series_apart():
    assert len(set(style.COLORS)) == len(set(style.MARKERS)) == len(set(style.HATCHES)) == 8


@pytest.mark.parametrize(
    "image",
    [torch.zeros(2, 2, device="meta"), torch.zeros(2, 2, requires_grad=True), [[1, 2], [3]]],
)
def test_what_is_not_an_array_of_numbers_is_refused(image):
    with pytest.raises(ReseauxError, match="tableau de nombres"):
        style.show_images([image], ["a"])
