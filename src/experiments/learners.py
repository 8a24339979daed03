"""Deux façons d'apprendre d'images augmentées, chacune à son meilleur réglage.

Le réglage se choisit sur les images étiquetées, jamais sur le test. Les copies d'une image restent
avec elle : une image mise de côté pour valider n'a aucune copie parmi celles qu'on apprend.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor, nn

from reseaux.arguments import Count, Seed, checked
from reseaux.few_data import strategies
from reseaux.reuse import training, transfer

Labels = NDArray[np.int64]
FOLDS = 4  # une validation croisée, pour la sonde ; une image sur cinq, pour le réseau
HELD_RANK = 5
BATCH, RATE, COPIES = 32, 5e-3, 30


class Score(NamedTuple):
    """Ce qu'a donné une façon d'apprendre.

    Attributes:
        setting: le rang du réglage choisi.
        validation_loss: sa perte sur les images mises de côté ; c'est elle qui choisit.
        validation: son exactitude sur ces images, moyenne des classes.
        test: son exactitude sur le test, moyenne des classes.
    """

    setting: int
    validation_loss: float
    validation: float
    test: float


class Seen(NamedTuple):
    """Les images étiquetées d'un tirage, telles qu'une profondeur du réseau les voit.

    Attributes:
        plain: celles d'origine, N×C.
        copies: leurs copies, K×N×C : la même image est au même rang dans chaque copie.
    """

    plain: transfer.Features
    copies: transfer.Features

    def learnt_from(self, kept: NDArray[np.bool_], count: int) -> transfer.Features:
        """Les images gardées, puis leurs ``count`` premières copies."""
        return np.concatenate([self.plain[kept], *self.copies[:count, kept]])


class ProbeSetting(NamedTuple):
    """Un réglage de la sonde : la profondeur lue, le nombre de copies, la régularisation."""

    depth: int
    copies: int
    strength: float


@checked
def best_probe(
    seen: Sequence[Seen],
    labels: Labels,
    ranks: Labels,
    test: Callable[[], tuple[Sequence[transfer.Features], Labels]],
    settings: Sequence[ProbeSetting],
) -> Score:
    """La sonde dont la validation croisée a la plus petite perte.

    Args:
        seen: les images étiquetées, une fois par profondeur.
        labels: leurs étiquettes.
        ranks: le rang de chacune dans sa classe ; il dit sa part de la validation croisée.
        test: rend les images de test, une fois par profondeur, et leurs étiquettes ; appelé une
            fois le choix fait.
        settings: les réglages à essayer ; à égalité, le premier.
    """
    fold = ranks % min(FOLDS, int(ranks.max()) + 1)
    found = [_cross_validated(seen[s.depth], labels, fold, s) for s in settings]
    chosen = min(range(len(settings)), key=lambda k: found[k][0])
    setting = settings[chosen]
    everything = np.ones(len(labels), bool)
    probe = transfer.linear_probe(
        seen[setting.depth].learnt_from(everything, setting.copies),
        np.tile(labels, 1 + setting.copies),
        setting.strength,
    )
    held, truth = test()
    return Score(
        chosen,
        *found[chosen],
        float(balanced_accuracy_score(truth, probe.predict(held[setting.depth]))),
    )


def _cross_validated(
    seen: Seen, labels: Labels, fold: Labels, setting: ProbeSetting
) -> tuple[float, float]:
    """La perte et l'exactitude des images, chacune mise de côté une fois."""
    answers = np.empty((len(labels), len(np.unique(labels))))
    for part in np.unique(fold):
        kept = fold != part
        probe = transfer.linear_probe(
            seen.learnt_from(kept, setting.copies),
            np.tile(labels[kept], 1 + setting.copies),
            setting.strength,
        )
        answers[~kept] = probe.predict_proba(seen.plain[~kept])
    right = np.clip(answers[np.arange(len(labels)), labels], 1e-12, None)
    accuracy = float(balanced_accuracy_score(labels, answers.argmax(1)))
    return float(-np.log(right).mean()), accuracy


@checked
def small_vgg(channels: Count, classes: Count, seed: Seed, width: Count = 8) -> nn.Module:
    """Quatre étages « convolution 3×3, normalisation, ReLU, réduction par deux », puis la moyenne.

    Args:
        width: nombre de cartes du premier étage ; les suivants en ont deux et quatre fois plus.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for before, after in pairwise((channels, width, 2 * width, 4 * width, 4 * width)):
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        ends = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes))
        return nn.Sequential(*layers, *ends).to(memory_format=torch.channels_last)


@checked
def best_network(
    images: Tensor,
    labels: Tensor,
    ranks: Labels,
    test: Callable[[], tuple[Tensor, Tensor]],
    transform: Callable[[Tensor], Tensor] | None,
    steps: Sequence[Count],
    seed: Seed,
) -> Score:
    """Le petit réseau, appris plus ou moins longtemps, dont la validation a la plus petite perte.

    Une image sur cinq de chaque classe valide ; elle ne sert pas à apprendre. Chacune des autres a
    trente copies transformées, que les époques se partagent.

    Args:
        images: N×C×H×L, entre 0 et 1.
        ranks: voir :func:`best_probe`.
        test: rend les images de test et leurs étiquettes ; appelé une fois le choix fait.
        transform: appliquée à une image à la fois.
        steps: les durées à essayer, en nombre de pas ; à égalité, la première.
        seed: graine des poids, de l'ordre des images et des transformations.
    """
    held = torch.from_numpy(ranks % HELD_RANK == 0)
    known, known_labels = images[~held], labels[~held]
    copies = known[None]
    if transform is not None:
        many, _ = strategies.enlarge(known, known_labels, transform, COPIES, seed)
        copies = many[len(known) :].reshape(COPIES, *known.shape)
    found = []
    for count in steps:
        network = small_vgg(images.shape[1], int(labels.max()) + 1, seed)
        _train(network, copies, known_labels, count, torch.Generator().manual_seed(seed))
        with torch.inference_mode():
            scores = network(_centred(images[held]))
        loss = float(nn.functional.cross_entropy(scores, labels[held]))
        accuracy = float(balanced_accuracy_score(labels[held], scores.argmax(1)))
        found.append((loss, accuracy, network))
    chosen = min(range(len(steps)), key=lambda k: found[k][0])
    loss, validation, network = found[chosen]
    x, truth = test()
    answers = training.predict(network, _centred(x))
    return Score(chosen, loss, validation, float(balanced_accuracy_score(truth, answers)))


def _centred(images: Tensor) -> Tensor:
    return (images - 0.5) / 0.25


def _train(
    network: nn.Module, copies: Tensor, labels: Tensor, steps: int, generator: torch.Generator
) -> None:
    """AdamW, à un pas qui descend en cosinus ; à chaque époque, une copie de chaque image.

    Args:
        copies: K×N×C×H×L.
    """
    count, batches = len(labels), math.ceil(len(labels) / BATCH)
    epochs = math.ceil(steps / batches)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)

    def epoch() -> Iterator[Tensor]:
        order = torch.randperm(count, generator=generator)
        which = torch.randint(len(copies), (count,), generator=generator)
        yield from torch.tensor_split(which * count + order, batches)

    training.train(
        network,
        _centred(copies.flatten(0, 1)),
        labels.repeat(len(copies)),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=BATCH,
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
        batches=epoch,
    )
    network.eval()
