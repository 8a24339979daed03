"""Les données : leur source d'abord (scikit-learn, scikit-image, Pillow), puis leurs promesses."""

import re
import unicodedata

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont
from sklearn.datasets import load_digits, load_sample_image

from reseaux import data
from reseaux.errors import ReseauxError

# --- photographies ---------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "read", [data.digits, lambda: data.fragments(8, 1)[0], lambda: data.glyphs("latin", 8)[0]]
)
def test_changing_data_does_not_change_the_next_reading(read):
    first, before = read(), read().images.sum()
    first.images[:] = 7
    first.labels[:] = 0
    assert read().images.sum() == before
    assert read().labels.any()


@pytest.mark.parametrize(
    ("labels", "names"), [([0, 1, 0], "ab"), ([0, 2], "ab"), ([0, -1], "ab"), ([0.5, 1], "ab")]
)
def test_labels_that_are_not_those_of_the_images_are_refused(labels, names):
    with pytest.raises(ReseauxError, match="étiquette par image, de 0 à 1"):
        data.LabeledImages(np.zeros((2, 3, 3)), np.array(labels), tuple(names))


@pytest.mark.parametrize("indices", [[0, 1797], [0.5], ["a"], [[0], [1, 2]]])
def test_a_subset_of_other_images_is_refused(indices):
    with pytest.raises(ReseauxError, match="de 0 à 1796"):
        data.digits().subset(indices)


def test_changing_a_photo_does_not_change_the_next_one():
    first = data.photo("chelsea")
    first.paste((0, 0, 0), (0, 0, *first.size))
    assert np.array_equal(data.photo("chelsea"), skimage.data.chelsea())


def test_an_unknown_photo_suggests_the_nearest():
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « coffee »"):
        data.photo("cofee")


# --- chiffres --------------------------------------------------------------------------------


def test_digits_are_those_of_scikit_learn_between_zero_and_one():
    ours, oracle = data.digits(), load_digits()
    assert np.array_equal(ours.images * 16, oracle.images)
    assert np.array_equal(ours.labels, oracle.target)
    assert (ours.images.dtype, ours.labels.dtype) == (np.float32, np.int64)
    assert ours.images.min() == 0
    assert ours.images.max() == 1
    assert ours.names == tuple("0123456789")
    assert len(ours) == 1797


# --- tirages ---------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(per_class=st.integers(1, 174), seed=st.integers(0, 10**6))
def test_a_draw_is_balanced_and_splits_the_set(per_class, seed):
    digits = data.digits()
    drawn, rest = digits.sample(per_class, seed)
    assert np.bincount(drawn.labels).tolist() == [per_class] * 10
    assert len(drawn) + len(rest) == len(digits)
    together = np.concatenate([drawn.images, rest.images]).reshape(len(digits), -1)
    everything = digits.images.reshape(len(digits), -1)
    assert np.allclose(np.sort(together @ WEIGHTS), np.sort(everything @ WEIGHTS), atol=1e-5)


WEIGHTS = np.random.default_rng(0).normal(size=64)


