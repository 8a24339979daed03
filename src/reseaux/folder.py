"""Lire vos propres images : un dossier, un sous-dossier par classe.

    mes-images/
        chats noirs/     photo 1.jpg, photo 2.png …
        théières/        …

Les fichiers d'un vrai dossier ne sont jamais tous bons. Chacun est lu, mis en couleurs et à
l'endroit, ou refusé avec la raison ; rien n'est perdu en silence.
"""

import unicodedata
import warnings
from collections.abc import Sequence
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
    """

    images: tuple[Image.Image, ...]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    files: tuple[str, ...]
    refused: tuple[Refused, ...]

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


def read(path: Path | str, max_side: int = 512) -> Folder:
    """Lit un dossier d'images rangées par classe.

    Args:
        path: le dossier ; chaque sous-dossier direct est une classe.
        max_side: une image plus grande est réduite à ce côté, pour ménager la mémoire.

    Raises:
        ReseauxError: dossier absent, moins de deux classes, ou classe sans image lisible.
    """
    root = Path(path)
    if not root.is_dir():
        raise ReseauxError(
            f"Le dossier « {root} » n'existe pas, ou est un fichier. "
            "Donnez un dossier qui contient un sous-dossier par classe."
        )
    entries = sorted(e for e in root.iterdir() if not e.name.startswith("."))
    folders = [e for e in entries if e.is_dir()]
    refused = [Refused(e.name, "hors d'un sous-dossier de classe") for e in entries if e.is_file()]
    if len(folders) < 2:
        raise ReseauxError(
            f"Le dossier « {root} » contient {len(folders)} sous-dossier ; il en faut au moins "
            "deux, un par classe."
        )
    images: list[Image.Image] = []
    labels: list[int] = []
    files: list[str] = []
    for k, folder in enumerate(folders):
        for file in sorted(f for f in folder.iterdir() if not f.name.startswith(".")):
            name = _name(file.relative_to(root).as_posix())
            try:
                images.append(read_image(file, max_side))
            except ReseauxError as error:
                refused.append(Refused(name, str(error)))
            else:
                labels.append(k)
                files.append(name)
    names = tuple(_name(folder.name) for folder in folders)
    empty = [name for k, name in enumerate(names) if k not in labels]
    if empty:
        reasons = "".join(f"\n- {r.file} : {r.reason}" for r in refused)
        raise ReseauxError(
            f"La classe « {empty[0]} » n'a aucune image lisible. Ajoutez-en, ou retirez le "
            f"sous-dossier.{reasons and ' Fichiers refusés :'}{reasons}"
        )
    return Folder(tuple(images), np.array(labels, np.int64), names, tuple(files), tuple(refused))


def _name(text: str) -> str:
    """Un nom affichable, écrit d'une seule façon : macOS sépare « é » en « e » et accent."""
    return unicodedata.normalize("NFC", text)


def read_image(file: Path, max_side: int = 512) -> Image.Image:
    """Lit une image : entière, à l'endroit, en RGB, transparence sur fond blanc.

    Raises:
        ReseauxError: la raison du refus, en quelques mots.
    """
    if file.is_dir():
        raise ReseauxError("sous-dossier dans une classe ; il n'est pas lu")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                image = ImageOps.exif_transpose(opened)  # lit tous les pixels
    except UnidentifiedImageError as error:
        empty = file.stat().st_size == 0
        raise ReseauxError("fichier vide" if empty else "ce n'est pas une image") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ReseauxError("image démesurée ; réduisez-la") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ReseauxError("image tronquée ou abîmée") from error
    image = _to_rgb(image)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Met n'importe quel mode de Pillow en RGB."""
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits par pixel, ou flottants
        values = np.asarray(image, np.float64)
        high = 65535.0 if image.mode.startswith("I") else max(float(values.max()), 1e-9)
        return Image.fromarray((255 * np.clip(values / high, 0, 1)).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def squares(images: Sequence[Image.Image], size: int = 64) -> NDArray[np.float32]:
    """Recadre chaque image au carré central et la met à la taille voulue.

    Returns:
        N×size×size×3, valeurs entre 0 et 1 ; de quoi appeler ``transfer.prepare``.
    """
    cut = [ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC) for image in images]
    return np.stack([np.asarray(image, np.float32) for image in cut]) / np.float32(255)


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
    side = 2.6 + 0.55 * len(names)
    figure, ax = plt.subplots(figsize=(side, side * 0.86))
    ax.imshow(matrix, cmap="Blues")
    ax.grid(visible=False)
    ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="classe répondue", ylabel="vraie classe", title="Matrice de confusion")
    for (i, j), count in np.ndenumerate(matrix):
        dark = count > 0.6 * matrix.max()
        ax.text(j, i, str(count), ha="center", va="center", color="white" if dark else "black")
    plt.close(figure)
    return figure
