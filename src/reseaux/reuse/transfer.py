"""Réutiliser un réseau déjà entraîné : préparer les images ; le reste se prend aussi d'ici.

Une *sonde* (:mod:`reseaux.reuse.probe`) est une régression logistique sur les caractéristiques
d'une profondeur (:mod:`reseaux.reuse.backbone`) ; le *réglage fin*
(:mod:`reseaux.reuse.fine_tuning`) continue l'entraînement du réseau lui-même.

Tout cela se fait aussi d'une commande, sur un dossier d'images (voir :mod:`photos.command`).
"""

from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from reseaux.arguments import between, checked
from reseaux.data import LabeledImages
from reseaux.errors import ReseauxError
from reseaux.reuse.backbone import Backbone as Backbone
from reseaux.reuse.backbone import Features as Features
from reseaux.reuse.backbone import LinearProbe as LinearProbe
from reseaux.reuse.backbone import depth_names as depth_names
from reseaux.reuse.backbone import extract_features as extract_features
from reseaux.reuse.backbone import new_head as new_head
from reseaux.reuse.fine_tuning import fine_tune as fine_tune
from reseaux.reuse.fine_tuning import start_fine_tuning as start_fine_tuning
from reseaux.reuse.probe import as_linear_layer as as_linear_layer
from reseaux.reuse.probe import choose_depth as choose_depth
from reseaux.reuse.probe import linear_probe as linear_probe
from reseaux.reuse.weights import Pretrained

Triplet = tuple[float, float, float]
Side = Annotated[int, between(1, 4096)]


@checked
def normalization(pretrained: Pretrained) -> tuple[Triplet, Triplet]:
    """Moyenne retirée à chaque canal par la préparation d'un réseau, et ce qui le divise ensuite.

    La préparation est affine. Une image noire donne −m/s, une blanche (1 − m)/s : on les mesure.

    Raises:
        ReseauxError: sa préparation ne garde pas les trois canaux, ou efface l'image.
    """
    black, white = (
        pretrained.transform(Image.new("RGB", (64, 64), color)).mean(dim=(1, 2)).double()
        for color in ("black", "white")
    )
    if black.shape != (3,) or not (white > black).all():
        raise ReseauxError(
            f"La préparation de « {pretrained.name} » ne rend pas trois canaux plus clairs pour "
            "une image plus claire. Donnez celle de son entraînement."
        )
    std = 1 / (white - black)
    mean = -black * std
    r, g, b = (round(float(value), 6) for value in mean)
    rs, gs, bs = (round(float(value), 6) for value in std)
    return (r, g, b), (rs, gs, bs)


@checked
def resize(images: LabeledImages | NDArray[Any], size: Side) -> Tensor:
    """Met une copie d'images à une taille, en trois canaux, sans changer leurs valeurs.

    Args:
        images: N×H×L (gris) ou N×H×L×3 (couleur), valeurs entre 0 et 1.
        size: côté en sortie ; l'image est agrandie ou réduite (bicubique).

    Returns:
        N×3×size×size, entre 0 et 1 ; le gris est répété dans les trois canaux.

    Raises:
        ReseauxError: forme ou valeurs inattendues.
    """
    array = images.images if isinstance(images, LabeledImages) else images
    shaped = array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3)
    if not shaped or not array.size or array.dtype.kind not in "biuf":
        raise ReseauxError(
            f"Images de forme {array.shape} et de type {array.dtype} ; il faut N×H×L (gris) ou "
            "N×H×L×3 (couleur) nombres."
        )
    if not 0 <= array.min() <= array.max() <= 1:  # faux aussi pour NaN
        raise ReseauxError(
            f"Valeurs de {array.min():g} à {array.max():g} ; il les faut entre 0 et 1 "
            "(divisez des octets par 255)."
        )
    tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    tensor = tensor[:, None] if array.ndim == 3 else tensor.permute(0, 3, 1, 2)
    if tensor.shape[-2:] != (size, size):
        tensor = F.interpolate(tensor, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
    # Une copie : les images données par « data » servent à toute la page.
    return tensor.expand(-1, 3, -1, -1).clone(memory_format=torch.contiguous_format)


@checked
def prepare(
    pretrained: Pretrained, images: LabeledImages | NDArray[Any], size: Side = 64
) -> Tensor:
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
    return resize(images, size).sub_(mean).div_(std)
