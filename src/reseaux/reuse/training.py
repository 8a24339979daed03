"""Une seule boucle d'entraînement, pour tous les chapitres.

Elle respecte les couches gelées : une couche dont aucun paramètre n'apprend reste en mode
évaluation, et ses statistiques de normalisation ne bougent donc pas.

Elle se partage entre plusieurs processus (:class:`Worker`) : chacun calcule sur sa part de chaque
lot, et ``DistributedDataParallel`` moyenne les gradients. Le lot et l'ordre des images restent
ceux d'un seul processus.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.errors import ReseauxError


class Epoch(NamedTuple):
    """Le bilan d'une époque : son numéro (à partir de 1), la perte moyenne et l'exactitude."""

    number: int
    loss: float
    accuracy: float


class Worker(NamedTuple):
    """La part d'un processus : son rang, à partir de 0, et le nombre de processus."""

    rank: int = 0
    world_size: int = 1


ALONE = Worker()


def train_mode(model: nn.Module, frozen_statistics: bool = False) -> None:
    """Met le réseau en mode entraînement, sauf les couches dont aucun paramètre n'apprend.

    Args:
        model: le réseau.
        frozen_statistics: laisse toutes les normalisations par lot en mode évaluation, même si
            leurs coefficients apprennent.
    """
    model.train()
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        frozen = own and not any(p.requires_grad for p in own)
        if frozen or (frozen_statistics and isinstance(module, nn.modules.batchnorm._BatchNorm)):
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
    batches: Callable[[], Iterable[Tensor]] | None = None,
    frozen_statistics: bool = False,
    worker: Worker = ALONE,
) -> list[Epoch]:
    """Entraîne un classifieur par descente de gradient sur l'entropie croisée.

    Args:
        model: rend N×K scores pour N images.
        images: N×C×H×L, déjà préparées.
        labels: N entiers, ou N×K probabilités.
        optimizer: l'optimiseur des paramètres à apprendre.
        epochs: numéro de la dernière époque ; on en fait ``epochs - first_epoch``.
        batch_size: nombre d'images par pas, tous processus réunis.
        generator: source du hasard pour l'ordre des images ; par défaut celle de torch.
        scheduler: appelé une fois par époque.
        first_epoch: nombre d'époques déjà faites (reprise).
        augment: appliqué à chaque lot d'images, avant le réseau.
        after_epoch: appelé à la fin de chaque époque (affichage, sauvegarde).
        batches: rend les lots d'une époque, en numéros d'images ; par défaut, toutes, mélangées.
        frozen_statistics: voir :func:`train_mode`.
        worker: la part de ce processus ; à plusieurs, ``torch.distributed`` est déjà en route.

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

    def shuffled() -> Iterable[Tensor]:
        return torch.split(torch.randperm(len(images), generator=generator), batch_size)

    device = next(model.parameters()).device
    network = _wrapped(model, device, worker)
    history: list[Epoch] = []
    for number in range(first_epoch + 1, epochs + 1):
        train_mode(network, frozen_statistics)
        totals = torch.zeros(3, dtype=torch.float64)
        for indices in (batches or shuffled)():
            totals += _step(network, images, labels, indices, optimizer, augment, device, worker)
        if scheduler is not None:
            scheduler.step()
        loss, right, count = _summed(totals, device, worker)
        if not math.isfinite(loss):
            raise ReseauxError(
                f"La perte est devenue infinie à l'époque {number}. "
                "Diminuez le pas d'apprentissage."
            )
        history.append(Epoch(number, loss / max(count, 1), right / max(count, 1)))
        if after_epoch is not None:
            after_epoch(history[-1])
    return history


def _step(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    indices: Tensor,
    optimizer: torch.optim.Optimizer,
    augment: Callable[[Tensor], Tensor] | None,
    device: torch.device,
    worker: Worker,
) -> Tensor:
    """Un pas de descente ; rend la perte totale, les bonnes réponses, les images vues."""
    mine = indices[worker.rank :: worker.world_size]
    idle = not len(mine)  # moins d'images que de processus : on participe, sans compter
    mine = indices[:1] if idle else mine
    batch, target = images[mine].to(device), labels[mine].to(device)
    scores = network(augment(batch) if augment else batch)
    loss = F.cross_entropy(scores, target)
    optimizer.zero_grad()
    # Les parts peuvent être inégales : chacune compte en proportion de ses images.
    weight = 0.0 if idle else len(mine) * worker.world_size / len(indices)
    (loss * weight if worker.world_size > 1 else loss).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    if idle:
        return torch.zeros(3, dtype=torch.float64)
    truth = target if target.ndim == 1 else target.argmax(dim=1)
    right = int((scores.argmax(dim=1) == truth).sum())
    return torch.tensor([loss.item() * len(mine), right, len(mine)], dtype=torch.float64)


def _wrapped(model: nn.Module, device: torch.device, worker: Worker) -> nn.Module:
    """Le réseau lui-même ; à plusieurs, dans l'enveloppe qui moyenne les gradients."""
    if worker.world_size == 1:
        return model
    from torch.nn.parallel import DistributedDataParallel

    options: dict[str, Any] = {"device_ids": [device.index]} if device.type == "cuda" else {}
    return DistributedDataParallel(model, **options)


def _summed(totals: Tensor, device: torch.device, worker: Worker) -> list[float]:
    """La somme des bilans de tous les processus."""
    if worker.world_size > 1:
        import torch.distributed as dist

        totals = totals.to(device)
        dist.all_reduce(totals)
    summed: list[float] = totals.tolist()
    return summed


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
    """Part des images bien classées, entre 0 et 1.

    Raises:
        ReseauxError: pas autant d'étiquettes que d'images, ou aucune image.
    """
    if len(images) != len(labels) or not len(images):
        raise ReseauxError(
            f"{len(images)} images et {len(labels)} étiquettes : il faut autant des unes que des "
            "autres, et au moins une."
        )
    return float((predict(model, images, batch_size) == labels.cpu()).double().mean())
