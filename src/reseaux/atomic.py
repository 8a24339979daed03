"""Écrire un fichier d'un coup : entier, ou pas du tout.

On écrit à côté, dans un fichier temporaire verrouillé tant que son auteur vit : le système lève le
verrou d'un programme tué, et l'écriture suivante efface ce qu'il a laissé, sans toucher aux
temporaires des programmes vivants.
"""

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl


@contextmanager
def atomic_write(path: Path | str) -> Iterator[IO[bytes]]:
    """Ouvre un fichier qui ne prendra le nom ``path`` qu'une fois entièrement écrit.

    Le fichier temporaire est dans le même dossier, donc sur le même disque : ``os.replace`` y est
    une seule opération. Si le bloc échoue, ``path`` n'a pas changé.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    temporary, stream = _create(path)
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # les octets sont sur le disque avant de changer de nom
            if sys.platform == "win32":
                stream.close()  # Windows ne renomme pas un fichier ouvert
            os.replace(temporary, path)  # noqa: PTH105 (le nom que le cours explique)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":  # inscrire aussi le changement de nom
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _create(path: Path) -> tuple[Path, IO[bytes]]:
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        stream = temporary.open("xb")
        if not _lock(stream) or os.fstat(stream.fileno()).st_nlink:
            return temporary, stream
        stream.close()  # un autre l'a pris pour un orphelin, juste avant le verrou : on recommence


def _remove_orphans(path: Path) -> None:
    """Efface les temporaires de ``path`` dont l'auteur est mort : personne ne les verrouille."""
    for orphan in path.parent.glob(f".{escape(path.name)}.????????.tmp"):
        # Déjà effacé, ou pas à nous : rien à faire.
        with contextlib.suppress(OSError), orphan.open("rb") as stream:
            if _lock(stream, wait=False):
                orphan.unlink()


def _lock(stream: IO[bytes], wait: bool = True) -> bool:
    """Verrouille un fichier ouvert ; dit si c'est fait (un disque en réseau peut refuser)."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(stream, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
