"""Mesurer les cases qui manquent à une étude, et vérifier celles qui ont leur ligne.

Les cases sont indépendantes : joblib les répartit sur les cœurs, un processus chacun, ou sur une
grappe dask. Chaque processus calcule sur un seul fil, pour que les nombres ne dépendent pas de la
machine ; le programme principal seul écrit, une ligne à la fois, dès qu'elle arrive.
"""

import math
import os
import sys
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar, cast

import joblib
import numpy as np

from experiments import results, workers
from experiments.study import PROVENANCE, Cell, Study, Value, several_lines
from reseaux.arguments import Count, Seed, checked
from reseaux.errors import ReseauxError

T = TypeVar("T")

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
    started = time.perf_counter()
    try:
        with workers.one_thread():
            found = dict(study.measure(dict(cell)))
    except Exception as error:  # quelle qu'elle soit, les autres cases continuent
        raise _failure(study, cell, error) from error
    if list(found) != list(study.measures):
        raise CellFailed(
            f"{study.name}, case {_told(cell)} : la mesure rend {list(found)} ; le plan promet "
            f"{list(study.measures)}."
        )
    if any(map(several_lines, found.values())):
        raise CellFailed(f"{study.name}, case {_told(cell)} : un retour à la ligne dans {found}.")
    seconds = round(time.perf_counter() - started, 2)
    provenance = (seconds, 1, versions(), study.fingerprint)
    # Six décimales : au-delà, deux machines diffèrent toujours.
    rounded = {name: round(v, 6) if isinstance(v, float) else v for name, v in found.items()}
    return {**cell, **rounded, **dict(zip(PROVENANCE, provenance, strict=True))}


def versions() -> str:
    """Les versions dont dépendent les nombres."""
    from importlib.metadata import version

    return " ".join(f"{name} {version(name)}" for name in ("torch", "scikit-learn", "numpy"))


def _told(cell: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in cell.items())


def _failure(study: Study, cell: Cell, error: Exception) -> CellFailed:
    """L'échec d'une case, et l'endroit du code d'où il vient."""
    if isinstance(error, CellFailed):
        return error
    places = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(places[-1].filename).name}, ligne {places[-1].lineno})" if places else ""
    why = f"{type(error).__name__}, {error}".rstrip(".")
    return CellFailed(f"{study.name}, case {_told(cell)} : {why}{place}.")


Line = dict[str, Value] | CellFailed


def _attempt(study: Study, cell: Cell) -> Line:
    """Comme :func:`run_cell`, mais rend l'échec : il n'arrête pas les autres cases."""
    try:
        return run_cell(study, cell)
    except CellFailed as failed:
        return CellFailed(str(failed))  # sans sa cause, qu'un autre processus ne saurait pas lire


def _named(study: Study, cell: Cell) -> tuple[Cell, Line]:
    return cell, _attempt(study, cell)


def _each(
    study: Study, cells: Sequence[Cell], jobs: int, cluster: str
) -> Iterator[tuple[Cell, Line]]:
    """Les cases et leurs lignes, dans l'ordre où elles arrivent."""
    if cluster:
        for cell, found in workers.on_cluster(cluster, _attempt, study, cells):
            yield cell, _failure(study, cell, found) if isinstance(found, Exception) else found
        return
    run = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator_unordered",
        batch_size=1,
        pre_dispatch="2*n_jobs",
        initializer=workers.obey,
        initargs=(os.getpid(),),
    )
    with workers.deaf():
        lines = run(joblib.delayed(_named)(workers.alone(study, cell), cell) for cell in cells)
    try:
        for line in lines:  # noqa: UP028 (« yield from » fermerait lui-même)
            yield line
    except BrokenExecutor:
        raise ReseauxError(
            "Un processus de calcul a été tué, peut-être faute de mémoire. Les lignes mesurées "
            "sont gardées ; relancez, avec moins de processus."
        ) from None
    finally:
        with warnings.catch_warnings(action="ignore"):  # les cases abandonnées : nous le disons
            lines.close()


