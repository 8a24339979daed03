"""Faire passer un lot d'images par un réseau, ou dire pourquoi c'est impossible."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from reseaux.errors import ReseauxError


def device_of(model: nn.Module) -> torch.device:
    """Où un réseau calcule.

    Raises:
        ReseauxError: réseau sans paramètre, ou construit sur « meta ».
    """
    weight = next(model.parameters(), None)
    if weight is None or weight.is_meta:
        raise ReseauxError(f"Le réseau « {type(model).__name__} » n'a pas de poids pour calculer.")
    return weight.device


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Le temps d'un calcul, met un réseau en mode évaluation ; rend ensuite à chacun son mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def check_images(images: Tensor, dimensions: int | None = None) -> None:
    """Refuse un lot vide, d'une autre forme (par défaut, deux dimensions ou plus), infini ou NaN.

    Raises:
        ReseauxError: ce n'est pas un lot d'images.
    """
    wanted = images.ndim >= 2 if dimensions is None else images.ndim == dimensions
    real = images.is_floating_point() or images.dtype == torch.uint8
    dense = images.layout is torch.strided and not images.is_meta
    if not (wanted and real and images.numel() and dense):
        raise ReseauxError(
            f"Images de forme {tuple(images.shape)} et de type {images.dtype} ; il faut au moins "
            "une image, N×C×H×L, en nombres flottants, dans un tenseur dense."
        )
    if not all(math.isfinite(bound) for bound in images.detach().aminmax()):
        raise ReseauxError("Des images ont des valeurs infinies ou NaN. Vérifiez leur préparation.")


def run(network: nn.Module, images: Tensor) -> Any:
    """Ce que rend un réseau pour un lot d'images, dans le type de ses poids.

    Raises:
        ReseauxError: le réseau échoue : ces images ne sont pas pour lui, ou il se trompe.
    """
    if not isinstance(images, Tensor):
        raise ReseauxError(f"Un lot d'images est un tenseur, et non « {type(images).__name__} ».")
    weight = next(network.parameters(), images)
    try:
        return network(images.to(weight.dtype) if images.is_floating_point() else images)
    except (RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, ReseauxError | torch.OutOfMemoryError):
            raise
        raise ReseauxError(
            f"Le réseau « {type(network).__name__} » refuse un lot de forme {tuple(images.shape)} "
            f"et de type {images.dtype}. Préparez les images pour lui ; pour qu'il normalise par "
            "lot, il faut au moins deux images par lot et par processus, ou frozen_statistics."
        ) from error


def scores_of(network: nn.Module, images: Tensor) -> Tensor:
    """Les scores N×K d'un lot d'images.

    Raises:
        ReseauxError: le réseau échoue, rend autre chose, ou des NaN.
    """
    scores: Any = run(network, images)
    shaped = isinstance(scores, Tensor) and scores.ndim == 2 and scores.shape[1]
    if not shaped or len(scores) != len(images) or scores.is_complex():
        found = f"de forme {tuple(scores.shape)}" if isinstance(scores, Tensor) else type(scores)
        raise ReseauxError(
            f"Le réseau rend un résultat {found} ; un classifieur rend N×K scores pour N images."
        )
    return answering(scores)


def answering(scores: Tensor) -> Tensor:
    """Rend des scores, une fois vérifié que chaque ligne en a un plus grand : ni NaN, ni infini.

    Raises:
        ReseauxError: une ligne ne dit rien ; ``argmax`` y répondrait pourtant une classe.
    """
    if not scores.detach().amax(dim=-1).isfinite().all():
        raise ReseauxError(
            "Des scores sont infinis ou NaN : ce n'est pas une réponse, les poids ont divergé. "
            "Diminuez le pas d'apprentissage, ou vérifiez la préparation des images."
        )
    return scores


def check_derivable(network: nn.Module) -> None:
    """Refuse un réseau construit sous ``torch.inference_mode`` : rien ne s'y dérive.

    Raises:
        ReseauxError: c'en est un.
    """
    if any(weight.is_inference() for weight in network.parameters()):
        raise ReseauxError(
            f"Le réseau « {type(network).__name__} » a été construit sous torch.inference_mode : "
            "il ne peut plus apprendre. Construisez-le, ou copiez-le (copy.deepcopy), en dehors."
        )
