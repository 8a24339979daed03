"""Lire vos propres images : un dossier, un sous-dossier par classe.

    mes-images/
        chats noirs/     photo 1.jpg, photo 2.png …
        théières/        …

Les fichiers d'un vrai dossier ne sont jamais tous bons. Chacun est lu, mis en couleurs et à
l'endroit, ou refusé avec la raison ; rien n'est perdu en silence.
"""

import os
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from reseaux.errors import ReseauxError
from reseaux.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NESTED = "dans un sous-dossier de la classe ; placez-le dans la classe"
_LINK = "lien vers un dossier ; il n'est pas suivi"
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
) -> Folder:
    """Lit un dossier d'images rangées par classe.

    Chaque fichier du dossier est lu ou refusé, jamais oublié. Une classe sans image lisible est
    laissée de côté, et signalée dans ``notes``, tant qu'il reste deux classes.

    Args:
        path: le dossier ; chaque sous-dossier direct est une classe.
        max_side: une image plus grande est réduite à ce côté, pour ménager la mémoire.
        square: si donné, ne garde de chaque image que son carré central, à ce côté.
        progress: ce qui accompagne la lecture des fichiers, une barre de progression par exemple.

    Raises:
        ReseauxError: dossier absent, moins de deux classes, ou de deux classes lisibles.
    """
    root = Path(path)
    if not root.is_dir():
        raise ReseauxError(
            f"Le dossier « {root} » n'existe pas, ou est un fichier. "
            "Donnez un dossier qui contient un sous-dossier par classe."
        )
    classes, refused, notes = _classes(root)
    if len(classes) < 2:
        raise ReseauxError(
            f"Le dossier « {root} » contient {len(classes)} sous-dossier ; il en faut au moins "
            "deux, un par classe."
        )
    images: dict[Path, Image.Image] = {}
    for file in progress([file for files in classes.values() for file in files]):
        try:
            images[file] = read_image(file, max_side, square)
        except ReseauxError as error:
            refused.append(Refused(_relative(file, root), str(error)))
    read_files = {
        name: [file for file in files if file in images] for name, files in classes.items()
    }
    names = tuple(name for name, files in read_files.items() if files)
    empty = [name for name, files in read_files.items() if not files]
    if len(names) < 2:
        raise ReseauxError(
            f"La classe « {empty[0]} » n'a aucune image lisible, et il faut au moins deux classes "
            f"qui en aient. Ajoutez-en.{_reasons(refused)}"
        )
    notes += [f"La classe « {name} » n'a aucune image lisible : laissée de côté." for name in empty]
    kept = [(file, k) for k, name in enumerate(names) for file in read_files[name]]
    return Folder(
        tuple(images[file] for file, _ in kept),
        np.array([k for _, k in kept], np.int64),
        names,
        tuple(_relative(file, root) for file, _ in kept),
        tuple(refused),
        tuple(notes),
    )


def _classes(root: Path) -> tuple[dict[str, list[Path]], list[Refused], list[str]]:
    """Trouve les classes et leurs fichiers, les fichiers refusés sans les ouvrir, les remarques."""
    classes: dict[str, list[Path]] = {}
    refused: list[Refused] = []
    notes: list[str] = []

    def refuse(file: Path, reason: str) -> None:
        refused.append(Refused(_relative(file, root), reason))

    for entry in _entries(root):
        if entry.name.startswith("."):
            for file in walk(entry):
                refuse(file, "fichier caché")
        elif entry.is_dir() and entry.resolve() in (root.resolve(), *root.resolve().parents):
            refuse(entry, "lien vers un dossier qui contient déjà celui-ci")
        elif not entry.is_dir():
            refuse(entry, "hors d'un sous-dossier de classe")
        else:
            name = readable(entry.name)
            if name in classes:
                notes.append(
                    f"« {name} » : deux sous-dossiers, dont les noms ne diffèrent que par "
                    "le codage des accents ; réunis en une classe."
                )
            files = classes.setdefault(name, [])
            try:
                content = _entries(entry)
            except ReseauxError as error:
                refuse(entry, str(error))
                continue
            for file in content:
                if file.name.startswith("."):
                    for hidden in walk(file):
                        refuse(hidden, "fichier caché")
                elif file.is_dir():
                    for nested in walk(file):
                        link = nested.is_symlink() and nested.is_dir()
                        refuse(nested, _LINK if link else _NESTED)
                else:
                    files.append(file)
    return classes, refused, notes


def _entries(folder: Path) -> list[Path]:
    """Le contenu d'un dossier, par ordre alphabétique.

    Raises:
        ReseauxError: le système refuse de le lire.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise ReseauxError(f"dossier illisible : {_system(error)}") from error


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


def _reasons(refused: Sequence[Refused]) -> str:
    """La liste des fichiers refusés, pour un message d'erreur."""
    lines = [f"\n- {r.file} : {r.reason}" for r in refused[:_SHOWN]]
    if len(refused) > _SHOWN:
        lines.append(f"\n- et {len(refused) - _SHOWN} autres")
    return " Fichiers refusés :" + "".join(lines) if lines else ""


def readable(text: str) -> str:
    """Un nom affichable, écrit d'une seule façon : macOS sépare « é » en « e » et accent."""
    text = unicodedata.normalize("NFC", text)
    # Un nom de fichier peut aussi contenir un retour à la ligne, ou des octets hors de l'UTF-8.
    return "".join("?" if unicodedata.category(c) in ("Cc", "Cs", "Zl") else c for c in text)


def _relative(file: Path, root: Path) -> str:
    return readable(file.relative_to(root).as_posix())


