"""Combiner avec un ensemble semblable : que vaut d'autres images, selon leur ressemblance ?

Peu de chiffres de MNIST sont étiquetés. À côté, un ensemble entièrement étiqueté : les chiffres de
scikit-learn (mêmes classes, autre numérisation), des lettres imprimées (autres classes, même genre
d'image), des fragments de photographies (rien à voir). Trois façons de s'en servir, chacune à son
meilleur réglage, choisi par validation croisée sur les quelques images étiquetées :

- *joindre* : apprendre les deux ensembles ensemble, le second pesant plus ou moins ;
- *mélanger* : superposer à chaque image une image de l'autre ensemble, et leurs étiquettes de même
  (mixup) ; c'est la combinaison du tableau du cours ;
- *préentraîner* : apprendre d'abord le second ensemble, puis régler le réseau sur les images.
"""

import copy
from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from experiments.study import Cell, Study, Value
from reseaux import data
from reseaux.arguments import Seed, checked
from reseaux.few_data import strategies
from reseaux.reuse import transfer
from reseaux.reuse.backbone import new_head

SIDE, WIDTH, BATCH = 16, 8, 32
STEPS, BEFORE = 100, 200  # pas sur les images étiquetées ; pas de préentraînement
FOLDS, TEST = 2, 1000
RATE = 5e-3
# Ce que règle chaque méthode : le pas d'apprentissage, le poids de l'autre ensemble dans la perte,
# la plus grande part d'une image de l'autre ensemble dans un mélange, le pas du réglage fin.
SETTINGS: dict[str, tuple[float, ...]] = {
    "alone": (2e-3, 5e-3, 1e-2),
    "joined": (0.1, 0.3, 1.0),
    "mixed": (0.25, 0.5, 1.0),
    "pretrained": (5e-4, 2e-3, 5e-3),
}
OTHERS = ("digits", "letters", "fragments")
CLASSES = 10


class Set(NamedTuple):
    """Des images N×1×H×L et leurs étiquettes."""

    images: Tensor
    labels: Tensor


@cache
def find_target() -> Set:
    """MNIST."""
    return _set(data.mnist())


@cache
def find_other(name: str) -> Set:
    """L'autre ensemble ; les chiffres gardent leur classe, les autres images ont les suivantes."""
    if name == "digits":
        return _set(data.digits())
    known = data.glyphs("latin", SIDE)[0] if name == "letters" else data.fragments(32)[0]
    images, labels = _set(known)
    return Set(images, labels + CLASSES)


def _set(images: data.LabeledImages) -> Set:
    return Set(transfer.resize(images, SIDE)[:, :1], torch.from_numpy(images.labels))


def split(draw: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Les images de MNIST d'un tirage : à étiqueter, classes × rang, et celles du test."""
    labels = find_target().labels.numpy()
    order = np.random.default_rng(draw).permutation(len(labels))
    test, pool = order[:TEST], order[TEST:]
    return np.stack([pool[labels[pool] == k][:20] for k in range(CLASSES)]), np.sort(test)


@checked
def small_start(method: str, other: Set | None, seed: Seed) -> nn.Module:
    """Le réseau d'où partent les réglages ; « pretrained » lui apprend d'abord l'autre ensemble.

    Il a une sortie par chiffre, puis une par classe de l'autre ensemble ; après un préentraînement
    sur d'autres classes, son classifieur est neuf.
    """
    outputs = 1 + int(other.labels.max()) if other else CLASSES
    network = strategies.small_network(outputs, seed, WIDTH)
    if method == "pretrained" and other:
        strategies.fit(network, *other, seed, BEFORE, BATCH)
        if outputs > CLASSES:
            new_head(network, CLASSES, seed)
    return network


def learn(
    method: str, known: Set, other: Set | None, start: nn.Module, setting: float, seed: int
) -> nn.Module:
    """Apprend par une méthode, à un réglage ; ``start`` n'est pas modifié.

    Args:
        known: les images étiquetées.
        other: l'autre ensemble ; aucun pour « alone ».
    """
    network = copy.deepcopy(start).train()
    rate = RATE if method in ("joined", "mixed") else setting
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        x, y = _batch(known, generator)
        loss = F.cross_entropy(network(x), y)
        if other and method == "joined":
            z, extra = _batch(other, generator)
            loss = loss + setting * F.cross_entropy(network(z), extra)
        if other and method == "mixed":
            z, extra = _batch(other, generator, len(x))
            share = setting * torch.rand(len(x), generator=generator)
            at = share.view(-1, 1, 1, 1)
            scores = network((1 - at) * x + at * z)
            ours, theirs = (F.cross_entropy(scores, t, reduction="none") for t in (y, extra))
            loss = loss + ((1 - share) * ours + share * theirs).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


def _batch(known: Set, generator: torch.Generator, size: int = BATCH) -> Set:
    """Un lot tiré avec remise."""
    chosen = torch.randint(len(known.labels), (size,), generator=generator)
    return Set(known.images[chosen], known.labels[chosen])


@torch.inference_mode()
def _scores(network: nn.Module, images: Tensor) -> Tensor:
    """Les scores des dix chiffres seulement."""
    scores: Tensor = network(images)[:, :CLASSES]
    return scores


def measure(cell: Cell) -> Mapping[str, Value]:
    """Choisit le réglage par validation croisée, apprend sur tout, et note."""
    method, draw, count = str(cell["method"]), int(cell["draw"]), int(cell["labels"])
    other = None if method == "alone" else find_other(str(cell["other"]))
    target, (ranked, test) = find_target(), split(draw)
    known = Set(*(part[ranked[:, :count].ravel()] for part in target))
    fold = torch.arange(count).repeat(CLASSES) % min(FOLDS, count)
    start = small_start(method, other, draw)
    found = []
    for setting in SETTINGS[method]:
        scores = torch.empty(len(fold), CLASSES)
        for part in range(int(fold.max()) + 1):
            kept = Set(*(values[fold != part] for values in known))
            network = learn(method, kept, other, start, setting, draw)
            scores[fold == part] = _scores(network, known.images[fold == part])
        loss = float(F.cross_entropy(scores, known.labels))
        found.append((loss, float((scores.argmax(1) == known.labels).double().mean()), setting))
    loss, validation, setting = min(found, key=lambda row: row[0])
    network = learn(method, known, other, start, setting, draw)
    answers = _scores(network, target.images[test]).argmax(1)
    right = float((answers == target.labels[test]).double().mean())
    return {
        "setting": setting,
        "validation_loss": loss,
        "validation": validation,
        "test": right,
    }


def _cells() -> list[Cell]:
    """Le plan, les tailles extrêmes d'abord ; « alone » n'a pas d'autre ensemble."""
    pairs = [("alone", "none"), *product(("joined", "mixed", "pretrained"), OTHERS)]
    return [
        {"method": method, "other": other, "labels": labels, "draw": draw}
        for labels in (2, 20, 5)
        for draw in range(5)
        for method, other in pairs
    ]


STUDY = Study(
    name="combining",
    title="ce qu'apporte un autre ensemble, selon sa ressemblance",
    plan=_cells(),
    measure=measure,
    measures={"setting": 1, "validation_loss": 0.3, "validation": 0.1, "test": 0.05},
    constants={
        "images": (SIDE, TEST),
        "réseau": (WIDTH, BATCH, STEPS, BEFORE, RATE),
        "validation": FOLDS,
        "réglages": SETTINGS,
    },
)
