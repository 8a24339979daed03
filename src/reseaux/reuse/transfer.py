"""Réutiliser un réseau déjà entraîné : préparer les images, apprendre une sonde, régler finement.

Une *sonde* (:mod:`reseaux.reuse.probe`) est une régression logistique sur les caractéristiques
d'une profondeur (:mod:`reseaux.reuse.backbone`) ; le *réglage fin* continue l'entraînement du
réseau lui-même.

Tout cela se fait aussi d'une commande, sur un dossier d'images (voir :mod:`photos.command`).
"""

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.data import LabeledImages
from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, training
from reseaux.reuse.backbone import Backbone as Backbone
from reseaux.reuse.backbone import Features as Features
from reseaux.reuse.backbone import LinearProbe as LinearProbe
from reseaux.reuse.backbone import depth_names as depth_names
from reseaux.reuse.backbone import extract_features as extract_features
from reseaux.reuse.backbone import new_head as new_head
from reseaux.reuse.probe import as_linear_layer as as_linear_layer
from reseaux.reuse.probe import choose_depth as choose_depth
from reseaux.reuse.probe import linear_probe as linear_probe
from reseaux.reuse.weights import Pretrained

Triplet = tuple[float, float, float]


def normalization(pretrained: Pretrained) -> tuple[Triplet, Triplet]:
    """Moyenne retirée à chaque canal par la préparation d'un réseau, et ce qui le divise ensuite.

    La préparation est affine. Une image noire donne −m/s, une blanche (1 − m)/s : on les mesure.
    """
    black, white = (
        pretrained.transform(Image.new("RGB", (64, 64), color)).mean(dim=(1, 2)).double()
        for color in ("black", "white")
    )
    std = 1 / (white - black)
    mean = -black * std
    r, g, b = (round(float(value), 6) for value in mean)
    rs, gs, bs = (round(float(value), 6) for value in std)
    return (r, g, b), (rs, gs, bs)


def resize(images: LabeledImages | NDArray[Any], size: int) -> Tensor:
    """Met des images à une taille, en trois canaux, sans changer leurs valeurs.

    Args:
        images: N×H×L (gris) ou N×H×L×3 (couleur), valeurs entre 0 et 1.
        size: côté en sortie ; l'image est agrandie ou réduite (bicubique).

    Returns:
        N×3×size×size, entre 0 et 1 ; le gris est répété dans les trois canaux.

    Raises:
        ReseauxError: forme ou valeurs inattendues.
    """
    array = images.images if isinstance(images, LabeledImages) else np.asarray(images)
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] != 3) or not array.size:
        raise ReseauxError(
            f"Images de forme {array.shape} ; il faut N×H×L (gris) ou N×H×L×3 (couleur)."
        )
    if array.min() < 0 or array.max() > 1:
        raise ReseauxError(
            f"Valeurs de {array.min():g} à {array.max():g} ; il les faut entre 0 et 1 "
            "(divisez des octets par 255)."
        )
    tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    tensor = tensor[:, None] if array.ndim == 3 else tensor.permute(0, 3, 1, 2)
    if tensor.shape[-2:] != (size, size):
        tensor = F.interpolate(tensor, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
    return tensor.expand(-1, 3, -1, -1)


def prepare(pretrained: Pretrained, images: LabeledImages | NDArray[Any], size: int = 64) -> Tensor:
    """Prépare des images pour un réseau, avec la moyenne et l'échelle de son entraînement.

    Args:
        pretrained: le réseau.
        images: N×H×L (gris) ou N×H×L×3 (couleur), valeurs entre 0 et 1.
        size: côté en sortie.

    Returns:
        N×3×size×size (voir :func:`resize`).

    Raises:
        ReseauxError: forme ou valeurs inattendues.
    """
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in normalization(pretrained))
    return ((resize(images, size) - mean) / std).contiguous()


