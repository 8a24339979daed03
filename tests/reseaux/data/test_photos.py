"""Les photographies et leurs morceaux : scikit-image et scikit-learn d'abord."""

import re

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from reseaux import data
from reseaux.data import photos
from reseaux.errors import ReseauxError


@pytest.mark.parametrize("name", data.PHOTOS)
def test_every_photo_is_a_colour_picture_with_its_credit(name):
    image = data.photo(name)
    assert isinstance(image, Image.Image)
    assert image.mode == "RGB"
    assert min(image.size) >= 100
    credit = data.PHOTOS[name]
    assert re.match(r"(Une?|Le|L'|Des|Du|De l') ?\w", credit.title)
    assert credit.author
    assert credit.licence in ("CC0", "domaine public", "CC BY 2.0")


def test_photos_are_those_of_their_package():
    assert np.array_equal(data.photo("chelsea"), skimage.data.chelsea())
    assert np.array_equal(data.photo("china"), load_sample_image("china.jpg"))
    grey = np.asarray(data.photo("camera"))
    assert all(np.array_equal(grey[..., k], skimage.data.camera()) for k in range(3))


def test_changing_a_photo_does_not_change_the_next_one():
    first = data.photo("chelsea")
    first.paste((0, 0, 0), (0, 0, *first.size))
    assert np.array_equal(data.photo("chelsea"), skimage.data.chelsea())


def test_an_unknown_photo_suggests_the_nearest():
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « coffee »"):
        data.photo("cofee")


def test_fragments_come_from_their_photo_and_from_their_half():
    halves = data.fragments(size=32, per_photo=2, seed=3)
    for side, part in enumerate(halves):
        assert part.names == tuple(data.PHOTOS)
        assert part.images.shape == (2 * len(data.PHOTOS), 32, 32)
        assert np.bincount(part.labels).tolist() == [2] * len(data.PHOTOS)
        for image, label in zip(part.images, part.labels, strict=True):
            grey = np.asarray(data.photo(part.names[label]).convert("L"), np.float32) / 255
            middle = -(-grey.shape[1] // 2)
            half = grey[:, :middle] if side == 0 else grey[:, middle:]
            corners = np.argwhere(np.isclose(half[:-31, :-31], image[0, 0], atol=1e-6))
            assert any(np.allclose(half[r : r + 32, c : c + 32], image) for r, c in corners)


def test_no_pixel_is_in_both_halves(monkeypatch):
    """Chaque pixel dit sa colonne : toutes sont là, chacune d'un seul côté."""
    columns = np.tile(np.arange(255, dtype=np.uint8), (10, 1))  # largeur impaire
    monkeypatch.setattr(photos, "photo", lambda _: Image.fromarray(columns))
    train, test = data.fragments(size=4, per_photo=500, seed=987)
    left, right = (np.unique(part.images * 255) for part in (train, test))
    assert left.tolist() == list(range(128))
    assert right.tolist() == list(range(128, 255))
    assert train.labels.tolist() == test.labels.tolist() == np.repeat(np.arange(13), 500).tolist()
    # Toutes les hauteurs aussi : une photographie dont chaque pixel dit sa ligne.
    monkeypatch.setattr(photos, "photo", lambda _: Image.fromarray(columns[:, :40].T.copy()))
    assert all(len(np.unique(p.images)) == 40 for p in data.fragments(4, 500, seed=986))


def test_coloured_fragments_are_cut_at_the_same_places():
    """Pillow met un morceau en couleurs au gris du morceau gris, à l'arrondi d'un octet près."""
    for grey, colour in zip(data.fragments(32, 2, 3), data.fragments(32, 2, 3, True), strict=True):
        assert colour.images.shape == (*grey.images.shape, 3)
        assert colour.images.dtype == np.float32
        assert np.array_equal(colour.labels, grey.labels)
        assert colour.names == grey.names
        for one, other in zip(colour.images, grey.images, strict=True):
            picture = Image.fromarray(np.round(one * 255).astype(np.uint8)).convert("L")
            assert np.array_equal(picture, np.round(other * 255))
    assert np.ptp(data.fragments(32, 2, 3, color=True)[0].images, axis=3).max() > 0.5


@pytest.mark.parametrize("size", [0, 10_000])
def test_fragments_of_an_impossible_size_are_refused(size):
    with pytest.raises(ReseauxError, match="il faut entre 1 et"):
        data.fragments(size=size)


def test_the_largest_fragment_fills_the_smallest_half():
    sizes = [data.photo(name).size for name in data.PHOTOS]
    largest = min(min(height, width // 2) for width, height in sizes)
    assert data.fragments(largest, per_photo=1)[1].images.shape[1:] == (largest, largest)
    with pytest.raises(ReseauxError, match=f"entre 1 et {largest}"):
        data.fragments(largest + 1, per_photo=1)
