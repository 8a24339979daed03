"""Les cellules solaires, d'après les fichiers du paquet et l'article [Deitsch19]."""

import sys
from importlib import resources

import numpy as np
import pytest
from PIL import Image

from reseaux import data
from reseaux.data import solar
from reseaux.errors import ReseauxError

SIZE = 100  # le tiers de 300 : un pixel y est la moyenne d'un carré de neuf


@pytest.fixture(scope="module")
def cells():
    return data.solar_cells(SIZE)


def lines() -> list[list[str]]:
    file = resources.files("elpv_dataset") / "data" / "labels.csv"
    return [row.split() for row in file.read_text(encoding="ascii").splitlines() if row.strip()]


def test_counts_are_those_of_the_article(cells):
    """2 624 cellules : 1 074 monocristallines, 1 550 polycristallines [Deitsch19]."""
    assert len(cells) == 2624
    assert {kind: int((cells.types == kind).sum()) for kind in ("mono", "poly")} == {
        "mono": 1074,
        "poly": 1550,
    }
    assert set(np.round(3 * cells.probability, 9)) == {0, 1, 2, 3}
    assert cells.names == ("saine", "défectueuse")
    assert cells.labels.mean() == pytest.approx(0.313, abs=0.0005)
    assert np.array_equal(cells.labels, cells.probability > 0.4)


def test_each_cell_keeps_the_line_of_its_file(cells):
    rows = lines()
    assert len(rows) == len(cells)
    assert cells.types.tolist() == [kind for _, _, kind in rows]
    assert np.allclose(cells.probability, [float(p) for _, p, _ in rows])
    folder = resources.files("elpv_dataset") / "data"
    for k in (0, 1, 700, 1500, 2623):
        with (folder / rows[k][0]).open("rb") as stream, Image.open(stream) as image:
            whole = np.asarray(image, np.float64) / 255
        assert whole.shape == (300, 300)
        means = whole.reshape(SIZE, 3, SIZE, 3).mean(axis=(1, 3))
        assert np.abs(cells.images[k] - means).max() <= 1 / 255  # Pillow arrondit deux fois


def test_images_are_small_grey_and_between_zero_and_one(cells):
    assert cells.images.shape == (2624, SIZE, SIZE)
    assert (cells.images.dtype, cells.labels.dtype) == (np.float32, np.int64)
    assert cells.images.min() >= 0
    assert 0.5 < cells.images.max() <= 1


def test_a_part_keeps_what_is_known_of_each_cell(cells):
    drawn, rest = cells.sample(5, seed=0)
    chosen = cells.sample_indices(5, seed=0)
    assert isinstance(drawn, data.SolarCells)
    assert np.array_equal(drawn.probability, cells.probability[chosen])
    assert np.array_equal(drawn.types, cells.types[chosen])
    assert len(rest.types) == len(rest.probability) == len(rest) == 2614


@pytest.fixture
def readings(monkeypatch):
    """Trois cellules au lieu de toutes ; une ligne par lecture du paquet."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 300, 300)).astype(np.uint8)
    few = (pixels, np.array([1 / 3, 1 / 2, 2 / 3]), np.array(["mono", "poly", "poly"]))
    done = []
    monkeypatch.setattr("elpv_dataset.utils.load_dataset", lambda: done.append(few) or few)
    solar._read.cache_clear()
    yield done
    solar._read.cache_clear()


def test_the_whole_size_is_left_as_it_is(readings):
    cells = data.solar_cells(300)
    assert np.array_equal(np.round(cells.images * 255), readings[0][0])
    assert cells.labels.tolist() == [0, 1, 1]  # au moins 1/2


def test_only_the_last_size_is_kept_in_memory(readings):
    counts = []
    for size in (8, 8, 9, 8):
        data.solar_cells(size)
        counts.append(len(readings))
    assert counts == [1, 1, 2, 3]
    assert data.solar_cells().images.shape == (3, 96, 96)


@pytest.mark.parametrize("size", [0, 301])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(ReseauxError, match="de 1 à 300"):
        data.solar_cells(size)


def test_without_the_package_the_refusal_says_what_to_install_and_the_licence(monkeypatch):
    monkeypatch.setitem(sys.modules, "elpv_dataset.utils", None)
    solar._read.cache_clear()
    with pytest.raises(ReseauxError, match="pip install elpv-dataset") as caught:
        data.solar_cells(8)
    for words in ("« cellules »", "CC BY-NC-SA 4.0", "citer", "commercial"):
        assert words in str(caught.value)
