"""Le fichier de résultats d'une étude : une ligne par case, ajoutée dès qu'elle est mesurée.

Une ligne s'écrit d'un coup et atteint le disque avant qu'on l'annonce. Un programme tué ne perd que
les cases qu'il mesurait ; une ligne coupée en deux est ôtée à la reprise. Un verrou empêche deux
programmes d'écrire ensemble. Chaque ligne finit par son empreinte : un nombre changé après coup
se voit, et le fichier est refusé.
"""

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from experiments.study import Cell, Study
from reseaux.errors import ReseauxError, os_reason

if TYPE_CHECKING:
    import pandas as pd


class StaleResults(ReseauxError):
    """Des lignes ne répondent plus au plan."""


def read(study: Study) -> list[dict[str, str]]:
    """Les lignes du fichier, telles qu'elles y sont ; aucune s'il n'existe pas.

    Raises:
        ReseauxError: fichier illisible, ou modifié à la main.
        StaleResults: les colonnes, ou l'empreinte d'une ligne, ne sont plus celles du plan.
    """
    lines = _lines(study)
    if not lines:
        return []
    if lines[0][1] != _title(study):
        raise StaleResults(_stale(study, "ses colonnes ne sont plus celles du plan"))
    planned = _planned(study)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for number, values in lines[1:]:
        if len(values) != len(_title(study)):
            _edited(study, number, f"il faut {len(_title(study))} colonnes")
        row = dict(zip(study.header, values[:-1], strict=True))
        key = study.key(row)
        if values[-1] != checksum(values[:-1]):
            _edited(study, number, "une valeur n'est plus celle qui a été mesurée")
        if row["plan"] != study.fingerprint or key not in planned:
            raise StaleResults(_stale(study, f"la ligne {number} ({', '.join(key)}) n'en est plus"))
        if key in rows:
            _edited(study, number, f"la case {', '.join(key)} y est deux fois")
        rows[key] = row
    return [*rows.values()]


def _lines(study: Study) -> list[tuple[int, list[str]]]:
    """Les lignes entières du fichier et leur numéro, titre compris ; aucune s'il n'existe pas."""
    try:
        content = study.path.read_bytes()
        # Une dernière ligne sans fin de ligne n'a pas été écrite entière.
        text = content[: content.rfind(b"\n") + 1].decode("utf-8")
        reader = csv.reader(io.StringIO(text, newline=None), strict=True)
        return [(reader.line_num, values) for values in reader]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = "ce n'est pas un CSV en UTF-8"
        if isinstance(error, OSError):
            reason = os_reason(error)
        raise ReseauxError(f"« {study.path.name} » ne se lit pas : {reason}.") from None


def checksum(values: Iterable[str]) -> str:
    """L'empreinte d'une ligne : douze chiffres tirés de ses valeurs, telles qu'elles s'écrivent."""
    return hashlib.sha256("\0".join(values).encode()).hexdigest()[:12]


def _title(study: Study) -> list[str]:
    """Les colonnes du fichier : celles de l'étude, puis l'empreinte de la ligne."""
    return [*study.header, "checksum"]


def _planned(study: Study) -> set[tuple[str, ...]]:
    return {study.key(cell) for cell in study.plan}


def _edited(study: Study, number: int, why: str) -> NoReturn:
    raise ReseauxError(
        f"« {study.path.name} », ligne {number} : {why}. Ce fichier ne se modifie pas à la main ; "
        "reprenez celui du dépôt."
    )


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
    for column in table.columns.drop(["versions", "plan"]):  # une empreinte peut ressembler à 1e5
        try:
            table[column] = pd.to_numeric(table[column])
        except ValueError:  # un nom
            continue
    return table


@contextmanager
def _alone(study: Study) -> Iterator[None]:
    """Tient le verrou d'une étude : pendant ce temps, aucun autre programme n'y écrit."""
    from filelock import FileLock, Timeout

    lock = FileLock(study.path.with_suffix(".verrou"), timeout=0)
    with _told(study):
        study.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise ReseauxError(
                f"Un autre programme mesure déjà « {study.name} » ; attendez qu'il ait fini."
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _told(study: Study) -> Iterator[None]:
    """Dit en français pourquoi le système refuse d'écrire."""
    try:
        yield
    except OSError as error:
        raise ReseauxError(f"« {study.path} » ne s'écrit pas : {os_reason(error)}.") from None


@contextmanager
def appending(study: Study) -> Iterator["Writer"]:
    """Ouvre le fichier d'une étude pour y ajouter des lignes ; lui seul y écrit pendant ce temps.

    Raises:
        ReseauxError: un autre programme y écrit, ou le système refuse.
    """
    with _alone(study):
        with _told(study):
            stream = study.path.open("a+b", buffering=0)
        with stream:
            writer = Writer(study, stream)
            writer.repair()
            yield writer


class Writer:
    """Ajoute des lignes à un fichier déjà ouvert, et les pousse jusqu'au disque."""

    def __init__(self, study: Study, stream: io.FileIO) -> None:
        self.study, self.stream = study, stream

    def repair(self) -> None:
        """Ôte la ligne qu'un programme tué a laissée coupée ; écrit le titre s'il manque."""
        with _told(self.study):
            self.stream.seek(0)
            whole = self.stream.readall().rfind(b"\n") + 1
            self.stream.truncate(whole)
        if not whole:
            self._write(_title(self.study))

    def add(self, row: Mapping[str, Any]) -> None:
        """Ajoute une ligne.

        Raises:
            ReseauxError: le système refuse.
        """
        values = [str(row[column]) for column in self.study.header]
        self._write([*values, checksum(values)])

    def _write(self, values: Sequence[Any]) -> None:
        """Écrit une ligne d'un seul appel au système, sauf s'il n'en prend qu'un morceau."""
        rest = _as_csv([values])
        with _told(self.study):
            while rest:
                rest = rest[self.stream.write(rest) :]
            os.fsync(self.stream.fileno())


def _as_csv(lines: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()


def drop_stale(study: Study) -> int:
    """Ôte les lignes qui ne répondent plus au plan ; rend leur nombre.

    Raises:
        ReseauxError: fichier illisible, un autre programme y écrit, ou le système refuse.
    """
    from reseaux.atomic import atomic_write

    header = _title(study)
    with _alone(study):
        lines = [values for _, values in _lines(study)]
        planned = _planned(study)
        kept = []
        for values in lines[1:] if lines[:1] == [header] else []:
            row = dict(zip(header, values, strict=False))
            if len(values) == len(header) and row["plan"] == study.fingerprint:
                kept += [values] if study.key(row) in planned else []
        if lines and lines != [header, *kept]:
            with _told(study), atomic_write(study.path) as stream:
                stream.write(_as_csv([header, *kept]))
    return max(len(lines) - 1, 0) - len(kept)
