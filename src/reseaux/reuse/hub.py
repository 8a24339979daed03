"""Les poids des classifieurs de torchvision : les trouver, les télécharger, en faire un réseau."""

import re
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock
from urllib.parse import urlsplit

import torch
from torch import nn

from reseaux.errors import ReseauxError, nearest_name, unknown_name
from reseaux.reuse import checkpoints
from reseaux.reuse.download import download, has_hash

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

# Un fichier porte le début de son empreinte SHA-256 : « resnet50-11ad3fa6.pth ».
_PREFIX = re.compile(r"-([0-9a-f]{8,})\.pth$")


def find(name: str, others: tuple[str, ...] = ()) -> "tuple[str, WeightsEnum]":
    """Trouve un réseau et ses poids d'après leur nom, sans rien télécharger.

    Args:
        name: « resnet50 » (ses meilleurs poids) ou « resnet50:IMAGENET1K_V1 ».
        others: d'autres noms permis, à citer dans le message d'erreur.

    Returns:
        Le nom du réseau et le membre de l'énumération de ses poids.

    Raises:
        ReseauxError: réseau ou poids inconnus ; poids sans classifieur.
    """
    from torchvision import models

    model, _, tag = name.partition(":")
    known = models.list_models(module=models)
    if model not in known:
        nearest = nearest_name(model, [*others, *known])
        hint = f" Vouliez-vous dire « {nearest} » ?" if nearest else ""
        raise ReseauxError(
            f"« {model} » n'est pas un réseau pré-entraîné connu.{hint} Noms permis : "
            f"{', '.join([*others, ''])}et les {len(known)} classifieurs de torchvision "
            "(« models.list_models(module=models) »)."
        )
    choices = models.get_model_weights(model)
    allowed = [w.name for w in choices if w.meta["categories"]]
    if not tag:
        return model, choices.DEFAULT
    if tag not in allowed:
        raise unknown_name(f"un jeu de poids de « {model} »", tag, allowed)
    return model, choices[tag]


def fetch(
    weights: "WeightsEnum",
    cache: Path | str | None,
    url: str | None,
    timeout: float,
    progress: bool,
) -> Path:
    """Télécharge des poids dans le cache, s'ils n'y sont pas déjà ; rend leur chemin.

    Args:
        weights: les poids.
        cache: le dossier où les garder ; par défaut, celui de ``torch.hub``.
        url: une autre adresse du fichier ; son nom porte aussi le début de l'empreinte.
        timeout: durée, en secondes, au bout de laquelle un serveur muet est abandonné.
        progress: montrer une barre de progression.

    Raises:
        DownloadError: voir :func:`reseaux.reuse.download.download`.
    """
    address = url or weights.url
    name = Path(urlsplit(address).path).name
    folder = Path(cache) if cache else Path(torch.hub.get_dir()) / "checkpoints"
    return download(address, folder / name, hash_prefix(name), timeout=timeout, progress=progress)


def hash_prefix(name: str) -> str:
    """Lit le début de l'empreinte dans un nom de fichier : « r-11ad3fa6.pth » donne « 11ad3fa6 ».

    Raises:
        ReseauxError: le nom n'en porte pas.
    """
    found = _PREFIX.search(name)
    if not found:
        raise ReseauxError(
            f"« {name} » ne porte pas le début de son empreinte : on ne pourrait pas le vérifier. "
            "Gardez le nom que lui donne torchvision, comme « resnet50-11ad3fa6.pth »."
        )
    return found[1]


def check(weights: "WeightsEnum", file: Path) -> Path:
    """Vérifie qu'un fichier est bien celui de ces poids ; rend son chemin.

    Raises:
        ReseauxError: fichier absent, abîmé, ou d'autres poids.
    """
    prefix = hash_prefix(weights.url)
    if not has_hash(file, prefix):
        raise ReseauxError(
            f"Le fichier de poids « {file} » est absent, abîmé, ou n'est pas celui de {weights} : "
            f"l'empreinte attendue commence par {prefix}. Téléchargez-le à nouveau."
        )
    return file


def build(model: str, weights: "WeightsEnum", file: Path) -> nn.Module:
    """Construit un réseau de torchvision avec les poids d'un fichier déjà vérifié.

    torchvision règle lui-même ce qui dépend des poids (taille d'entrée, sorties auxiliaires, noms
    anciens) ; nous ne remplaçons que la lecture du fichier, qui chez lui pourrait exécuter du code.

    Raises:
        ReseauxError: fichier illisible ou dangereux, ou poids d'une autre architecture.
    """
    from torchvision import models

    tensors = checkpoints.read(file)
    try:
        with mock.patch.object(weights, "get_state_dict", return_value=tensors):
            network: nn.Module = models.get_model(model, weights=weights)
    except RuntimeError as error:
        raise ReseauxError(
            f"Les poids de « {file.name} » ne sont pas ceux de « {model} ». Vérifiez le nom du "
            "réseau, ou l'adresse du fichier."
        ) from error
    return network.eval()
