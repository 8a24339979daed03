"""Que reprendre d'un réseau ? Plusieurs réseaux de départ et tâches, plus ou moins d'étiquettes.

La règle d'usage croise la taille des données et leur ressemblance avec celles du réseau. Ici on
mesure ses cases : chaque méthode, sur chaque tâche, avec chaque nombre d'étiquettes, plusieurs
tirages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.recipes import Recipe, fine_tune, untrained
from reseaux.arguments import Count, checked
from reseaux.data import LabeledImages
from reseaux.errors import ReseauxError, unknown_name
from reseaux.reuse import training, transfer
from reseaux.reuse.weights import Pretrained

Task = tuple[LabeledImages, LabeledImages]  # où tirer l'entraînement, le test
Scores = list[list[float]]  # étiquettes × tirages


class MethodKind(Enum):
    """Ce que l'on fait d'un réseau ; la valeur est le nom affiché."""

    PIXELS = "pixels bruts"
    PROBE = "sonde"
    FINE_TUNED = "réglage fin"
    SCRATCH = "de zéro"


@dataclass(frozen=True)
class Method:
    """Une méthode.

    Attributes:
        kind: ce que l'on fait du réseau.
        start: le nom du réseau de départ ; vide pour les pixels.
        depth: la profondeur que lit une sonde.
        depth_name: le nom de cette profondeur, pour l'affichage.
    """

    kind: MethodKind
    start: str = ""
    depth: int | None = None
    depth_name: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Le nom entier, « glyphes : sonde, fin »."""
        name = f"{self.start} : {self.kind.value}" if self.start else self.kind.value
        return f"{name}, {self.depth_name}" if self.depth_name else name


class StartingPoint(NamedTuple):
    """Un réseau de départ et ce qu'on en mesure ; toujours une sonde par profondeur.

    Attributes:
        pretrained: le réseau.
        size: le côté des images qu'on lui donne, en pixels.
        fine_tuning: comment le régler finement ; ``None`` pour s'en passer.
        scratch: comment apprendre la même architecture de zéro ; ``None`` pour s'en passer.
    """

    pretrained: Pretrained
    size: int
    fine_tuning: Recipe | None = None
    scratch: Recipe | None = None


@dataclass(frozen=True)
class Comparison:
    """Ce qu'ont donné toutes les méthodes.

    Attributes:
        tasks: le nom des tâches.
        methods: les méthodes.
        labels: les nombres d'images étiquetées par classe.
        scores: tâches × méthodes × étiquettes × tirages ; des exactitudes, de 0 à 1.
    """

    tasks: tuple[str, ...]
    methods: tuple[Method, ...]
    labels: tuple[int, ...]
    scores: NDArray[np.float64] = field(repr=False)

    def of(self, task: str, method: Method) -> NDArray[np.float64]:
        """Les exactitudes d'une méthode sur une tâche : étiquettes × tirages.

        Raises:
            ReseauxError: tâche ou méthode inconnue.
        """
        if task not in self.tasks:
            raise unknown_name("une tâche", task, self.tasks)
        if method not in self.methods:
            raise unknown_name("une méthode", str(method), map(str, self.methods))
        found: NDArray[np.float64] = self.scores[self.tasks.index(task), self.methods.index(method)]
        return found

    def probes(self, start: str) -> list[Method]:
        """Les sondes d'un réseau de départ, de l'entrée à la fin."""
        return [m for m in self.methods if m.start == start and m.kind is MethodKind.PROBE]

    def best_probe(self, task: str, start: str, labels: int) -> Method:
        """La sonde d'un réseau qui répond le mieux sur une tâche, en moyenne des tirages.

        Raises:
            ReseauxError: tâche, réseau ou nombre d'étiquettes qui n'a pas été mesuré.
        """
        probes = self.probes(start)
        if not probes:
            raise unknown_name("un réseau de départ", start, {m.start for m in self.methods})
        if labels not in self.labels:
            raise unknown_name("un nombre d'étiquettes", labels, map(str, self.labels))
        column = self.labels.index(labels)
        return max(probes, key=lambda m: float(self.of(task, m)[column].mean()))


@checked
def compare(
    tasks: Mapping[str, Task],
    starts: Mapping[str, StartingPoint],
    labels: Sequence[Count],
    seeds: Count,
) -> Comparison:
    """Mesure toutes les méthodes, sur les mêmes tirages d'images.

    Les caractéristiques sont calculées une fois par réseau et par tâche, pour tous les tirages et
    tous les nombres d'étiquettes.

    Args:
        tasks: nom → (où tirer l'entraînement, test).
        starts: nom → réseau de départ.
        labels: nombres d'images étiquetées par classe.
        seeds: nombre de tirages ; leurs graines sont 0, 1, 2…

    Raises:
        ReseauxError: aucune tâche, aucun tirage, ou trop d'étiquettes demandées.
    """
    if not labels or not tasks:
        raise ReseauxError(
            f"{len(tasks)} tâches et {len(labels)} nombres d'étiquettes ; il faut au moins un de "
            "chaque."
        )
    for task in tasks.values():
        _check(task)
    found = [_measure(task, starts, labels, seeds) for task in tasks.values()]
    scores = np.array([list(by_method.values()) for by_method in found])
    return Comparison(tuple(tasks), tuple(found[0]), tuple(labels), scores)


