"""Télécharger un fichier : entier et vérifié, ou une phrase qui dit pourquoi.

``torch.hub.download_url_to_file`` ne suffit pas : il attend sans fin un serveur muet ou trop lent,
recommence tout après une coupure, et laisse sortir les exceptions d'``urllib`` telles quelles.
"""

import contextlib
import hashlib
import http.client
import os
import re
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlsplit
from urllib.request import Request, getproxies, proxy_bypass

from filelock import FileLock

from reseaux.arguments import between, checked
from reseaux.errors import ReseauxError, os_reason
from reseaux.formatting import NBSP, decimal, integer
from reseaux.reuse.opening import bounded_opener

CHUNK = 1 << 18  # octets lus à la fois, au plus
SLOWEST = 1000  # octets par seconde : en dessous, un téléchargement ne finirait jamais
_PAGES = ("text/html", "application/xhtml+xml")
_OFFLINE = "Vérifiez votre connexion à Internet"
_RESUMES = "Réessayez : le téléchargement reprendra où il s'est arrêté."


class DownloadError(ReseauxError):
    """Le fichier n'a pas pu être obtenu."""


@checked
def download(
    url: str,
    target: Path | str,
    sha256_prefix: str,
    timeout: Annotated[float, between(0, 86_400, open=True)] = 30.0,
    progress: bool = True,
) -> Path:
    """Télécharge un fichier, sauf s'il est déjà là, entier ; rend ``target``.

    Un téléchargement interrompu laisse à côté ce qui est arrivé, et reprend là. De plusieurs
    processus qui veulent le même fichier, un seul le télécharge ; les autres l'attendent. Un lien
    est suivi.

    Args:
        target: où le ranger ; le dossier est créé s'il manque.
        sha256_prefix: le début de son empreinte SHA-256, en hexadécimal.
        timeout: durée, en secondes, au bout de laquelle est abandonné un serveur muet, ou qui n'a
            pas fini ses en-têtes ; le débit s'y mesure : :data:`SLOWEST` octets par seconde.

    Raises:
        DownloadError: adresse impossible, pas de connexion, refus, silence ou lenteur du serveur,
            fichier tronqué ou différent, disque plein, dossier interdit. ``target`` n'a pas changé.
    """
    target, sha256_prefix = Path(target), sha256_prefix.lower()
    split_address(url)
    if not re.fullmatch("[0-9a-f]{,64}", sha256_prefix):
        raise DownloadError(f"{sha256_prefix[:80]!r} n'est pas le début d'une empreinte SHA-256.")
    real = Path(os.path.realpath(target))
    partial, lock = (real.with_name(f".{real.name}.{end}") for end in ("part", "lock"))
    try:
        _check_place(target)
        if has_hash(real, sha256_prefix):
            return target
        real.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            try:
                if not has_hash(real, sha256_prefix):  # un autre l'a peut-être fini entre-temps
                    if not has_hash(partial, sha256_prefix):
                        _fetch(url, partial, timeout, progress)
                    _check(url, partial, sha256_prefix)
                    partial.replace(real)
            finally:
                # Tant qu'il est à nous : qui l'attendait voit qu'il n'y est plus, et en refait un.
                with contextlib.suppress(OSError):  # Windows n'efface pas un fichier ouvert
                    lock.unlink()
    except OSError as error:  # ceux du réseau sont déjà traduits : celui-ci vient du disque
        with contextlib.suppress(OSError):
            partial.unlink()
        raise DownloadError(
            f"« {target} » ne peut pas être écrit : {os_reason(error)}. Rien n'a été gardé. "
            "Libérez de la place, demandez le droit d'écrire, ou choisissez un autre dossier."
        ) from error
    return target


