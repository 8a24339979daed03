"""Refuser, avant tout tirage, ce qu'une transformation d'images abîmerait sans rien dire."""

from collections.abc import Sequence
from typing import Any

import PIL.Image
import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from reseaux.errors import ReseauxError
from reseaux.reuse.forward import check_derivable


def check_values(*tensors: Tensor) -> None:
    """Refuse un tenseur sans valeurs, creux, ou dont les valeurs n'ont pas d'ordre.

    Raises:
        ReseauxError: tenseur « meta », creux, complexe.
    """
    for tensor in tensors:
        sparse = tensor.layout is not torch.strided
        if tensor.is_meta or tensor.is_complex() or sparse:
            kind = "complexe" if tensor.is_complex() else "sans valeurs (« meta »)"
            raise ReseauxError(
                f"Tenseur {'creux' if sparse else kind}, de forme {tuple(tensor.shape)} ; donnez "
                "des nombres réels, dans un tenseur dense."
            )


def check_one_kind(images: Sequence[Tensor]) -> None:
    """Refuse des octets de 0 à 255 et des flottants de 0 à 1, que torch réunirait sans rien dire.

    Raises:
        TypeError: il y a des uns et des autres.
    """
    if len({image.is_floating_point() for image in images}) > 1:
        raise TypeError("des octets et des flottants")


def check_network(network: nn.Module) -> None:
    """Refuse un réseau dont aucun poids n'apprend, ou dont les poids n'ont pas de valeurs.

    Raises:
        ReseauxError: c'en est un.
    """
    weights = [*network.parameters()]
    check_values(*weights)
    check_derivable(network)
    if not any(weight.requires_grad for weight in weights):
        raise ReseauxError(
            f"Aucun poids de « {type(network).__name__} » n'apprend ; donnez un réseau dont l'un "
            "au moins n'est pas gelé."
        )


def is_image(value: object) -> bool:
    """Dit si ``value`` est une image : PIL ou tenseur, mais ni masque ni boîtes."""
    if isinstance(value, tv_tensors.TVTensor):
        return isinstance(value, tv_tensors.Image | tv_tensors.Video)
    return isinstance(value, Tensor | PIL.Image.Image)


def _check_image(image: Any) -> None:
    if isinstance(image, PIL.Image.Image):
        if image.mode not in ("L", "RGB"):
            raise ReseauxError(
                f"Image PIL de mode « {image.mode} » ; il faut « L » (gris) ou « RGB ». "
                'Convertissez-la : image.convert("RGB").'
            )
        if not min(image.size):
            raise ReseauxError(
                f"Image PIL vide, de taille {image.size} ; donnez au moins un pixel."
            )
        return
    check_values(image)
    shape = tuple(image.shape)
    if image.ndim < 3:
        raise ReseauxError(
            f"Tenseur de forme {shape} ; une image a trois dimensions, (C, H, L). "
            "Ajoutez celle des canaux : image[None]."
        )
    if not image.numel():
        raise ReseauxError(
            f"Tenseur vide, de forme {shape} ; donnez au moins une image d'au moins un pixel."
        )
    if shape[-3] not in (1, 3):
        raise ReseauxError(
            f"Tenseur de forme {shape}, soit {shape[-3]} canaux ; une image en a 1 (gris) ou 3 "
            "(couleurs), avant la hauteur et la largeur. S'ils sont en dernier, déplacez-les : "
            "image.movedim(-1, -3)."
        )
    if image.dtype == torch.uint8:
        return
    if not image.is_floating_point():
        raise ReseauxError(
            f"Tenseur de type {image.dtype} ; il faut des octets (torch.uint8, de 0 à 255) "
            "ou des flottants de 0 à 1."
        )
    low, high = image.as_subclass(Tensor).aminmax()
    if not (low >= 0 and high <= 1):  # faux aussi pour NaN
        raise ReseauxError(
            "Image flottante dont des valeurs sortent de [0, 1] ou ne sont pas des nombres (NaN). "
            "Augmentez l'image avant de la normaliser (v2.Normalize), pas après."
        )


def check_inputs(flat_inputs: Sequence[Any], moves: bool) -> list[Any]:
    """Vérifie ce qu'on donne à une transformation ; rend les images qu'elle changera.

    Args:
        flat_inputs: images, masques, boîtes, étiquettes, à la suite.
        moves: la transformation déplace les pixels ; masques et boîtes doivent alors avoir la
            taille de l'image.
    """
    images = [x for x in flat_inputs if is_image(x)]
    if not images:
        kinds = ", ".join(sorted({type(x).__name__ for x in flat_inputs})) or "rien"
        raise ReseauxError(
            f"Aucune image à transformer (reçu : {kinds}) ; donnez une image PIL ou un "
            "tenseur. Un tableau NumPy devient un tenseur par v2.functional.to_image(tableau)."
        )
    explicit = [x for x in images if isinstance(x, PIL.Image.Image | tv_tensors.TVTensor)]
    # Comme torchvision : sans image explicite, le premier tenseur est l'image.
    changed = explicit or images[:1]
    for image in changed:
        _check_image(image)
    if not moves:
        return changed
    followers = [x for x in flat_inputs if isinstance(x, tv_tensors.TVTensor) and not is_image(x)]
    sizes = {tuple(F.get_size(x)) for x in [*changed, *followers]}
    if len(sizes) > 1:
        found = " et ".join(f"{height} × {width}" for height, width in sorted(sizes))
        raise ReseauxError(
            f"L'image et ce qui l'accompagne n'ont pas la même taille ({found}) : ils ne peuvent "
            "pas bouger ensemble. Redimensionnez-les avant."
        )
    return changed
