"""Répondre pour de nouvelles images, avec un classifieur déjà appris."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from photos import classifier, folder, results
from photos.console import FORMATS, complain, output, progress, readable, say
from photos.images import dark_note, read_image
from reseaux.errors import ReseauxError
from reseaux.formatting import percent
from reseaux.tables import Table

_COLUMNS = ("fichier", "classe", "probabilité", "sinon", "sa probabilité", "raison du refus")


def predict(model: Path, paths: Sequence[Path], form: str) -> None:
    """Écrit la classe d'images, ou de dossiers d'images.

    Args:
        model: le dossier des résultats, ou le fichier du modèle.
        paths: les images et les dossiers.
        form: « texte », « csv » ou « json ».

    Raises:
        ReseauxError: modèle ou images illisibles.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        loaded = classifier.load(results.whole(model))
    for warning in said:
        complain(str(warning.message))
    names, images, files = loaded.description.names, [], []
    refused: list[tuple[str, str]] = []
    dark: list[Path] = []
    for file in progress(list(folder.visible_files(paths)), "Lecture", "fichier"):
        try:
            images.append(read_image(file, square=loaded.description.size, dark=dark))
            files.append(readable(str(file)))
        except ReseauxError as error:
            refused.append((readable(str(file)), str(error)))
    answers = []
    probabilities = loaded.probabilities(classifier.to_squares(images)) if images else ()
    for name, row in zip(files, probabilities, strict=True):
        first, second = (-row).argsort(kind="stable")[:2]  # à égalité, comme le rapport
        answers.append((name, names[first], float(row[first]), names[second], float(row[second])))
    if form in FORMATS:
        rows = [(*answer, None) for answer in answers]
        rest = [(name, None, None, None, None, reason) for name, reason in refused]
        output(FORMATS[form](_COLUMNS, [*rows, *rest]))
    elif answers:
        told = [(n, c, percent(p, 0), f"{d} ({percent(q, 0)})") for n, c, p, d, q in answers]
        say(repr(Table("Réponses", _COLUMNS[:4], told)))
    for note in dark_note([readable(str(file)) for file in dark]):
        complain(note)
    if refused:
        complain(repr(Table("Fichiers refusés", ("fichier", "raison"), refused)))
    if not images:
        raise ReseauxError("Aucune image à reconnaître. Donnez au moins une image lisible.")
