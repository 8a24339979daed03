"""Les images d'entraînement et celles de test : d'un dossier à partager, ou déjà partagées."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photos import folder
from photos.console import plural, progress, readable, shown
from photos.folder import Folder, Refused
from photos.request import Request, real
from reseaux.errors import ReseauxError
from reseaux.formatting import integer
from reseaux.tables import Table

DEFAULT_PART = 0.25
_TRAIN, _TESTS = "train", ("test", "val")  # à égalité, « test » sert de test


@dataclass(frozen=True)
class Dataset:
    """Toutes les images, et leur partage.

    Attributes:
        title: le nom du dossier donné.
        pictures: les images d'entraînement et de test.
        train: les numéros des images d'entraînement.
        test: ceux des images de test.
        given_split: le partage est celui de l'utilisateur, et non un tirage.
    """

    title: str
    pictures: Folder
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    given_split: bool

    def images(self, part: NDArray[np.int64]) -> list[Image.Image]:
        """Les images d'une part."""
        return [self.pictures.images[i] for i in part]

    def counts(self) -> Table:
        """Le nombre d'images de chaque classe, dans chaque part."""
        labels, names = self.pictures.labels, self.pictures.names
        train, test = (
            np.bincount(labels[part], minlength=len(names)).tolist()
            for part in (self.train, self.test)
        )
        rows = list(zip(names, train, test, strict=True))
        return Table("Images par classe", ("classe", "entraînement", "test"), rows)

    def summary(self) -> str:
        """Combien de fichiers, d'images, de refus, en une phrase."""
        read, refused = len(self.pictures), len(self.pictures.refused)
        return (
            f"Dossier « {self.title} » : {integer(read + refused)} fichiers trouvés, "
            f"{integer(read)} images lues, {plural(refused, 'refusé')}."
        )

    def notes(self) -> list[str]:
        """Ce qu'il faut savoir avant de lire les résultats, une phrase chacun."""
        why = "n'a pas d'image de test" if self.given_split else "n'a qu'une image"
        notes = [
            f"La classe « {name} » {why} : elle est apprise, mais pas testée."
            for name, _, tested in self.counts().rows
            if not tested
        ]
        learned = {image.tobytes() for image in self.images(self.train)}
        twins = sum(image.tobytes() in learned for image in self.images(self.test))
        if twins:
            notes.append(
                f"Attention : {plural(twins, 'image')} de test se retrouve"
                f"{'nt' if twins > 1 else ''}, au pixel près, à l'entraînement. L'exactitude sera "
                "trop belle : retirez les doubles."
            )
        return [*self.pictures.notes, *notes]

    def describe(self) -> str:
        """Ce qui a été trouvé : les comptes, les refus, les remarques."""
        lines = [self.summary(), ""]
        if self.pictures.refused:
            lines += [shown(self.pictures.report()), ""]
        lines += [shown(self.counts()), ""]
        notes = self.notes()
        return "\n".join([*lines, *notes, *([""] if notes else [])])


def read(request: Request) -> Dataset:
    """Lit et partage les images demandées.

    Le test est, dans l'ordre : le dossier donné ; le dossier « test » ou « val » à côté de
    « train » ; sinon, une part tirée au hasard.

    Raises:
        ReseauxError: dossier illisible (voir :func:`photos.folder.read`) ; partage donné deux fois.
    """
    source = request.source
    title = readable(real(source).name)
    bar = partial(progress, what="Lecture", unit="fichier")
    own_test = _own_test(source)
    test_root = own_test or request.test
    if test_root is None:
        pictures = folder.read(source, square=request.size, progress=bar)
        part = DEFAULT_PART if request.test_part is None else request.test_part
        return Dataset(title, pictures, *split(pictures.labels, part, request.seed), False)
    if own_test is not None and (request.test or request.test_part is not None):
        option = "--test" if request.test else "--part-test"
        raise ReseauxError(
            f"« {title} » a déjà son test, dans « {own_test.name} ». Retirez « {option} », ou "
            f"donnez « {source / _TRAIN} » seul."
        )
    train = folder.read(source / _TRAIN if own_test else source, square=request.size, progress=bar)
    test = folder.read(test_root, square=request.size, progress=bar, known=train.names)
    test = _prefixed(test, test_root)
    beside: list[Refused] = []
    if own_test is not None:
        train, beside = _prefixed(train, source / _TRAIN), _beside(source, own_test)
    pictures = Folder(
        train.images + test.images,
        np.concatenate([train.labels, test.labels]),
        train.names,
        train.files + test.files,
        (*train.refused, *test.refused, *beside),
        train.notes + test.notes,
    )
    numbers = np.arange(len(pictures))
    return Dataset(title, pictures, numbers[: len(train)], numbers[len(train) :], True)


def _own_test(source: Path) -> Path | None:
    """Le dossier de test d'un dossier déjà partagé, ou ``None``."""
    train = source / _TRAIN
    if not (train.is_dir() and any(entry.is_dir() for entry in train.iterdir())):
        return None
    return next((source / name for name in _TESTS if (source / name).is_dir()), None)


def _prefixed(pictures: Folder, root: Path) -> Folder:
    """Les mêmes images, dont les fichiers se nomment depuis le dossier qui contient ``root``."""
    prefix = f"{readable(real(root).name)}/"
    refused = tuple(Refused(prefix + given.file, given.reason) for given in pictures.refused)
    return replace(pictures, files=tuple(prefix + f for f in pictures.files), refused=refused)


def _beside(source: Path, own_test: Path) -> list[Refused]:
    """Les fichiers d'un dossier déjà partagé qui ne sont dans aucune de ses deux parts."""
    parts = (source / _TRAIN, own_test)
    reason = f"hors de « {_TRAIN} » et de « {own_test.name} »"
    return [
        Refused(folder.relative(file, source), reason)
        for entry in sorted(source.iterdir())
        if entry not in parts
        for file in folder.walk(entry)
    ]


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
        count = min(max(round(part * len(members)), 1), len(members) - 1)  # 0 d'une seule image
        test += members[:count].tolist()
    if not test:
        raise ReseauxError(
            "Chaque classe n'a qu'une image : aucune ne peut servir de test. "
            "Ajoutez au moins une image à une classe."
        )
    chosen = np.array(sorted(test), np.int64)
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen
