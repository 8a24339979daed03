"""Écrire un fichier d'un coup : entier, ou pas du tout.

On écrit à côté, dans un fichier temporaire verrouillé tant que son auteur vit : le système lève le
verrou d'un programme tué, et l'écriture suivante efface ce qu'il a laissé, sans toucher aux
temporaires des programmes vivants.
"""

import contextlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import IO

from reseaux.errors import ReseauxError

if sys.platform != "win32":
    import fcntl


# Caractères repris du nom : de quatre octets chacun, ils laissent leur place aux 14 du temporaire.
_LONGEST = 60
# Les temporaires que ce programme est en train d'écrire.
_ours: set[Path] = set()


@contextmanager
def atomic_write(path: Path | str) -> Iterator[IO[bytes]]:
    """Ouvre un fichier qui ne prendra le nom ``path`` qu'une fois entièrement écrit.

    Le fichier temporaire est dans le même dossier, donc sur le même disque : ``os.replace`` y est
    une seule opération. Si le bloc échoue, ``path`` n'a pas changé.

    Le reste est ce que fait ``open`` : un lien est suivi, les droits d'un fichier déjà là sont
    gardés, un fichier protégé est refusé. Un tube ou un périphérique s'écrit directement.

    Raises:
        ReseauxError: ce n'est pas un nom de fichier.
        OSError: le système refuse (droits, disque plein, nom trop long…).
    """
    given, path = path, _followed(path)
    try:
        mode = Path(given).stat().st_mode
    except FileNotFoundError:
        mode = 0
    if mode and not stat.S_ISREG(mode):
        with Path(given).open("wb") as stream:  # le lien « /dev/stdout » ne mène à aucun chemin
            yield stream
        return
    if mode:
        os.close(os.open(path, os.O_WRONLY))  # un fichier protégé est refusé avant tout travail
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    # Le nom est choisi avant que le fichier n'existe : interrompu n'importe où, on l'efface.
    temporary = path.with_name(f".{path.name[:_LONGEST]}.{secrets.token_hex(4)}.tmp")
    _ours.add(temporary)
    try:
        with _create(temporary) as stream:
            yield stream
            stream.flush()
            if mode and sys.platform != "win32":
                os.fchmod(stream.fileno(), stat.S_IMODE(mode))
            os.fsync(stream.fileno())  # les octets sont sur le disque avant de changer de nom
            if sys.platform == "win32":
                stream.close()  # Windows ne renomme pas un fichier ouvert
            os.replace(temporary, path)  # noqa: PTH105 (le nom que le cours explique)
    except BaseException:
        with contextlib.suppress(OSError):  # l'erreur à dire est la première
            temporary.unlink()
        raise
    finally:
        _ours.discard(temporary)
    if sys.platform != "win32":  # inscrire aussi le changement de nom
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _followed(path: Path | str) -> Path:
    """Le fichier au bout d'un chemin, liens suivis."""
    try:
        return Path(os.path.realpath(path))
    except (TypeError, ValueError):  # ni texte ni chemin, ou un octet nul
        raise ReseauxError(f"{path!r} n'est pas un nom de fichier.") from None


def _create(temporary: Path) -> IO[bytes]:
    while True:
        stream = temporary.open("xb")
        if not _lock(stream) or os.fstat(stream.fileno()).st_nlink:
            return stream
        stream.close()  # un autre l'a pris pour un orphelin, juste avant le verrou : on recommence


def forget(path: Path | str) -> None:
    """Efface ce qu'une écriture abandonnée de ``path`` a laissé, par ce programme ou un mort.

    Les temporaires d'un autre programme vivant restent.
    """
    path = _followed(path)
    for temporary in temporaries(path):
        if temporary in _ours:
            temporary.unlink(missing_ok=True)
    _remove_orphans(path)


def temporaries(path: Path) -> Iterator[Path]:
    """Les temporaires d'un fichier, de programmes vivants ou morts."""
    return path.parent.glob(f".{escape(path.name[:_LONGEST])}.????????.tmp")


def _remove_orphans(path: Path) -> None:
    """Efface les temporaires de ``path`` dont l'auteur est mort : personne ne les verrouille."""
    for orphan in temporaries(path):
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
