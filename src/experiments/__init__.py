"""Les études mesurées que citent les chapitres : un plan, une mesure, un fichier de résultats.

Une étude par module de :data:`STUDIES`. « make experiences » mesure ce qui manque ; une page lit
les résultats (:func:`experiments.results.load`) et en refait une case
(:func:`experiments.running.run_cell`).
"""

from importlib import import_module
from typing import TYPE_CHECKING

from reseaux.errors import unknown_name

if TYPE_CHECKING:
    from experiments.study import Study

STUDIES: tuple[str, ...] = (
    "depths",
    "atlas",
    "longer",
    "enlarged",
    "degradation",
    "ideas",
    "augmentation",
    "race",
    "combining",
    "similarity",
    "adapters",
)


def find(name: str) -> "Study":
    """L'étude d'un nom.

    Raises:
        ReseauxError: nom inconnu.
    """
    if name not in STUDIES:
        raise unknown_name("une étude", name, STUDIES)
    study: Study = import_module(f"experiments.{name}").STUDY
    return study