def read_image(file: Path, max_side: int = 512, square: int | None = None) -> Image.Image:
    """Lit une image : entière, à l'endroit, en RGB, transparence sur fond blanc.

    D'une image animée, ou de plusieurs pages, on lit la première.

    Args:
        file: le fichier.
        max_side: une image plus grande est réduite à ce côté.
        square: si donné, rend le carré central de l'image, à ce côté.

    Raises:
        ReseauxError: la raison du refus, en quelques mots.
    """
    try:
        if file.is_dir():
            raise ReseauxError("c'est un dossier")
        if file.is_symlink() and not file.exists():
            raise ReseauxError("lien cassé, ou qui tourne en rond")
        if not file.exists():
            raise ReseauxError("ce fichier n'existe pas")
        if not file.is_file():  # un tube ou un périphérique : le lire attendrait pour toujours
            raise ReseauxError("ce n'est pas un fichier ordinaire")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # métadonnées bizarres : sans effet sur les pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                # Lit tous les pixels ; le mode est mis en RGB avant que le fichier soit fermé.
                image = _to_rgb(ImageOps.exif_transpose(opened))
    except ReseauxError:
        raise
    except UnidentifiedImageError as error:
        empty = file.stat().st_size == 0
        raise ReseauxError("fichier vide" if empty else "ce n'est pas une image") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ReseauxError("image démesurée ; réduisez-la") from error
    except OSError as error:
        raise ReseauxError(_system(error) or "image tronquée ou abîmée") from error
    except Exception as error:  # un fichier abîmé fait lever n'importe quoi à un décodeur
        raise ReseauxError("image tronquée ou abîmée") from error
    if square is not None:
        return ImageOps.fit(image, (square, square), Image.Resampling.BICUBIC)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return image


def _system(error: OSError) -> str:
    """La raison d'un refus du système, ou rien si l'erreur vient du décodeur d'images."""
    if error.errno is None:
        return ""
    return "droits de lecture refusés" if isinstance(error, PermissionError) else "lecture refusée"


def _to_rgb(image: Image.Image) -> Image.Image:
    """Met n'importe quel mode de Pillow en RGB.

    Raises:
        ReseauxError: des valeurs infinies, ou qui ne sont pas des nombres.
    """
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits par pixel, ou flottants
        values = np.asarray(image, np.float64)
        if not np.isfinite(values).all():
            raise ReseauxError("valeurs infinies, ou qui ne sont pas des nombres")
        high = 65535.0 if image.mode.startswith("I") else _white(float(values.max()))
        return Image.fromarray((255 * np.clip(values / high, 0, 1)).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _white(highest: float) -> float:
    """La valeur du blanc d'une image en flottants : 1, 255 ou 65 535 selon la plus haute."""
    return next((white for white in (1.0, 255.0, 65535.0) if highest <= white), highest)


def split(
    labels: NDArray[np.int64], part: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Partage des images entre entraînement et test, classe par classe.

    Chaque classe est dans les deux parts. Une classe d'une seule image n'est qu'à l'entraînement.

    Args:
        labels: la classe de chaque image.
        part: la part du test, strictement entre 0 et 1.
        seed: graine du tirage ; la même redonne le même partage.

    Returns:
        Les numéros des images d'entraînement, puis de test, par ordre croissant.

    Raises:
        ReseauxError: part hors limites, ou aucune classe de deux images.
    """
    if not 0 < part < 1:
        raise ReseauxError(f"Part de test {part:g} demandée ; donnez un nombre entre 0 et 1.")
    rng = np.random.default_rng(seed)
    test: list[int] = []
    for k in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == k))
        if len(members) > 1:
            count = min(max(round(part * len(members)), 1), len(members) - 1)
            test += members[:count].tolist()
    if not test:
        raise ReseauxError(
            "Chaque classe n'a qu'une image : aucune ne peut servir de test. "
            "Ajoutez au moins une image à une classe."
        )
    chosen = np.array(sorted(test), np.int64)
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def squares(images: Sequence[Image.Image], size: int = 64) -> NDArray[np.float32]:
    """Recadre chaque image au carré central et la met à la taille voulue.

    Returns:
        N×size×size×3, valeurs entre 0 et 1 ; de quoi appeler ``transfer.prepare``.
    """
    cut = [ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC) for image in images]
    return np.stack([np.asarray(image, np.float32) for image in cut]) / np.float32(255)


def short(name: str, length: int = 24) -> str:
    """Un nom assez court pour une figure."""
    return name if len(name) <= length else name[: length - 1] + "…"


def draw_confusion(
    truth: NDArray[np.int64], answers: NDArray[np.int64], names: Sequence[str]
) -> "Figure":
    """Dessine la matrice de confusion : une ligne par vraie classe, une colonne par réponse.

    Returns:
        La figure, que le notebook affiche si elle termine une cellule.
    """
    import matplotlib.pyplot as plt

    matrix = np.zeros((len(names), len(names)), np.int64)
    np.add.at(matrix, (truth, answers), 1)
    titles = [short(name) for name in names]
    # Au-delà de quatorze lettres, un nom demande plus de place que la marge n'en a.
    side = 2.6 + 0.55 * len(names) + 0.2 * max(0, max(map(len, titles)) - 14)
    figure, ax = plt.subplots(figsize=(side, side * 0.86))
    ax.imshow(matrix, cmap="Blues")
    ax.grid(visible=False)
    # « $ » dans un nom n'ouvre pas une formule.
    ax.set_xticks(range(len(names)), titles, rotation=40, ha="right", parse_math=False)
    ax.set_yticks(range(len(names)), titles, parse_math=False)
    ax.set(xlabel="classe répondue", ylabel="vraie classe", title="Matrice de confusion")
    for (i, j), count in np.ndenumerate(matrix):
        dark = count > 0.6 * matrix.max()
        ax.text(j, i, str(count), ha="center", va="center", color="white" if dark else "black")
    plt.close(figure)
    return figure
