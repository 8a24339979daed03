"""Une étude : un plan, liste de cases, et une mesure, qui d'une case fait une ligne de résultats.

Le plan est écrit avant de mesurer, et les résultats y répondent : une ligne par case, avec ce
qu'il faut pour la refaire. Le plan porte aussi ses constantes (recettes, découpes) : si l'une
change, les anciennes lignes ne lui répondent plus (voir :mod:`experiments.results`).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from reseaux.errors import ReseauxError

Value = str | int | float
Cell = dict[str, Value]

# Ce qui dit d'où vient une ligne : durée et fils d'exécution, versions, empreinte du plan.
PROVENANCE = ("seconds", "threads", "versions", "plan")

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Study:
    """Une étude.

    Attributes:
        name: son nom, celui de son fichier de résultats.
        title: ce qu'elle mesure, en quelques mots.
        plan: ses cases, toutes avec les mêmes colonnes, chacune différente.
        measure: d'une case, ses mesures. Une fonction de module, que d'autres processus importent.
        measures: les colonnes que rend ``measure``, et l'écart permis quand on refait une case ;
            un autre processeur arrondit autrement.
        constants: ce dont dépendent les mesures et que les cases ne disent pas.
    """

    name: str
    title: str
    plan: Sequence[Cell]
    measure: Callable[[Cell], Mapping[str, Value]]
    measures: Mapping[str, float]
    constants: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse un plan dont les lignes ne se retrouveraient pas.

        Raises:
            ReseauxError: pas de case, des cases doubles ou de colonnes différentes, une colonne
                deux fois, un texte de plusieurs lignes, une constante sans écriture fixe.
        """
        if not self.plan or any(tuple(cell) != self.columns for cell in self.plan):
            raise ReseauxError(
                f"« {self.name} » : il faut au moins une case, toutes avec les mêmes colonnes."
            )
        if len({*self.header}) < len(self.header):
            raise ReseauxError(
                f"« {self.name} » : une colonne y est deux fois : {', '.join(self.header)}."
            )
        keys = [self.key(cell) for cell in self.plan]
        if len({*keys}) < len(keys):
            double = next(key for key in keys if keys.count(key) > 1)
            raise ReseauxError(f"« {self.name} » : la case {', '.join(double)} y est deux fois.")
        if any(several_lines(part) for key in keys for part in key):
            raise ReseauxError(f"« {self.name} » : une case contient un retour à la ligne.")
        _ = self.fingerprint

    @property
    def path(self) -> Path:
        """Le fichier de résultats."""
        return RESULTS / f"{self.name}.csv"

    @property
    def fingerprint(self) -> str:
        """L'empreinte des constantes ; une ligne mesurée avec d'autres ne répond plus au plan."""
        text = json.dumps(self.constants, sort_keys=True, default=_spelled)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Ce qui désigne une case, telle qu'elle s'écrit dans le fichier."""
        return tuple(str(row[column]) for column in self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Les colonnes d'une case."""
        return tuple(self.plan[0])

    @property
    def header(self) -> list[str]:
        """Les colonnes du fichier : la case, ses mesures, sa provenance."""
        return [*self.columns, *self.measures, *PROVENANCE]


def cross(**axes: Iterable[Value]) -> list[Cell]:
    """Toutes les cases d'une grille : chaque valeur de chaque axe, le premier variant le moins.

    >>> cross(size=(5, 20), draw=range(2))[1]
    {'size': 5, 'draw': 1}
    """
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def several_lines(value: object) -> bool:
    """Dit si une valeur tiendrait sur plusieurs lignes du fichier."""
    return any(mark in str(value) for mark in "\r\n")


def _spelled(value: object) -> str:
    """Une constante que JSON ne connaît pas, si elle s'écrit pareil d'un programme à l'autre.

    Raises:
        ReseauxError: un ensemble, sans ordre, ou un objet que seule son adresse désigne.
    """
    text = str(value)
    if isinstance(value, set | frozenset) or " at 0x" in text:
        raise ReseauxError(
            f"La constante {text} s'écrit autrement à chaque fois ; donnez un nom ou une liste."
        )
    return text
