"""Le dossier des résultats : à qui il est, ce qu'on refuse d'y écraser, et tout ou rien.

Tout s'écrit dans un dossier caché, avec l'empreinte de chaque fichier ; renommer ce dossier décide.
Les fichiers prennent ensuite leur place, et si le programme meurt là, la commande suivante achève.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from photos.console import readable
from photos.request import MODEL, TRAINING, Method, Request, real
from reseaux.atomic import atomic_write, forget
from reseaux.errors import ReseauxError

if sys.platform != "win32":
    import fcntl

ORIGIN = "origine.json"
TEXT, PAGE, FILES = "rapport.txt", "rapport.html", "fichiers.csv"
CONFUSION, MISTAKES = "confusion.png", "erreurs.png"
WRITTEN = (MODEL, PAGE, TEXT, CONFUSION, MISTAKES, FILES)
_STAGED, _DECIDED = ".ecriture", ".ecrit"
_turns: list[int] = []  # le verrou que tient ce programme, s'il est en train d'écrire


def check(request: Request) -> None:
    """Vérifie, sans rien écrire, que le dossier de sortie peut recevoir ces résultats.

    Raises:
        ReseauxError: il est dans un dossier d'images, ou contient autre chose que ses résultats ;
            un réglage fin y est interrompu et on ne le reprend pas, ou l'inverse.
    """
    _check_place(request)
    if request.output.is_dir() and not request.overwrite:
        _check_owner(request.output, request.source)
    _check_training(request)


def claim(request: Request) -> None:
    """Réserve le dossier de sortie à ce dossier d'images, s'il n'a ni résultats ni reprise."""
    tidy(request.output)
    if not (request.resume or (request.output / MODEL).exists()):
        write_text(request.output / ORIGIN, _origin_text(request, {}))


@contextmanager
def transaction(request: Request) -> Iterator[Path]:
    """Un dossier où écrire les résultats ; à la fin du bloc, ils remplacent ceux d'avant, ensemble.

    Si le bloc échoue, les résultats d'avant n'ont pas changé.
    """
    staged = request.output / _STAGED
    request.output.mkdir(parents=True, exist_ok=True)
    with _turn(request.output):
        tidy(request.output)
        staged.mkdir()
        try:
            yield staged
            files = {file.name: _digest(file) for file in sorted(staged.iterdir())}
            write_text(staged / ORIGIN, _origin_text(request, files))
            staged.rename(request.output / _DECIDED)
        finally:
            tidy(request.output)


