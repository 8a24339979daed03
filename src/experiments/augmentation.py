"""Augmenter : quelle transformation aide, sur des photographies et sur des lettres ?

Les neuf transformations du cours, leur mélange, et ce que le cours ne range pas parmi elles : les
quarts de tour et leurs reflets. Deux façons d'apprendre (:mod:`experiments.learners`) : une sonde
sur un réseau déjà entraîné, qui voit quelques copies de chaque image ; un petit réseau appris de
zéro, qui en voit de nouvelles à chaque lot.

Chaque transformation a deux forces, deux cases. :func:`at_best_strength` garde, à chaque tirage,
celle que la validation préfère : le test ne choisit rien.
"""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.transforms import v2

from experiments import learners, running, tasks
from experiments.learners import ProbeSetting, Score, Seen
from experiments.study import Cell, Study, Value
from reseaux import data
from reseaux.few_data import strategies
from reseaux.few_data.augmentations import AUGMENTATIONS
from reseaux.reuse import transfer, weights

if TYPE_CHECKING:
    import pandas as pd

Indices = NDArray[np.int64]

# Le rang de chaque force comparée, parmi les cinq de la transformation. Retourner une image sur
# deux, ou la poser dans une des huit positions d'un carré, n'a qu'une force.
STRENGTHS: dict[str, tuple[int, ...]] = {
    "none": (0,),
    "flip": (2,),
    "right_angles": (2,),
    **{key: (1, 3) for key in AUGMENTATIONS if key != "flip"},
    "mix": (1, 3),
}
DEPTHS = (5, 7)  # les étages d'EfficientNet-Lite0 que lit la sonde : 112 et 320 cartes
COPIES, STRENGTHS_OF_PROBE = (1, 3), (0.01, 0.1, 1.0)
STEPS = (100, 300)  # la durée de l'entraînement du petit réseau


class Task(NamedTuple):
    """Une tâche.

    Attributes:
        images: ses images.
        test_size: combien d'entre elles servent de test.
        fixed: ce sont les dernières ; sinon, chaque tirage choisit les siennes.
        labels: les nombres d'images étiquetées par classe que l'on compare.
        probe_side: le côté des images que lit la sonde, en pixels.
        network_side: celui des images que lit le petit réseau.
    """

    images: data.LabeledImages
    test_size: int
    fixed: bool
    labels: tuple[int, ...]
    probe_side: int
    network_side: int

    def split(self, draw: int) -> tuple[Indices, Indices]:
        """Les images d'un tirage : celles à étiqueter, classes × rang, et celles du test.

        En étiqueter m par classe, c'est prendre les m premiers rangs.
        """
        labels, everything = self.images.labels, np.arange(len(self.images))
        pool, test = everything[: -self.test_size], everything[-self.test_size :]
        if not self.fixed:
            pool, test = tasks.stratified(labels, self.test_size, draw)
        order = np.random.default_rng(draw).permutation(pool)
        by_class = [order[labels[order] == k] for k in range(len(self.images.names))]
        return np.stack([members[: self.labels[-1]] for members in by_class]), np.sort(test)


