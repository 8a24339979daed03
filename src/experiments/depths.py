"""Que vaut chaque profondeur d'un réseau ? Une sonde à chacune, sur cinq tâches.

La case dit la tâche, le réseau, la profondeur, le nombre d'images étiquetées et le tirage. La force
de la sonde est choisie par validation croisée sur les images étiquetées, et l'exactitude de
validation est gardée : choisir la profondeur sans regarder le test se fait donc après coup.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments import tasks
from experiments.study import Cell, Study, Value
from reseaux.reuse import probe, transfer

LABELS = (5, 20, 100, tasks.ALL)
DRAWS = 5
# Les profondeurs que l'on lit de chaque réseau, et les tâches où on le fait.
EVERY = tuple(tasks.TASKS)
DEPTHS = {
    "pixels": (range(1), EVERY),
    "lite0": (range(9), EVERY),
    "glyphs": (range(4), EVERY),
    "lite1": (range(6, 9), ("solar", "mnist")),
    "lite2": (range(6, 9), ("solar", "mnist")),
    "random": (range(2, 9, 2), EVERY),
}


def _plan() -> list[Cell]:
    return [
        {"task": task, "backbone": name, "depth": depth, "labels": labels, "draw": draw}
        for name, (depths, chosen) in DEPTHS.items()
        for task in chosen
        for draw in range(DRAWS)
        for labels in LABELS
        for depth in depths
    ]


def measure(cell: Mapping[str, Any]) -> dict[str, Value]:
    """Exactitudes au test d'une sonde, exactitude de validation, force choisie."""
    task = tasks.TASKS[cell["task"]]
    source = task.source(cell["draw"])
    vectors = _vectors(cell["task"], cell["backbone"], source, cell["depth"])
    truth = tasks.images_of(task, source).labels
    chosen = tasks.labelled(task, cell["labels"], cell["draw"])
    _, held = task.split(cell["draw"])
    strength, validation = tasks.choose_strength(vectors[chosen], truth[chosen], cell["draw"])
    found = probe.linear_probe(vectors[chosen], truth[chosen], strength)
    tested = tasks.scores(truth[held], found.predict(vectors[held]))
    return {**tested, "validation": validation, "strength": strength}


def _vectors(task: str, name: str, source: int, depth: int) -> NDArray[np.float32]:
    if name != "pixels":
        return tasks.features(task, name, source)[depth]
    # Assez peu de pixels pour que la sonde s'apprenne vite ; davantage n'aide pas.
    images = tasks.images_of(tasks.TASKS[task], source).images
    grey = images.ndim == 3
    small = transfer.resize(images, min(28 if grey else 16, images.shape[1])).numpy()
    small = small[:, : 1 if grey else 3]
    flat: NDArray[np.float32] = small.reshape(len(small), -1)
    return flat


STUDY = Study(
    "depths",
    "une sonde à chaque profondeur, par tâche, réseau et nombre d'étiquettes",
    _plan(),
    measure,
    # À un arrondi près, une autre force peut être choisie : seule l'exactitude s'y compare.
    {"accuracy": 0.02, "balanced": 0.03, "validation": 0.02, "strength": math.inf},
    {
        "strengths": tasks.STRENGTHS,
        "tasks": {k: (t.size, t.tested) for k, t in tasks.TASKS.items()},
    },
)