@contextmanager
def _turn(output: Path, wait: bool = True) -> Iterator[bool]:
    """Le tour d'écrire dans un dossier, le temps du bloc ; ``False`` si un autre programme l'a.

    Le verrou est sur le dossier lui-même : le système le lève si le programme meurt.
    """
    if sys.platform == "win32" or _turns or not os.access(output, os.R_OK):
        yield True
        return
    folder = os.open(output, os.O_RDONLY)
    try:
        mine = True
        try:
            fcntl.flock(folder, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:  # un disque en réseau peut ne pas savoir verrouiller
            mine = not isinstance(error, BlockingIOError)
        if mine:
            _turns.append(folder)
        yield mine
    finally:
        _turns.clear()
        os.close(folder)


def tidy(output: Path) -> None:
    """Achève l'écriture décidée, et efface ce que laisse une écriture interrompue.

    Si un autre programme est en train d'écrire là, c'est lui qui rangera.
    """
    with _turn(output, wait=False) as mine:
        if mine:
            _tidy(output)


def _tidy(output: Path) -> None:
    _finish(output)
    shutil.rmtree(output / _STAGED, ignore_errors=True)
    for name in (ORIGIN, TRAINING):
        forget(output / name)


def _finish(output: Path) -> None:
    """Met à leur place les fichiers d'une écriture décidée ; l'origine, en dernier."""
    decided = output / _DECIDED
    if files := _origin(decided).get("fichiers"):
        for name in (*WRITTEN, ORIGIN):
            with contextlib.suppress(FileNotFoundError):  # déjà à sa place
                if name in files or name == ORIGIN:
                    (decided / name).replace(output / name)
                else:
                    (output / name).unlink()
    shutil.rmtree(decided, ignore_errors=True)


def whole(model: Path) -> Path:
    """Le fichier d'un modèle, une fois vu que le rapport écrit à côté est bien le sien.

    Args:
        model: le dossier des résultats, ou le fichier du modèle.

    Raises:
        ReseauxError: le modèle n'est pas celui que ce dossier décrit.
    """
    folder, path = (model.parent, model) if model.is_file() else (model, model / MODEL)
    with contextlib.suppress(OSError):  # un dossier où l'on ne peut pas écrire se lit quand même
        _finish(folder)
    expected = _origin(folder).get("fichiers", {}).get(path.name)
    if expected and path.is_file() and _digest(path) != expected:
        raise ReseauxError(
            f"« {path} » n'est pas le modèle que décrit le rapport écrit à côté : l'un des deux a "
            "été remplacé ou abîmé. Réapprenez-le, ou déplacez-le seul dans un autre dossier."
        )
    return path


def write_text(path: Path, text: str) -> None:
    """Écrit un texte d'un coup."""
    with atomic_write(path) as stream:
        stream.write(text.encode())


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _origin_text(request: Request, files: dict[str, str]) -> str:
    name, identity = readable(real(request.source).name), _identity(request.source)
    return json.dumps({"dossier": name, "empreinte": identity, "fichiers": files}, indent=1) + "\n"


def _origin(output: Path) -> dict[str, Any]:
    """Ce que dit l'origine d'un dossier ; rien si elle manque ou ne se lit pas."""
    try:
        if not (output / ORIGIN).is_file():  # un tube : le lire attendrait pour toujours
            return {}
        found = {"fichiers": {}, **json.loads((output / ORIGIN).read_text("utf-8"))}
        kinds = {"dossier": str, "empreinte": str, "fichiers": dict}
        return found if all(isinstance(found[key], kinds[key]) for key in kinds) else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _check_place(request: Request) -> None:
    output = request.output
    for source in filter(None, (request.source, request.test)):
        if real(source) in (real(output), *real(output).parents):
            raise ReseauxError(
                f"La sortie « {output} » est dans le dossier d'images : elle deviendrait une "
                "classe. Donnez un autre dossier par « --sortie »."
            )
    if output.exists() and not output.is_dir():
        raise ReseauxError(f"« {output} » est un fichier. Donnez un dossier par « --sortie ».")
    for name in (*WRITTEN, ORIGIN, TRAINING):
        if (output / name).exists() and not (output / name).is_file():
            raise ReseauxError(
                f"« {output / name} » est un dossier, ou un tube ; un résultat porte ce nom. "
                "Donnez un autre dossier par « --sortie »."
            )


def _check_owner(output: Path, source: Path) -> None:
    present = {entry.name for entry in output.iterdir() if not entry.name.startswith(".")}
    results, owner = present.intersection((*WRITTEN, TRAINING)), _origin(output)
    if not owner and present - {ORIGIN}:
        raise ReseauxError(
            f"Le dossier « {output} » contient déjà autre chose. Donnez-en un autre par "
            "« --sortie », ou ajoutez « --ecraser »."
        )
    if results and owner["empreinte"] != _identity(source):
        raise ReseauxError(
            f"Le dossier « {output} » contient les résultats d'un autre dossier d'images "
            f"(« {owner['dossier']} »). Donnez-en un autre par « --sortie », ou ajoutez "
            "« --ecraser »."
        )


def _check_training(request: Request) -> None:
    saved = request.output / TRAINING
    kept = request.resume or request.overwrite
    if request.method is Method.FINE_TUNING and saved.exists() and not kept:
        raise ReseauxError(
            f"« {request.output} » contient un réglage fin interrompu. Continuez-le par "
            "« --reprendre », ou recommencez par « --ecraser »."
        )
    if request.resume and not saved.exists():
        raise ReseauxError(
            f"Rien à reprendre : « {saved} » n'existe pas. Le réglage fin s'est terminé, ou n'a "
            "pas fini sa première époque. Relancez sans « --reprendre »."
        )


def _identity(path: Path) -> str:
    """Reconnaît un dossier d'images sans écrire son chemin dans les résultats."""
    return hashlib.sha256(os.fsencode(real(path))).hexdigest()[:16]
