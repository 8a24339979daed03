"""À quelle profondeur les images d'une même classe se ressemblent-elles ?

La case dit la tâche, le réseau, la profondeur et le tirage, comme dans :mod:`experiments.depths`, à
quoi cette étude se compare. Trois mesures regardent les étiquettes : les plus proches voisins, et
l'accord avec les classes. Les trois autres ne regardent que les images : l'accord avec la dernière
profondeur, la distance à des photographies, la dimension. L'accord est le CKA linéaire
[KornblithCKA19] ; la distance, celle de Fréchet entre deux lois normales à axes indépendants.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments import depths, tasks
from experiments.study import Cell, Study, Value

if TYPE_CHECKING:
    import pandas as pd

BACKBONES = ("lite0", "glyphs", "random")
DRAWS = 5
IMAGES = 800  # par case : assez pour des voisins, assez peu pour une matrice de produits
# Les photographies auxquelles une tâche se compare : une moitié de chacune de celles du cours.
PHOTOGRAPHS = "fragments"
# Ce que l'on peut mesurer sans étiquettes, et le sens dans lequel on s'y fierait. L'accord avec la
# dernière profondeur n'en est pas : il y vaut toujours 1.
WITHOUT_LABELS = {"distance": -1, "dimension": 1}

Vectors = NDArray[np.floating[Any]]


def gram(vectors: Vectors) -> NDArray[np.float64]:
    """Les produits scalaires deux à deux de vecteurs centrés, N×N."""
    centred = np.asarray(vectors, np.float64) - vectors.mean(axis=0, dtype=np.float64)
    products: NDArray[np.float64] = centred @ centred.T
    return products


def agreement(first: Vectors, second: Vectors) -> float:
    """Le CKA linéaire de deux descriptions des mêmes images, N×C et N×D : de 0 à 1.

    Ni une rotation ni un changement d'échelle ne le changent ; une description constante donne 0.
    """
    a, b = gram(first), gram(second)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / norms if norms else 0.0


def neighbours(vectors: Vectors, labels: NDArray[np.int64], count: int) -> float:
    """La part de la même classe parmi les ``count`` plus proches de chaque image, au cosinus.

    C'est la moyenne des classes : une classe nombreuse ne compte pas plus qu'une autre.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, 1e-12)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    same = (labels[nearest] == labels[:, None]).mean(axis=1)
    return float(np.mean([same[labels == k].mean() for k in np.unique(labels)]))


def distance(vectors: Vectors, photographs: Vectors) -> float:
    """L'écart des moyennes et des écarts types, rapporté à la dispersion des photographies."""
    means, spreads = (
        (getattr(vectors, f)(axis=0, dtype=float), getattr(photographs, f)(axis=0, dtype=float))
        for f in ("mean", "std")
    )
    gap = sum(float(((task - photo) ** 2).sum()) for task, photo in (means, spreads))
    return gap / float((spreads[1] ** 2).sum())


def dimension(vectors: Vectors) -> float:
    """Le nombre de directions que les images occupent vraiment : (Σλ)² / Σλ²."""
    products = gram(vectors)
    return float(np.trace(products) ** 2 / (products**2).sum())


def sample(task: tasks.Task, draw: int) -> tasks.Indices:
    """Les images d'une case : des images d'entraînement, jamais de test."""
    known, _ = task.split(draw)
    return np.random.default_rng(draw).permutation(known)[:IMAGES]


def measure(cell: Mapping[str, Any]) -> dict[str, Value]:
    """Les voisins de la même classe, l'accord, la distance aux photographies, la dimension."""
    task, name, depth = tasks.TASKS[cell["task"]], cell["backbone"], cell["depth"]
    source = task.source(cell["draw"])
    chosen = sample(task, cell["draw"])
    spaces = tasks.features(cell["task"], name, source)
    vectors, labels = spaces[depth][chosen], tasks.images_of(task, source).labels[chosen]
    # Les photographies d'un autre tirage, et de l'autre moitié : jamais les images de la case.
    photographs = tasks.features(PHOTOGRAPHS, name, (cell["draw"] + 1) % DRAWS)[depth]
    return {
        "neighbours_1": neighbours(vectors, labels, 1),
        "neighbours_5": neighbours(vectors, labels, 5),
        "agreement_labels": agreement(vectors, np.eye(labels.max() + 1)[labels]),
        "agreement_last": agreement(vectors, spaces[-1][chosen]),
        "distance": distance(vectors, photographs[len(photographs) // 2 :]),
        "dimension": dimension(vectors),
    }


def _plan() -> list[Cell]:
    return [
        {"task": task, "backbone": name, "depth": depth, "draw": draw}
        for name in BACKBONES
        for task in tasks.TASKS
        for draw in range(DRAWS)
        for depth in depths.DEPTHS[name][0]
    ]


def losses(
    probes: "pd.DataFrame", similarity: "pd.DataFrame", labels: int, score: str = "balanced"
) -> "pd.DataFrame":
    """Ce que coûte de choisir la profondeur d'après une mesure, au lieu de la meilleure au test.

    Args:
        probes: les lignes de :mod:`experiments.depths`.
        similarity: celles de cette étude.
        labels: le nombre d'images étiquetées par classe.
        score: la colonne des sondes que l'on compare.

    Returns:
        Une ligne par (tâche, réseau, tirage) dont toutes les profondeurs sont mesurées, et une
        colonne par façon de choisir : ce que ``score`` y perd. « any » : une profondeur au hasard.
    """
    import pandas as pd

    case = ["task", "backbone", "draw"]
    both = similarity.merge(probes[probes["labels"] == labels], on=[*case, "depth"])
    signs = {"neighbours_1": 1, "validation": 1, "depth": 1, **WITHOUT_LABELS}
    rows = {}
    for key, group in both.groupby(case):
        if len(group) == len(depths.DEPTHS[key[1]][0]):
            chosen = {name: (sign * group[name]).idxmax() for name, sign in signs.items()}
            found = {name: group.loc[row, score] for name, row in chosen.items()}
            found["any"] = group[score].mean()
            rows[key] = {name: group[score].max() - value for name, value in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(case)


STUDY = Study(
    "similarity",
    "à chaque profondeur, ce que des images ont de commun, avec et sans leurs étiquettes",
    _plan(),
    measure,
    {
        "neighbours_1": 0.01,
        "neighbours_5": 0.01,
        "agreement_labels": 0.005,
        "agreement_last": 0.005,
        "distance": 0.01,
        "dimension": 0.5,
    },
    {
        "images": IMAGES,
        "photographs": PHOTOGRAPHS,
        "tasks": {k: (t.size, t.tested) for k, t in tasks.TASKS.items()},
    },
)
