"""Ce qu'est un classifieur, écrit dans son fichier ; relu sans confiance : il vient d'ailleurs."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from photos.console import readable
from photos.request import SIZES, Method
from reseaux.errors import ReseauxError

FORMAT = 1  # à augmenter si le contenu du fichier change


@dataclass(frozen=True)
class Description:
    """Ce qu'il faut savoir pour refaire le classifieur, en plus de ses nombres.

    Attributes:
        method: sonde ou réglage fin.
        network: le nom du réseau préentraîné (voir :func:`weights.load`).
        names: les classes, dans l'ordre des sorties.
        size: côté des carrés donnés au réseau, en pixels.
        mean: moyenne retirée à chaque canal, pour des valeurs entre 0 et 1.
        std: ce par quoi chaque canal est ensuite divisé.
        depth: la profondeur lue par la sonde, ou la première qui a appris.
    """

    method: Method
    network: str
    names: tuple[str, ...]
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    depth: int

    def to_json(self) -> str:
        """Ce qu'on écrit dans le fichier."""
        return json.dumps({"format": FORMAT, **asdict(self), "method": self.method.value})


def _number(low: float, high: float, *kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds and low <= value <= high  # NaN et vrai sont refusés


def _text(longest: int) -> Callable[[Any], bool]:
    return lambda value: (
        type(value) is str and 0 < len(value) <= longest and readable(value) == value
    )


def _list(valid: Callable[[Any], bool], least: int, most: int) -> Callable[[Any], bool]:
    return lambda values: (
        type(values) is list and least <= len(values) <= most and all(map(valid, values))
    )


_REAL = (int, float)
_NAMES = _list(_text(1100), 2, 100_000)  # un nom de dossier, 255 octets, peut-être tous échappés
# Ce que chaque champ a le droit d'être.
_ALLOWED: dict[str, Callable[[Any], bool]] = {
    "method": lambda value: value in [method.value for method in Method],
    "network": _text(100),
    "names": lambda value: _NAMES(value) and len(set(value)) == len(value),
    "size": _number(*SIZES, int),
    "mean": _list(_number(-1000, 1000, *_REAL), 3, 3),
    "std": _list(_number(1e-4, 1000, *_REAL), 3, 3),
    "depth": _number(0, 1000, int),
}


def from_json(text: str, path: Path) -> Description:
    """Relit une description.

    Args:
        text: ce que dit le fichier.
        path: le fichier, pour les messages.

    Raises:
        ReseauxError: description absente, d'une version plus récente, ou impossible.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise foreign(path) from error
    version = given.pop("format", None) if isinstance(given, dict) else None
    if type(version) is not int:
        raise foreign(path)
    if FORMAT < version < 1000:
        raise ReseauxError(
            f"« {path.name} » est au format {version} ; cette version lit le format {FORMAT}. "
            "Mettez le cours à jour."
        )
    if version != FORMAT or given.keys() != _ALLOWED.keys():
        raise foreign(path)
    for name, allowed in _ALLOWED.items():
        if not allowed(given[name]):
            raise foreign(path, f" (« {name} »)")
        if isinstance(given[name], list):
            given[name] = tuple(given[name])
    return Description(**{**given, "method": Method(given["method"])})


def foreign(path: Path, where: str = "") -> ReseauxError:
    """L'erreur d'un fichier que nous n'avons pas pu écrire ; ``where`` dit où cela se voit."""
    return ReseauxError(
        f"« {path} » n'est pas un modèle écrit par « reseaux apprendre »{where}. "
        "Donnez par « --modele » le dossier qu'il a écrit."
    )
