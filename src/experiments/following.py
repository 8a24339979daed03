"""Un entraînement suivi époque par époque, et ce qu'il en coûte de mal geler un réseau."""

from enum import StrEnum
from typing import NamedTuple

import torch
from torch import Tensor, nn

from experiments.recipes import Recipe
from reseaux.arguments import Count, Seed, checked
from reseaux.reuse import forward, training, transfer
from reseaux.reuse.weights import Pretrained


class Regime(StrEnum):
    """Ce qui apprend, et ce qui bouge ; la valeur est le nom affiché.

    ``WHOLE`` : tout le réseau apprend. ``FROZEN`` : le classifieur seul. ``DRIFTING`` : le
    classifieur seul aussi, mais les normalisations du reste sont en mode entraînement, comme après
    un ``model.train()`` sans précaution.
    """

    WHOLE = "tout apprend"
    FROZEN = "extracteur gelé"
    DRIFTING = "gelé, en mode entraînement"


class Run(NamedTuple):
    """Un entraînement suivi : le réseau, le bilan de chaque époque, l'exactitude au test."""

    model: nn.Module
    history: list[training.Epoch]
    test: list[float]


@checked
def follow(
    pretrained: Pretrained,
    known: tuple[Tensor, Tensor],
    held: tuple[Tensor, Tensor],
    classes: Count,
    regime: Regime,
    recipe: Recipe,
    seed: Seed = 0,
) -> Run:
    """Entraîne une copie du réseau sur une nouvelle tâche, et la teste après chaque époque.

    Args:
        pretrained: le réseau appris ; il n'est pas modifié.
        known: images préparées et étiquettes d'entraînement.
        held: images préparées et étiquettes de test.
        classes: nombre de classes de la tâche.
        regime: ce qui apprend.
        recipe: la recette.
        seed: graine du classifieur et de l'ordre des images.

    Raises:
        ReseauxError: images, étiquettes ou recette inutilisables.
    """
    images, labels = known
    forward.check_images(images, 4)
    model, optimizer = transfer.start_fine_tuning(
        pretrained,
        images.shape[1:],
        classes,
        learning_rate=recipe.learning_rate,
        backbone_rate=recipe.backbone_rate,
        seed=seed,
    )
    if regime is not Regime.WHOLE:
        old, _ = optimizer.param_groups  # le réseau d'origine, puis le classifieur neuf
        for parameter in old["params"]:
            parameter.requires_grad_(False)
    if regime is Regime.DRIFTING:
        # « training.train » met les couches gelées en mode évaluation : on le défait à chaque pas.
        model.register_forward_pre_hook(lambda module, _: _all_training(module))
    epochs, scores = recipe.epochs_for(len(images)), list[float]()
    history = training.train(
        model,
        images.contiguous(memory_format=torch.channels_last),
        labels,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=recipe.even_batch_size(len(images)),
        generator=torch.Generator().manual_seed(seed),
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs),
        after_epoch=lambda _: scores.append(training.accuracy(model, *held)),
    )
    return Run(model.eval(), history, scores)


def _all_training(module: nn.Module) -> None:
    if module.training:
        module.train()
