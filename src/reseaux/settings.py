"""Deux réglages pour le même code : « rapide », partout ; « complet », sur une carte graphique.

« rapide » est celui par défaut : le processeur, sans connexion, de petites images, peu de tirages.
« complet » prend un réseau plus grand, des images plus grandes, plus d'étiquettes et de tirages, et
la carte graphique s'il y en a une. On le choisit par une variable d'environnement :

    RESEAUX_REGLAGE=complet jupyter lab chapters

>>> current({}).name
'rapide'
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reseaux.errors import unknown_name

if TYPE_CHECKING:
    import torch

    from reseaux.reuse.weights import Pretrained

VARIABLE = "RESEAUX_REGLAGE"


@dataclass(frozen=True)
class Setting:
    """Un réglage : ce qui change d'une machine à l'autre, et rien d'autre.

    Attributes:
        name: « rapide » ou « complet ».
        network: le réseau appris sur ImageNet, un nom de :func:`reseaux.reuse.weights.load`.
        graphics_card: prendre la carte graphique, s'il y en a une.
        size: côté des images, en pixels, pour un réglage fin.
        probe_size: côté des images pour une sonde, qui ne traverse le réseau qu'une fois.
        labels: nombres d'images étiquetées par classe à comparer.
        seeds: nombre de tirages d'une comparaison.
        effort: combien de fois plus de pas d'entraînement qu'en réglage rapide.
    """

    name: str
    network: str
    graphics_card: bool
    size: int
    probe_size: int
    labels: tuple[int, ...]
    seeds: int
    effort: int

    @property
    def device(self) -> "torch.device":
        """Où calculer : la carte graphique si le réglage la veut et qu'il y en a une."""
        import torch

        return torch.device("cuda" if self.graphics_card and torch.cuda.is_available() else "cpu")

    def load(self) -> "Pretrained":
        """Charge le réseau du réglage, là où il calculera.

        Sans connexion, un réseau à télécharger est remplacé, avec un avertissement, par celui que
        livre le cours.
        """
        import torch

        from reseaux.reuse import weights

        pretrained = weights.load(self.network, fallback=True)
        # Canaux en dernier : plus rapide, mêmes nombres.
        pretrained.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return pretrained


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("rapide", "efficientnet-lite0", False, 32, 64, (2, 5, 20), 3, 1),
        Setting("complet", "resnet50", True, 96, 128, (2, 5, 20, 60), 10, 4),
    )
}


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
