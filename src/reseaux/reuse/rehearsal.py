"""Répéter une reprise avant de la faire : l'état sauvé convient-il à l'optimiseur donné ?"""

import contextlib
import copy
import math
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from reseaux.errors import ReseauxError


def rehearse(
    state: Mapping[str, Any],
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler | None,
    generator: torch.Generator | None,
) -> None:
    """Vérifie l'état d'un entraînement : le reprend sur une copie de l'optimiseur, et fait un pas.

    ``load_state_dict`` prend presque tout sans rien dire : l'erreur viendrait au premier pas, ou
    jamais. Ce pas-ci est nul (gradients nuls), et rien de ce qu'on donne n'est changé.

    Args:
        state: les entrées d'une sauvegarde (voir :func:`reseaux.reuse.checkpoints.save`).

    Raises:
        ReseauxError: l'état est celui d'un autre optimiseur ou d'un autre planificateur.
        Exception: toute autre erreur de torch devant un état abîmé.
    """
    groups = state["optimizer"]["param_groups"]
    if not _alike(groups, optimizer.state_dict()["param_groups"]):
        raise ReseauxError("C'est l'état d'un autre optimiseur, ou d'autres paramètres.")
    expected = scheduler.state_dict() if scheduler is not None else {}
    # Un planificateur composé (ChainedScheduler) n'a pas d'époque à lui.
    counted = "last_epoch" not in expected or "last_epoch" in state["scheduler"]
    if scheduler is not None and not (counted and _alike(state["scheduler"], expected)):
        raise ReseauxError("C'est l'état d'un autre planificateur.")
    if generator is not None:
        torch.Generator(generator.device).set_state(state["generator"])
    twin, planned = copy.deepcopy((optimizer, scheduler))
    twin.load_state_dict(copy.deepcopy(state["optimizer"]))
    parameters = [p for group in twin.param_groups for p in group["params"]]
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    twin.step(lambda: 0.0)
    if planned is not None:
        planned.load_state_dict(copy.deepcopy(state["scheduler"]))
        loss: list[Any] = [0.0] if isinstance(planned, ReduceLROnPlateau) else []
        # Un planificateur peut refuser un pas de plus que prévu : l'entraînement est fini.
        with warnings.catch_warnings(), contextlib.suppress(ValueError):
            warnings.simplefilter("ignore")
            planned.step(*loss)
    numbers = [*parameters, *(torch.as_tensor(group["lr"]) for group in twin.param_groups)]
    if not all(bool(number.isfinite().all()) for number in numbers):
        raise ReseauxError("Un pas nul y donne des poids infinis ou indéfinis (NaN).")


def _alike(given: Any, expected: Any) -> bool:
    """Dit si deux réglages ont la même structure : noms, longueurs, types, nombres finis.

    Un nom en trop d'un seul côté ne compte pas : une version de torch ou un planificateur en
    ajoute.
    """
    if isinstance(expected, dict):
        ours, theirs = ({str(k) for k in d if str(k)[0] != "_"} for d in (given, expected))
        return not (ours - theirs and theirs - ours) and all(
            _alike(given[name], expected[name]) for name in given.keys() & expected.keys()
        )
    if isinstance(expected, list | tuple):
        return len(given) == len(expected) and all(map(_alike, given, expected))
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        return is_number and (math.isfinite(given) or given == expected)
    return expected is None or isinstance(given, type(expected))
