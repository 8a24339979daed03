"""Les fontes du site, réduites aux signes qu'il montre : formules et icônes."""

import html
import logging
import re
import unicodedata
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

# fontTools raconte chaque étape à qui construit ; un avertissement de la construction s'y perdrait.
logging.getLogger("fontTools").setLevel(logging.WARNING)

ITALICS = [0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)]  # h, latin, grec
# Là où les fontes d'icônes rangent leurs dessins, que le texte d'une langue n'occupe pas.
PRIVATE = range(0xE000, 0xF900)


def formula_signs(pages: str) -> set[int]:
    """Les signes des formules d'un site, et ceux que le navigateur met à leur place."""
    formulas = "".join(re.findall(r"<math\b.*?</math>", pages, flags=re.S))
    signs = set(html.unescape(re.sub(r"<[^>]+>", "", formulas)))
    if "<msqrt" in formulas:
        signs.add("√")
    # Une lettre seule s'affiche en italique, par un autre signe : normalisé, il redevient elle.
    signs |= {sign for sign in map(chr, ITALICS) if unicodedata.normalize("NFKC", sign) in signs}
    return {ord(sign) for sign in signs}


def icon_signs(style: str) -> set[int]:
    """Les icônes qu'une feuille de style écrit, telles quelles ou par leur numéro."""
    numbers = [int(digits, 16) for digits in re.findall(r"\\([0-9a-fA-F]{1,6})", style)]
    return set(PRIVATE) & {*map(ord, style), *numbers}


def reduce_font(path: Path, signs: set[int]) -> None:
    """Réduit une fonte à des signes et à leurs formes agrandies ; récrit son fichier en woff2."""
    options = subset.Options()
    options.layout_features = ["*"]
    font = TTFont(path)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=signs)
    cutter.subset(font)
    font.flavor = "woff2"
    font.save(path)
