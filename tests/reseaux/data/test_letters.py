"""Les lettres imprimées, d'après Pillow et les polices elles-mêmes."""

import unicodedata

import numpy as np
import pytest
from PIL import ImageFont

from reseaux import data
from reseaux.errors import ReseauxError


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
