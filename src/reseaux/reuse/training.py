"""Une seule boucle d'entraînement, pour tous les chapitres.

Elle respecte les couches gelées : une couche dont aucun paramètre n'apprend reste en mode
évaluation, et ses statistiques de normalisation ne bougent donc pas.

Elle se partage entre plusieurs processus (:class:`Worker`) : chacun calcule sur sa part de chaque
lot, et ``DistributedDataParallel`` moyenne les gradients. Le lot et l'ordre des images restent
ceux d'un seul processus.
"""

import math
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.arguments import Count, at_least, checked
from reseaux.errors import ReseauxError
from reseaux.reuse.forward import (
    check_derivable,
    check_images,
    device_of,
    evaluating,
    scores_of,
)


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


@checked
def train_mode(model: nn.Module, frozen_statistics: bool = False) -> None:
    """Met le réseau en mode entraînement, sauf les couches dont aucun paramètre n'apprend.

    Args:
        frozen_statistics: laisse toutes les normalisations par lot en mode évaluation, même si
            leurs coefficients apprennent.
    """
    model.train()
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        frozen = own and not any(p.requires_grad for p in own)
        if frozen or (frozen_statistics and isinstance(module, nn.modules.batchnorm._BatchNorm)):
            module.eval()


@checked
@torch.inference_mode(False)  # apprendre demande des gradients, quoi que fasse l'appelant
def train(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    optimizer: torch.optim.Optimizer,
    epochs: Annotated[int, at_least(0)],
    batch_size: Count = 32,
    generator: torch.Generator | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    first_epoch: Annotated[int, at_least(0)] = 0,
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
        labels: N entiers de 0 à K − 1, ou N×K probabilités.
        optimizer: l'optimiseur des paramètres à apprendre.
        epochs: numéro de la dernière époque ; on en fait ``epochs - first_epoch``.
        batch_size: nombre d'images par pas, tous processus réunis. Une image qui resterait seule
            rejoint le lot d'avant : seule, elle n'a pas de variance à normaliser.
        generator: source du hasard pour l'ordre des images ; par défaut celle de torch.
        scheduler: appelé une fois par époque.
        first_epoch: nombre d'époques déjà faites (reprise).
        augment: appliqué à chaque lot d'images, avant le réseau ; ce qu'il lève passe tel quel.
        after_epoch: appelé à la fin de chaque époque (affichage, sauvegarde).
        batches: rend les lots d'une époque, en numéros d'images ; par défaut, toutes, mélangées.
        frozen_statistics: voir :func:`train_mode`.
        worker: la part de ce processus ; à plusieurs, ``torch.distributed`` est déjà en route.

    Returns:
        Un bilan par époque faite. Exactitude et perte sont celles des lots au passage.

    Raises:
        ReseauxError: images ou étiquettes inutilisables, rien qui apprenne, optimiseur d'un autre
            réseau, ou perte infinie.
    """
    check_images(images)
    wanted, device = targets(labels, len(images)), device_of(model)
    check_derivable(model)
    if not any(p.requires_grad for p in model.parameters()):
        raise ReseauxError("Tous les paramètres du réseau sont gelés ; il faut que l'un apprenne.")
    _check_optimizer(model, optimizer, scheduler)

    def shuffled() -> Iterable[Tensor]:
        order = torch.randperm(len(images), generator=generator)
        lone = len(order) % batch_size == 1 and len(order) > batch_size > 1
        ends = range(batch_size, len(order) - lone, batch_size)
        return torch.tensor_split(order, list(ends))

    network = _wrapped(model, device, worker)
    history: list[Epoch] = []
    for number in range(first_epoch + 1, epochs + 1):
        train_mode(network, frozen_statistics)
        totals = torch.zeros(3, dtype=torch.float64)
        for indices in filter(len, (batches or shuffled)()):
            totals += _step(network, images, wanted, indices, optimizer, augment, device, worker)
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


def _check_optimizer(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None,
) -> None:
    known = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not any(id(p) in known for p in model.parameters() if p.requires_grad):
        raise ReseauxError(
            "L'optimiseur n'a aucun paramètre de ce réseau qui apprenne : rien ne changerait. "
            "Construisez-le avec « model.parameters() », après le réseau."
        )
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise ReseauxError(
            "« ReduceLROnPlateau » attend une mesure à chaque époque, que cette boucle ne lui "
            "donne pas. Prenez un autre planificateur."
        )


def targets(labels: Tensor, count: int) -> Tensor:
    """Les étiquettes, entières ou douces, telles que l'entropie croisée les veut."""
    soft = labels.is_floating_point()
    if labels.ndim != 1 + soft or labels.is_complex() or labels.is_meta or len(labels) != count:
        raise ReseauxError(
            f"{count} images et {len(labels) if labels.ndim else 0} étiquettes, de forme "
            f"{tuple(labels.shape)} et de type {labels.dtype} : il faut autant d'étiquettes que "
            "d'images, N entiers ou N×K probabilités."
        )
    if not labels.numel() or not 0 <= labels.min() <= labels.max() < math.inf:
        raise ReseauxError(
            "Des étiquettes sont négatives, infinies ou NaN ; comptez à partir de 0."
        )
    # Un demi-centième : ce que l'arrondi change à mille probabilités en demi-précision.
    if soft and not bool(((labels.double().sum(dim=1) - 1).abs() < 5e-3).all()):
        raise ReseauxError(
            "Des étiquettes douces ne sont pas des probabilités : chaque ligne doit avoir 1 pour "
            "somme. D'un réseau, donnez le softmax des scores."
        )
    return labels if soft else labels.long()


def _likeliest(targets: Tensor) -> Tensor:
    return targets if targets.ndim == 1 else targets.argmax(dim=1)


def _step(
    network: nn.Module,
    images: Tensor,
    targets: Tensor,
    indices: Tensor,
    optimizer: torch.optim.Optimizer,
    augment: Callable[[Tensor], Tensor] | None,
    device: torch.device,
    worker: Worker,
) -> Tensor:
    """Un pas de descente ; rend la perte totale, les bonnes réponses, les images vues."""
    mine = indices[worker.rank :: worker.world_size]
    idle = not len(mine)  # moins d'images que de processus : on participe, sans compter
    mine = indices if idle else mine
    batch, target = images[mine].to(device), targets[mine].to(device)
    scores = scores_of(network, augment(batch) if augment else batch)
    if len(scores) != len(target):
        raise ReseauxError(f"« augment » rend {len(scores)} images pour {len(target)} étiquettes.")
    given = int(target.max()) + 1 if target.ndim == 1 else target.shape[1]
    if given > scores.shape[1] or (target.ndim == 2 and given < scores.shape[1]):
        raise ReseauxError(
            f"Des étiquettes de {given} classes pour un réseau à {scores.shape[1]} sorties : il "
            "faut autant de sorties que de classes, numérotées à partir de 0."
        )
    loss = F.cross_entropy(scores, target if target.ndim == 1 else target.to(scores.dtype))
    optimizer.zero_grad()
    # Les parts peuvent être inégales : chacune compte en proportion de ses images.
    weight = 0.0 if idle else len(mine) * worker.world_size / len(indices)
    (loss * weight if worker.world_size > 1 else loss).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    if idle:
        return torch.zeros(3, dtype=torch.float64)
    right = int((scores.argmax(dim=1) == _likeliest(target)).sum())
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


@checked
@torch.inference_mode()
def predict(model: nn.Module, images: Tensor, batch_size: Count = 128) -> Tensor:
    """Rend la classe la plus probable de chaque image (N entiers), réseau en mode évaluation.

    Raises:
        ReseauxError: images inutilisables, ou réseau qui ne rend pas N×K scores.
    """
    check_images(images)
    device = device_of(model)
    batches = (batch.to(device) for batch in torch.split(images, batch_size))
    with evaluating(model):
        return torch.cat([scores_of(model, batch).argmax(dim=1).cpu() for batch in batches])


@checked
def accuracy(model: nn.Module, images: Tensor, labels: Tensor, batch_size: Count = 128) -> float:
    """Part des images bien classées, entre 0 et 1.

    Args:
        labels: N entiers, ou N×K probabilités : la plus grande désigne alors la classe.

    Raises:
        ReseauxError: pas autant d'étiquettes que d'images, ou aucune image.
    """
    check_images(images)
    truth = _likeliest(targets(labels, len(images))).cpu()
    return float((predict(model, images, batch_size) == truth).double().mean())
