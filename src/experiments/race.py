"""La course des stratégies : leur classement dépend-il de la durée de l'entraînement ?

Des chiffres de 8 pixels, peu étiquetés. Chaque stratégie enrichit le même ensemble ; le même petit
réseau l'apprend ensuite, aussi longtemps pour toutes. La moitié des images restantes n'a pas
d'étiquette, l'autre est le test. Toute la course est refaite à quatre durées : à une seule, on
prendrait une lenteur à apprendre pour un défaut, ou une avance pour une qualité.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from experiments.study import Cell, Study, Value, cross
from reseaux import data
from reseaux.few_data import strategies
from reseaux.reuse import training

CLASSES, WIDTH, BATCH, COPIES = 10, 8, 32, 10
THRESHOLD, SHIFT = 0.9, 0.13  # une pseudo-étiquette se garde ; part de l'image, un pixel sur huit
LABELS, STEPS, DRAWS = (10, 100), (80, 120, 200, 400), 10
NAMES = {
    "nothing": "Rien",
    "transformed": "Transformer",
    "pseudo": "Pseudo-étiquettes",
    "mixup": "Mixup",
    "cutmix": "CutMix",
    "together": "Les trois",
}


class Part(NamedTuple):
    """Des images N×1×8×8 et leurs étiquettes, ou les probabilités des classes."""

    images: Tensor
    labels: Tensor


def parts(labels: int, draw: int) -> tuple[Part, Part, Part]:
    """Les images d'un tirage : étiquetées, sans étiquette, de test."""
    seen, unseen = data.digits().sample(labels // CLASSES, draw)
    order = np.random.default_rng(draw).permutation(len(unseen))
    known, free, test = (
        Part(torch.from_numpy(part.images)[:, None], torch.from_numpy(part.labels))
        for part in (seen, unseen.subset(order[::2]), unseen.subset(order[1::2]))
    )
    return known, free, test


def enriched(known: Part, free: Tensor, h: nn.Module, seed: int) -> dict[str, Part]:
    """Ce que chaque stratégie fait de l'ensemble étiqueté ; ``h`` l'a déjà appris tel quel."""
    shift = v2.RandomAffine(0, translate=(SHIFT, SHIFT))
    new, guessed, _ = strategies.pseudo_label(h, free, THRESHOLD)
    labelled = Part(torch.cat([known.images, new]), torch.cat([known.labels, guessed]))
    moved = strategies.enlarge(*labelled, shift, 1, seed)
    return {
        "transformed": Part(*strategies.enlarge(*known, shift, COPIES, seed)),
        "pseudo": labelled,
        **{
            kind: Part(*strategies.combine(*known, CLASSES, kind, COPIES, seed))
            for kind in strategies.COMBINATIONS
        },
        "together": Part(*strategies.combine(*moved, CLASSES, "mixup", 1, seed)),
    }


def measure(cell: Cell) -> Mapping[str, Value]:
    """L'exactitude de chaque stratégie sur le test d'un tirage, à une durée."""
    steps, draw = int(cell["steps"]), int(cell["draw"])
    known, free, test = parts(int(cell["labels"]), draw)

    def learn(part: Part) -> nn.Module:
        network = strategies.small_network(CLASSES, draw, WIDTH)
        return strategies.fit(network, *part, draw, steps, BATCH)

    h = learn(known)
    networks = {"nothing": h}
    networks |= {name: learn(part) for name, part in enriched(known, free.images, h, draw).items()}
    return {name: training.accuracy(network, *test) for name, network in networks.items()}


STUDY = Study(
    name="race",
    title="ce qu'ajoute chaque stratégie, selon la durée de l'entraînement",
    plan=cross(draw=range(DRAWS), labels=LABELS, steps=STEPS),
    measure=measure,
    measures=dict.fromkeys(NAMES, 0.06),
    constants={
        "réseau": (WIDTH, BATCH),
        "copies": COPIES,
        "pseudo-étiquettes": THRESHOLD,
        "décalage": SHIFT,
    },
)
