"""Des photographies de cellules photovoltaïques : laquelle est défectueuse ? [Deitsch19].

Leur licence, CC BY-NC-SA 4.0, demande de citer leurs auteurs et interdit l'usage commercial : un
extra les livre, « cellules », dont rien d'autre ne dépend.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reseaux.arguments import between, checked
from reseaux.data.labeled import LabeledImages
from reseaux.errors import ReseauxError


@dataclass(frozen=True)
class SolarCells(LabeledImages):
    """Des cellules photovoltaïques, en gris ; la classe 1, « défectueuse », est la seconde.

    Attributes:
        probability: la probabilité d'un défaut selon l'expert : 0, 1/3, 2/3 ou 1.
        types: « mono » (monocristalline) ou « poly » (polycristalline).
    """

    probability: NDArray[np.float64]
    types: NDArray[np.str_]


@checked
def solar_cells(size: Annotated[int, between(1, 300)] = 96) -> SolarCells:
    """Les 2 624 cellules d'ELPV, photographiées en électroluminescence, dans l'ordre du paquet.

    Une cellule est dite défectueuse quand la probabilité d'un défaut vaut au moins 1/2. La première
    lecture d'une taille prend quatre secondes et 0,5 Go ; la dernière taille lue reste en mémoire.

    Args:
        size: côté des images ; celles du paquet, de 300 pixels, sont réduites une fois, chaque
            pixel étant la moyenne de ceux qu'il remplace. Elles prennent 97 Mo à 96 pixels,
            945 Mo à 300, et 1,5 Go pendant la lecture.

    Raises:
        ReseauxError: taille hors bornes, ou extra « cellules » absent.
    """
    pixels, probability, types = _read(size)
    return SolarCells(
        np.divide(pixels, 255, dtype=np.float32),
        (probability >= 0.5).astype(np.int64),
        ("saine", "défectueuse"),
        probability.copy(),
        types.copy(),
    )


@lru_cache(maxsize=1)
def _read(size: int) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.str_]]:
    try:
        from elpv_dataset.utils import load_dataset
    except ImportError:
        raise ReseauxError(
            "Les photographies de cellules solaires ne sont pas installées. Installez-les par "
            "« pip install elpv-dataset » ; c'est l'extra « cellules » du cours. Leur licence, "
            "CC BY-NC-SA 4.0, demande de citer leurs auteurs, de partager sous la même licence ce "
            "qu'on en tire, et interdit l'usage commercial."
        ) from None
    pixels, probability, types = load_dataset()
    cells = (Image.fromarray(cell).resize((size, size), Image.Resampling.BOX) for cell in pixels)
    return np.stack([np.asarray(cell) for cell in cells]), probability, types
