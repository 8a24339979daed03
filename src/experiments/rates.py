"""Chaque réseau à son meilleur pas : le balayer, puis répéter avec d'autres graines.

Le pas se choisit sur la validation de la graine 0, jamais sur le test. Le plan garde ce choix,
pour ne répéter que lui ; un test tient qu'il est celui que disent les résultats.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from experiments.study import Cell, Value
from reseaux.errors import ReseauxError
from reseaux.reuse import training

if TYPE_CHECKING:
    import pandas as pd

SWEPT = 0  # la graine dont la validation choisit le pas
BATCH, MOMENTUM, DECAY = 32, 0.9, 1e-4
RECIPE = (BATCH, MOMENTUM, DECAY)
ERRORS = ("train", "validation", "test")
DIVERGED = -1.0  # à la place d'une perte ou d'une norme infinie
Part = tuple[Tensor, Tensor]


def finite(value: float) -> float:
    """Le nombre, ou :data:`DIVERGED` s'il est infini ou n'en est pas un."""
    return value if math.isfinite(value) else DIVERGED


def train_at(
    model: nn.Module,
    parts: tuple[Part, Part, Part],
    rate: float,
    epochs: int,
    generator: torch.Generator,
    patience: int | None = None,
    after: Callable[[training.Epoch], None] = lambda _: None,
) -> tuple[dict[str, Value], list[float]]:
    """Entraîne un réseau à un pas, que l'on divise par dix en route.

    Args:
        model: le réseau.
        parts: entraînement, validation, test ; les deux derniers ne servent qu'à noter.
        rate: le pas de départ.
        epochs: nombre d'époques, au plus.
        generator: le hasard de l'ordre des images ; sa graine est aussi celle du dropout.
        patience: quand la perte n'a pas baissé d'un centième pendant plus d'époques que cela,
            diviser le pas ; la seconde fois, s'arrêter. Par défaut, toutes les époques se font, et
            le pas est divisé à mi-course, puis avant la dernière.
        after: appelé après chaque époque.

    Returns:
        Les erreurs (:data:`ERRORS`, réseau en mode évaluation) et la perte de la dernière époque ;
        l'erreur d'entraînement de chaque époque, au passage. Une descente qui diverge compte pour
        100 % d'erreur, dès l'époque où elle diverge.
    """
    optimizer = torch.optim.SGD(model.parameters(), rate, MOMENTUM, weight_decay=DECAY)
    # Une perte d'un centième est tenue pour nulle : elle n'en finirait pas de baisser.
    flat = ReduceLROnPlateau(optimizer, patience=patience or epochs, threshold=0.01)
    curve: list[float] = []
    loss = math.inf
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator.initial_seed())
            for number in range(1, epochs + 1):
                loss = math.inf
                [epoch] = training.train(
                    model,
                    *parts[0],
                    optimizer=optimizer,
                    first_epoch=number - 1,
                    epochs=number,
                    batch_size=BATCH,
                    generator=generator,
                )
                loss = epoch.loss
                curve.append(1 - epoch.accuracy)
                after(epoch)
                flat.step(max(loss, 0.01))
                if patience is None and number in (epochs // 2, epochs - 1):
                    optimizer.param_groups[0]["lr"] *= 0.1
                if patience and optimizer.param_groups[0]["lr"] < rate / 50:
                    break
        found = [1 - training.accuracy(model, *part) for part in parts]
    except ReseauxError:
        if loss < math.inf:
            raise  # autre chose qu'une perte infinie
        found, curve = [1.0] * len(parts), [*curve, 1.0]
    return {**dict(zip(ERRORS, found, strict=True)), "loss": finite(loss)}, curve


def swept(
    settings: Sequence[Cell],
    rates: Mapping[tuple[Value, ...], Sequence[float]],
    chosen: Mapping[tuple[Value, ...], float],
    repeats: int = 2,
) -> list[Cell]:
    """Les cases : chaque réglage à chaque pas, puis ``repeats`` autres graines au pas choisi.

    Args:
        settings: les réglages à comparer.
        rates: les pas à essayer, par réglage (les valeurs de ses colonnes).
        chosen: le pas choisi, par réglage ; un réglage qui n'y est pas n'est pas encore répété.
    """
    tried: list[tuple[int, Cell]] = []
    again: list[Cell] = []
    for cell in settings:
        key = tuple(cell.values())
        tried += [(k, {**cell, "rate": r, "seed": SWEPT}) for k, r in enumerate(rates[key])]
        if key in chosen:
            seeds = range(SWEPT + 1, SWEPT + 1 + repeats)
            again += [{**cell, "rate": chosen[key], "seed": seed} for seed in seeds]
    # D'abord le premier pas de tous : une étude interrompue compare déjà quelque chose.
    return [cell for _, cell in sorted(tried, key=lambda pair: pair[0])] + again


def best(table: "pd.DataFrame", columns: Sequence[str]) -> dict[tuple[Value, ...], float]:
    """Le pas de plus basse erreur de validation, par réglage ; à égalité, le plus petit.

    Args:
        table: les résultats d'une étude ; seule la graine du balayage compte.
        columns: les colonnes d'un réglage.
    """
    rows = table[table["seed"] == SWEPT].sort_values(["validation", "rate"], kind="stable")
    firsts = rows.drop_duplicates(list(columns))
    keys = firsts[list(columns)].itertuples(index=False, name=None)
    return dict(zip(keys, firsts["rate"], strict=True))


def at_best(table: "pd.DataFrame", columns: Sequence[str]) -> "pd.DataFrame":
    """Les lignes mesurées au meilleur pas de leur réglage, toutes graines."""
    chosen = best(table, columns)
    keys = table[list(columns)].itertuples(index=False, name=None)
    kept = [chosen[key] == rate for key, rate in zip(keys, table["rate"], strict=True)]
    return table[kept]
