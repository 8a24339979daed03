"""Mesurer les cases qui manquent à une étude, et vérifier celles qui ont leur ligne.

Les cases sont indépendantes : joblib les répartit sur les cœurs, un processus chacun, ou sur une
grappe dask. Chaque processus calcule sur un seul fil, pour que les nombres ne dépendent pas de la
machine ; le programme principal seul écrit, une ligne à la fois, dès qu'elle arrive.
"""

import os
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from experiments import results
from experiments.study import Cell, Study, Value
from reseaux.arguments import Count, Seed, checked
from reseaux.errors import ReseauxError

# Où garder, d'une case à l'autre, ce qui se recalcule (des caractéristiques) ; vide : nulle part.
MEMORY = "EXPERIENCES_MEMOIRE"


def memory() -> joblib.Memory:
    """De quoi garder sur le disque ce que plusieurs cases recalculeraient."""
    return joblib.Memory(os.environ.get(MEMORY) or None, verbose=0)


class CellFailed(ReseauxError):
    """Une case n'a pas pu être mesurée."""


@checked
def run_cell(study: Study, cell: dict[str, Any]) -> dict[str, Value]:
    """Mesure une case ; rend sa ligne, provenance comprise.

    Raises:
        CellFailed: la mesure échoue, ou ne rend pas les colonnes promises.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    started = time.perf_counter()
    try:
        found = dict(study.measure(dict(cell)))
    except Exception as error:  # quelle qu'elle soit, les autres cases continuent
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise CellFailed(
            f"{study.name}, case {_told(cell)} : {type(error).__name__}, {error} "
            f"({Path(place.filename).name}, ligne {place.lineno})."
        ) from error
    finally:
        torch.set_num_threads(threads)
    if list(found) != list(study.measures):
        raise CellFailed(
            f"{study.name} rend {list(found)} ; le plan promet {list(study.measures)}."
        )
    seconds = round(time.perf_counter() - started, 2)
    provenance = (seconds, 1, versions(), study.fingerprint)
    # Six décimales : au-delà, deux machines diffèrent toujours.
    rounded = {name: round(v, 6) if isinstance(v, float) else v for name, v in found.items()}
    return {**cell, **rounded, **dict(zip(results.PROVENANCE, provenance, strict=True))}


def versions() -> str:
    """Les versions dont dépendent les nombres."""
    from importlib.metadata import version

    return " ".join(f"{name} {version(name)}" for name in ("torch", "scikit-learn", "numpy"))


def _told(cell: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in cell.items())


def _attempt(study: Study, cell: Cell) -> dict[str, Value] | CellFailed:
    """Comme :func:`run_cell`, mais rend l'échec : il n'arrête pas les autres cases."""
    try:
        return run_cell(study, cell)
    except CellFailed as failed:
        return CellFailed(str(failed))  # sans sa cause, qu'un autre processus ne saurait pas lire


def _each(
    study: Study, cells: Sequence[Cell], jobs: int, cluster: str
) -> Iterator[dict[str, Value] | CellFailed]:
    """Les lignes des cases, dans l'ordre où elles arrivent."""
    backend: AbstractContextManager[Any] = nullcontext()
    if cluster:
        from dask.distributed import Client

        client = Client(cluster)  # type: ignore[no-untyped-call]
        backend = joblib.parallel_config("dask", n_jobs=-1, client=client)
    with backend:
        run = joblib.Parallel(
            n_jobs=None if cluster else jobs,
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="2*n_jobs",
        )
        yield from run(joblib.delayed(_attempt)(study, cell) for cell in cells)


@dataclass(frozen=True)
class Outcome:
    """Ce qu'a donné une course : cases mesurées, échecs, cases encore à faire."""

    done: int
    failed: tuple[str, ...]
    left: int


@checked
def run(study: Study, jobs: int = -1, cluster: str = "", most: int | None = None) -> Outcome:
    """Mesure ce qui manque à une étude, et ajoute chaque ligne à son fichier dès qu'elle arrive.

    Args:
        jobs: nombre de processus ; −1, un par cœur.
        cluster: l'adresse d'une grappe dask ; vide, cette machine.
        most: s'arrêter après ce nombre de cases.

    Raises:
        ReseauxError: ses résultats ne répondent plus au plan ; un autre programme la mesure.
    """
    from tqdm import tqdm

    with results.appending(study) as writer:
        todo = results.missing(study, results.read(study))
        chosen = todo[:most]
        failed, done = [], 0
        bar = "{desc} {n_fmt}/{total_fmt} {bar:24} reste {remaining} (depuis {elapsed})"
        lines = _each(study, chosen, jobs, cluster)
        for line in tqdm(
            lines, study.name, len(chosen), mininterval=2, bar_format=bar, ascii=" ▏▎▍▌▋▊▉█"
        ):
            if isinstance(line, CellFailed):
                failed.append(str(line))
            else:
                writer.add(line)
                done += 1
    return Outcome(done, tuple(failed), len(todo) - done)


@dataclass(frozen=True)
class Check:
    """Une case refaite : sa ligne, ce qu'on trouve maintenant, et ce qui sort de la tolérance."""

    stored: Mapping[str, str]
    found: Mapping[str, Value]
    differences: tuple[str, ...]


def compare(study: Study, stored: Mapping[str, str], found: Mapping[str, Value]) -> tuple[str, ...]:
    """Les mesures refaites qui s'écartent de la ligne gardée de plus que la tolérance."""
    told = []
    for name, tolerance in study.measures.items():
        before, now = stored[name], found[name]
        text = isinstance(now, str)
        same = before == now if text else abs(float(before) - float(now)) <= tolerance
        if not same:
            told.append(f"{name} : {before} gardé, {now} maintenant (écart permis {tolerance:g})")
    return tuple(told)


@checked
def verify(study: Study, count: Count, seed: Seed = 0, cheapest: bool = False) -> list[Check]:
    """Refait des cases qui ont leur ligne, et compare.

    Args:
        count: combien.
        seed: graine du tirage.
        cheapest: les plus courtes, au lieu d'un tirage au hasard.

    Raises:
        ReseauxError: pas de résultats, ou ils ne répondent plus au plan ; une case échoue.
    """
    rows = results.read(study)
    if not rows:
        raise ReseauxError(f"Pas de résultats à vérifier pour « {study.name} ».")
    cells = {study.key(cell): cell for cell in study.plan}
    if cheapest:
        drawn = sorted(rows, key=lambda row: float(row["seconds"]))[:count]
    else:
        order = np.random.default_rng(seed).permutation(len(rows))
        drawn = [rows[k] for k in order[:count]]
    checks = []
    for row in drawn:
        found = run_cell(study, cells[study.key(row)])
        checks.append(Check(row, found, compare(study, row, found)))
    return checks
