"""Le dossier des résultats : à qui il est, et ce qu'on refuse d'y écraser."""

import hashlib
import json
from pathlib import Path

from photos.request import TRAINING, Method, Request
from reseaux.atomic import atomic_write
from reseaux.errors import ReseauxError
from reseaux.reuse import distributed
from reseaux.reuse.training import Worker

ORIGIN = "origine.json"


def claim(request: Request, worker: Worker) -> None:
    """Réserve le dossier de sortie à ce dossier d'images.

    Raises:
        ReseauxError: il est dans un dossier d'images, ou contient autre chose que ses résultats ;
            un réglage fin y est interrompu et on ne le reprend pas, ou l'inverse.
    """
    _check_place(request)
    if request.output.is_dir() and any(request.output.iterdir()) and not request.overwrite:
        _check_owner(request.output, request.source)
    _check_training(request)
    distributed.wait(worker)  # personne n'écrit tant qu'un autre regarde
    if worker.rank == 0:
        owner = {"dossier": request.source.resolve().name, "empreinte": _identity(request.source)}
        write_text(request.output / ORIGIN, json.dumps(owner, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Écrit un texte d'un coup."""
    with atomic_write(path) as stream:
        stream.write(text.encode(encoding))


def _check_place(request: Request) -> None:
    output = request.output
    for source in filter(None, (request.source, request.test)):
        if source.resolve() in (output.resolve(), *output.resolve().parents):
            raise ReseauxError(
                f"La sortie « {output} » est dans le dossier d'images : elle deviendrait une "
                "classe. Donnez un autre dossier par « --sortie »."
            )
    if output.exists() and not output.is_dir():
        raise ReseauxError(f"« {output} » est un fichier. Donnez un dossier par « --sortie ».")


def _check_owner(output: Path, source: Path) -> None:
    try:
        owner = json.loads((output / ORIGIN).read_text("utf-8"))
        identity, name = owner["empreinte"], owner["dossier"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ReseauxError(
            f"Le dossier « {output} » contient déjà autre chose. Donnez-en un autre par "
            "« --sortie », ou ajoutez « --ecraser »."
        ) from None
    if identity != _identity(source):
        raise ReseauxError(
            f"Le dossier « {output} » contient les résultats d'un autre dossier d'images "
            f"(« {name} »). Donnez-en un autre par « --sortie », ou ajoutez « --ecraser »."
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
    return hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