class _Log:
    """Un journal, où la barre de progression écrit une ligne à chaque fois."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        self.stream.write(text.replace("\r", "\n"))

    def flush(self) -> None:
        self.stream.flush()


def _progress(lines: Iterable[T], study: Study, total: int) -> Iterable[T]:
    """Montre l'avancement et le temps qui reste : une barre, ou une ligne par minute."""
    from tqdm import tqdm

    screen = sys.stderr.isatty()
    bar: Iterable[T] = tqdm(
        lines,
        study.name,
        total,
        file=sys.stderr if screen else _Log(sys.stderr),
        mininterval=2 if screen else 60,
        bar_format="{desc} {n_fmt}/{total_fmt} {bar:24} reste {remaining} (depuis {elapsed})",
        ascii=" ▏▎▍▌▋▊▉█",
    )
    return bar


@dataclass(frozen=True)
class Outcome:
    """Ce qu'a donné une course : cases mesurées, échecs, cases encore à faire."""

    done: int
    failed: tuple[str, ...]
    left: int


@checked
def run(
    study: Study, jobs: Count | None = None, cluster: str = "", most: Count | None = None
) -> Outcome:
    """Mesure ce qui manque à une étude, et ajoute chaque ligne à son fichier dès qu'elle arrive.

    Args:
        jobs: nombre de processus ; ``None``, un par cœur.
        cluster: l'adresse d'une grappe dask ; vide, cette machine.
        most: s'arrêter après ce nombre de cases.

    Raises:
        ReseauxError: ses résultats ne répondent plus au plan ; un autre programme la mesure ; le
            système refuse d'écrire, ou la grappe de répondre.
    """
    from tqdm import tqdm

    with results.appending(study) as writer:
        todo = results.missing(study, results.read(study))
        chosen = todo[:most]
        failed, done = [], 0
        with closing(cast(Any, _each(study, chosen, jobs or -1, cluster))) as lines:
            for _, line in _progress(lines, study, len(chosen)) if chosen else ():
                if isinstance(line, CellFailed):
                    tqdm.write(str(line), file=sys.stderr)
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
    """Les mesures refaites qui s'écartent de la ligne gardée de plus que la tolérance.

    NaN s'écarte toujours.
    """
    return tuple(
        f"{name} : {stored[name]} gardé, {found[name]} maintenant (écart permis {tolerance:g})"
        for name, tolerance in study.measures.items()
        if not _close(stored[name], found[name], tolerance)
    )


def _close(before: str, now: Value, tolerance: float) -> bool:
    if isinstance(now, str):
        return before == now
    try:
        # Un milliardième de plus : 0,85 − 0,84 n'est pas tout à fait 0,01.
        return math.isclose(float(before), now, rel_tol=0, abs_tol=tolerance * (1 + 1e-9))
    except ValueError:  # un texte, là où l'on mesure un nombre
        return False


@checked
def verify(
    study: Study,
    count: Count,
    seed: Seed = 0,
    cheapest: bool = False,
    jobs: Count | None = 1,
    cluster: str = "",
) -> list[Check]:
    """Refait des cases qui ont leur ligne, et compare ; une case qui échoue est une différence.

    Args:
        count: combien ; toutes, s'il y en a moins.
        seed: graine du tirage.
        cheapest: les plus courtes, au lieu d'un tirage au hasard.
        jobs: nombre de processus ; 1, celui-ci ; ``None``, un par cœur.
        cluster: l'adresse d'une grappe dask ; vide, cette machine.

    Raises:
        ReseauxError: pas de résultats, ou ils ne répondent plus au plan.
    """
    rows = results.read(study)
    if not rows:
        raise ReseauxError(f"Pas de résultats à vérifier pour « {study.name} ».")
    if cheapest:
        drawn = sorted(rows, key=lambda row: float(row["seconds"]))[:count]
    else:
        order = np.random.default_rng(seed).permutation(len(rows))
        drawn = [rows[k] for k in order[:count]]
    cells = {study.key(cell): cell for cell in study.plan}
    again = _each(study, [cells[study.key(row)] for row in drawn], jobs or -1, cluster)
    found = {study.key(cell): line for cell, line in _progress(again, study, len(drawn))}
    return [_check(study, row, found[study.key(row)]) for row in drawn]


def _check(study: Study, row: Mapping[str, str], line: Line) -> Check:
    if isinstance(line, CellFailed):
        return Check(row, {}, (str(line),))
    return Check(row, line, compare(study, row, line))
