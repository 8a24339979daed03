"""Le rapport en une page HTML, qui tient dans un seul fichier et se lit sur un téléphone."""

import base64
import io
import platform
from collections.abc import Sequence
from html import escape
from importlib import metadata, resources
from string import Template

from PIL import Image

from photos.dataset import Dataset
from photos.outcome import READABLE, WORST, Outcome
from photos.request import Request
from reseaux import __version__
from reseaux.formatting import integer
from reseaux.tables import Table

LONG = 20  # lignes au-delà desquelles un tableau se replie


def build(
    request: Request,
    read: Dataset,
    outcome: Outcome,
    told: str,
    confusion: bytes,
) -> str:
    """Compose la page.

    Args:
        request: ce qui était demandé.
        read: les images.
        outcome: les réponses sur le test.
        told: la phrase qui dit comment le classifieur a été appris.
        confusion: la matrice dessinée, en PNG ; elle sert quand il y a beaucoup de classes.
    """
    template = (resources.files("photos") / "rapport.html").read_text("utf-8")
    accuracy, baseline = outcome.accuracy().split("\n")
    notes = "".join(f"<li>{escape(note)}</li>" for note in read.notes())
    return Template(template).substitute(
        title=escape(read.title),
        accuracy=escape(accuracy),
        baseline=escape(baseline),
        told=escape(told),
        summary=escape(read.summary()),
        notes=f"<ul>{notes}</ul>" if notes else "",
        confusion=_confusion(outcome, confusion),
        mistakes=_mistakes(outcome, read.images(read.test)),
        counts=_table(read.counts()),
        refused=_table(read.pictures.report()) if read.pictures.refused else "<p>Aucun.</p>",
        command=escape(request.command),
        versions=_table(versions()),
    )


def versions() -> Table:
    """Les versions de ce qui a calculé."""
    libraries = ("torch", "torchvision", "timm")
    rows = [
        ("cours", __version__),
        ("Python", platform.python_version()),
        *((name, metadata.version(name)) for name in libraries),
    ]
    return Table("Versions", ("bibliothèque", "version"), rows)


def _table(table: Table) -> str:
    """Un tableau du cours ; replié s'il est long."""
    html = table._repr_html_()
    if len(table.rows) <= LONG:
        return html
    title = f"{table.caption} ({integer(len(table.rows))})"
    return f"<details><summary>{escape(title)}</summary>{html}</details>"


def _confusion(outcome: Outcome, drawn: bytes) -> str:
    """La matrice en tableau ; au-delà de vingt classes, la carte, les paires et les classes."""
    names = outcome.names
    if len(names) > READABLE:
        alt = "Carte de la matrice de confusion ; la diagonale porte les bonnes réponses."
        image = f'<img class="carte" src="{_data_uri("png", drawn)}" alt="{alt}">'
        return image + _table(outcome.confused_pairs()) + _table(outcome.by_class())
    head = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(
            f'<td style="--part:{round(100 * count / max(row.sum(), 1))}%">{count}</td>'
            for count in row.tolist()
        )
        + "</tr>"
        for name, row in zip(names, outcome.confusion, strict=True)
    )
    caption = "Images de test : une ligne par vraie classe, une colonne par réponse"
    return (
        f'<div class="tableau" role="region" tabindex="0" aria-label="{caption}">'
        f'<table class="confusion"><caption>{caption}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _mistakes(outcome: Outcome, images: Sequence[Image.Image]) -> str:
    """Les pires erreurs, avec leurs images, puis le tableau de toutes."""
    if not outcome.worst:
        return "<p>Aucune.</p>"
    figures = []
    for i in outcome.worst[:WORST]:
        truth, answer, certainty = (escape(text) for text in outcome.told(i))
        encoded = io.BytesIO()
        images[i].save(encoded, "JPEG", quality=90)
        figures.append(
            f'<figure><img src="{_data_uri("jpeg", encoded.getvalue())}" '
            f'alt="Image de la classe {truth}, prise pour {answer}">'
            f"<figcaption><strong>{truth}</strong>, prise pour <strong>{answer}</strong> "
            f"({certainty})<br><small>{escape(outcome.files[i])}</small></figcaption></figure>"
        )
    return f'<div class="planche">{"".join(figures)}</div>' + _table(outcome.mistakes())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
