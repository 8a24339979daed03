"""La dégradation : plus de couches, plus d'erreur d'entraînement ? [He15, §4.2].

Des piles de 8, 20 et 56 couches, avec ou sans raccourcis, avec ou sans normalisation par lots,
apprennent les chiffres manuscrits de scikit-learn. Chacune a son meilleur pas, divisé par dix quand
la perte ne baisse plus ; quand elle ne baisse toujours plus, l'entraînement s'arrête.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from experiments import miniatures, rates
from experiments.study import Cell, Study, Value, cross
from reseaux import data
from reseaux.reuse import training

PER_CLASS, HELD = 100, 300  # images d'entraînement par classe ; de validation ; le reste, test
EPOCHS, PATIENCE = 240, 8
SHOWN = (1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 240)  # les époques dont on garde l'erreur
MIDDLE = 10  # l'époque où l'on mesure les gradients, entre le début et la fin
SETTING = ("normalized", "depth", "shortcut")


def parts(seed: int) -> tuple[rates.Part, rates.Part, rates.Part]:
    """Entraînement, validation, test ; la graine les tire."""
    known, rest = data.digits().sample(PER_CLASS, seed)
    mean, deviation = known.images.mean(), known.images.std()

    def part(chosen: data.LabeledImages) -> rates.Part:
        images = torch.from_numpy((chosen.images - mean) / deviation)
        return images[:, None], torch.from_numpy(chosen.labels)

    held, test = rest.subset(range(HELD)), rest.subset(range(HELD, len(rest)))
    return part(known), part(held), part(test)


def stage_gradients(model: nn.Sequential, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """La norme moyenne du gradient d'une convolution, au premier et au dernier étage.

    En mode entraînement, sur une copie : ni les poids ni les statistiques ne bougent.
    """
    probe = copy.deepcopy(model).train()
    probe.zero_grad()
    F.cross_entropy(probe(images), labels).backward()  # type: ignore[no-untyped-call]
    convolutions = [m for m in probe.modules() if isinstance(m, nn.Conv2d)][1:]
    norms = [float(m.weight.grad.norm()) for m in convolutions if m.weight.grad is not None]
    third = len(norms) // 3
    return rates.finite(sum(norms[:third]) / third), rates.finite(sum(norms[-third:]) / third)


def flat_from(errors: Sequence[float], within: float = 0.01) -> int:
    """L'époque, à partir de 1, dès laquelle l'erreur reste à moins d'un point de la dernière."""
    far = [k for k, error in enumerate(errors, 1) if abs(error - errors[-1]) > within]
    return far[-1] + 1 if far else 1


def measure(cell: Cell) -> dict[str, Value]:
    """Entraîne une pile ; rend ses erreurs, ses gradients et la suite de ses erreurs."""
    return learn(cell, *parts(int(cell["seed"])))


def learn(cell: Cell, known: rates.Part, held: rates.Part, test: rates.Part) -> dict[str, Value]:
    """Comme :func:`measure`, sur les données qu'on lui donne."""
    seed, classes = int(cell["seed"]), int(known[1].max()) + 1
    normalized, depth, shortcut = (int(cell[name]) for name in SETTING)
    model = miniatures.stack(depth, bool(shortcut), bool(normalized), classes)
    miniatures.started(model, seed)
    generator = torch.Generator().manual_seed(seed)
    few = torch.randperm(len(known[1]), generator=generator)[:256]
    probed = {"start": stage_gradients(model, known[0][few], known[1][few])}

    def after(epoch: training.Epoch) -> None:
        if epoch.number == MIDDLE:
            probed["middle"] = stage_gradients(model, known[0][few], known[1][few])

    found, errors = rates.train_at(
        model, (known, held, test), float(cell["rate"]), EPOCHS, generator, PATIENCE, after
    )
    probed["end"] = stage_gradients(model, known[0][few], known[1][few])
    found |= {"epochs": len(errors), "flat": flat_from(errors)}
    for moment in MOMENTS:
        first, last = probed.get(moment, probed["end"])
        found |= {f"first_{moment}": first, f"last_{moment}": last}
    return found | {f"epoch_{k:03}": errors[min(k, len(errors)) - 1] for k in SHOWN}


MOMENTS = ("start", "middle", "end")
DEPTHS = (56, 20, 8)
BLOCKS = [cross(normalized=(n,), depth=DEPTHS, shortcut=(0, 1)) for n in (1, 0)]
# Des pas de plus pour ce que les deux premiers n'ont pas suffi à entraîner.
SMALLER: dict[tuple[Value, ...], tuple[float, ...]] = {
    (1, 56, 0): (0.01, 0.003, 0.001, 0.0003),
    **{(0, depth, shortcut): (0.01,) for depth in DEPTHS for shortcut in (0, 1)},
    (0, 56, 1): (0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003),
}
RATES: dict[tuple[Value, ...], tuple[float, ...]] = {
    key: (0.1, 0.03, *SMALLER.get(key, ()))
    for block in BLOCKS
    for key in (tuple(cell.values()) for cell in block)
}
# Le pas que choisit la validation ; tests/experiments/test_degradation.py le tient.
CHOSEN: dict[tuple[Value, ...], float] = {
    (1, 8, 0): 0.03,
    (1, 8, 1): 0.03,
    (0, 8, 0): 0.01,
    (1, 20, 0): 0.03,
    (0, 20, 1): 0.01,
    (1, 56, 1): 0.1,
    (0, 8, 1): 0.03,
    (1, 20, 1): 0.1,
    (0, 20, 0): 0.01,
    (1, 56, 0): 0.001,
    (0, 56, 0): 0.1,
    (0, 56, 1): 0.0001,
}
MEASURES = {
    **dict.fromkeys(rates.ERRORS, 0.1),
    "loss": 0.3,
    "epochs": EPOCHS,
    "flat": EPOCHS,
    "first_start": 10,
    "last_start": 0.1,
    **{f"{stage}_{moment}": 0.5 for moment in MOMENTS[1:] for stage in ("first", "last")},
    **{f"epoch_{k:03}": 0.15 for k in SHOWN},
}
STUDY = Study(
    "degradation",
    "piles simples et résiduelles, de 8 à 56 couches, chacune à son meilleur pas",
    [cell for block in BLOCKS for cell in rates.swept(block, RATES, CHOSEN)],
    measure,
    MEASURES,
    {
        "data": (PER_CLASS, HELD),
        "recipe": (EPOCHS, PATIENCE, MIDDLE, *rates.RECIPE),
        "width": 8,
    },
)
