"""Le réglage fin : continuer, sur une nouvelle tâche, l'entraînement d'un réseau déjà appris."""

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reseaux.arguments import Count, Positive, Seed, at_least, checked
from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, forward, random_state, training
from reseaux.reuse.backbone import Backbone, depth_names, new_head
from reseaux.reuse.weights import Pretrained

Classes = Annotated[int, at_least(2)]
Rate = Annotated[float, at_least(0)]


@checked
@torch.inference_mode(False)
def start_fine_tuning(
    pretrained: Pretrained,
    image_shape: Annotated[Sequence[int], at_least(1)],
    classes: Classes,
    *,
    first_trained: int = 0,
    learning_rate: Positive = 1e-3,
    backbone_rate: Rate = 1.0,
    seed: Seed = 0,
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
    if len(image_shape) != 3:
        raise ReseauxError(f"Une image a trois dimensions, C×H×L ; et non {len(image_shape)}.")
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


@checked
@torch.inference_mode(False)
def fine_tune(
    pretrained: Pretrained,
    images: Tensor,
    labels: Tensor,
    classes: Classes,
    *,
    first_trained: int = 0,
    epochs: Count = 8,
    learning_rate: Positive = 1e-3,
    backbone_rate: Rate = 1.0,
    batch_size: Count = 32,
    seed: Seed = 0,
    frozen_statistics: bool = False,
    augment: Callable[[Tensor], Tensor] | None = None,
    after_epoch: Callable[[training.Epoch], None] | None = None,
    checkpoint: Path | str | None = None,
    resume: bool = False,
    worker: training.Worker = training.ALONE,
) -> nn.Module:
    """Règle une copie du réseau sur une nouvelle tâche, avec un nouveau classifieur.

    Args:
        pretrained: le réseau de départ ; il n'est pas modifié.
        images: N×3×H×L, préparées.
        labels: N entiers de 0 à ``classes - 1``, ou N×``classes`` probabilités.
        classes: nombre de classes de la nouvelle tâche, au moins 2.
        first_trained: première profondeur qui apprend. 0 : tout le réseau ; une profondeur du
            milieu : la fin du réseau ; le nombre de profondeurs : le classifieur seul.
        epochs: nombre d'époques.
        learning_rate: pas d'apprentissage le plus haut (AdamW, décroissance en cosinus).
        backbone_rate: le pas des étages déjà appris, rapporté à celui du classifieur neuf.
        batch_size: nombre d'images par pas.
        seed: graine du classifieur initial, de l'ordre des images et des autres tirages (dropout,
            ``augment``) ; le hasard de l'appelant n'est pas touché.
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
        ReseauxError: images, étiquettes ou profondeur inutilisables ; reprise d'un autre
            entraînement.
    """
    forward.check_images(images, 4)
    labels = training.targets(labels, len(images))
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

    def keep(epoch: training.Epoch) -> None:
        if checkpoint is not None and worker.rank == 0:
            checkpoints.save(
                checkpoint, model, optimizer, architecture=pretrained.name, arguments=settings,
                epoch=epoch.number, scheduler=scheduler, generator=generator,
            )  # fmt: skip
        if after_epoch is not None:
            after_epoch(epoch)

    with random_state.seeded((seed + worker.rank) % 2**32):
        resumed = (
            _resume(checkpoint, pretrained.name, settings, model, optimizer, scheduler, generator)
            if resume and checkpoint is not None
            else 0
        )
        training.train(
            model,
            images.contiguous(memory_format=torch.channels_last),
            labels,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            generator=generator,
            scheduler=scheduler,
            first_epoch=resumed,
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
        # En octets : numpy n'a pas de bfloat16.
        array: NDArray[Any] = tensor.detach().cpu().contiguous().view(torch.uint8).numpy()
        digest.update(array.data)
    return digest.hexdigest()


def _resume(
    file: Path | str, network: str, settings: Mapping[str, object], model: nn.Module, *states: Any
) -> int:
    """Reprend un entraînement sauvé, s'il est bien celui demandé ; rend sa dernière époque."""
    saved = checkpoints.load(file)
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
    checkpoints.fill(model, saved.state["model"], saved.path)
    return saved.restore(*states)
