"""Tester le classifieur et écrire ce qu'il vaut : rapports, figures, devenir de chaque fichier."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from photos import classifier, page
from photos.console import as_csv, printable, shown
from photos.dataset import Dataset
from photos.learning import Learned
from photos.outcome import READABLE, WORST, Outcome
from photos.request import MODEL, Request
from photos.results import CONFUSION, FILES, MISTAKES, PAGE, TEXT, WRITTEN, transaction, write_text
from reseaux import measures, style
from reseaux.atomic import atomic_write
from reseaux.tables import Cell


def write(request: Request, read: Dataset, learned: Learned) -> str:
    """Teste et écrit tout, ensemble (:func:`photos.results.transaction`).

    Returns:
        Ce qu'il faut dire à l'utilisateur.
    """
    held = read.images(read.test)
    outcome = Outcome(
        read.pictures.names,
        tuple(read.pictures.files[i] for i in read.test),
        read.pictures.labels[read.test],
        learned.classifier.probabilities(classifier.to_squares(held)),
    )
    lines = [learned.told, outcome.accuracy(), ""]
    if outcome.worst:
        lines += [shown(outcome.mistakes()), ""]
    with transaction(request) as output:
        classifier.save(learned.classifier, output / MODEL)
        write_text(output / FILES, as_csv(*file_rows(read, outcome)))
        with _drawing():
            _write_figure(output / CONFUSION, draw_confusion(outcome))
            if outcome.worst:
                _write_figure(output / MISTAKES, draw_mistakes(outcome, held))
        confusion = (output / CONFUSION).read_bytes()
        write_text(output / PAGE, page.build(request, read, outcome, learned.told, confusion))
        write_text(output / TEXT, printable("\n".join([read.describe(), *lines])))
        written = ", ".join(name for name in WRITTEN if (output / name).exists())
    return "\n".join([*lines, f"Résultats dans « {request.output} » : {written}."])


def file_rows(read: Dataset, outcome: Outcome) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
    """Ce qu'est devenu chaque fichier : colonnes et lignes de « fichiers.csv »."""
    pictures = read.pictures
    known = [
        (file, pictures.names[k]) for file, k in zip(pictures.files, pictures.labels, strict=True)
    ]
    rows: list[tuple[Cell, ...]] = [(*known[i], "entraînement", "", "", "") for i in read.train]
    for i, answer, row in zip(read.test, outcome.answers, outcome.probabilities, strict=True):
        rows.append((*known[i], "test", pictures.names[answer], float(row[answer]), ""))
    rows += [(refused.file, "", "refusé", "", "", refused.reason) for refused in pictures.refused]
    columns = ("fichier", "classe", "usage", "réponse", "probabilité", "raison du refus")
    return columns, sorted(rows, key=str)


def draw_confusion(outcome: Outcome) -> Figure:
    """La matrice de confusion ; au-delà de vingt classes, une carte, sans texte ni nom."""
    count, titles = len(outcome.names), [_short(name) for name in outcome.names]
    # Au-delà de quatorze lettres, un nom demande plus de place que la marge n'en a.
    side = 2.6 + 0.55 * count + 0.2 * max(0, max(map(len, titles)) - 14)
    side = side if count <= READABLE else 8.0
    with style.panels(1, 1, (side, side * 0.86)) as (figure, axes):
        ax = axes[0, 0]
        if count <= READABLE:
            measures.draw_confusion(ax, outcome.truth, outcome.answers, titles)
        else:
            tested = np.maximum(outcome.confusion.sum(axis=1, keepdims=True), 1)
            shades = ax.imshow(outcome.confusion / tested, cmap="Blues", vmin=0, vmax=1)
            figure.colorbar(shades, label="part des images de la vraie classe")
            ax.grid(visible=False)
            ax.set(xticks=[], yticks=[], xlabel="classe répondue", ylabel="vraie classe")
        ax.set_title("Matrice de confusion")
    return figure


def draw_mistakes(outcome: Outcome, images: Sequence[Image.Image]) -> Figure:
    """La planche des pires erreurs ; il y en a au moins une.

    Args:
        outcome: les réponses.
        images: l'image de chaque réponse.
    """
    worst = outcome.worst[:WORST]
    columns = min(4, len(worst))
    rows = -(-len(worst) // columns)
    with style.panels(rows, columns, (2.4 * columns, 3.2 * rows), images=True) as (figure, axes):
        for ax, i in zip(axes.flat, worst, strict=False):
            truth, answer, certainty = outcome.told(i)
            lines = f"vrai : {_short(truth)}\nréponse : {_short(answer)}"
            ax.imshow(images[i])
            # « $ » dans un nom n'ouvre pas une formule.
            ax.set_title(f"{lines}\nprobabilité : {certainty}", fontsize=9, parse_math=False)
    return figure


def _short(name: str, length: int = 24) -> str:
    """Un nom assez court pour une figure."""
    return name if len(name) <= length else name[: length - 1] + "…"


@contextmanager
def _drawing() -> Iterator[None]:
    """Le style du cours le temps de quelques figures, sans fenêtre ni avertissement."""
    with warnings.catch_warnings(), mpl.rc_context():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # noms en d'autres écritures
        style.apply()
        yield


def _write_figure(path: Path, figure: Figure) -> None:
    with atomic_write(path) as stream:
        figure.savefig(stream, format="png", dpi=110)
