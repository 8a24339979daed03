"""Lire vos propres images : un dossier, un sous-dossier par classe.

    mes-images/
        chats noirs/     photo 1.jpg, photo 2.png …
        théières/        …

Les fichiers d'un vrai dossier ne sont jamais tous bons. Chacun est lu, mis en couleurs et à
l'endroit, ou refusé avec la raison ; rien n'est perdu en silence.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photos.console import readable
from photos.images import dark_note, read_image
from photos.request import real
from reseaux.errors import ReseauxError, os_reason
from reseaux.tables import Table

_NESTED = "dans un sous-dossier de la classe ; placez-le dans la classe"
_LINK = "lien vers un dossier ; il n'est pas suivi"
_NOT_LEARNED = "sa classe n'est pas dans les images d'entraînement"
_SHOWN = 20  # fichiers refusés cités dans un message d'erreur


class Refused(NamedTuple):
    """Un fichier refusé : son chemin dans le dossier, et pourquoi."""

    file: str
    reason: str


@dataclass(frozen=True)
class Folder:
    """Les images d'un dossier.

    Attributes:
        images: les images, en couleurs (RGB) et à l'endroit.
        labels: la classe de chacune, de 0 à ``len(names) - 1``.
        names: le nom des classes, par ordre alphabétique.
        files: le chemin de chaque image dans le dossier.
        refused: les fichiers refusés.
        notes: ce qu'il faut savoir des classes (laissée de côté, réunies), une phrase chacune.
    """

    images: tuple[Image.Image, ...]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    files: tuple[str, ...]
    refused: tuple[Refused, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Nombre d'images lues."""
        return len(self.images)

    def counts(self) -> Table:
        """Nombre d'images par classe."""
        numbers = np.bincount(self.labels, minlength=len(self.names)).tolist()
        rows = list(zip(self.names, numbers, strict=True))
        return Table("Images lues, par classe", ("classe", "images"), rows)

    def report(self) -> Table:
        """Les fichiers refusés, et pourquoi."""
        return Table("Fichiers refusés", ("fichier", "raison"), self.refused)


def read(
    path: Path | str,
    max_side: int = 512,
    square: int | None = None,
    progress: Callable[[list[Path]], Iterable[Path]] = iter,
    known: Sequence[str] = (),
) -> Folder:
    """Lit un dossier d'images rangées par classe.

    Chaque fichier du dossier est lu ou refusé, jamais oublié. Une classe sans image lisible est
    laissée de côté, et signalée dans ``notes``, tant qu'il reste deux classes.

    Args:
        path: le dossier ; chaque sous-dossier direct est une classe.
        max_side: une image plus grande est réduite à ce côté, pour ménager la mémoire.
        square: si donné, ne garde de chaque image que son carré central, à ce côté.
        progress: ce qui accompagne la lecture des fichiers, une barre de progression par exemple.
        known: les seules classes permises, dans leur ordre (pour des images de test) ; par défaut,
            celles du dossier.

    Raises:
        ReseauxError: dossier absent, moins de deux classes, ou de deux classes lisibles ; aucune
            image lisible des classes ``known``.
    """
    root = Path(path)
    if not root.is_dir():
        raise ReseauxError(
            f"Le dossier « {root} » n'existe pas, ou est un fichier. "
            "Donnez un dossier qui contient un sous-dossier par classe."
        )
    try:
        classes, refused, notes = _classes(root)
    except OSError as error:
        raise ReseauxError(f"Le dossier « {root} » ne se lit pas ({os_reason(error)}).") from error
    if not known and len(classes) < 2:
        raise ReseauxError(
            f"Le dossier « {root} » contient {len(classes)} sous-dossier ; il en faut au moins "
            "deux, un par classe."
        )
    for name in [name for name in classes if known and name not in known]:
        refused += [Refused(relative(file, root), _NOT_LEARNED) for file in classes.pop(name)]
    images: dict[Path, Image.Image] = {}
    dark: list[Path] = []
    for file in progress([file for files in classes.values() for file in files]):
        try:
            images[file] = read_image(file, max_side, square, dark)
        except ReseauxError as error:
            refused.append(Refused(relative(file, root), str(error)))
    found = {name: [file for file in files if file in images] for name, files in classes.items()}
    names = tuple(known or (name for name, files in found.items() if files))
    empty = [name for name, files in found.items() if not files]
    if not known and len(names) < 2:
        raise ReseauxError(
            f"La classe « {empty[0]} » n'a aucune image lisible, et il faut au moins deux classes "
            f"qui en aient. Ajoutez-en.{_reasons(refused)}"
        )
    if not images:
        raise ReseauxError(
            f"Le dossier « {root} » n'a aucune image lisible des classes apprises "
            f"({', '.join(names)}).{_reasons(refused)}"
        )
    notes += dark_note([relative(file, root) for file in dark])
    notes += [f"La classe « {name} » n'a aucune image lisible : laissée de côté." for name in empty]
    kept = [(file, k) for k, name in enumerate(names) for file in found.get(name, ())]
    return Folder(
        tuple(images[file] for file, _ in kept),
        np.array([k for _, k in kept], np.int64),
        names,
        tuple(relative(file, root) for file, _ in kept),
        tuple(refused),
        tuple(notes),
    )


