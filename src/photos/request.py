"""Ce qui est demandé à « reseaux apprendre », une fois les options lues. Ne charge pas torch."""

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from reseaux.settings import Setting

OUTPUT = "resultats"
MODEL, TRAINING = "modele.safetensors", "entrainement.pt"
SIZES = (32, 1024)  # côtés permis des carrés donnés au réseau, en pixels


class Method(Enum):
    """Comment apprendre ; la valeur est le mot que donne l'utilisateur."""

    LINEAR_PROBE = "sonde"
    FINE_TUNING = "reglage-fin"


@dataclass(frozen=True)
class Request:
    """Ce qu'il faut apprendre, et comment.

    Attributes:
        source: le dossier d'images.
        test: un dossier d'images de test, ou ``None`` : elles viennent de ``source``.
        test_part: la part de ``source`` mise de côté ; ``None`` : un quart, ou son propre partage.
        output: le dossier des résultats.
        method: sonde ou réglage fin.
        setting: rapide ou complet.
        size: côté des carrés donnés au réseau, en pixels.
        epochs: nombre d'époques du réglage fin.
        seed: graine du partage et de l'apprentissage.
        resume: reprendre un réglage fin interrompu.
        overwrite: remplacer les résultats d'un autre dossier d'images.
        command: la ligne de commande qui refait tout.
    """

    source: Path
    test: Path | None
    test_part: float | None
    output: Path
    method: Method
    setting: Setting
    size: int
    epochs: int
    seed: int
    resume: bool
    overwrite: bool
    command: str


def real(path: Path) -> Path:
    """Le vrai chemin, liens suivis ; à la différence de « resolve », accepte qu'ils tournent."""
    return Path(os.path.realpath(path))