def test_a_draw_repeats_and_depends_on_its_seed():
    a, b, c = (data.digits().sample(3, seed)[0].images for seed in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_small_draw_is_the_start_of_a_larger_one():
    digits = data.digits()
    small, large = digits.sample(2, 5)[0], digits.sample(4, 5)[0]
    for k in range(10):
        assert np.array_equal(small.images[small.labels == k], large.images[large.labels == k][:2])


@pytest.mark.parametrize("per_class", [0, -1, 175])
def test_an_impossible_draw_is_refused(per_class):
    with pytest.raises(ReseauxError, match="« 8 » en a 174"):
        data.digits().sample(per_class, 0)


def test_a_subset_keeps_the_order_asked():
    chosen = data.digits().subset([7, 3, 7])
    assert chosen.labels.tolist() == load_digits().target[[7, 3, 7]].tolist()


# --- fragments -------------------------------------------------------------------------------


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
    monkeypatch.setattr(data, "photo", lambda _: Image.fromarray(columns))
    train, test = data.fragments(size=4, per_photo=500, seed=987)
    left, right = (np.unique(part.images * 255) for part in (train, test))
    assert left.tolist() == list(range(128))
    assert right.tolist() == list(range(128, 255))
    assert train.labels.tolist() == test.labels.tolist() == np.repeat(np.arange(13), 500).tolist()
    # Toutes les hauteurs aussi : une photographie dont chaque pixel dit sa ligne.
    monkeypatch.setattr(data, "photo", lambda _: Image.fromarray(columns[:, :40].T.copy()))
    assert all(len(np.unique(p.images)) == 40 for p in data.fragments(4, 500, seed=986))


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


# --- lettres ---------------------------------------------------------------------------------


@pytest.mark.parametrize("alphabet", data.ALPHABETS)
def test_every_letter_is_drawn_once_per_font(alphabet):
    part, fonts = data.glyphs(alphabet, 16)
    letters = unicodedata.normalize("NFC", data.ALPHABETS[alphabet])
    assert part.names == tuple(letters)
    assert len(set(letters)) == len(letters)
    count = len(set(fonts))
    assert count >= 12
    assert len(part) == len(fonts) == count * len(letters)
    assert np.bincount(part.labels).tolist() == [count] * len(letters)
    assert part.images.shape[1:] == (16, 16)
    assert part.images.min() == 0
    assert part.images.max() <= 1


def test_a_capital_has_its_height():
    """Une capitale de DejaVu Sans a 1 493 unités sur 2 048 ; le corps, les 3/4 de l'image."""
    part, fonts = data.glyphs("latin-capitales", 100)
    letter = next(k for k, font in enumerate(fonts) if font == "DejaVuSans") + "ABCDEFGH".index("H")
    rows = (part.images[letter] > 0.5).any(axis=1).sum()
    assert abs(rows - 1493 / 2048 * 75) < 1.5


@pytest.mark.parametrize("size", [16, 28])
def test_letters_are_white_on_black_whole_and_centred(size):
    part, _ = data.glyphs("latin-capitales", size)
    border = np.concatenate([part.images[:, [0, -1]], part.images[:, :, [0, -1]].swapaxes(1, 2)])
    assert border.mean() < 0.01
    assert part.images.mean() < 0.3
    assert part.images.max() == 1
    ink = part.images > 0.5
    for lines in (ink.any(axis=2), ink.any(axis=1)):
        first, last = lines.argmax(axis=1), size - 1 - lines[:, ::-1].argmax(axis=1)
        assert abs((first + last).mean() / 2 - (size - 1) / 2) < 0.06 * size


@pytest.mark.parametrize("alphabet", data.ALPHABETS)
def test_no_letter_is_blank_nor_the_box_of_a_missing_glyph(alphabet):
    part, fonts = data.glyphs(alphabet, 28)
    assert (part.images.max(axis=(1, 2)) > 0.5).all()
    paths = {path.stem: path for path in data.fonts()}
    for name in sorted(set(fonts)):
        face = ImageFont.truetype(str(paths[name]), 21)
        missing = bytes(face.getmask("\ue123"))
        assert all(bytes(face.getmask(letter)) != missing for letter in part.names)


def test_letters_of_one_font_differ_from_each_other():
    part, fonts = data.glyphs("latin", 28)
    chosen = part.images[np.array(fonts) == "DejaVuSans"]
    assert len(np.unique(chosen.reshape(26, -1), axis=0)) == 26


def test_bad_requests_for_letters_are_refused():
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « grec »"):
        data.glyphs("grecque")
    with pytest.raises(ReseauxError, match="« size » vaut 7 ; il faut un entier, de 8 à 512"):
        data.glyphs("latin", 7)


def test_the_rest_keeps_the_order_of_the_draw() -> None:
    pool, order = data.digits(), np.random.default_rng(5).permutation(1797)
    chosen = pool.sample_indices(3, seed=5)
    _, rest = pool.sample(3, seed=5)
    left = [k for k in order if k not in chosen]
    np.testing.assert_array_equal(rest.images, pool.images[left])


def test_sampled_indices_are_those_of_the_sample() -> None:
    pool = data.digits()
    chosen = pool.sample_indices(4, seed=3)
    np.testing.assert_array_equal(pool.images[chosen], pool.sample(4, seed=3)[0].images)
