"""Des tableaux lisibles à l'écran, par un lecteur d'écran et par un test.

Un :class:`Table` a deux visages : du HTML accessible dans un notebook (légende, en-têtes de
colonnes et de lignes, défilement sur un petit écran), du texte aligné partout ailleurs. Dans le
site, ``tri.js`` pose un bouton sur chaque en-tête d'un tableau « triable ».
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

from reseaux.arguments import checked
from reseaux.errors import ReseauxError, unknown_name
from reseaux.formatting import decimal, integer

Cell = str | int | float | None

SHORT = 16  # caractères : un texte plus court ne se coupe pas en deux lignes (classe « court »)


@dataclass(frozen=True)
class Table:
    """Un tableau à afficher.

    Attributes:
        caption: la légende, qui dit ce que le tableau montre et dans quelle unité.
        columns: titre de chaque colonne, dans l'ordre.
        rows: une suite de cellules par ligne ; ``None`` donne une cellule vide. La première
            cellule d'une ligne en est l'en-tête.
        digits: pour une colonne de nombres, chiffres après la virgule (0 par défaut).
        sortable: permettre au lecteur du site de trier les lignes.

    Raises:
        ReseauxError: une ligne n'a pas une cellule par colonne, ou une cellule ne s'écrit pas.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    digits: Mapping[str, int] | None = None
    sortable: bool = False

    def __post_init__(self) -> None:
        """Refuse un tableau qui ne s'afficherait pas."""
        _check(self.caption, self.columns, self.rows, self.digits, self.sortable)
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.columns):
                raise ReseauxError(
                    f"La ligne {number} du tableau est {row!r} ; il faut une cellule pour chacune "
                    f"des {len(self.columns)} colonnes."
                )
        self.text_rows()

    @checked
    def sorted_by(self, column: str, reverse: bool = False) -> "Table":
        """Rend le même tableau, trié selon une colonne ; le vide et NaN restent à la fin.

        Args:
            column: le titre de la colonne.
            reverse: du plus grand au plus petit.

        Raises:
            ReseauxError: colonne inconnue.
        """
        if column not in self.columns:
            raise unknown_name("une colonne de ce tableau", column, self.columns)
        index = list(self.columns).index(column)
        number = self._is_number(index)

        def key(row: Sequence[Cell]) -> tuple[float, list[str | int]]:
            cell = row[index]
            if number and not isinstance(cell, str):
                return cell or 0, []
            return 0.0, _alphabetical(str(cell))

        def empty(row: Sequence[Cell]) -> bool:
            return row[index] in (None, "") or row[index] != row[index]  # NaN n'est pas égal à NaN

        filled = [row for row in self.rows if not empty(row)]
        rest = [row for row in self.rows if empty(row)]
        return replace(self, rows=sorted(filled, key=key, reverse=reverse) + rest)

    def text_rows(self) -> list[list[str]]:
        """Rend les cellules en texte, nombres à la française, ligne par ligne."""
        return [
            [self._text(cell, name) for cell, name in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]

    def _text(self, cell: Cell, column: str) -> str:
        if cell is None:
            return ""
        if isinstance(cell, str):
            return cell
        digits = (self.digits or {}).get(column, 0)
        return decimal(cell, digits) if digits else integer(cell)

    def __repr__(self) -> str:
        """Rend le tableau en texte, colonnes alignées."""
        body = self.text_rows()
        widths = [
            max([len(name), *(len(row[i]) for row in body)]) for i, name in enumerate(self.columns)
        ]
        lines = [self.caption, self._line(list(self.columns), widths)]
        lines.append("  ".join("-" * w for w in widths))
        lines += [self._line(row, widths) for row in body]
        return "\n".join(line.rstrip() for line in lines)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        return "  ".join(
            cell.rjust(width) if self._is_number(i) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )

    def _is_number(self, column: int) -> bool:
        values = [row[column] for row in self.rows if row[column] is not None]
        return bool(values) and not any(isinstance(value, str) for value in values)

    def _repr_html_(self) -> str:
        """Rend le tableau en HTML ; les notebooks appellent cette méthode."""
        numeric = [self._is_number(i) for i in range(len(self.columns))]
        head = "".join(
            f'<th scope="col"{_class("nombre" if number else "")}>{escape(name)}</th>'
            for name, number in zip(self.columns, numeric, strict=True)
        )
        body = "\n".join(
            self._html_row(row, text, numeric)
            for row, text in zip(self.rows, self.text_rows(), strict=True)
        )
        # Le cadre défile de côté sur un petit écran ; « tabindex » l'ouvre au clavier.
        return (
            f'<div class="tableau{" triable" * bool(self.sortable)}" role="region" tabindex="0" '
            f'aria-label="{escape(self.caption)}">\n'
            f"<table><caption>{escape(self.caption)}</caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )

    def _html_row(self, row: Sequence[Cell], text: Sequence[str], numeric: Sequence[bool]) -> str:
        """Rend une ligne en HTML ; la valeur exacte d'un nombre suit pour le tri."""
        # Une cellule vide n'est l'en-tête de rien.
        cells = [f'<th scope="row">{escape(text[0])}</th>' if text[0] else "<td></td>"]
        for cell, shown, number in zip(row[1:], text[1:], numeric[1:], strict=True):
            kind = _class("nombre" if number else "court" * (len(shown) <= SHORT))
            exact = self.sortable and number and shown not in ("", "indéfini")
            value = f' data-value="{cell}"' if exact else ""
            cells.append(f"<td{kind}{value}>{escape(shown)}</td>")
        return f"<tr>{''.join(cells)}</tr>"


@checked
def _check(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    digits: Mapping[str, int] | None,
    sortable: bool,
) -> None:
    """Refuse ce qui n'est pas du type annoncé."""


def _alphabetical(text: str) -> list[str | int]:
    """La clé de tri d'un texte : ni accents ni capitales ; « resnet50 » avant « resnet101 »."""
    letters = unicodedata.normalize("NFD", text.casefold())
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    # Au-delà de 4 000 chiffres, Python refuse d'en faire un entier.
    return [int(part[:4000]) if part.isdecimal() else part for part in re.split(r"(\d+)", plain)]


def _class(name: str) -> str:
    """Écrit l'attribut HTML ``class``, ou rien."""
    return f' class="{name}"' if name else ""
