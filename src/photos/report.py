"""Le bilan d'un classifieur sur des images de test : ce qu'il vaut, et où il se trompe."""

import csv
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photos import folder
from reseaux.atomic import atomic_write
from reseaux.formatting import integer, percent
from reseaux.measures import wilson
from reseaux.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORST = 12  # erreurs montrées sur la planche
_SHOWN = 20  # lignes d'un tableau à l'écran ; les fichiers, eux, disent tout


@dataclass(frozen=True)
class Outcome:
    """Les réponses d'un classifieur sur des images de test.

    Attributes:
        names: les classes.
        files: le fichier de chaque image.
        truth: la vraie classe de chacune.
        probabilities: N×K.
    """

    names: tuple[str, ...]
    files: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def answers(self) -> NDArray[np.int64]:
        """La classe la plus probable de chaque image."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found

    @property
    def right(self) -> int:
        """Nombre de bonnes réponses."""
        return int((self.answers == self.truth).sum())

    @property
    def worst(self) -> list[int]:
        """Les images mal classées, de l'erreur la plus sûre d'elle à la plus hésitante."""
        wrong = np.flatnonzero(self.answers != self.truth)
        certainty = self.probabilities.max(axis=1)
        return sorted(wrong.tolist(), key=lambda i: -float(certainty[i]))

    def accuracy(self) -> str:
        """L'exactitude et son intervalle, en une phrase, avec le score de qui n'a rien appris."""
        total = len(self.truth)
        interval = wilson(self.right, total)
        commonest = int(np.bincount(self.truth).max()) / total
        return (
            f"Exactitude sur le test : {percent(self.right / total)} "
            f"({integer(self.right)} sur {integer(total)}), "
            f"intervalle à 95 % : de {percent(interval.low)} à {percent(interval.high)}.\n"
            f"Répondre toujours la classe la plus fréquente donnerait {percent(commonest)}."
        )

    def mistakes(self) -> Table:
        """Les images mal classées."""
        rows = [
            (
                self.files[i],
                self.names[self.truth[i]],
                self.names[self.answers[i]],
                percent(float(self.probabilities[i].max()), 0),
            )
            for i in self.worst
        ]
        return Table(
            "Les erreurs, de la plus sûre d'elle à la plus hésitante",
            ("fichier", "vraie classe", "réponse", "probabilité"),
            rows,
        )

    def confusion(self) -> "Figure":
        """La matrice de confusion."""
        return folder.draw_confusion(self.truth, self.answers, self.names)

    def contact_sheet(self, images: Sequence[Image.Image]) -> "Figure | None":
        """La planche des pires erreurs ; rien s'il n'y en a pas.

        Args:
            images: l'image de chaque ligne.
        """
        import matplotlib.pyplot as plt

        worst = self.worst[:WORST]
        if not worst:
            return None
        columns = min(4, len(worst))
        rows = -(-len(worst) // columns)
        figure, axes = plt.subplots(
            rows, columns, figsize=(2.4 * columns, 3.2 * rows), squeeze=False
        )
        for ax in axes.flat:
            ax.axis("off")
        for ax, i in zip(axes.flat, worst, strict=False):
            ax.imshow(images[i])
            title = (
                f"vrai : {folder.short(self.names[self.truth[i]])}\n"
                f"réponse : {folder.short(self.names[self.answers[i]])}\n"
                f"probabilité : {percent(float(self.probabilities[i].max()), 0)}"
            )
            ax.set_title(title, fontsize=9, parse_math=False)
        plt.close(figure)
        return figure


def shown(table: Table) -> str:
    """Le texte d'un tableau, coupé s'il est trop long pour l'écran."""
    rows = table.rows[:_SHOWN]
    text = repr(Table(table.caption, table.columns, rows, table.digits))
    more = len(table.rows) - len(rows)
    return text + (f"\n… et {integer(more)} de plus." if more else "")


@contextmanager
def drawing() -> Iterator[None]:
    """Le style du cours le temps de quelques figures, sans fenêtre ni avertissement."""
    import matplotlib as mpl

    from reseaux import style

    with warnings.catch_warnings(), mpl.rc_context():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # noms en d'autres écritures
        style.apply()
        yield


def write_text(path: Path, text: str) -> None:
    """Écrit un texte d'un coup, en UTF-8."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


def write_figure(path: Path, figure: "Figure") -> None:
    """Écrit une figure d'un coup, en PNG."""
    with atomic_write(path) as stream:
        figure.savefig(stream, format="png", dpi=110)


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Écrit un tableau d'un coup, comme un tableur français l'attend (« ; », UTF-8 marqué)."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerows([columns, *rows])
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode("utf-8-sig"))
