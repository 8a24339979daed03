"""Une seule boucle d'entraînement, pour tous les chapitres.

Elle respecte les couches gelées : une couche dont aucun paramètre n'apprend reste en mode
évaluation, et ses statistiques de normalisation ne bougent donc pas.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.errors import ReseauxError


class Epoch(NamedTuple):
    """Le bilan d'une époque : son numéro (à partir de 1), la perte moyenne et l'exactitude."""

    number: int
    loss: float
    accuracy: float


def train_mode(model: nn.Module) -> None:
    """Met le réseau en mode entraînement, sauf les couches dont aucun paramètre n'apprend."""
    model.train()
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(p.requires_grad for p in own):
            module.eval()


def train(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch_size: int = 32,
    generator: torch.Generator | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    first_epoch: int = 0,
    augment: Callable[[Tensor], Tensor] | None = None,
    after_epoch: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Entraîne un classifieur par descente de gradient sur l'entropie croisée.

    Args:
        model: rend N×K scores pour N images.
        images: N×C×H×L, déjà préparées.
        labels: N entiers.
        optimizer: l'optimiseur des paramètres à apprendre.
        epochs: numéro de la dernière époque ; on en fait ``epochs - first_epoch``.
        batch_size: nombre d'images par pas.
        generator: source du hasard pour l'ordre des images ; par défaut celle de torch.
        scheduler: appelé une fois par époque.
        first_epoch: nombre d'époques déjà faites (reprise).
        augment: appliqué à chaque lot d'images, avant le réseau.
        after_epoch: appelé à la fin de chaque époque (affichage, sauvegarde).

    Returns:
        Un bilan par époque faite. Exactitude et perte sont celles des lots au passage.

    Raises:
        ReseauxError: lot vide, tailles différentes, ou perte devenue infinie.
    """
    if len(images) != len(labels) or not len(images) or batch_size < 1:
        raise ReseauxError(
            f"{len(images)} images, {len(labels)} étiquettes, lots de {batch_size} : il faut "
            "autant d'étiquettes que d'images, au moins une image et des lots d'au moins une image."
        )
    device = next(model.parameters()).device
    history: list[Epoch] = []
    for number in range(first_epoch + 1, epochs + 1):
        train_mode(model)
        total_loss, correct = 0.0, 0
        for indices in torch.split(torch.randperm(len(images), generator=generator), batch_size):
            batch, target = images[indices].to(device), labels[indices].to(device)
            scores = model(augment(batch) if augment else batch)
            loss = F.cross_entropy(scores, target)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total_loss += loss.item() * len(indices)
            correct += int((scores.argmax(dim=1) == target).sum())
        if scheduler is not None:
            scheduler.step()
        history.append(Epoch(number, total_loss / len(images), correct / len(images)))
        if not torch.isfinite(torch.tensor(total_loss)):
            raise ReseauxError(
                f"La perte est devenue infinie à l'époque {number}. "
                "Diminuez le pas d'apprentissage."
            )
        if after_epoch is not None:
            after_epoch(history[-1])
    return history


@torch.inference_mode()
def predict(model: nn.Module, images: Tensor, batch_size: int = 128) -> Tensor:
    """Rend la classe la plus probable de chaque image (N entiers), réseau en mode évaluation."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    answers = [
        model(batch.to(device)).argmax(dim=1).cpu() for batch in torch.split(images, batch_size)
    ]
    model.train(was_training)
    return torch.cat(answers)


def accuracy(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 128) -> float:
    """Part des images bien classées, entre 0 et 1."""
    return float((predict(model, images, batch_size) == labels.cpu()).double().mean())