def start_fine_tuning(
    pretrained: Pretrained,
    image_shape: Sequence[int],
    classes: int,
    *,
    first_trained: int = 0,
    learning_rate: float = 1e-3,
    backbone_rate: float = 1.0,
    seed: int = 0,
) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Copie un réseau, gèle son début, lui donne un classifieur neuf et un optimiseur.

    Args:
        pretrained: le réseau de départ ; il n'est pas modifié.
        image_shape: la forme d'une image préparée, (3, H, L).
        classes: voir :func:`fine_tune`, comme les suivants.
        first_trained: la première profondeur qui apprend.
        learning_rate: le pas du classifieur.
        backbone_rate: le pas du reste, rapporté à celui du classifieur.
        seed: graine du classifieur.

    Raises:
        ReseauxError: profondeur hors limites.
    """
    count = len(depth_names(pretrained.model))
    if not 0 <= first_trained <= count:
        raise ReseauxError(
            f"« first_trained » vaut {first_trained} ; il faut entre 0 (tout le réseau) et {count} "
            "(le classifieur seul)."
        )
    model = copy.deepcopy(pretrained.model).requires_grad_(True)
    if first_trained:
        _freeze_before(model, first_trained, image_shape)
    new = list(new_head(model, classes, seed).parameters())
    model = model.to(memory_format=torch.channels_last)  # deux fois plus rapide sur un processeur
    known = [p for p in model.parameters() if p.requires_grad and all(p is not q for q in new)]
    groups: list[dict[str, Any]] = [{"params": new}]
    if known:
        groups.insert(0, {"params": known, "lr": learning_rate * backbone_rate})
    return model, torch.optim.AdamW(groups, lr=learning_rate, weight_decay=1e-2)


def _freeze_before(model: nn.Module, depth: int, image_shape: Sequence[int]) -> None:
    """Gèle les paramètres dont dépend la sortie de la profondeur précédente, et eux seuls."""
    parameters = list(model.parameters())
    image = parameters[0].new_zeros(1, *image_shape)
    output = Backbone(model, depth - 1).eval()(image).sum()
    slopes = torch.autograd.grad(output, parameters, allow_unused=True)
    for parameter, slope in zip(parameters, slopes, strict=True):
        parameter.requires_grad_(slope is None)


def fine_tune(
    pretrained: Pretrained,
    images: Tensor,
    labels: Tensor,
    classes: int,
    *,
    first_trained: int = 0,
    epochs: int = 8,
    learning_rate: float = 1e-3,
    backbone_rate: float = 1.0,
    batch_size: int = 32,
    seed: int = 0,
    frozen_statistics: bool = False,
    augment: Callable[[Tensor], Tensor] | None = None,
    after_epoch: Callable[[training.Epoch], None] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    worker: training.Worker = training.ALONE,
) -> nn.Module:
    """Règle une copie du réseau sur une nouvelle tâche, avec un nouveau classifieur.

    Args:
        pretrained: le réseau de départ ; il n'est pas modifié.
        images: N×3×H×L, préparées.
        labels: N entiers de 0 à ``classes - 1``.
        classes: nombre de classes de la nouvelle tâche, au moins 2.
        first_trained: première profondeur qui apprend. 0 : tout le réseau ; une profondeur du
            milieu : la fin du réseau ; le nombre de profondeurs : le classifieur seul.
        epochs: nombre d'époques.
        learning_rate: pas d'apprentissage le plus haut (AdamW, décroissance en cosinus).
        backbone_rate: le pas des étages déjà appris, rapporté à celui du classifieur neuf.
        batch_size: nombre d'images par pas.
        seed: graine du classifieur initial et de l'ordre des images.
        frozen_statistics: garde les statistiques de normalisation d'ImageNet. Une image ne dépend
            alors plus de ses voisines de lot, ni du nombre de processus.
        augment: appliqué à chaque lot d'images, avant le réseau.
        after_epoch: appelé à la fin de chaque époque, une fois la sauvegarde écrite.
        checkpoint: fichier où sauver l'entraînement à chaque époque.
        resume: reprend l'entraînement de ``checkpoint``.
        worker: la part de ce processus (voir :func:`training.train`) ; le rang 0 seul écrit.

    Returns:
        Le réseau réglé.

    Raises:
        ReseauxError: étiquettes ou profondeur hors limites ; reprise d'un autre entraînement.
    """
    if classes < 2 or int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ReseauxError(
            f"Étiquettes de {int(labels.min())} à {int(labels.max())} pour {classes} classes : "
            "il faut au moins deux classes, numérotées à partir de 0."
        )
    if resume and checkpoint is None:
        raise ReseauxError("Pour reprendre, donnez aussi le fichier de sauvegarde (checkpoint).")
    model, optimizer = start_fine_tuning(
        pretrained,
        images.shape[1:],
        classes,
        first_trained=first_trained,
        learning_rate=learning_rate,
        backbone_rate=backbone_rate,
        seed=seed,
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    generator = torch.Generator().manual_seed(seed)
    settings = {
        "classes": classes,
        "profondeur": first_trained,
        "époques": epochs,
        "pas": learning_rate,
        "pas du réseau": backbone_rate,
        "lot": batch_size,
        "graine": seed,
        "statistiques figées": frozen_statistics,
        "images": _digest(images, labels),
    }
    first_epoch = 0
    if resume and checkpoint is not None:
        saved = checkpoints.load(checkpoint)
        _check_same(saved, pretrained.name, settings)
        checkpoints.fill(model, saved.state["model"], checkpoint)
        first_epoch = saved.restore(optimizer, scheduler, generator)

    def keep(epoch: training.Epoch) -> None:
        if checkpoint is not None and worker.rank == 0:
            checkpoints.save(
                checkpoint,
                model,
                optimizer,
                architecture=pretrained.name,
                arguments=settings,
                epoch=epoch.number,
                scheduler=scheduler,
                generator=generator,
            )
        if after_epoch is not None:
            after_epoch(epoch)

    training.train(
        model,
        images.contiguous(memory_format=torch.channels_last),
        labels,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        generator=generator,
        scheduler=scheduler,
        first_epoch=first_epoch,
        augment=augment,
        after_epoch=keep,
        frozen_statistics=frozen_statistics,
        worker=worker,
    )
    return model.eval()


def _digest(*tensors: Tensor) -> str:
    """Empreinte de tenseurs, formes comprises : reconnaît les images d'un entraînement repris."""
    digest = hashlib.blake2b(str([tuple(tensor.shape) for tensor in tensors]).encode())
    for tensor in tensors:
        array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
        digest.update(array.data)
    return digest.hexdigest()


def _check_same(
    saved: checkpoints.Checkpoint, network: str, settings: Mapping[str, object]
) -> None:
    """Refuse de reprendre un autre entraînement que celui demandé."""
    if saved.architecture != network:
        raise ReseauxError(
            f"« {saved.path.name} » est l'entraînement du réseau « {saved.architecture} », et non "
            f"de « {network} ». Reprenez avec le même réglage, ou recommencez."
        )
    for name, value in settings.items():
        given = saved.arguments.get(name)
        if given != value:
            told = "d'autres images" if name == "images" else f"{name} : {given}, et non {value}"
            raise ReseauxError(
                f"« {saved.path.name} » est un entraînement différent ({told}). "
                "Reprenez avec les mêmes images et les mêmes options, ou recommencez."
            )
