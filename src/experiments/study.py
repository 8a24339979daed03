"""Une étude : un plan, liste de cases, et une mesure, qui d'une case fait une ligne de résultats.

Le plan est écrit avant de mesurer, et les résultats y répondent : une ligne par case, avec ce
qu'il faut pour la refaire. Le plan porte aussi ses constantes (recettes, découpes) : si l'une
change, les anciennes lignes ne lui répondent plus (voir :mod:`experiments.results`).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Value = str | int | float
Cell = dict[str, Value]

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

    @property
    def path(self) -> Path:
        """Le fichier de résultats."""
        return RESULTS / f"{self.name}.csv"

    @property
    def fingerprint(self) -> str:
        """L'empreinte des constantes ; une ligne mesurée avec d'autres ne répond plus au plan."""
        text = json.dumps(self.constants, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Ce qui désigne une case, telle qu'elle s'écrit dans le fichier."""
        return tuple(str(row[column]) for column in self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Les colonnes d'une case."""
        return tuple(self.plan[0])


def cross(**axes: Iterable[Value]) -> list[Cell]:
    """Toutes les cases d'une grille : chaque valeur de chaque axe, le premier variant le moins.

    >>> cross(size=(5, 20), draw=range(2))[1]
    {'size': 5, 'draw': 1}
    """
    cells: list[Cell] = [{}]
    for name, values in axes.items():
        cells = [{**cell, name: value} for cell in cells for value in list(values)]
    return cells
