"""Les jeux d'images que lit torchvision, téléchargés quand on le demande : le réglage complet.

Les chargeurs sont ceux de torchvision. Ici, ce qu'ils ne font pas : un téléchargement manqué ne
laisse rien derrière lui et s'explique en français ; les images ont toutes la même taille ; leur
ordre ne dépend pas de la machine.
"""

import http.client
import socket
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.error import HTTPError, URLError

import numpy as np
from PIL import Image, ImageOps

from reseaux import settings
from reseaux.arguments import between, checked
from reseaux.data.labeled import LabeledImages
from reseaux.errors import ReseauxError, os_reason, unknown_name

TIMEOUT = 30.0  # secondes de silence, après quoi le serveur est abandonné


class Source(NamedTuple):
    """Un jeu d'images de torchvision : où son chargeur le range, et ses parties."""

    folder: str
    parts: Mapping[str, Mapping[str, Any]]  # partie -> options du chargeur


SOURCES = {
    "Flowers102": Source(
        "flowers-102",
        {"train": {"split": "train"}, "validation": {"split": "val"}, "test": {"split": "test"}},
    ),
    "OxfordIIITPet": Source(
        "oxford-iiit-pet", {"train": {"split": "trainval"}, "test": {"split": "test"}}
    ),
    "EuroSAT": Source("eurosat", {"all": {}}),
    "FashionMNIST": Source("FashionMNIST", {"train": {"train": True}, "test": {"train": False}}),
    "Omniglot": Source(
        "omniglot-py", {"train": {"background": True}, "test": {"background": False}}
    ),
}


@checked
def torchvision_images(
    name: str,
    folder: Path | str,
    part: str | None = None,
    size: Annotated[int, between(1, 1024)] = 96,
    download: bool | None = None,
) -> LabeledImages:
    """Lit une partie d'un jeu d'images de torchvision, en gris ou en couleurs selon le jeu.

    Chaque image est ramenée à un carré, coupé en son milieu. Elles sont toutes en mémoire :
    4 octets par valeur, soit 1,3 Go pour les 27 000 d'EuroSAT en 64×64.

    Args:
        name: une clé de :data:`SOURCES`.
        folder: le dossier où torchvision range ses jeux ; l'y lit, ou l'y télécharge.
        part: « train », « test »… (la première, par défaut) ; « all » pour EuroSAT.
        size: côté des images rendues.
        download: télécharger le jeu s'il n'est pas là ; par défaut, dans le réglage complet.

    Raises:
        ReseauxError: jeu ou partie inconnus, jeu absent ou incomplet, téléchargement manqué ;
            ``folder`` n'a alors pas changé.
    """
    if name not in SOURCES:
        raise unknown_name("un jeu d'images", name, SOURCES)
    parts = SOURCES[name].parts
    if part is not None and part not in parts:
        raise unknown_name(f"une partie de {name}", part, parts)
    folder = Path(folder)
    home = folder / SOURCES[name].folder
    allowed = settings.current().downloads if download is None else download
    if not home.exists():
        if not allowed:
            raise ReseauxError(
                f"« {name} » n'est pas dans « {folder} ». Pour le télécharger, choisissez le "
                f"réglage complet ({settings.VARIABLE}=complet), ou « download=True »."
            )
        _download(name, folder)
    try:
        dataset = _loader(name)(folder, **parts[part or next(iter(parts))])
    except (RuntimeError, OSError) as error:
        raise ReseauxError(
            f"« {home} » ne contient pas « {name} » en entier. Effacez ce dossier, puis "
            "recommencez : il sera téléchargé de nouveau."
        ) from error
    return _as_arrays(_in_order(dataset) if name == "Omniglot" else dataset, size)


def _loader(name: str) -> Any:
    import torchvision.datasets

    return getattr(torchvision.datasets, name)


def _download(name: str, folder: Path) -> None:
    """Télécharge un jeu à côté ; il ne prend sa place qu'entier, toutes ses parties ouvertes."""
    source = SOURCES[name]
    with _explained(name, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{source.folder}.", dir=folder) as temporary:
            for options in source.parts.values():
                _loader(name)(temporary, download=True, **options)
            (Path(temporary) / source.folder).replace(folder / source.folder)


@contextmanager
def _explained(name: str, folder: Path) -> Iterator[None]:
    """Dit en français pourquoi un téléchargement échoue, et n'attend pas un serveur muet."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torchvision n'en donne pas à ses demandes
    try:
        yield
    except (
        *(OSError, http.client.HTTPException, RuntimeError, EOFError),
        *(tarfile.TarError, zipfile.BadZipFile, zlib.error),
    ) as error:
        raise ReseauxError(
            f"« {name} » n'a pas pu être téléchargé : {_reason(error)}. Rien n'a été gardé dans "
            f"« {folder} ». Vérifiez votre connexion et la place du disque, puis recommencez."
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(error, HTTPError):
        error.close()
        return f"le serveur répond par le code {error.code}"
    if isinstance(cause, TimeoutError):
        return "le serveur ne répond plus"
    if isinstance(cause, socket.gaierror):
        return "le serveur est introuvable"
    if isinstance(cause, OSError):
        return os_reason(cause)
    return "le fichier attendu n'est pas arrivé en entier"


def _as_arrays(dataset: Any, size: int) -> LabeledImages:
    pictures, labels = [], []
    for k in range(len(dataset)):
        image, label = dataset[k]
        pictures.append(np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)))
        labels.append(label)
    names = getattr(dataset, "classes", None) or [str(k) for k in range(max(labels) + 1)]
    pixels = np.divide(np.stack(pictures), 255, dtype=np.float32)
    return LabeledImages(pixels, np.array(labels, np.int64), tuple(names))


def _in_order(omniglot: Any) -> Any:
    """Range par ordre alphabétique ce que le disque donne dans le sien ; nomme les caractères."""
    characters = omniglot._characters
    rank = {name: k for k, name in enumerate(sorted(characters))}
    drawings = sorted(
        (rank[characters[label]], file) for file, label in omniglot._flat_character_images
    )
    omniglot._characters = sorted(characters)
    omniglot._flat_character_images = [(file, label) for label, file in drawings]
    omniglot.classes = [Path(name).as_posix() for name in omniglot._characters]
    return omniglot
