"""Le fichier de résultats d'une étude : une ligne par case, ajoutée dès qu'elle est mesurée.

Une ligne s'écrit d'un coup et atteint le disque avant qu'on l'annonce. Un programme tué ne perd que
les cases qu'il mesurait ; une ligne coupée en deux est ôtée à la reprise. Un verrou empêche deux
programmes d'écrire ensemble.
"""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.study import Cell, Study
from reseaux.errors import ReseauxError

if TYPE_CHECKING:
    import pandas as pd

# Ce qui dit d'où vient une ligne : durée et fils d'exécution, versions, empreinte du plan.
PROVENANCE = ("seconds", "threads", "versions", "plan")


class StaleResults(ReseauxError):
    """Des lignes ne répondent plus au plan."""


def header(study: Study) -> list[str]:
    """Les colonnes du fichier : la case, ses mesures, sa provenance."""
    return [*study.columns, *study.measures, *PROVENANCE]


def read(study: Study) -> list[dict[str, str]]:
    """Les lignes du fichier, telles qu'elles y sont ; aucune s'il n'existe pas.

    Raises:
        ReseauxError: fichier illisible, ou modifié à la main.
        StaleResults: les colonnes, ou l'empreinte d'une ligne, ne sont plus celles du plan.
    """
    try:
        text = study.path.read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ReseauxError(f"« {study.path.name} » ne se lit pas ({error}).") from None
    whole = text[: text.rfind("\n") + 1]  # une ligne sans fin de ligne n'a pas été écrite entière
    reader = csv.DictReader(io.StringIO(whole), restkey="", restval=None)
    rows = list(reader)
    if rows and reader.fieldnames != header(study):
        raise StaleResults(_stale(study, "ses colonnes ne sont plus celles du plan"))
    planned = {study.key(cell) for cell in study.plan}
    seen = set()
    for number, row in enumerate(rows, 2):
        if "" in row or None in row.values():
            raise ReseauxError(
                f"« {study.path.name} », ligne {number} : il faut {len(header(study))} colonnes. "
                "Ce fichier ne se modifie pas à la main ; reprenez celui du dépôt."
            )
        key = study.key(row)
        if row["plan"] != study.fingerprint or key not in planned:
            raise StaleResults(_stale(study, f"la ligne {number} ({', '.join(key)}) n'en est plus"))
        if key in seen:
            raise ReseauxError(
                f"« {study.path.name} », ligne {number} : la case {', '.join(key)} y est deux "
                "fois. Ce fichier ne se modifie pas à la main ; reprenez celui du dépôt."
            )
        seen.add(key)
    return rows


def _stale(study: Study, why: str) -> str:
    return (
        f"Le plan de « {study.name} » a changé depuis ses résultats : {why}. Refaites-les "
        f"(« make experiences ETUDES={study.name} REFAIRE=oui » efface ce qui ne répond plus)."
    )


def missing(study: Study, rows: Iterable[Mapping[str, str]]) -> list[Cell]:
    """Les cases du plan qui n'ont pas encore leur ligne."""
    done = {study.key(row) for row in rows}
    return [cell for cell in study.plan if study.key(cell) not in done]


def load(study: Study) -> "pd.DataFrame":
    """Les résultats d'une étude, en tableau pandas.

    Raises:
        ReseauxError: pas de résultats, ou ils ne répondent plus au plan.
    """
    import pandas as pd

    rows = read(study)
    if not rows:
        raise ReseauxError(
            f"Pas de résultats pour « {study.name} ». Mesurez-les : « make experiences "
            f"ETUDES={study.name} »."
        )
    table = pd.DataFrame(rows)
    for column in table.columns:
        try:
            table[column] = pd.to_numeric(table[column])
        except ValueError:  # un nom
            continue
    return table


@contextmanager
def appending(study: Study, path: Path | None = None) -> Iterator["Writer"]:
    """Ouvre le fichier d'une étude pour y ajouter des lignes ; lui seul y écrit pendant ce temps.

    Raises:
        ReseauxError: un autre programme y écrit.
    """
    from filelock import FileLock, Timeout

    path = path or study.path
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix(".verrou"), blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise ReseauxError(
            f"Un autre programme mesure déjà « {study.name} » ; attendez qu'il ait fini."
        ) from None
    try:
        with path.open("a+b") as stream:
            _drop_torn_line(stream)
            writer = Writer(stream, header(study))
            if stream.tell() == 0:
                writer.write_line(writer.columns)
            yield writer
    finally:
        lock.release()


class Writer:
    """Ajoute des lignes à un fichier déjà ouvert, et les pousse jusqu'au disque."""

    def __init__(self, stream: Any, columns: list[str]) -> None:
        self.stream, self.columns = stream, columns

    def add(self, row: Mapping[str, Any]) -> None:
        """Ajoute une ligne."""
        self.write_line([row[column] for column in self.columns])

    def write_line(self, values: Iterable[Any]) -> None:
        """Écrit une ligne d'un seul appel au système."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(values)
        self.stream.write(text.getvalue().encode())
        self.stream.flush()
        os.fsync(self.stream.fileno())


def _drop_torn_line(stream: Any) -> None:
    """Ôte une dernière ligne sans fin de ligne : un programme tué l'a laissée."""
    stream.seek(0)
    content = stream.read()
    stream.truncate(content.rfind(b"\n") + 1)
    stream.seek(0, os.SEEK_END)


def drop_stale(study: Study) -> int:
    """Ôte les lignes qui ne répondent plus au plan ; rend leur nombre."""
    from reseaux.atomic import atomic_write

    if not study.path.exists():
        return 0
    rows = list(csv.DictReader(io.StringIO(study.path.read_text("utf-8"))))
    planned = {study.key(cell) for cell in study.plan}
    same = bool(rows) and list(rows[0]) == header(study)
    kept = [
        row
        for row in rows
        if same and row["plan"] == study.fingerprint and study.key(row) in planned
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, header(study), lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    with atomic_write(study.path) as stream:
        stream.write(text.getvalue().encode())
    return len(rows) - len(kept)
