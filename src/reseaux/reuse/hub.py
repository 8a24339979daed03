"""Les poids des classifieurs de torchvision : les trouver, les télécharger, en faire un réseau."""

import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import torch
from torch import nn

from reseaux.arguments import checked
from reseaux.errors import ReseauxError, nearest_name, unknown_name
from reseaux.reuse import tensor_files
from reseaux.reuse.download import DownloadError, download, split_address

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


@checked
def resolve(name: str, others: tuple[str, ...] = ()) -> "tuple[str, WeightsEnum]":
    """Trouve un réseau et ses poids d'après leur nom, sans rien télécharger.

    Args:
        name: « resnet50 » (les poids que torchvision recommande) ou « resnet50:IMAGENET1K_V1 ».
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
            f"« {model} » n'est pas un réseau préentraîné connu.{hint} Noms permis : "
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


@checked
def fetch(address: str, progress: bool) -> Path:
    """Télécharge des poids dans le cache de ``torch.hub``, s'ils n'y sont pas ; rend leur chemin.

    Dans un groupe de processus, un seul par machine télécharge. Les autres attendent, et tous
    réussissent ou échouent ensemble : aucun ne calcule avec un autre réseau.

    Args:
        address: son adresse ; le nom du fichier porte le début de son empreinte.
        progress: montrer une barre de progression.

    Raises:
        DownloadError: voir :func:`reseaux.reuse.download.download`.
    """
    import torch.distributed as dist

    target = cached(address)
    prefix = hash_prefix(target.name)
    if not (dist.is_available() and dist.is_initialized()):
        return download(address, target, prefix, progress=progress)
    problem: str | None = None
    if int(os.environ.get("LOCAL_RANK", dist.get_rank())) == 0:
        try:
            download(address, target, prefix, progress=progress)
        except DownloadError as error:
            problem = str(error)
    problems: list[str | None] = [None] * dist.get_world_size()
    dist.all_gather_object(problems, problem)
    for told in filter(None, problems):
        raise DownloadError(told)
    return target


@checked
def cached(address: str) -> Path:
    """Où le cache de ``torch.hub`` garde le fichier d'une adresse, qu'il y soit déjà ou non."""
    return Path(torch.hub.get_dir(), "checkpoints", Path(split_address(address).path).name)


@checked
def hash_prefix(name: str) -> str:
    """Lit le début de l'empreinte dans un nom de fichier : « r-11ad3fa6.pth » donne « 11ad3fa6 ».

    Raises:
        ReseauxError: le nom n'en porte pas.
    """
    found = re.fullmatch(r"[^\0]*-([0-9a-f]{8,})\.pth", name)
    if not found:
        raise ReseauxError(
            f"« {name} » ne porte pas le début de son empreinte : on ne pourrait pas le vérifier. "
            "Gardez le nom que lui donne torchvision, comme « resnet50-11ad3fa6.pth »."
        )
    return found[1]


def build_network(
    model: str, weights: "WeightsEnum", file: Path | None, sha256: str = ""
) -> nn.Module:
    """Construit un réseau de torchvision tel que ces poids le veulent, et les y met.

    torchvision règle lui-même ce qui dépend des poids (taille d'entrée, sorties auxiliaires, noms
    anciens) ; nous ne remplaçons que la lecture du fichier, qui chez lui pourrait exécuter du code.

    Args:
        file: leur fichier ; ``None`` laisse des poids tirés au hasard.
        sha256: le début de son empreinte.

    Raises:
        ReseauxError: fichier absent, abîmé ou dangereux, ou poids d'une autre architecture.
    """
    from torchvision import models

    tensors = tensor_files.read(file, sha256)[0] if file else {}
    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(weights, "get_state_dict", return_value=tensors))
        if file is None:
            patches.enter_context(mock.patch.object(nn.Module, "load_state_dict"))
        try:
            network: nn.Module = models.get_model(model, weights=weights)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise ReseauxError(
                f"Les poids de « {file} » ne sont pas ceux de « {model} ». Vérifiez le nom du "
                "réseau, ou l'adresse du fichier."
            ) from error
    return network.eval()
