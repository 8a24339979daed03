"""Des images plus grandes rendent-elles les fissures ? Tout régler, à deux tailles.

Les cellules solaires de l'atlas, toutes étiquetées, aux mêmes tirages. Seule la taille des images
change d'une case à l'autre. Les deux apprennent trois fois plus longtemps que dans l'atlas.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from experiments import atlas, tasks
from experiments.study import Study, Value, cross
from experiments.tuning import Method
from reseaux import data

SIZES, EPOCHS, RATES = (160, 96), 12, (1e-4, 3e-4)
RECIPE = replace(atlas.PRETRAINED, rates=RATES, epochs=(EPOCHS, EPOCHS))
# Le réseau n'est jamais coupé : sa profondeur ne dit rien.
MEASURES = {name: gap for name, gap in atlas.STUDY.measures.items() if name != "depth"}


@cache  # les images sont gardées par tâche : une par taille
def task_of(size: int) -> tasks.Task:
    """Les cellules solaires de l'atlas, à une autre taille ; les découpes restent les mêmes."""
    return replace(tasks.TASKS["solar"], size=size, load=lambda _: data.solar_cells(size=size))


def measure(cell: Mapping[str, Any]) -> dict[str, Value]:
    """Comme dans l'atlas."""
    whole = {"task": "solar", "backbone": "lite0", "labels": tasks.ALL, **cell}
    found = atlas.tuned(whole, RECIPE, task_of(cell["size"]))
    return {name: found[name] for name in MEASURES}


STUDY = Study(
    "enlarged",
    "régler un réseau sur les cellules solaires, à deux tailles d'images",
    [
        cell
        for draw in range(atlas.DRAWS)
        for cell in cross(method=(Method.FINE_TUNING.value,), size=SIZES, draw=(draw,))
    ],
    measure,
    MEASURES,
    {"recipe": asdict(RECIPE), "tested": tasks.TASKS["solar"].tested},
)
