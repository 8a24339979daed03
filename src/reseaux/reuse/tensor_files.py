"""Lire et écrire un fichier de tenseurs : rien n'y est exécuté, un seul bit changé se voit.

Un fichier safetensors écrit ici porte dans son en-tête l'empreinte SHA-256 de tous ses octets. Un
fichier de torch est une archive zip : chaque partie y a déjà sa somme de contrôle (CRC-32), que
torch écrit mais ne relit pas.
"""

import contextlib
import hashlib
import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, can_cast

from reseaux.arguments import checked
from reseaux.atomic import atomic_write
from reseaux.errors import ReseauxError, nearest_name, os_reason

_SEAL, _BLANK = "sha256", "0" * 64  # le nom de l'empreinte, et ce qui tient sa place
_DIRECTORY = 0x10  # l'attribut d'un dossier dans une archive zip


@checked
def to_safetensors(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> bytes:
    """Les octets d'un fichier safetensors qui porte son empreinte ; les mêmes à chaque fois.

    Args:
        tensors: nom → tenseur ; deux noms peuvent partager leur mémoire.
        metadata: des textes à garder dans l'en-tête.

    Raises:
        ReseauxError: l'un ne s'écrit pas, ou ne se relirait pas : il est nommé.
    """
    copies, texts = detached(tensors), dict(metadata or {})
    written = _readable_bytes(copies, texts)
    if written is None:
        odd = [name for name, tensor in copies.items() if not _readable_bytes({name: tensor}, {})]
        odd += [name for name, text in texts.items() if not _readable_bytes({}, {name: text})]
        raise ReseauxError(
            f"{', '.join(map(repr, odd[:3]))} ne se relirait pas dans un fichier safetensors : un "
            "nom réservé ou illisible, un type de nombres ou une forme de tenseur qu'il n'a pas. "
            "Renommez, convertissez, ou sauvez au format de torch (« .pt »)."
        )
    return written


def _readable_bytes(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes | None:
    """Ce qui s'écrira, s'il se relit tel quel ; sinon rien."""
    try:
        content = safetensors.torch.save(tensors)
        # L'en-tête est récrit : safetensors y range les textes dans un ordre tiré au hasard.
        header, data = _split(content)
        described = {"__metadata__": {**metadata, _SEAL: _BLANK}, **json.loads(header)}
        text = json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)  # les nombres commencent à un multiple de huit octets
        blank = len(text).to_bytes(8, "little") + text + data
        written = blank.replace(_sealed(_BLANK), _sealed(hashlib.sha256(blank).hexdigest()), 1)
        read, texts, _ = _parse_safetensors(written)
    except (OSError, MemoryError):  # le disque ou la mémoire, et non ce qu'on écrit
        raise
    except Exception:  # selon ce qu'il ne sait pas écrire ou relire, safetensors lève de tout
        return None
    return written if read.keys() == tensors.keys() and texts == metadata else None


def to_torch(content: Any) -> bytes:
    """Les octets que torch écrirait ; dans un fichier, il cacherait les erreurs du disque."""
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copie des tenseurs sur le processeur, chacun dans sa mémoire, et rien d'autre autour.

    Raises:
        ReseauxError: l'un n'a pas de valeurs, ou n'est pas un tenseur.
    """
    copies = {}
    for name, tensor in tensors.items():
        try:
            copies[name] = tensor.detach().cpu().contiguous().clone()
        except (
            AttributeError,
            RuntimeError,
            ValueError,
        ) as error:  # quantifié, « meta », paresseux
            raise ReseauxError(
                f"« {name} » n'a pas de nombres à sauver. Donnez un réseau construit en mémoire "
                "(ni « meta », ni quantifié), qui a déjà vu un lot si ses couches l'attendent."
            ) from error
    return copies


def check(tensors: Mapping[str, Tensor], places: Mapping[str, Tensor], what: str) -> None:
    """Vérifie que des poids peuvent être copiés à leur place : avant de les lire, ou de les écrire.

    Args:
        places: les tenseurs qui les recevront, aux mêmes noms ; avant d'écrire, eux-mêmes.
        what: ce qui est refusé, pour le message.

    Raises:
        ReseauxError: formes ou types différents, valeurs infinies ou indéfinies (NaN).
    """
    for name, tensor in tensors.items():
        problem = _problem(name, tensor, places[name])
        if problem:
            raise ReseauxError(f"{what} : « {name} » {problem}")


def _problem(name: str, tensor: Tensor, place: Tensor) -> str:
    """Dit pourquoi un tenseur ne peut pas être copié à sa place ; rien s'il le peut."""
    try:
        if tensor.shape != place.shape:
            return (
                f"est de forme {tuple(tensor.shape)}, et ce réseau attend {tuple(place.shape)}. "
                "Construisez le réseau avec les arguments de la sauvegarde."
            )
        if not (can_cast(tensor.dtype, place.dtype) and can_cast(place.dtype, tensor.dtype)):
            return f"est de type {tensor.dtype}, et ce réseau attend {place.dtype}."
        if not tensor.to(place.dtype).isfinite().all():
            return (
                "contient des valeurs infinies ou indéfinies (NaN) : un entraînement a divergé. "
                "Reprenez une sauvegarde antérieure."
            )
        if name.endswith("running_var") and bool((tensor < 0).any()):
            return "contient une variance négative. Reprenez une autre copie."
    except RuntimeError:  # quantifié, creux, imbriqué ou « meta »
        return "n'est pas un tenseur ordinaire. Demandez à son auteur un fichier de poids denses."
    return ""


@checked
def write(path: Path, content: bytes) -> None:
    """Écrit un fichier d'un coup (:mod:`reseaux.atomic`).

    Raises:
        ReseauxError: disque plein, dossier interdit… ; l'ancien fichier n'a pas changé.
    """
    try:
        with atomic_write(path) as stream:
            stream.write(content)
    except OSError as error:
        raise ReseauxError(
            f"« {path} » ne peut pas être écrit : {os_reason(error)}. Rien n'a changé sur le "
            "disque. Libérez de la place, demandez le droit d'écrire, ou choisissez un autre "
            "fichier."
        ) from error


@checked
def read(path: Path, sha256: str = "") -> tuple[Any, dict[str, str]]:
    """Lit un fichier de torch ou de safetensors sans jamais exécuter de code.

    Un fichier dont rien ne permet de vérifier l'intégrité se lit avec un avertissement.

    Args:
        sha256: le début de son empreinte, en hexadécimal, vérifiée avant de l'ouvrir.

    Returns:
        Ce qu'il contient, et les textes de son en-tête (safetensors seulement).

    Raises:
        ReseauxError: fichier absent, illisible, tronqué, abîmé, dangereux, ou un autre.
    """
    content = _read_bytes(path)
    digest = hashlib.sha256(content).hexdigest() if sha256 else ""
    if not digest.startswith(sha256):
        raise ReseauxError(
            f"« {path} » ({len(content)} octets) est tronqué, abîmé, ou n'est pas le fichier "
            f"attendu : son empreinte SHA-256 commence par {digest[: len(sha256)][:12]}, pas par "
            f"{sha256[:12]}. Il n'a pas été ouvert."
        )
    try:
        if path.suffix == ".safetensors":
            loaded, metadata, verified = _parse_safetensors(content)
        else:
            verified, metadata = content.startswith(b"PK\3\4"), {}
            if verified:
                _check_archive(content)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch dit en anglais ses doutes sur le format
                loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # devant un fichier hostile, torch peut tout lever
        # Un pickle abîmé et un pickle qui appelle une fonction donnent la même exception ; dans le
        # second cas, torch nomme l'instruction refusée (« GLOBAL »).
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise ReseauxError(
                f"« {path.name} » n'a pas été chargé : il contient autre chose que des tenseurs et "
                "des valeurs simples, et le lire pourrait exécuter du code. Demandez à son auteur "
                "un fichier de poids seuls (state_dict), ou mieux un fichier « .safetensors »."
            ) from error
        raise ReseauxError(
            f"« {path.name} » ({len(content)} octets) est tronqué, abîmé ou d'un autre format. "
            "Reprenez une copie entière, ou la sauvegarde précédente."
        ) from error
    if not (verified or sha256):
        warnings.warn(
            f"« {path.name} » ne porte pas d'empreinte : s'il a été abîmé, rien ne le dira. "
            "Sauvez-le à nouveau pour qu'il en porte une.",
            stacklevel=3,
        )
    return loaded, metadata


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            # Lire un tube attendrait pour toujours ; un périphérique peut n'avoir pas de fin.
            raise ReseauxError(f"« {path} » n'est pas un fichier ordinaire. Donnez-en un.")
        return path.read_bytes()
    except FileNotFoundError as error:
        neighbours: list[str] = []
        with contextlib.suppress(OSError):
            neighbours = [file.name for file in path.parent.iterdir()]
        nearest = nearest_name(path.name, neighbours)
        hint = f" Vouliez-vous dire « {nearest} » ?" if nearest else ""
        raise ReseauxError(f"Le fichier « {path} » n'existe pas.{hint}") from error
    except OSError as error:
        raise ReseauxError(
            f"Le fichier « {path} » ne se lit pas : {os_reason(error)}. Donnez le chemin d'un "
            "fichier que vous pouvez lire."
        ) from error


def _split(content: bytes) -> tuple[bytes, memoryview]:
    """L'en-tête d'un fichier safetensors, et ses nombres."""
    end = 8 + int.from_bytes(content[:8], "little")
    return content[8:end], memoryview(content)[end:]


def _sealed(digest: str) -> bytes:
    return f'"{_SEAL}":"{digest}"'.encode()


def _parse_safetensors(content: bytes) -> tuple[dict[str, Tensor], dict[str, str], bool]:
    """Les tenseurs, les textes de l'en-tête, et s'il portait une empreinte (alors vérifiée)."""
    tensors = safetensors.torch.load(content)
    header, data = _split(content)
    metadata: dict[str, str] = json.loads(header).get("__metadata__") or {}
    seal = metadata.pop(_SEAL, None)
    if seal is not None:
        blank = content[:8] + header.replace(_sealed(seal), _sealed(_BLANK), 1)
        whole = hashlib.sha256(blank)
        whole.update(data)
        if whole.hexdigest() != seal:
            raise ValueError("une autre empreinte")
    return tensors, metadata, seal is not None


def _check_archive(content: bytes) -> None:
    """Vérifie chaque partie d'une archive de torch.

    torch n'y met ni dossier ni compression. D'une partie marquée « dossier », il lirait la
    mémoire sans l'avoir remplie : la somme de contrôle, elle, resterait juste.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        odd = [p for p in archive.infolist() if p.external_attr & _DIRECTORY or p.compress_type]
        if odd or archive.testzip() is not None:
            raise ValueError("une partie abîmée")
