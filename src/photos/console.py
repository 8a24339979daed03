"""Parler à l'utilisateur : dire, se plaindre, montrer l'avancement. Ne charge pas torch."""

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

from reseaux.formatting import decimal, integer
from reseaux.tables import Cell, Table

T = TypeVar("T")

_SHOWN = 20  # lignes d'un tableau à l'écran ; les fichiers, eux, disent tout


def speaks() -> bool:
    """À plusieurs processus, un seul parle."""
    return os.environ.get("RANK", "0") == "0"


def complain(message: str) -> None:
    """Écrit un message sur la sortie d'erreur."""
    if speaks():
        print(message, file=sys.stderr, flush=True)


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
    """Un tableau comme un tableur français l'attend : « ; », virgule décimale."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([decimal(c, 4) if isinstance(c, float) else c for c in row] for row in rows)
    return text.getvalue()


def as_json(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Une liste d'objets, un par ligne du tableau."""
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    return json.dumps(records, ensure_ascii=False, indent=1) + "\n"


FORMATS = {"csv": as_csv, "json": as_json}