@cache
def find_task(name: str) -> Task:
    """Une tâche : « cells » (celle des études de transfert), « fragments », « letters »."""
    if name == "cells":
        solar = tasks.TASKS["solar"]
        return Task(solar.load(0), solar.tested, False, (5, 20, 100), solar.size, 32)
    if name == "letters":
        return Task(data.glyphs("latin", 28)[0], 234, False, (5, 10), 64, 28)
    both = tasks.fragments(60, 0)
    return Task(both, len(both) // 2, True, (5, 20), 64, 32)


class RightAngles(nn.Module):
    """Pose une image dans une des huit positions d'un carré, au hasard.

    Ce sont celles de :func:`experiments.tuning.dihedral`, tirées autrement. Les réunir changerait
    les tirages, donc des résultats déjà mesurés.
    """

    def forward(self, image: Tensor) -> Tensor:
        """Tourne d'un nombre entier de quarts de tour, puis reflète une fois sur deux."""
        turned = torch.rot90(image, int(torch.randint(4, ())), (-2, -1))
        return turned.flip(-1) if torch.rand(()) < 0.5 else turned


def transformation(name: str, level: int, side: int) -> nn.Module | None:
    """La transformation d'une case, pour des images carrées ; aucune pour « none ».

    « mix » en applique deux des neuf, tirées pour chaque image.

    Args:
        level: le rang de la force, parmi les cinq.
    """
    if name == "none":
        return None
    if name == "right_angles":
        return RightAngles()
    if name == "mix":
        levels = {k: level if level in STRENGTHS[k] else STRENGTHS[k][0] for k in AUGMENTATIONS}
        nine = [transformation(key, at, side) for key, at in levels.items()]
        return nn.Sequential(v2.RandomChoice(nine), v2.RandomChoice(nine))
    found = AUGMENTATIONS[name]
    return found.at(found.strengths[level], (side, side))


def _tensors(images: data.LabeledImages, side: int = 0) -> Tensor:
    """N×C×H×L ; le gris a un canal. ``side`` change la taille."""
    grey = images.images.ndim == 3
    size = side or images.images.shape[1]
    return transfer.resize(images, size)[:, : 1 if grey else 3]


@cache
def _backbone() -> weights.Pretrained:
    return weights.load()


def _features(images: Tensor, side: int) -> list[transfer.Features]:
    """Ce que lit une sonde, à chaque profondeur comparée."""
    grey = images.shape[1] == 1
    array = (images[:, 0] if grey else images.permute(0, 2, 3, 1)).numpy()
    prepared = transfer.prepare(_backbone(), array, side)
    found = transfer.extract_features(_backbone().model, prepared)
    return [found[depth] for depth in DEPTHS]


def plain_features(name: str) -> list[transfer.Features]:
    """Les caractéristiques de toutes les images d'une tâche, N×C à chaque profondeur."""
    task = find_task(name)
    return _features(_tensors(task.images), task.probe_side)


def copied_features(
    name: str, transform: str, level: int, draw: int, start: int, stop: int
) -> list[transfer.Features]:
    """Celles des copies des images de rangs ``start`` à ``stop`` d'un tirage, K×N×C.

    Une case qui étiquette plus d'images ne recalcule donc que les siennes en plus.
    """
    task = find_task(name)
    chosen = task.split(draw)[0][:, start:stop].ravel()
    images = _tensors(task.images.subset(chosen))
    found = transformation(transform, level, images.shape[-1])
    assert found is not None
    seed = 1000 * draw + start
    many, _ = strategies.enlarge(images, torch.arange(len(images)), found, COPIES[-1], seed)
    read = _features(many[len(images) :], task.probe_side)
    return [vectors.reshape(COPIES[-1], len(chosen), -1) for vectors in read]


def _probe(cell: Cell, task: Task) -> Score:
    """Une sonde, sur les images étiquetées et leurs copies."""
    name, transform, draw = str(cell["task"]), str(cell["transform"]), int(cell["draw"])
    ranked, test = task.split(draw)
    classes, count = len(ranked), int(cell["labels"])
    chosen = ranked[:, :count]
    keep = running.memory().cache
    plain = keep(plain_features)(name)
    blocks = pairwise((0, *task.labels[: task.labels.index(count) + 1]))
    copies = COPIES if transform != "none" else (0,)
    parts = [
        keep(copied_features)(name, transform, int(cell["level"]), draw, *block)
        for block in blocks
        if copies != (0,)
    ]
    seen = []
    for depth, vectors in enumerate(plain):
        by_class = [p[depth].reshape(COPIES[-1], classes, -1, vectors.shape[1]) for p in parts]
        shape = (-1, chosen.size, vectors.shape[1])
        none = np.empty((0, *shape[1:]), np.float32)
        merged = np.concatenate(by_class, axis=2).reshape(shape) if parts else none
        seen.append(Seen(vectors[chosen.ravel()], merged))
    settings = [
        ProbeSetting(*each) for each in product(range(len(DEPTHS)), copies, STRENGTHS_OF_PROBE)
    ]
    labels = task.images.labels
    return learners.best_probe(
        seen,
        labels[chosen.ravel()],
        np.tile(np.arange(count), classes),
        lambda: ([vectors[test] for vectors in plain], labels[test]),
        settings,
    )


def _network(cell: Cell, task: Task) -> Score:
    """Un petit réseau appris de zéro."""
    ranked, test = task.split(int(cell["draw"]))
    chosen = ranked[:, : int(cell["labels"])]
    side = task.network_side
    known, held = task.images.subset(chosen.ravel()), task.images.subset(test)
    return learners.best_network(
        _tensors(known, side),
        torch.from_numpy(known.labels),
        np.tile(np.arange(chosen.shape[1]), len(chosen)),
        lambda: (_tensors(held, side), torch.from_numpy(held.labels)),
        transformation(str(cell["transform"]), int(cell["level"]), side),
        STEPS,
        int(cell["draw"]),
    )


def measure(cell: Cell) -> Mapping[str, Value]:
    """Mesure une case."""
    learner = _probe if cell["learner"] == "probe" else _network
    return learner(cell, find_task(str(cell["task"])))._asdict()


def _cells() -> list[Cell]:
    """Le plan, ce qui compte le plus d'abord : on peut s'arrêter à tout moment."""
    networks = [("cells", "network", 100), ("letters", "network", 5)]
    probes = [("cells", "probe", 100), ("cells", "probe", 20), ("cells", "probe", 5)]
    probes += [("letters", "probe", 5)]
    fragments = [
        ("fragments", "network", 20),
        ("fragments", "probe", 20),
        ("fragments", "probe", 5),
    ]
    sizes = [("cells", "network", 20), ("letters", "network", 10), ("letters", "probe", 10)]
    told = ("none", "flip", "right_angles", "mix")  # ce que dit l'hypothèse, et le mélange
    others = [name for name in STRENGTHS if name not in told]
    groups = [(networks, told), (networks[1:], others), (probes, told), (fragments, told)]
    groups += [(networks[:1] + probes + fragments, others), (sizes, [*told, *others])]
    columns = ("task", "learner", "transform", "level", "labels", "draw")
    return [
        dict(zip(columns, (task, learner, transform, level, labels, draw), strict=True))
        for group, transforms in groups
        for draw in range(5)
        for task, learner, labels in group
        for transform in transforms
        for level in STRENGTHS[transform]
    ]


STUDY = Study(
    name="augmentation",
    title="ce que chaque transformation apporte, sur des photographies et sur des lettres",
    plan=_cells(),
    measure=measure,
    # Un autre processeur arrondit autrement, et un entraînement l'amplifie ; le réglage choisi peut
    # alors changer.
    measures={"setting": 12, "validation_loss": 0.3, "validation": 0.1, "test": 0.06},
    constants={
        "profondeurs": DEPTHS,
        "copies": COPIES,
        "régularisations": STRENGTHS_OF_PROBE,
        "pas": STEPS,
        "réseau": (learners.BATCH, learners.RATE, learners.COPIES),
        "validation": (learners.FOLDS, learners.HELD_RANK),
        "forces": {key: found.strengths for key, found in AUGMENTATIONS.items()},
    },
)


def at_best_strength(table: "pd.DataFrame") -> "pd.DataFrame":
    """À chaque tirage, la ligne de chaque transformation dont la validation est la meilleure."""
    same = ["task", "learner", "transform", "labels", "draw"]
    best = table.sort_values(["validation_loss", "level"]).drop_duplicates(same)
    return best.set_index(same).sort_index()


NAMES = {
    **{key: found.name for key, found in AUGMENTATIONS.items()},
    "right_angles": "Quarts de tour et reflets",
    "mix": "Deux des neuf, au hasard",
}


def gains(table: "pd.DataFrame") -> "pd.DataFrame":
    """Ce que chaque transformation ajoute à l'exactitude du même tirage sans augmentation.

    Returns:
        Une ligne par tirage ; une colonne par transformation, NaN là où rien n'est mesuré.
    """
    test = at_best_strength(table)["test"].unstack("transform").dropna(subset="none")
    return test.drop(columns="none").sub(test["none"], axis=0)