def _check(task: Task) -> None:
    """Refuse une tâche dont le test n'est pas celui de l'entraînement."""
    pool, test = task
    if pool.names != test.names or not len(pool) or not len(test):
        raise ReseauxError(
            f"{len(pool)} images de {len(pool.names)} classes où apprendre, et {len(test)} images "
            f"de test de {len(test.names)} classes ; il faut les mêmes classes des deux côtés."
        )


def _measure(
    task: Task, starts: Mapping[str, StartingPoint], labels: Sequence[int], seeds: int
) -> dict[Method, Scores]:
    """Les exactitudes de chaque méthode sur une tâche."""
    pool, test = task
    samples = [[pool.sample_indices(count, seed) for seed in range(seeds)] for count in labels]

    def probe(known: transfer.Features, held: transfer.Features) -> Scores:
        return [[probe_score(task, known, held, chosen) for chosen in row] for row in samples]

    def tune(networks: Sequence[Pretrained], recipe: Recipe, x: Tensor, z: Tensor) -> Scores:
        def score(chosen: NDArray[np.int64], seed: int) -> float:
            known = x[chosen], torch.from_numpy(pool.labels[chosen])
            model = fine_tune(networks[seed], *known, len(pool.names), recipe, seed)
            return training.accuracy(model, z, torch.from_numpy(test.labels))

        return [[score(chosen, seed) for seed, chosen in enumerate(row)] for row in samples]

    found = {Method(MethodKind.PIXELS): probe(pixels(pool), pixels(test))}
    for name, (pretrained, size, fine_tuning, scratch) in starts.items():
        model = pretrained.model
        x, z = (transfer.prepare(pretrained, part, size) for part in task)
        spaces = zip(*(transfer.extract_features(model, part) for part in (x, z)), strict=True)
        depths = zip(transfer.depth_names(model), spaces, strict=True)
        for depth, (depth_name, (known, held)) in enumerate(depths):
            found[Method(MethodKind.PROBE, name, depth, depth_name)] = probe(known, held)
        if fine_tuning:
            scores = tune([pretrained] * seeds, fine_tuning, x, z)
            found[Method(MethodKind.FINE_TUNED, name)] = scores
        if scratch:
            blank = [untrained(pretrained, seed) for seed in range(seeds)]
            found[Method(MethodKind.SCRATCH, name)] = tune(blank, scratch, x, z)
    return found


@checked
def pixels(images: LabeledImages) -> transfer.Features:
    """Les pixels bruts, un vecteur par image : ce qu'une sonde apprend sans aucun réseau."""
    return images.images.reshape(len(images), -1).astype(np.float32)


def probe_score(
    task: Task, known: transfer.Features, held: transfer.Features, chosen: NDArray[np.int64]
) -> float:
    """L'exactitude au test d'une sonde apprise sur les images choisies.

    Args:
        task: où tirer l'entraînement, et le test.
        known: les vecteurs des images où tirer.
        held: ceux des images de test.
        chosen: les numéros des images d'entraînement.
    """
    probe = transfer.linear_probe(known[chosen], task[0].labels[chosen])
    return float(probe.score(held, task[1].labels))


@checked
def by_depth(
    task: Task,
    known: Sequence[transfer.Features],
    held: Sequence[transfer.Features],
    per_class: Count,
    seeds: Count = 5,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exactitude d'une sonde à chaque profondeur, et sur les pixels bruts, pour plusieurs tirages.

    Args:
        task: où tirer l'entraînement, et le test.
        known: les caractéristiques des images où tirer, une par profondeur.
        held: celles des images de test.
        per_class: nombre d'images d'entraînement par classe.
        seeds: nombre de tirages ; leurs graines sont 0, 1, 2…

    Returns:
        (tirages × profondeurs, tirages) : exactitudes des caractéristiques, puis des pixels.

    Raises:
        ReseauxError: trop d'images demandées, ou pas un vecteur par image et par profondeur.
    """
    _check(task)
    pool, test = task
    shapes = [(len(a), len(b), a.shape[1:] == b.shape[1:]) for a, b in zip(known, held)]  # noqa: B905
    if len(known) != len(held) or {*shapes} - {(len(pool), len(test), True)}:
        raise ReseauxError(
            f"Il faut, à chaque profondeur, un vecteur pour chacune des {len(pool)} images où "
            f"apprendre et des {len(test)} images de test."
        )
    spaces = [*zip(known, held, strict=True), (pixels(pool), pixels(test))]
    samples = [pool.sample_indices(per_class, seed) for seed in range(seeds)]
    table = np.array([[probe_score(task, *s, chosen) for s in spaces] for chosen in samples])
    return table[:, :-1], table[:, -1]
