"""L'atlas du transfert : régler un réseau, ou le laisser gelé ? Selon la tâche et les étiquettes.

La case dit la tâche, le réseau, la méthode, le nombre d'images étiquetées et le tirage. Le pas
d'apprentissage est choisi dans la case, sur une partie des images étiquetées ; le test n'est lu
qu'une fois. Les sondes, aux mêmes tirages, sont dans :mod:`experiments.depths`.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from experiments import starts, tasks, tuning
from experiments.study import Cell, Study, Value, cross
from experiments.tuning import Method, Recipe, Start
from reseaux.reuse import training

DRAWS = 3
# Les pas à essayer : pour EfficientNet, sous FEW images étiquetées, puis au-delà ; pour le petit
# réseau des lettres, qui en supporte de plus grands.
FEW = 150
RATES = {"few": (3e-5, 3e-4), "many": (1e-4, 5e-4), "glyphs": (3e-4, 3e-3)}
PRETRAINED = Recipe(rates=(), passes=500, epochs=(4, 40), few=FEW)
SCRATCH = Recipe(rates=(1e-3, 5e-3), passes=4000, epochs=(12, 40))
LAST_BLOCK = 6  # la première profondeur qu'apprennent « les derniers étages » d'EfficientNet


def _plan() -> list[Cell]:
    """Les cases courtes d'abord : une course interrompue laisse un atlas entier, mais moins fin."""
    draws = range(DRAWS)
    near, far = ("solar", "fragments"), ("digits", "mnist")

    def cells(
        names: tuple[str, ...], network: str, methods: tuple[Method, ...], labels: int
    ) -> list[Cell]:
        return cross(
            task=names,
            backbone=(network,),
            method=tuple(m.value for m in methods),
            labels=(labels,),
            draw=draws,
        )

    tuned = (Method.LP_FT, Method.LAST_BLOCKS)
    plan = []
    for labels in (5, 20, 100):
        plan += cells((*near, *far), "glyphs", (Method.LP_FT, Method.SCRATCH), labels)
        plan += cells((*near, *far), "lite0", tuned, labels)
        plan += cells(far, "lite0", (Method.LP_FT_CUT,), labels)
    plan += cells(("solar",), "lite0", tuned, tasks.ALL)
    plan += cells(("solar", "mnist"), "glyphs", (Method.LP_FT, Method.SCRATCH), tasks.ALL)
    plan += cells(("mnist",), "lite0", (*tuned, Method.LP_FT_CUT), tasks.ALL)
    for labels in (5, 20, 100):
        plan += cells(("solar", "digits"), "lite0", (Method.FINE_TUNING,), labels)
    plan += cells(("solar",), "lite0", (Method.FINE_TUNING,), tasks.ALL)
    plan += cells(("solar",), "lite2", (Method.LP_FT,), 100)
    return plan


def measure(cell: Mapping[str, Any]) -> dict[str, Value]:
    """Exactitudes au test, exactitude de validation, pas choisi, profondeur gardée, traversées."""
    return tuned(cell, PRETRAINED)


def tuned(
    cell: Mapping[str, Any], pretrained: Recipe, task: tasks.Task | None = None
) -> dict[str, Value]:
    """Comme :func:`measure`, avec une autre recette pour un réseau déjà entraîné.

    Args:
        pretrained: la recette ; sans pas à essayer, ceux de l'atlas.
        task: à la place de celle que nomme la case.
    """
    task = task or tasks.TASKS[cell["task"]]
    draw, method = cell["draw"], Method(cell["method"])
    source = task.source(draw)
    chosen = tasks.labelled(task, cell["labels"], draw)
    whole = tasks.images_of(task, source)
    labels, classes = whole.labels[chosen], len(whole.names)
    images = tasks.prepared(task, cell["backbone"], source, chosen)
    if method is Method.SCRATCH:
        recipe = SCRATCH
    else:
        size = "few" if len(chosen) < FEW else "many"
        rates = pretrained.rates or RATES.get(cell["backbone"], RATES[size])
        recipe = replace(pretrained, rates=rates)
    start, depth = _start(cell, method, chosen, labels)
    found = tuning.tune(
        start,
        images,
        labels,
        classes,
        recipe,
        draw,
        tuning.dihedral if cell["task"] == "solar" else None,
    )
    _, held = task.split(draw)
    tested = tasks.prepared(task, cell["backbone"], source, held)
    answers = training.predict(found.model, tested).numpy()
    return {
        **tasks.scores(whole.labels[held], answers),
        "validation": found.validation,
        "rate": found.rate,
        "depth": depth,
        "passes": found.passes,
    }


def _start(
    cell: Mapping[str, Any], method: Method, chosen: tasks.Indices, labels: tasks.Indices
) -> tuple[Start, int]:
    """D'où part une case, et la profondeur où le réseau est coupé."""
    task, draw = tasks.TASKS[cell["task"]], cell["draw"]
    pretrained = tasks.backbone(cell["backbone"])
    if method is Method.SCRATCH:
        return Start(starts.untrained(pretrained, draw), None, 0, frozen_statistics=False), -1
    if method is Method.FINE_TUNING:
        return Start(pretrained, None, 0, frozen_statistics=True), -1
    everything = tasks.features(cell["task"], cell["backbone"], task.source(draw))
    vectors = [space[chosen] for space in everything]
    depths = range(len(vectors)) if method is Method.LP_FT_CUT else [len(vectors) - 1]
    found = {d: tasks.choose_strength(vectors[d], labels, draw) for d in depths}
    depth = max(found, key=lambda d: (found[d][1], d))
    head = tuning.probed_head(vectors[depth], labels, found[depth][0])
    network = tuning.cut(pretrained, depth, tasks.side(task, cell["backbone"]))
    first = LAST_BLOCK if method is Method.LAST_BLOCKS else 0
    return Start(network, head, first, frozen_statistics=True), depth


STUDY = Study(
    "atlas",
    "régler un réseau : tâches, réseaux, méthodes et nombres d'étiquettes",
    _plan(),
    measure,
    # Un entraînement amplifie les arrondis d'une machine à l'autre.
    {
        "accuracy": 0.05,
        "balanced": 0.05,
        "validation": 0.12,
        "rate": np.inf,
        "depth": np.inf,
        "passes": 0,
    },
    {
        "pretrained": asdict(PRETRAINED),
        "rates": RATES,
        "scratch": asdict(SCRATCH),
        "last_block": LAST_BLOCK,
        "strengths": tasks.STRENGTHS,
        "tasks": {name: (t.size, t.tested) for name, t in tasks.TASKS.items()},
    },
)
