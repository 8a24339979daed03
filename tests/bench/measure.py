"""Mesurer côte à côte : les concurrents tournent tour à tour, dans le même processus.

Le tour de rôle compte : si la machine ralentit pendant la mesure, tous ralentissent ensemble, et
leur rapport reste juste. On garde la médiane, qu'un passage lent ne déplace pas.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping

REPEATS, WARMUP = 15, 2


def side_by_side(
    rivals: Mapping[str, Callable[[], object]], repeats: int = REPEATS, warmup: int = WARMUP
) -> dict[str, float]:
    """Rend la durée médiane de chaque concurrent, en secondes."""
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(warmup + repeats):
        gc.collect()
        gc.disable()  # le ramassage de l'un ne doit pas tomber dans le temps de l'autre
        first = turn % len(rivals)  # le premier trouve les caches froids : chacun l'est à son tour
        order = [*rivals][first:] + [*rivals][:first]
        for name in order:
            call = rivals[name]
            start = time.perf_counter()
            call()
            elapsed = time.perf_counter() - start
            if turn >= warmup:
                times[name].append(elapsed)
        gc.enable()
    return {name: statistics.median(values) for name, values in times.items()}


def geometric_mean(values: Iterable[float]) -> float:
    """La moyenne qui convient à des rapports : deux fois plus et deux fois moins s'annulent."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs))
