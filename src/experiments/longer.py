"""Régler six fois plus longtemps : l'atlas s'arrêtait-il trop tôt ?

L'atlas donne à un réglage quatre époques dès que les images étiquetées passent la centaine. Les
mêmes cases, aux mêmes tirages, ont ici vingt-quatre époques. Une page peut ainsi choisir la durée
comme le pas : sur la validation, qui est la même.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from experiments import atlas
from experiments.study import Study, Value, cross
from experiments.tuning import Method

EPOCHS = 24
RECIPE = replace(atlas.PRETRAINED, epochs=(EPOCHS, EPOCHS))
LABELS = {"digits": 20, "mnist": 20, "fragments": 20, "solar": 100}


def measure(cell: Mapping[str, Any]) -> dict[str, Value]:
    """Comme dans l'atlas."""
    return atlas.tuned(cell, RECIPE)


STUDY = Study(
    "longer",
    "les réglages de l'atlas, six fois plus longs",
    [
        cell
        for draw in range(atlas.DRAWS)
        for task, labels in LABELS.items()
        for cell in cross(
            task=(task,),
            backbone=("lite0",),
            method=(Method.LP_FT.value, Method.FINE_TUNING.value),
            labels=(labels,),
            draw=(draw,),
        )
    ],
    measure,
    atlas.STUDY.measures,
    {**atlas.STUDY.constants, "pretrained": asdict(RECIPE)},
)
