"""Télécharger un fichier : entier et vérifié, ou rien, et une phrase qui dit pourquoi.

``torch.hub.download_url_to_file`` ne suffit pas : il attend sans fin un serveur muet, ne compare
pas ce qui arrive à la taille annoncée, et laisse sortir les exceptions d'``urllib`` telles quelles.
"""

import hashlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from reseaux.atomic import atomic_write
from reseaux.errors import ReseauxError, os_reason
from reseaux.formatting import NBSP, decimal, integer

CHUNK = 1 << 18  # octets lus à la fois, au plus
_PAGES = ("text/html", "application/xhtml+xml")
_OFFLINE = "Vérifiez votre connexion à Internet"


class DownloadError(ReseauxError):
    """Le fichier n'a pas pu être obtenu ; rien n'a été gardé."""


def download(
    url: str,
    target: Path | str,
    sha256_prefix: str = "",
    timeout: float = 30.0,
    progress: bool = True,
) -> Path:
    """Télécharge un fichier, sauf s'il est déjà là, entier ; rend ``target``.

    Args:
        target: où le ranger ; le dossier est créé s'il manque.
        sha256_prefix: le début de son empreinte SHA-256, en hexadécimal. Sans elle, un fichier déjà
            là est tenu pour bon.
        timeout: durée, en secondes, au bout de laquelle un serveur muet est abandonné.

    Raises:
        DownloadError: pas de connexion, refus ou silence du serveur, fichier tronqué ou différent,
            disque plein, dossier interdit. ``target`` n'a pas changé.
    """
    target = Path(target)
    try:
        if has_hash(target, sha256_prefix):
            return target
        with atomic_write(target) as stream:
            digest = _copy(url, stream, timeout, progress)
            if not digest.startswith(sha256_prefix):
                raise DownloadError(
                    f"« {url} » a rendu un autre fichier que celui attendu : son empreinte "
                    f"SHA-256 commence par {digest[: len(sha256_prefix)]}, pas par "
                    f"{sha256_prefix}. Rien n'a été gardé ni ouvert. Réessayez ; si cela se "
                    "répète, un intermédiaire (cache, proxy) modifie le fichier."
                )
    except OSError as error:  # ceux du réseau sont déjà traduits : celui-ci vient du disque
        raise DownloadError(
            f"« {target} » ne peut pas être écrit : {os_reason(error)}. Rien n'a été gardé. "
            "Libérez de la place, demandez le droit d'écrire, ou choisissez un autre dossier."
        ) from error
    return target


def has_hash(file: Path, sha256_prefix: str) -> bool:
    """Dit si un fichier existe et si son empreinte SHA-256 commence ainsi."""
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest().startswith(sha256_prefix)


def _copy(url: str, stream: IO[bytes], timeout: float, progress: bool) -> str:
    """Copie ce que rend ``url`` ; donne son empreinte SHA-256."""
    from tqdm import tqdm

    sha256, received = hashlib.sha256(), 0
    with _translated(url, timeout):
        response = urlopen(Request(url, headers={"User-Agent": "reseaux"}), timeout=timeout)
    with response:
        if response.headers.get_content_type() in _PAGES:
            raise DownloadError(
                f"« {url} » a rendu une page web au lieu d'un fichier. Un portail de connexion "
                "(hôtel, école, train) s'interpose souvent ainsi : ouvrez votre navigateur, "
                "identifiez-vous, puis réessayez."
            )
        announced = response.headers.get("Content-Length", "")
        size = int(announced) if announced.isdecimal() else None
        title = f"Téléchargement de {Path(urlsplit(url).path).name}"
        with tqdm(desc=title, total=size, unit="o", unit_scale=True, disable=not progress) as bar:
            while True:
                with _translated(url, timeout):
                    chunk = response.read1(CHUNK)
                if not chunk:
                    break
                stream.write(chunk)
                sha256.update(chunk)
                received += len(chunk)
                bar.update(len(chunk))
    if size is not None and received != size:
        raise DownloadError(
            f"Le téléchargement de « {url} » s'est arrêté en route : {integer(received)} octets "
            f"reçus sur {integer(size)}. Rien n'a été gardé. Réessayez."
        )
    return sha256.hexdigest()


@contextmanager
def _translated(url: str, timeout: float) -> Iterator[None]:
    """Traduit les erreurs du réseau ; celles du disque, hors du bloc, n'y passent pas."""
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(_network_problem(error, url, timeout)) from error


def _network_problem(error: Exception, url: str, timeout: float) -> str:
    if isinstance(error, HTTPError):
        error.close()
        return _refusal(error.code, url)
    cause = error.reason if isinstance(error, URLError) else error
    host = urlsplit(url).hostname
    if isinstance(cause, socket.gaierror):
        return f"Le serveur « {host} » est introuvable. {_OFFLINE}, et l'adresse « {url} »."
    if isinstance(cause, TimeoutError):
        seconds = f"{decimal(timeout, 0 if timeout >= 1 else 1)}{NBSP}s"
        return (
            f"Le serveur « {host} » n'a rien envoyé pendant {seconds} ; « {url} » est abandonné. "
            f"{_OFFLINE}, puis réessayez."
        )
    if isinstance(cause, ssl.SSLError):
        return (
            f"L'identité du serveur « {host} » n'a pas pu être vérifiée ({cause}). Vérifiez la "
            "date de votre ordinateur et les réglages de votre proxy."
        )
    if isinstance(cause, http.client.IncompleteRead | ConnectionResetError):
        return (
            f"La connexion à « {host} » a été coupée pendant le téléchargement de « {url} ». Rien "
            "n'a été gardé. Réessayez."
        )
    if isinstance(cause, OSError):
        return f"Pas de connexion au serveur « {host} » ({cause}). {_OFFLINE}, puis réessayez."
    return f"« {url} » ne se télécharge pas ({cause}). Vérifiez l'adresse."


def _refusal(code: int, url: str) -> str:
    if code in (404, 410):
        return f"Le fichier « {url} » n'existe pas ou plus (code {code}). Vérifiez l'adresse."
    if code >= 500:
        return (
            f"Le serveur de « {url} » est en panne (code {code}) ; votre connexion n'y est pour "
            "rien. Réessayez plus tard."
        )
    return (
        f"Le serveur refuse « {url} » (code {code}). Vérifiez l'adresse et les réglages de votre "
        "proxy."
    )
