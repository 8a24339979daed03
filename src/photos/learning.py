"""Apprendre un classifieur sur les images d'entraînement : une sonde, ou un réglage fin."""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from photos import classifier
from photos.classifier import Classifier
from photos.console import plural, progress, say, speaks
from photos.dataset import Dataset
from photos.description import Description
from photos.request import TRAINING, Method, Request
from reseaux.formatting import decimal, percent
from reseaux.reuse import transfer, weights
from reseaux.reuse.training import Epoch, Worker
from reseaux.reuse.weights import Pretrained


class Learned(NamedTuple):
    """Un classifieur, et la phrase qui dit comment il a été appris."""

    classifier: Classifier
    told: str


def learn(request: Request, read: Dataset, worker: Worker) -> Learned:
    """Apprend ce qui est demandé.

    Args:
        request: ce qui est demandé.
        read: les images ; seules celles d'entraînement servent.
        worker: la part de ce processus.

    Raises:
        ReseauxError: reprise d'un autre entraînement, poids illisibles.
    """
    pretrained = _load(request)
    pretrained.model.to(request.setting.device)
    mean, std = transfer.normalization(pretrained)
    normalize = classifier.normalize(mean, std)
    inputs = classifier.to_tensor(classifier.to_squares(read.images(read.train)))
    labels, names = read.pictures.labels[read.train], read.pictures.names
    head: nn.Linear | None = None
    if request.method is Method.LINEAR_PROBE:
        network = pretrained.model
        depth, head, told = _learn_probe(pretrained, normalize, inputs, labels, request.seed)
    else:
        depth, network, told = _fine_tune(
            request, pretrained, normalize, inputs, labels, len(names), worker
        )
    description = Description(
        request.method, pretrained.name, names, request.size, mean, std, depth
    )
    return Learned(classifier.assemble(description, network, head), told)


def _load(request: Request) -> Pretrained:
    """Le réseau du réglage ; si ses poids ne sont pas là, celui qui est livré avec le cours."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        pretrained = weights.load(request.setting.photos.network, fallback=True)
    replaced = pretrained.name == weights.DEFAULT != request.setting.photos.network
    if replaced and speaks():
        say("\n".join([*(str(warning.message) for warning in said), ""]))
    return pretrained


def _learn_probe(
    pretrained: Pretrained,
    normalize: nn.Module,
    inputs: torch.Tensor,
    labels: NDArray[np.int64],
    seed: int,
) -> tuple[int, nn.Linear, str]:
    """La profondeur que choisit une validation croisée, la sonde, et la phrase qui les dit."""
    batches = [
        transfer.extract_features(pretrained.model, normalize(batch))
        for batch in progress(torch.split(inputs, 32), "Caractéristiques", "lot")
    ]
    vectors = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    depths = transfer.depth_names(pretrained.model)
    if np.bincount(labels).max() < 2:
        depth, why = len(depths) * 2 // 3, "par défaut : trop peu d'images pour la choisir"
    else:
        depth, scores = transfer.choose_depth(vectors, labels, seed=seed)
        why = f"choisie : la validation croisée y donne {percent(scores[depth])}"
    head = transfer.as_linear_layer(transfer.linear_probe(vectors[depth], labels))
    told = f"Sonde sur « {pretrained.name} », profondeur {depth} (« {depths[depth]} », {why})."
    return depth, head, told


def _fine_tune(
    request: Request,
    pretrained: Pretrained,
    normalize: nn.Module,
    inputs: torch.Tensor,
    labels: NDArray[np.int64],
    classes: int,
    worker: Worker,
) -> tuple[int, nn.Module, str]:
    """La première profondeur réglée (sans carte graphique, seule la fin), le réseau, la phrase."""
    count = len(transfer.depth_names(pretrained.model))
    depth = 0 if request.setting.graphics_card else max(count - 3, 0)
    bar = iter(progress(range(request.epochs), "Réglage fin", "époque"))
    last: list[Epoch] = []

    def after(epoch: Epoch) -> None:
        next(bar, None)
        last[:] = [epoch]

    network = transfer.fine_tune(
        pretrained,
        inputs,
        torch.from_numpy(labels),
        classes,
        first_trained=depth,
        epochs=request.epochs,
        learning_rate=2e-3,
        backbone_rate=0.1,  # ce qui est déjà appris se retouche ; le classifieur part de rien
        batch_size=16,
        seed=request.seed,
        frozen_statistics=True,
        augment=normalize,
        after_epoch=after,
        checkpoint=request.output / TRAINING,
        resume=request.resume,
        worker=worker,
    )
    next(bar, None)  # ferme la barre
    loss = f", perte {decimal(last[0].loss, 3)} à la dernière" if last else ""
    told = (
        f"Réglage fin de « {pretrained.name} » à partir de la profondeur {depth}, "
        f"{plural(request.epochs, 'époque')}{loss}."
    )
    return depth, network, told
