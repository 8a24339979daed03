"""Des adaptateurs de rang faible : apprendre une correction du réseau, et non le réseau [Hu21].

La case dit la tâche, la méthode, le rang, le nombre d'images étiquetées et le tirage. Toutes les
méthodes partent de la même sonde sur la fin du réseau, posée comme tête. Le pas est choisi dans la
case, sur une partie des images étiquetées ; le test n'est lu qu'une fois.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments import tasks, tuning
from experiments.study import Cell, Study, Value, cross
from experiments.tuning import Recipe, Start
from reseaux.reuse import training, transfer
from reseaux.reuse.weights import Pretrained


class Method(StrEnum):
    """Ce qu'on apprend, après la sonde. La valeur est celle du fichier de résultats."""

    PROBE = "probe"  # rien de plus
    LOW_RANK = "low-rank"  # des corrections de rang faible, et la tête
    WHOLE = "whole"  # tout le réseau


TASKS, RANKS, DRAWS, LABELS = ("digits", "fragments"), (1, 4, 16), 3, 20
MAIN_RANK = 4  # celui que l'on mesure sur toutes les tâches
SIDE = 32  # de petites images : une case tient en une vingtaine de secondes
RATES = {Method.LOW_RANK: (2e-3, 8e-3, 3e-2), Method.WHOLE: (3e-5, 1e-4, 3e-4)}
# Tout régler demande de plus petits pas : deux fois plus d'époques.
EPOCHS = {Method.LOW_RANK: 12, Method.WHOLE: 24}
RECIPE = Recipe(rates=(), passes=1, epochs=(1, 1), batch_size=32)


class LowRank(nn.Module):
    """Une convolution 1×1 gelée, plus une correction de rang faible, nulle au départ.

    N×C×H×L → N×C′×H′×L′, comme la convolution.

    Args:
        conv: la convolution 1×1 ; elle est gelée sur place.
        rank: le rang de la correction.
    """

    def __init__(self, conv: nn.Conv2d, rank: int) -> None:
        super().__init__()
        self.conv = conv.requires_grad_(False)
        self.down = nn.Conv2d(conv.in_channels, rank, 1, bias=False)
        self.up = nn.Conv2d(rank, conv.out_channels, 1, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Rend la convolution et sa correction."""
        corrected: Tensor = self.conv(x) + self.up(self.down(x))
        return corrected


def adapt(model: nn.Module, rank: int, seed: int) -> list[nn.Parameter]:
    """Gèle un réseau sauf sa tête, et corrige ses convolutions 1×1.

    Args:
        model: modifié sur place.
        rank: le rang des corrections.
        seed: graine de leurs poids ; le hasard de l'appelant n'est pas touché.

    Returns:
        Ce qui apprend : les corrections et la dernière couche linéaire.
    """
    model.requires_grad_(False)
    head = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    head.requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for parent in list(model.modules()):
            for name, part in list(parent.named_children()):
                if isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1):
                    setattr(parent, name, LowRank(part, rank))
    return [p for p in model.parameters() if p.requires_grad]


def _plan() -> list[Cell]:
    """Les mêmes tirages pour toutes ; les autres rangs sur la première tâche seulement."""

    def cells(names: tuple[str, ...], method: Method, ranks: tuple[int, ...]) -> list[Cell]:
        return cross(
            task=names, method=(method.value,), rank=ranks, labels=(LABELS,), draw=range(DRAWS)
        )

    others = tuple(rank for rank in RANKS if rank != MAIN_RANK)
    return [
        *cells(TASKS, Method.PROBE, (0,)),
        *cells(TASKS, Method.LOW_RANK, (MAIN_RANK,)),
        *cells(TASKS, Method.WHOLE, (0,)),
        *cells(TASKS[:1], Method.LOW_RANK, others),
    ]


def measure(cell: Mapping[str, Any]) -> dict[str, Value]:
    """Exactitudes au test, exactitude de validation, pas choisi, paramètres appris."""
    task, draw, method = tasks.TASKS[cell["task"]], cell["draw"], Method(cell["method"])
    pretrained, whole = tasks.backbone("lite0"), tasks.images_of(task, task.source(draw))
    chosen, (_, held) = tasks.labelled(task, cell["labels"], draw), task.split(draw)
    known, tested = (transfer.prepare(pretrained, whole.images[k], SIDE) for k in (chosen, held))
    labels, vectors = whole.labels[chosen], _vectors(pretrained, known)
    strength, validation = tasks.choose_strength(vectors, labels, draw)
    head = tuning.probed_head(vectors, labels, strength)
    if method is Method.PROBE:
        model: nn.Module = head(np.arange(len(labels))).requires_grad_(True)
        tested, rate = torch.from_numpy(_vectors(pretrained, tested)), 0.0
    else:
        start = Start(pretrained, head, 0, frozen_statistics=True, adapt=_adapter(cell))
        epochs = (EPOCHS[method],) * 2
        recipe = replace(RECIPE, rates=RATES[method], epochs=epochs)
        model, rate, validation, _ = tuning.tune(
            start, known, labels, len(whole.names), recipe, draw
        )
    answers = training.predict(model, tested).numpy()
    learnt = sum(p.numel() for p in model.parameters() if p.requires_grad)
    scores = tasks.scores(whole.labels[held], answers)
    return {**scores, "validation": validation, "rate": rate, "learnt": learnt}


def _vectors(pretrained: Pretrained, images: Tensor) -> NDArray[np.float32]:
    """Les caractéristiques de la fin du réseau."""
    return transfer.extract_features(pretrained.model, images)[-1]


def _adapter(cell: Mapping[str, Any]) -> Callable[[nn.Module], list[nn.Parameter]] | None:
    """Ce qui transforme le réseau avant de l'entraîner ; rien, si on l'entraîne en entier."""
    if not cell["rank"]:
        return None
    return lambda model: adapt(model, cell["rank"], cell["draw"])


STUDY = Study(
    "adapters",
    "des adaptateurs de rang faible, face à la sonde et au réglage fin de tout le réseau",
    _plan(),
    measure,
    # Un entraînement amplifie les arrondis d'une machine à l'autre.
    {"accuracy": 0.05, "balanced": 0.05, "validation": 0.12, "rate": np.inf, "learnt": 0},
    {
        "recipe": asdict(RECIPE),
        "rates": RATES,
        "epochs": EPOCHS,
        "side": SIDE,
        "strengths": tasks.STRENGTHS,
        "tested": {name: tasks.TASKS[name].tested for name in TASKS},
    },
)
