"""Des tableaux lisibles à l'écran, par un lecteur d'écran et par un test.

Un :class:`Table` a deux visages : du HTML accessible dans un notebook (légende, en-têtes de
colonnes et de lignes, défilement sur un petit écran), du texte aligné partout ailleurs. Les tests
comparent les deux à une référence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

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
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    digits: Mapping[str, int] | None = None

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
            "<tr>"
            # Une cellule vide n'est l'en-tête de rien.
            + (f'<th scope="row">{escape(row[0])}</th>' if row[0] else "<td></td>")
            + "".join(
                f"<td{_class('nombre' if number else 'court' * (len(cell) <= SHORT))}>"
                f"{escape(cell)}</td>"
                for cell, number in zip(row[1:], numeric[1:], strict=True)
            )
            + "</tr>"
            for row in self.text_rows()
        )
        # Le cadre défile de côté sur un petit écran ; « tabindex » l'ouvre au clavier.
        return (
            f'<div class="tableau" role="region" tabindex="0" '
            f'aria-label="{escape(self.caption)}">\n'
            f"<table><caption>{escape(self.caption)}</caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )


def _class(name: str) -> str:
    """Écrit l'attribut HTML ``class``, ou rien."""
    return f' class="{name}"' if name else ""
