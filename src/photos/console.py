"""Parler à l'utilisateur : dire, se plaindre, montrer l'avancement. Ne charge pas torch."""

import csv
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TypeVar

from reseaux.formatting import integer
from reseaux.tables import Cell, Table

T = TypeVar("T")

_SHOWN = 20  # lignes d'un tableau à l'écran ; les fichiers, eux, disent tout
# Ce qui agit sur un terminal ou sur le sens de lecture, et les octets hors de l'UTF-8.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_FORMULA = tuple("=+-@\t\r＝＋－＠")  # ce qui commence une formule, dans un tableur


def readable(text: str) -> str:
    """Un nom affichable sur une ligne, écrit d'une seule façon : macOS sépare « é » en deux.

    Ce qui ne s'affiche pas s'écrit comme en Python ; un octet hors de l'UTF-8, « \\xe8 ».
    """

    def escaped(match: re.Match[str]) -> str:
        code = ord(match[0])
        if 0xDC80 <= code <= 0xDCFF:  # comme Python lit un octet hors de l'UTF-8
            return f"\\x{code - 0xDC00:02x}"
        return f"\\u{code:04x}" if code > 0x7F else repr(match[0])[1:-1]

    return _CONTROL.sub(escaped, unicodedata.normalize("NFC", text))


def printable(text: str) -> str:
    """Un texte, ses lignes gardées : rien de ce qu'il cite n'agit sur un terminal."""
    return "\n".join(map(readable, text.split("\n")))


def say(text: str) -> None:
    """Écrit un texte sur la sortie."""
    print(printable(text))


def output(data: str) -> None:
    """Écrit un CSV ou un JSON sur la sortie, toujours en UTF-8 : un programme va le relire."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(data)


def speaks() -> bool:
    """À plusieurs processus, un seul parle."""
    return os.environ.get("RANK", "0") == "0"


def complain(message: str) -> None:
    """Écrit un message sur la sortie d'erreur."""
    if speaks():
        print(printable(message), file=sys.stderr, flush=True)


def progress(items: Iterable[T], what: str, unit: str) -> Iterable[T]:
    """Une barre de progression, muette hors d'un terminal."""
    from tqdm import tqdm

    hidden = None if speaks() else True
    bar: Iterable[T] = tqdm(items, desc=what, unit=f" {unit}", disable=hidden, leave=False)
    return bar


def plural(count: int, word: str) -> str:
    """Un nombre et son nom, au pluriel à partir de 2."""
    return f"{integer(count)} {word}{'s' if count > 1 else ''}"


def shown(table: Table) -> str:
    """Le texte d'un tableau, coupé s'il est trop long pour l'écran."""
    rows = table.rows[:_SHOWN]
    text = repr(Table(table.caption, table.columns, rows, table.digits))
    more = len(table.rows) - len(rows)
    return text + (f"\n… et {integer(more)} de plus." if more else "")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Un tableau comme un tableur français l'attend : marque de l'UTF-8, « ; », virgule décimale.

    Un texte qu'un tableur prendrait pour une formule est précédé d'une apostrophe.
    """
    text = io.StringIO("\ufeff")
    text.seek(1)
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _csv_cell(cell: Cell) -> Cell:
    if isinstance(cell, float):
        return f"{cell:z.4f}".replace(".", ",")  # ni espace entre les milliers, ni « − »
    if isinstance(cell, str):
        return f"'{readable(cell)}" if cell.startswith(_FORMULA) else readable(cell)
    return cell


def as_json(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Une liste d'objets, un par ligne du tableau."""
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    return json.dumps(records, ensure_ascii=False, indent=1) + "\n"


FORMATS = {"csv": as_csv, "json": as_json}