def _classes(root: Path) -> tuple[dict[str, list[Path]], list[Refused], list[str]]:
    """Trouve les classes et leurs fichiers, les fichiers refusés sans les ouvrir, les remarques."""
    classes: dict[str, list[Path]] = {}
    refused: list[Refused] = []
    notes: list[str] = []

    def refuse(path: Path, reason: str) -> None:
        refused.extend(Refused(relative(file, root), reason) for file in walk(path))

    for entry in sorted(root.iterdir()):
        # Deux dossiers différents ont deux noms différents, même échappés : « \\ » l'est aussi.
        name = readable(entry.name.replace("\\", "\\\\"))
        try:
            if entry.name.startswith("."):
                refuse(entry, "fichier caché")
            elif not entry.is_dir():
                refuse(entry, "hors d'un sous-dossier de classe")
            elif real(entry) in (real(root), *real(root).parents):
                refuse(entry, "lien vers un dossier qui contient déjà celui-ci")
            else:
                files = _of_class(entry, refuse)
                if name in classes:
                    notes.append(
                        f"« {name} » : deux sous-dossiers, dont les noms ne diffèrent que par "
                        "le codage des accents ; réunis en une classe."
                    )
                classes.setdefault(name, []).extend(files)
        except OSError as error:
            classes.setdefault(name, [])
            reason = f"dossier illisible : {os_reason(error)}"
            refused.append(Refused(relative(entry, root), reason))
    return classes, refused, notes


def _of_class(folder: Path, refuse: Callable[[Path, str], None]) -> list[Path]:
    """Les fichiers à lire d'un dossier de classe."""
    files: list[Path] = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):
            refuse(file, "fichier caché")
        elif file.is_dir():
            for nested in walk(file):
                link = nested.is_symlink() and nested.is_dir()
                refuse(nested, _LINK if link else _NESTED)
        else:
            files.append(file)
    return files


def walk(path: Path) -> list[Path]:
    """Tous les fichiers sous un chemin, sans suivre les liens (un lien est rendu tel quel)."""
    if path.is_symlink() or not path.is_dir():
        return [path]
    found: list[Path] = []
    unreadable: list[str] = []
    for folder, folders, files in os.walk(path, onerror=lambda e: unreadable.append(e.filename)):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        found += [Path(folder) / name for name in (*files, *links)]
    return sorted([*found, *map(Path, unreadable)])


def relative(file: Path, root: Path) -> str:
    """Le chemin affichable d'un fichier dans un dossier."""
    return readable(file.relative_to(root).as_posix())


def visible_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Les fichiers donnés, et ceux des dossiers donnés qui ne sont pas cachés."""
    for path in paths:
        yield from (f for f in walk(path) if f == path or not f.name.startswith("."))


def _reasons(refused: Sequence[Refused]) -> str:
    """La liste des fichiers refusés, pour un message d'erreur."""
    lines = [f"\n- {r.file} : {r.reason}" for r in refused[:_SHOWN]]
    if len(refused) > _SHOWN:
        lines.append(f"\n- et {len(refused) - _SHOWN} autres")
    return " Fichiers refusés :" + "".join(lines) if lines else ""