def _check_place(target: Path) -> None:
    """Refuse d'écrire ailleurs que dans un fichier ordinaire, là ou à créer."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(target.stat().st_mode):
            raise DownloadError(
                f"« {target} » est un dossier, un tube ou un périphérique. Donnez le nom d'un "
                "fichier à écrire."
            )


def split_address(url: str) -> SplitResult:
    """Découpe l'adresse d'un fichier.

    Raises:
        DownloadError: ce n'est pas une adresse « http » ou « https », sans mot de passe.
    """
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        # Lire le port le vérifie. « urlsplit » efface les retours à la ligne ; nous les refusons.
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if good and "@" not in parts.netloc and url.isprintable():
            return parts
    shown = re.sub("(?s)(?<=//).*@", "…@", url)  # un mot de passe ne se répète pas
    raise DownloadError(
        f"{shown[:200]!r} ne se télécharge pas. Vérifiez l'adresse : il en faut une comme "
        "« https://serveur/dossier/fichier.pth », sans mot de passe."
    )


def has_hash(file: Path, sha256_prefix: str) -> bool:
    """Dit si un fichier existe et si son empreinte SHA-256 commence ainsi."""
    return file.is_file() and _digest(file).startswith(sha256_prefix)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check(url: str, partial: Path, sha256_prefix: str) -> None:
    digest = _digest(partial)
    if not digest.startswith(sha256_prefix):
        partial.unlink()
        raise DownloadError(
            f"« {url} » a rendu un autre fichier que celui attendu : son empreinte SHA-256 "
            f"commence par {digest[: len(sha256_prefix)]}, pas par {sha256_prefix}. Rien n'a été "
            "gardé ni ouvert. Réessayez ; si cela se répète, un intermédiaire (cache, proxy) "
            "modifie le fichier."
        )


def _fetch(url: str, partial: Path, timeout: float, progress: bool) -> None:
    """Ajoute à ``partial`` ce qui lui manque, ou recommence si le serveur ne sait pas reprendre."""
    from tqdm import tqdm

    headers, kept = {"User-Agent": "reseaux"}, partial.stat().st_size if partial.exists() else 0
    if kept:
        headers["Range"] = f"bytes={kept}-"
    opener = bounded_opener(split_address)  # « urlopen » garderait les proxys de son premier appel
    with _translated(url, timeout):
        try:
            response = opener.open(Request(url, headers=headers), timeout=timeout)
        except HTTPError as error:
            if error.code != 416 or not kept:
                raise
            error.close()  # « partial » est plus long que le fichier : on recommence
            del headers["Range"]
            response = opener.open(Request(url, headers=headers), timeout=timeout)
    with response:
        if response.headers.get_content_type() in _PAGES:
            raise DownloadError(
                f"« {url} » a rendu une page web au lieu d'un fichier. Un portail de connexion "
                "(hôtel, école, train) s'interpose souvent ainsi : ouvrez votre navigateur, "
                "identifiez-vous, puis réessayez."
            )
        if not response.headers.get("Content-Range", "").startswith(f"bytes {kept}-"):
            kept = 0
        announced = response.headers.get("Content-Length", "")
        known = announced.isdecimal() and len(announced) < 20  # plus longue, ce n'en est pas une
        size = kept + int(announced) if known else None
        received, start, window = kept, time.monotonic(), 0  # le débit se mesure par fenêtres
        title = f"Téléchargement de {Path(urlsplit(url).path).name}"
        with (
            partial.open("ab" if kept else "wb") as stream,
            tqdm(
                desc=title, total=size, initial=kept, unit="o", unit_scale=True,
                disable=not progress,
            ) as bar,
        ):  # fmt: skip
            while True:
                with _translated(url, timeout):
                    chunk = response.read1(CHUNK)
                if not chunk:
                    break
                stream.write(chunk)
                received += len(chunk)
                bar.update(len(chunk))
                window += len(chunk)
                elapsed = time.monotonic() - start
                if elapsed >= timeout:
                    if window < SLOWEST * elapsed:
                        raise DownloadError(
                            f"« {url} » arrive trop lentement : moins de {integer(SLOWEST)} octets "
                            f"par seconde. {_OFFLINE}. {_RESUMES}"
                        )
                    start, window = time.monotonic(), 0
    if size is not None and received != size:
        raise DownloadError(
            f"Le téléchargement de « {url} » s'est arrêté en route : {integer(received)} octets "
            f"reçus sur {integer(size)}. {_RESUMES}"
        )


@contextmanager
def _translated(url: str, timeout: float) -> Iterator[None]:
    """Traduit les erreurs du réseau ; celles du disque, hors du bloc, n'y passent pas."""
    try:
        yield
    except DownloadError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(_network_problem(error, url, timeout)) from error


def _network_problem(error: Exception, url: str, timeout: float) -> str:
    parts, proxy = urlsplit(url), ""
    if not proxy_bypass(parts.hostname or ""):
        proxy = getproxies().get(parts.scheme, "")
    # Sans le mot de passe que l'adresse d'un proxy peut porter.
    who = f"le proxy « {proxy.strip('/').split('@')[-1].split('//')[-1]} »" if proxy else ""
    who = who or f"le serveur « {parts.hostname} »"
    Who = who[0].upper() + who[1:]
    cause = error.reason if isinstance(error, URLError) else error
    tunnel = re.search(r"Tunnel connection failed: (\d+)", str(cause))
    if isinstance(error, HTTPError):
        error.close()
        return _refusal(error.code, url, Who)
    if tunnel:
        return _refusal(int(tunnel[1]), url, Who)
    if isinstance(cause, socket.gaierror):
        return f"{Who} est introuvable. {_OFFLINE}, et l'adresse « {url} »."
    if isinstance(cause, TimeoutError):
        seconds = f"{decimal(timeout, 0 if timeout >= 1 else 1)}{NBSP}s"
        return (
            f"{Who} n'a rien envoyé d'utile pendant {seconds} ; « {url} » est abandonné. "
            f"{_OFFLINE}. {_RESUMES}"
        )
    if isinstance(cause, ssl.SSLError):
        return (
            f"L'identité du serveur « {parts.hostname} » n'a pas pu être vérifiée. Vérifiez la "
            "date de votre ordinateur et les réglages de votre proxy."
        )
    if isinstance(cause, http.client.IncompleteRead | ConnectionResetError):
        return f"La connexion avec {who} a été coupée en téléchargeant « {url} ». {_RESUMES}"
    if isinstance(cause, OSError):
        return f"Pas de connexion avec {who} : {os_reason(cause)}. {_OFFLINE}, puis réessayez."
    return f"« {url} » ne se télécharge pas : {who} ne répond pas en HTTP. Vérifiez l'adresse."


def _refusal(code: int, url: str, who: str) -> str:
    if code in (404, 410):
        return f"Le fichier « {url} » n'existe pas ou plus (code {code}). Vérifiez l'adresse."
    if 300 <= code < 400:
        return (
            f"{who} renvoie « {url} » d'adresse en adresse, sans jamais donner de fichier (code "
            f"{code}). Vérifiez l'adresse."
        )
    if code >= 500:
        return (
            f"{who} est en panne (code {code}), pour « {url} » ; votre connexion n'y est pour "
            "rien. Réessayez plus tard."
        )
    return (
        f"{who} refuse « {url} » (code {code}). Vérifiez l'adresse et les réglages de votre "
        "proxy (variables « http_proxy » et « https_proxy »)."
    )
