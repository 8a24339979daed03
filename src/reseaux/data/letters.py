"""Des lettres imprimées, dans les polices que livre matplotlib."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reseaux.arguments import between, checked
from reseaux.data.labeled import Images, LabeledImages, read_once
from reseaux.errors import unknown_name

ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "latin-capitales": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "grec": "αβγδεζηθικλμνξοπρςστυφχψω",
    "cyrillique": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "armenien": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
    "georgien": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
}

# Les polices de texte de matplotlib ; celles de symboles n'ont pas de lettres.
_SYMBOL_FONTS = ("cmex10", "cmmi10", "cmsy10", "LastResort", "STIXNonUni", "STIXSiz")


@cache
def fonts() -> tuple[Path, ...]:
    """Les fichiers des polices de texte que livre matplotlib, par ordre alphabétique."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return tuple(f for f in sorted(folder.glob("*.ttf")) if not f.stem.startswith(_SYMBOL_FONTS))


def _covers(font: Path, text: str) -> bool:
    from matplotlib.ft2font import FT2Font

    charmap = FT2Font(str(font)).get_charmap()
    return all(ord(letter) in charmap for letter in text)


@checked
@read_once
def glyphs(
    alphabet: str = "latin", size: Annotated[int, between(8, 512)] = 28
) -> tuple[LabeledImages, tuple[str, ...]]:
    """Les lettres d'un alphabet, dessinées dans chaque police qui les a toutes.

    Blanc sur noir, comme les chiffres de :func:`digits` ; chaque lettre est centrée.

    Args:
        alphabet: une clé de :data:`ALPHABETS`.
        size: côté de l'image, en pixels, de 8 à 512.

    Returns:
        (les images étiquetées par lettre, le nom de la police de chacune).

    Raises:
        ReseauxError: alphabet inconnu ou taille hors bornes.
    """
    if alphabet not in ALPHABETS:
        raise unknown_name("un alphabet", alphabet, ALPHABETS)
    letters = unicodedata.normalize("NFC", ALPHABETS[alphabet])
    covering = [font for font in fonts() if _covers(font, letters)]
    images: list[Images] = []
    for path in covering:
        font = ImageFont.truetype(str(path), round(0.75 * size))
        for letter in letters:
            canvas = Image.new("L", (size, size))
            ImageDraw.Draw(canvas).text((size / 2, size / 2), letter, 255, font, anchor="mm")
            images.append(np.asarray(canvas, np.float32) / np.float32(255))
    labels = np.tile(np.arange(len(letters)), len(covering))
    names = tuple(path.stem for path in covering for _ in letters)
    return LabeledImages(np.stack(images), labels, tuple(letters)), names
