"""Régler un réseau finement, à son meilleur : la tête d'abord, puis le reste, au pas choisi.

*LP-FT* [Kumar22] : on apprend d'abord une sonde, on la pose comme tête, puis on règle. La tête ne
part pas du hasard : ses premiers gradients n'abîment donc pas les caractéristiques.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments import starts
from reseaux.reuse import probe, training, transfer
from reseaux.reuse.weights import Pretrained


class Method(StrEnum):
    """Ce qu'on règle. La valeur est celle des fichiers de résultats."""

    LP_FT = "lp-ft"  # la tête, par une sonde ; puis tout
    LP_FT_CUT = "lp-ft-cut"  # de même, le réseau coupé à la profondeur que choisit la validation
    FINE_TUNING = "fine-tuning"  # tout, d'une tête au hasard
    LAST_BLOCKS = "last-blocks"  # la tête, par une sonde ; puis les derniers étages seulement
    SCRATCH = "scratch"  # tout, de poids au hasard


@dataclass(frozen=True)
class Recipe:
    """Ce qui ne dépend pas de la case.

    Attributes:
        rates: les pas d'apprentissage à essayer (AdamW, décroissance en cosinus).
        passes: combien d'images d'entraînement montrer, au plus grand.
        epochs: les nombres d'époques, le plus petit et le plus grand.
        batch_size: images par pas.
        folds: les parts de la validation, qui choisit le pas.
        few: sous ce nombre d'images étiquetées, chaque part sert à son tour de validation, puis on
            réapprend sur toutes ; au-dessus, une seule part, et on garde le réseau du meilleur pas.
    """

    rates: tuple[float, ...]
    passes: int
    epochs: tuple[int, int]
    batch_size: int = 16
    folds: int = 3
    few: int = 150

    def epochs_for(self, count: int) -> int:
        """Le nombre d'époques sur ``count`` images."""
        least, most = self.epochs
        return min(most, max(least, math.ceil(self.passes / count)))


class Tuned(NamedTuple):
    """Un réseau réglé, le pas choisi, son exactitude de validation, et les images traversées.

    ``passes`` compte une image apprise pour trois : aller, retour, et gradient des poids.
    """

    model: nn.Module
    rate: float
    validation: float
    passes: int


@dataclass(frozen=True)
class Start:
    """D'où part un réglage.

    Attributes:
        pretrained: le réseau, coupé ou entier.
        head: rend la tête apprise par une sonde sur des images ; ``None`` la tire au hasard.
        first_trained: la première profondeur qui apprend.
        frozen_statistics: garder les statistiques de normalisation du réseau de départ.
        adapt: transforme le réseau, sa tête posée, et rend ce qui doit apprendre.
    """

    pretrained: Pretrained
    head: Callable[[NDArray[np.int64]], nn.Linear] | None
    first_trained: int
    frozen_statistics: bool
    adapt: Callable[[nn.Module], list[nn.Parameter]] | None = None


def tune(
    start: Start,
    images: Tensor,
    labels: NDArray[np.int64],
    classes: int,
    recipe: Recipe,
    draw: int,
    augment: Callable[[torch.Generator], Callable[[Tensor], Tensor]] | None = None,
) -> Tuned:
    """Règle un réseau ; une partie des images étiquetées choisit le pas.

    Args:
        start: d'où il part.
        images: les images étiquetées, préparées.
        labels: leurs classes.
        classes: nombre de classes.
        recipe: la recette.
        draw: graine du partage, de la tête et de l'ordre des images.
        augment: de quoi varier les images d'un lot, d'après une source de hasard.
    """
    from sklearn.model_selection import StratifiedKFold

    few = len(labels) < recipe.few
    folds = recipe.folds if few else 2 * recipe.folds
    split = StratifiedKFold(folds, shuffle=True, random_state=draw).split(labels, labels)
    parts = list(split) if few else [next(split)]
    fit = _Fit(start, images, torch.from_numpy(labels), classes, recipe, draw, augment)
    model, best, validation, passes = None, 0.0, -1.0, 0
    for rate in recipe.rates:
        right = 0.0
        for known, held in parts:
            fitted, cost = fit(known, rate)
            right += len(held) * training.accuracy(fitted, images[held], fit.labels[held])
            passes += cost + len(held)
        score = right / sum(len(held) for _, held in parts)
        if score > validation:
            model, best, validation = fitted, rate, score
    if few or model is None:
        model, cost = fit(np.arange(len(labels)), best)
        passes += cost
    return Tuned(model, best, validation, passes)


class _Fit(NamedTuple):
    start: Start
    images: Tensor
    labels: Tensor
    classes: int
    recipe: Recipe
    draw: int
    augment: Callable[[torch.Generator], Callable[[Tensor], Tensor]] | None

    def __call__(self, chosen: NDArray[np.int64], rate: float) -> tuple[nn.Module, int]:
        start, generator = self.start, torch.Generator().manual_seed(self.draw)
        model, optimizer = transfer.start_fine_tuning(
            start.pretrained,
            self.images.shape[1:],
            self.classes,
            first_trained=start.first_trained,
            learning_rate=rate,
            seed=self.draw,
        )
        if start.head is not None:
            head = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
            head.load_state_dict(start.head(chosen).state_dict())
        if start.adapt is not None:
            optimizer = torch.optim.AdamW(start.adapt(model), lr=rate, weight_decay=1e-2)
        epochs = self.recipe.epochs_for(len(chosen))
        batches = math.ceil(len(chosen) / self.recipe.batch_size)
        training.train(
            model,
            self.images[chosen].contiguous(memory_format=torch.channels_last),
            self.labels[chosen],
            optimizer=optimizer,
            epochs=epochs,
            batch_size=math.ceil(len(chosen) / batches),
            generator=generator,
            scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
            augment=self.augment(generator) if self.augment else None,
            frozen_statistics=start.frozen_statistics,
        )
        return model.eval(), 3 * epochs * len(chosen)


def probed_head(
    vectors: NDArray[np.float32], labels: NDArray[Any], strength: float
) -> Callable[[NDArray[np.int64]], nn.Linear]:
    """La tête qu'apprend une sonde sur les images choisies, et sur elles seules."""

    def head(chosen: NDArray[np.int64]) -> nn.Linear:
        return probe.as_linear_layer(probe.linear_probe(vectors[chosen], labels[chosen], strength))

    return head


def cut(pretrained: Pretrained, depth: int, size: int) -> Pretrained:
    """Un réseau coupé après une profondeur, sauf la dernière, qui le garde entier."""
    last = len(transfer.depth_names(pretrained.model)) - 1
    return pretrained if depth == last else starts.cut(pretrained, depth, size)


def dihedral(generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """Symétries et rotations d'un quart de tour, au hasard pour chaque image d'un lot carré."""

    def transform(batch: Tensor) -> Tensor:
        flipped = torch.rand(3, len(batch), 1, 1, 1, generator=generator) < 0.5
        batch = torch.where(flipped[0], batch.flip(3), batch)
        batch = torch.where(flipped[1], batch.flip(2), batch)
        batch = torch.where(flipped[2], batch.transpose(2, 3), batch)
        return batch.contiguous(memory_format=torch.channels_last)

    return transform
