"""Ce qu'apporte chaque idée : des miniatures, mêmes calculs, mêmes époques, à leur meilleur pas.

Six réseaux, puis un seul, celui de VGG, dont on change une chose à la fois.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from experiments import miniatures, rates
from experiments.study import Cell, Study, Value, cross
from reseaux import data
from reseaux.anatomy.summary import summarize

MACS = {"mnist": 1.22e6, "cells": 3.58e6}  # par image, à 5 % près
SIDES = {"mnist": 28, "cells": 48}
CLASSES = {"mnist": 10, "cells": 2}
EPOCHS = {"mnist": 6, "cells": 10}
TEST, HELD = {"mnist": 1000, "cells": 656}, 0.2  # images de test ; part de validation du reste
SPLIT_SEED = 0  # le même test pour toutes les graines
SETTING = ("data", "network", "change")
CHANGES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "base": {},
        "no_batch_norm": {"normalized": False},
        "no_dropout": {"dropout": 0.0},
        "tanh": {"active": nn.Tanh},
        "average": {"connected": False},
    }
)


def parts(source: str, seed: int) -> tuple[rates.Part, rates.Part, rates.Part]:
    """Entraînement, validation, test ; la graine change les deux premiers."""
    whole = data.mnist() if source == "mnist" else data.solar_cells(SIDES[source])
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(SPLIT_SEED))
    rest, tested = order[TEST[source] :], order[: TEST[source]]
    rest = rest[torch.randperm(len(rest), generator=torch.Generator().manual_seed(seed))]
    held = round(HELD * len(rest))
    images, labels = torch.from_numpy(whole.images)[:, None], torch.from_numpy(whole.labels)
    mean, deviation = images[rest[held:]].mean(), images[rest[held:]].std()

    def part(chosen: torch.Tensor) -> rates.Part:
        return (images[chosen] - mean) / deviation, labels[chosen]

    return part(rest[held:]), part(rest[:held]), part(tested)


def build(cell: Cell) -> nn.Module:
    """Le réseau d'une case, poids tirés."""
    source, network, change = (str(cell[name]) for name in SETTING)
    make = miniatures.NETWORKS[network]
    model = make(CLASSES[source], SIDES[source], **CHANGES[change])
    return miniatures.started(model, int(cell["seed"]))


def measure(cell: Cell) -> dict[str, Value]:
    """Entraîne un réseau ; rend ses erreurs, ses calculs et ses paramètres."""
    return learn(cell, *parts(str(cell["data"]), int(cell["seed"])))


def learn(cell: Cell, known: rates.Part, held: rates.Part, test: rates.Part) -> dict[str, Value]:
    """Comme :func:`measure`, sur les données qu'on lui donne."""
    source, model = str(cell["data"]), build(cell)
    side = SIDES[source]
    found, _ = rates.train_at(
        model,
        (known, held, test),
        float(cell["rate"]),
        EPOCHS[source],
        torch.Generator().manual_seed(int(cell["seed"])),
    )
    summary = summarize(model, (1, side, side))
    return {**found, "macs": summary.macs, "params": summary.params}


BLOCKS: list[list[Cell]] = [
    [
        *cross(data=[d], network=miniatures.NETWORKS, change=["base"]),
        *cross(data=[d], network=["vgg"], change=[c for c in CHANGES if c != "base"]),
    ]
    for d in SIDES
]
UNNORMALIZED = ("lenet", "base"), ("vgg", "no_batch_norm")
# Un pas de plus là où le meilleur des trois premiers était au bord.
BEYOND: dict[tuple[Value, ...], tuple[float, ...]] = {
    ("mnist", "inception", "base"): (1.0,),
    ("mnist", "depthwise", "base"): (1.0,),
    ("cells", "lenet", "base"): (0.003,),
    **{(d, "vgg", "no_batch_norm"): (0.003,) for d in SIDES},
    **{("cells", n, "base"): (0.01,) for n in ("vgg", "nin", "residual", "depthwise")},
    **{(d, "vgg", c): (0.01,) for d in SIDES for c in ("no_dropout", "tanh")},
    ("cells", "vgg", "average"): (0.01,),
    ("mnist", "vgg", "base"): (0.01,),
}
RATES: dict[tuple[Value, ...], tuple[float, ...]] = {
    (d, n, c): (0.03, 0.1, 0.01) if (n, c) in UNNORMALIZED else (0.1, 0.03, 0.3)
    for block in BLOCKS
    for d, n, c in (cell.values() for cell in block)
}
RATES |= {key: (*RATES[key], *more) for key, more in BEYOND.items()}
# Le pas que choisit la validation ; tests/experiments/test_ideas.py le tient.
CHOSEN: dict[tuple[Value, ...], float] = {
    ("mnist", "vgg", "average"): 0.1,
    ("mnist", "nin", "base"): 0.1,
    ("mnist", "inception", "base"): 0.3,
    ("mnist", "depthwise", "base"): 0.3,
    ("mnist", "lenet", "base"): 0.03,
    ("mnist", "vgg", "no_dropout"): 0.01,
    ("mnist", "vgg", "tanh"): 0.03,
    ("mnist", "vgg", "base"): 0.03,
    ("mnist", "residual", "base"): 0.1,
    ("mnist", "vgg", "no_batch_norm"): 0.01,
    ("cells", "inception", "base"): 0.1,
    ("cells", "nin", "base"): 0.03,
    ("cells", "residual", "base"): 0.03,
    ("cells", "vgg", "no_dropout"): 0.03,
    ("cells", "lenet", "base"): 0.01,
    ("cells", "depthwise", "base"): 0.03,
    ("cells", "vgg", "no_batch_norm"): 0.01,
    ("cells", "vgg", "average"): 0.01,
    ("cells", "vgg", "tanh"): 0.01,
    ("cells", "vgg", "base"): 0.01,
}
STUDY = Study(
    "ideas",
    "six idées en miniature, à calculs égaux, et ce que change chacune des pièces de VGG",
    [cell for block in BLOCKS for cell in rates.swept(block, RATES, CHOSEN)],
    measure,
    {**dict.fromkeys(rates.ERRORS, 0.05), "loss": 0.1, "macs": 0, "params": 0},
    {
        "data": (SIDES, TEST, HELD, SPLIT_SEED),
        "recipe": (EPOCHS, *rates.RECIPE),
        "networks": MACS,
    },
)
