"""Les tâches et les réseaux des études de transfert : les mêmes images, les mêmes tirages partout.

Un tirage (*draw*) fixe tout ce qui est au hasard : les images de test, celles que l'on étiquette,
l'ordre de l'entraînement. Deux méthodes au même tirage se comparent donc paire à paire.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments import glyph_network, running, starts
from reseaux import data
from reseaux.data import LabeledImages
from reseaux.errors import unknown_name
from reseaux.reuse import probe, transfer, weights
from reseaux.reuse.weights import Pretrained

ALL = 0  # « labels » : toutes les images d'entraînement, au lieu de tant par classe
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """Une tâche de classification.

    Attributes:
        name: son nom français.
        near: proche d'ImageNet (des photographies) ou éloignée.
        size: le côté des images données à un réseau d'ImageNet, en pixels.
        tested: le nombre d'images de test.
        load: rend toutes les images, selon le tirage.
        halves: l'entraînement est la première moitié, le test la seconde : rien ne s'y mêle.
    """

    name: str
    near: bool
    size: int
    tested: int
    load: Callable[[int], LabeledImages]
    halves: bool = False

    def split(self, draw: int) -> tuple[Indices, Indices]:
        """Les numéros des images d'entraînement, et de test."""
        labels = images_of(self, draw).labels
        if self.halves:
            first, second = np.array_split(np.arange(len(labels)), 2)
            return first, np.random.default_rng(draw).permutation(second)[: self.tested]
        known, held = stratified(labels, self.tested, draw)
        return np.sort(known), np.sort(held)

    def source(self, draw: int) -> int:
        """De quel tirage dépendent les images elles-mêmes : 0 quand elles ne changent pas."""
        return draw if self.halves else 0


def stratified(labels: NDArray[Any], tested: int, draw: int) -> tuple[Indices, Indices]:
    """Les numéros d'entraînement et de test, au hasard, dans les proportions des classes."""
    from sklearn.model_selection import train_test_split

    known, held = train_test_split(
        np.arange(len(labels)), test_size=tested, stratify=labels, random_state=draw
    )
    return known, held


def fragments(per_photo: int, draw: int, color: bool = True) -> LabeledImages:
    """Les fragments de photographies : la moitié de gauche d'abord, puis celle de droite."""
    left, right = data.fragments(64, per_photo, draw, color)
    both = np.concatenate([left.images, right.images])
    return LabeledImages(both, np.concatenate([left.labels, right.labels]), left.names)


TASKS = {
    "solar": Task("cellules solaires", True, 96, 656, lambda _: data.solar_cells(size=96)),
    "fragments": Task("fragments, en couleurs", True, 64, 780, partial(fragments, 120), True),
    "grey": Task("fragments, en gris", True, 64, 780, partial(fragments, 120, color=False), True),
    "mnist": Task("chiffres de MNIST", False, 64, 1000, lambda _: data.mnist()),
    "digits": Task("chiffres 8×8", False, 64, 360, lambda _: data.digits()),
}
# Le réseau, et le côté des images qu'on lui donne s'il n'en a qu'un.
BACKBONES = ("lite0", "lite1", "lite2", "glyphs", "random")


@cache
def images_of(task: Task, source: int) -> LabeledImages:
    """Les images d'une tâche, gardées par ce processus."""
    return task.load(source)


@cache
def backbone(name: str) -> Pretrained:
    """Un réseau de départ.

    Raises:
        ReseauxError: nom inconnu.
    """
    if name not in BACKBONES:
        raise unknown_name("un réseau de départ", name, BACKBONES)
    if name == "glyphs":
        return _glyphs()
    if name == "random":
        return starts.untrained(weights.load("efficientnet-lite0"), 0)
    return weights.load(f"efficientnet-{name}")


def _glyphs() -> Pretrained:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "glyphes.pt"
        path.write_bytes(running.memory().cache(_learn_glyphs)())
        return glyph_network.load(path)


def _learn_glyphs() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "glyphes.pt"
        glyph_network.learn(path)
        return path.read_bytes()


def side(task: Task, name: str) -> int:
    """Le côté des images d'une tâche pour un réseau."""
    return glyph_network.SIZE if name == "glyphs" else task.size


def prepared(
    task: Task, name: str, source: int, chosen: Indices | slice = slice(None)
) -> torch.Tensor:
    """Des images d'une tâche, préparées pour un réseau."""
    return transfer.prepare(
        backbone(name), images_of(task, source).images[chosen], side(task, name)
    )


def features(task: str, name: str, source: int) -> list[NDArray[np.float32]]:
    """Les caractéristiques de toutes les images d'une tâche, à chaque profondeur d'un réseau."""
    kept = running.memory().cache(_features)
    found: list[NDArray[np.float32]] = kept(task, name, source)
    return found


def _features(task: str, name: str, source: int) -> list[NDArray[np.float32]]:
    model = backbone(name).model.to(memory_format=torch.channels_last)
    whole = prepared(TASKS[task], name, source)
    return transfer.extract_features(model, whole)


def labelled(task: Task, labels: int, draw: int) -> Indices:
    """Les images étiquetées d'un tirage : ``labels`` par classe, ou toutes (:data:`ALL`)."""
    known, _ = task.split(draw)
    pool = images_of(task, task.source(draw)).subset(known)
    return known if labels == ALL else known[pool.sample_indices(labels, draw)]


STRENGTHS = (0.001, 0.01, 0.1)
FEW = 400


def choose_strength(
    vectors: NDArray[np.float32], labels: NDArray[Any], seed: int
) -> tuple[float, float]:
    """La régularisation d'une sonde, par validation sur les seules images étiquetées.

    Sous :data:`FEW` images, chaque tiers sert à son tour de validation ; au-dessus, un seul.

    Returns:
        (la force choisie, son exactitude de validation) ; à égalité, la plus régulière.
    """
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(3, shuffle=True, random_state=seed).split(vectors, labels)
    parts = list(folds) if len(labels) < FEW else [next(folds)]
    scores = [
        float(
            np.mean(
                [
                    probe.linear_probe(vectors[a], labels[a], strength).score(vectors[b], labels[b])
                    for a, b in parts
                ]
            )
        )
        for strength in STRENGTHS
    ]
    best = int(np.argmax(scores))
    return STRENGTHS[best], scores[best]


def scores(truth: NDArray[Any], answers: NDArray[Any]) -> dict[str, float]:
    """L'exactitude, et l'exactitude équilibrée : la moyenne de celles des classes.

    Deux tiers des cellules solaires sont saines : répondre toujours « saine » fait 69 %
    d'exactitude, et 50 % d'exactitude équilibrée, quoi qu'on ait montré à l'entraînement.
    """
    from sklearn.metrics import balanced_accuracy_score

    balanced = float(balanced_accuracy_score(truth, answers))
    return {"accuracy": float(np.mean(truth == answers)), "balanced": balanced}
