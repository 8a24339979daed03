"""Écrire un fichier d'un coup : entier, ou pas du tout.

On écrit à côté, dans un fichier temporaire ; une fois vidé sur le disque, il prend le nom voulu en
une seule opération. Le temporaire est verrouillé tant que son auteur vit : le système lève le
verrou d'un programme tué, et l'écriture suivante efface ce qu'il a laissé, sans toucher aux
temporaires des programmes vivants.
"""

import contextlib
import os
import sys
import tempfile
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
    temporary, lock = _reserve(path)
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # les octets sont sur le disque avant de changer de nom
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)  # noqa: PTH105 (le nom que le cours explique)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        if lock is not None:
            os.close(lock)  # lève le verrou
    _sync_folder(path.parent)


def _reserve(path: Path) -> tuple[Path, int | None]:
    """Crée un fichier temporaire verrouillé ; rend son chemin et la poignée du verrou."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        if not _lock(handle):
            os.close(handle)
            return Path(name), None
        if os.fstat(handle).st_nlink:
            return Path(name), handle
        os.close(
            handle
        )  # un autre l'a pris pour un orphelin, juste avant le verrou : on recommence


def _remove_orphans(path: Path) -> None:
    """Efface les temporaires de ``path`` dont l'auteur est mort : personne ne les verrouille."""
    for orphan in path.parent.glob(f".{escape(path.name)}.????????.tmp"):
        with contextlib.suppress(OSError):  # déjà effacé, ou pas à nous : rien à faire
            handle = os.open(orphan, os.O_RDONLY)
            try:
                if _lock(handle, wait=False):
                    orphan.unlink(missing_ok=True)
            finally:
                os.close(handle)


def _lock(handle: int, wait: bool = True) -> bool:
    """Verrouille un fichier ouvert ; dit si c'est fait (un disque en réseau peut refuser)."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Inscrit aussi le changement de nom sur le disque ; sans objet hors des systèmes POSIX."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
