"""Deux réglages pour le même code : « rapide », partout ; « complet », sur une carte graphique.

« rapide » est celui par défaut : le processeur, sans connexion, de petites images.
« complet » prend un réseau plus grand, des images plus grandes et téléchargées, et la carte
graphique s'il y en a une. On le choisit par une variable d'environnement :

    RESEAUX_REGLAGE=complet jupyter lab chapters

>>> current({}).name
'rapide'
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reseaux.arguments import checked
from reseaux.errors import unknown_name

if TYPE_CHECKING:
    import torch

VARIABLE = "RESEAUX_REGLAGE"


class PhotoSetting(NamedTuple):
    """Ce que prend l'application : le réseau, le côté des images, les époques du réglage fin."""

    network: str
    size: int
    epochs: int


@dataclass(frozen=True)
class Setting:
    """Un réglage : ce qui change d'une machine à l'autre, et rien d'autre.

    La préparation des images n'en est pas : elle vient toujours du réseau.

    Attributes:
        name: « rapide » ou « complet ».
        network: le réseau appris sur ImageNet, un nom de :func:`reseaux.reuse.weights.load`.
        graphics_card: prendre la carte graphique, s'il y en a une.
        downloads: télécharger ce que le cours ne livre pas.
        size: côté des images qu'on lui donne, en pixels.
        photos: ce que prend l'application (:mod:`photos.command`).
    """

    name: str
    network: str
    graphics_card: bool
    downloads: bool
    size: int
    photos: PhotoSetting

    @property
    def device(self) -> "torch.device":
        """Où calculer : la carte graphique si le réglage la veut et qu'il y en a une."""
        import torch

        return torch.device("cuda" if self.graphics_card and torch.cuda.is_available() else "cpu")


_FAST = PhotoSetting("efficientnet-lite0", 160, 8)
_COMPLETE = PhotoSetting("efficientnet_v2_s", 224, 20)
SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("rapide", "efficientnet-lite0", False, False, 96, _FAST),
        Setting("complet", "resnet50", True, True, 160, _COMPLETE),
    )
}


@checked
def current(environment: Mapping[str, str] = os.environ) -> Setting:
    """Rend le réglage que demande la variable ``RESEAUX_REGLAGE`` ; « rapide » si elle est absente.

    Args:
        environment: les variables d'environnement.

    Raises:
        ReseauxError: réglage inconnu.
    """
    name = environment.get(VARIABLE, "") or "rapide"
    if name not in SETTINGS:
        raise unknown_name(f"un réglage de {VARIABLE}", name, SETTINGS)
    return SETTINGS[name]
