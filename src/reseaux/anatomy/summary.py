"""Une ligne par couche : nom, genre, noyau, pas, sortie, paramètres, opérations, champ réceptif.

Convention de compte, la même partout dans le cours : les multiplications-additions (MAC) des
convolutions, des couches linéaires et des produits de matrices, sans biais, pour une image, en mode
évaluation. C'est la moitié de ce que compte ``torch.utils.flop_counter.FlopCounterMode``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from reseaux.anatomy.kinds import JOINING, WEIGHTED
from reseaux.anatomy.tracing import Row, trace
from reseaux.anatomy.trails import ENTRY
from reseaux.arguments import checked
from reseaux.errors import ReseauxError
from reseaux.formatting import dimensions, percent
from reseaux.tables import Cell, Table

Size = Sequence[int]


@dataclass(frozen=True)
class Summary:
    """Toutes les couches d'un réseau, dans l'ordre où le calcul les traverse.

    Attributes:
        title: le nom du réseau.
        input_sizes: la taille de chaque entrée, sans la dimension du lot.
        rows: une ligne par appel d'une couche, ou par opération écrite sans couche qui compte.
        unlisted: les autres opérations écrites sans couche, qui n'ont pas de ligne, et leur nombre.
    """

    title: str
    input_sizes: tuple[tuple[int, ...], ...]
    rows: tuple[Row, ...]
    unlisted: tuple[tuple[str, int], ...] = ()

    @property
    def input_size(self) -> tuple[int, ...]:
        """La taille de la première entrée, sans la dimension du lot."""
        return self.input_sizes[0]

    @property
    def params(self) -> int:
        """Nombre total de paramètres ; égal à ``sum(p.numel() for p in net.parameters())``."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Nombre total de multiplications-additions, pour une image."""
        return sum(row.macs for row in self.rows)

    @property
    def weight_bytes(self) -> int:
        """Taille des paramètres en octets, en float32 (quatre octets chacun)."""
        return 4 * self.params

    @property
    def activation_bytes(self) -> int:
        """Taille de toutes les sorties, en float32 : ce que l'entraînement garde d'une image."""
        return 4 * sum(math.prod(row.output) for row in self.rows if row.output)

    @property
    def depth(self) -> int:
        """Couches à poids (convolutions et connectées) sur le plus long chemin, comme les noms."""
        longest: list[int] = []
        for row in self.rows:
            before = max((longest[i] for i in row.inputs if i != ENTRY), default=0)
            longest.append(before + (row.kind in WEIGHTED))
        return max(longest, default=0)

    @property
    def note(self) -> str:
        """Dit quelles opérations n'ont pas de ligne ; vide si tout passe par des couches."""
        if not self.unlisted:
            return ""
        counts = ", ".join(f"{name} ({count} fois)" for name, count in self.unlisted)
        return f"Sans ligne, car écrites sans couche et sans MAC : {counts}."

    @checked
    def table(self, only_main: bool = True) -> Table:
        """Rend le tableau des couches.

        Args:
            only_main: laisser de côté les couches sans paramètre, sans MAC et sans noyau, comme
                ReLU ou le dropout.
        """
        shown = [row for row in self.rows if not only_main or _is_main(row)]
        total = self.params or 1
        cells: list[list[Cell]] = [
            [
                row.name,
                str(row.kind),
                dimensions(row.kernel),
                _side(row.stride),
                dimensions(row.output),
                row.params,
                percent(row.params / total),
                row.macs,
                _side(row.receptive_field),
            ]
            for row in shown
        ]
        cells.append(["total", "", "", "", "", self.params, percent(1), self.macs, ""])
        sizes = " et ".join(dimensions(size) for size in self.input_sizes)
        return Table(
            f"{self.title}, entrée {sizes}" + (f". {self.note}" if self.note else ""),
            ["couche", "genre", "noyau", "pas", "sortie", "paramètres", "part", "MAC", "champ"],
            cells,
        )

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def __repr__(self) -> str:
        """Rend le tableau en texte."""
        return repr(self.table())


def _side(sizes: tuple[int, int] | None) -> str:
    """Écrit une hauteur et une largeur égales d'un seul nombre : le tableau tient dans l'écran."""
    return dimensions(sizes[:1] if sizes and sizes[0] == sizes[1] else sizes)


def _is_main(row: Row) -> bool:
    return bool(row.params or row.macs or row.kernel or row.kind in JOINING)


@checked
def summarize(
    module: nn.Module,
    input_size: Size | Sequence[Size] = (3, 224, 224),
    title: str | None = None,
    dtypes: Sequence[torch.dtype] | None = None,
) -> Summary:
    """Traverse un réseau et décrit chacune de ses couches.

    Args:
        module: n'importe quel ``nn.Module``.
        input_size: la taille d'une entrée, sans la dimension du lot (canaux, hauteur, largeur) ; ou
            une liste de tailles, pour un réseau à plusieurs entrées.
        title: le nom à afficher ; celui de la classe par défaut.
        dtypes: le type de chaque entrée (``torch.long`` pour des indices) ; par défaut, celui des
            poids.

    Returns:
        Le :class:`Summary`. Le module donné n'est pas modifié, aucun poids n'est lu.

    Raises:
        ReseauxError: module ou taille qui n'en est pas une, ou calcul qui échoue ; le message nomme
            la couche et la forme qu'elle a reçue.
    """
    several = all(isinstance(size, Sequence) for size in input_size)
    given: Any = input_size if several else [input_size]
    sizes = tuple(tuple(int(n) for n in size) for size in given)
    if not sizes or not all(size and min(size) > 0 for size in sizes):
        raise ReseauxError(
            f"input_size={input_size!r} : il faut des entiers positifs, par exemple "
            "(3, 224, 224), sans la dimension du lot ; ou une liste de telles tailles, une par "
            "entrée."
        )
    weights = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    types = tuple(dtypes or (weights,) * len(sizes))
    if len(types) != len(sizes):
        raise ReseauxError(
            f"{len(sizes)} entrées pour {len(types)} types (dtypes) : donnez un type par entrée."
        )
    try:
        inputs = [
            torch.empty((1, *size), dtype=dtype, device="meta")
            for size, dtype in zip(sizes, types, strict=True)
        ]
    except (RuntimeError, TypeError) as error:
        raise ReseauxError(
            f"Aucun tenseur n'a la taille {' ou '.join(map(dimensions, sizes))}, de type {types}."
        ) from error
    rows, unlisted = trace(module, inputs)
    return Summary(title or type(module).__name__, sizes, tuple(rows), unlisted)
