"""Le registre des réseaux classiques, chacun tel que son article le décrit.

Le registre est une donnée : le consulter ne charge pas torch. Un fichier par article porte la
configuration du réseau et son module ; :func:`build` va l'y chercher.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reseaux.errors import ReseauxError, unknown_name

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Network:
    """La fiche d'un réseau.

    Attributes:
        title: le nom à afficher.
        paper: la clé de l'article dans ``references.bib``.
        year: l'année de l'article.
        input_size: la taille d'entrée de l'article, canaux × hauteur × largeur.
        module: le fichier d'``architectures`` qui le définit.
        factory: la classe ou la fonction de ce fichier qui le construit.
        options: les arguments qui distinguent ce réseau de ses frères.
    """

    title: str
    paper: str
    year: int
    input_size: tuple[int, int, int]
    module: str
    factory: str
    options: Mapping[str, Any] = field(default_factory=dict)


def _vgg(letter: str) -> Network:
    return Network(
        f"VGG-{letter.upper()}",
        "Simonyan14",
        2014,
        (3, 224, 224),
        "vgg",
        "VGG",
        {"configuration": letter},
    )


def _resnet(depth: int) -> Network:
    return Network(
        f"ResNet-{depth}", "He15", 2015, (3, 224, 224), "resnet", "ResNet", {"depth": depth}
    )


NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "lenet-5": Network("LeNet-5", "LeCun98", 1998, (1, 32, 32), "lenet", "LeNet5"),
        "alexnet": Network("AlexNet", "Krizhevsky12", 2012, (3, 227, 227), "alexnet", "AlexNet"),
        **{f"vgg-{c}": _vgg(c) for c in ("a", "a-lrn", "b", "c", "d", "e")},
        "nin": Network("Network in Network", "Lin13", 2013, (3, 224, 224), "nin", "NIN"),
        "googlenet": Network(
            "GoogLeNet", "Szegedy14", 2014, (3, 224, 224), "inception", "GoogLeNet"
        ),
        "bn-inception": Network(
            "BN-Inception", "Ioffe15", 2015, (3, 224, 224), "bn_inception", "BNInception"
        ),
        "inception-v3": Network(
            "Inception-v3", "Szegedy15", 2015, (3, 299, 299), "inception_v3", "InceptionV3"
        ),
        "inception-v4": Network(
            "Inception-v4", "Szegedy16", 2016, (3, 299, 299), "inception_v4", "InceptionV4"
        ),
        "xception": Network("Xception", "Chollet16", 2016, (3, 299, 299), "xception", "Xception"),
        **{f"resnet-{d}": _resnet(d) for d in (18, 34, 50, 101, 152)},
        "squeezenet": Network(
            "SqueezeNet", "Iandola16", 2016, (3, 227, 227), "squeezenet", "SqueezeNet"
        ),
    }
)

# Les noms que d'autres bibliothèques ou les articles donnent à ces réseaux.
NICKNAMES = {
    "lenet": "lenet-5",
    "vgg11": "vgg-a",
    "vgg13": "vgg-b",
    "vgg16": "vgg-d",
    "vgg19": "vgg-e",
    "network-in-network": "nin",
    "inception-v1": "googlenet",
    "inception-v2": "bn-inception",
    "legacy_xception": "xception",
    "squeezenet1_0": "squeezenet",
}


def build(
    name: str, num_classes: int = 1000, device: "torch.device | str | None" = None, **options: Any
) -> "nn.Module":
    """Construit un réseau du registre, poids tirés au hasard.

    Args:
        name: une clé de :data:`NETWORKS`.
        num_classes: nombre de classes de la dernière couche, au moins 1.
        device: où le construire ; ``"meta"`` n'alloue aucun poids.
        **options: options propres au réseau (``v1_5=True`` pour un ResNet).

    Returns:
        Un ``nn.Module`` qui prend un lot N×C×H×L et rend N×``num_classes``.

    Raises:
        ReseauxError: nom inconnu, nombre de classes ou option qui ne convient pas.
    """
    import torch

    if name not in NETWORKS:
        raise unknown_name("un réseau", name, NETWORKS, NICKNAMES)
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ReseauxError(
            f"num_classes={num_classes!r} : il faut un entier au moins égal à 1 "
            "(1000 pour ImageNet)."
        )
    network = NETWORKS[name]
    factory = getattr(import_module(f"reseaux.architectures.{network.module}"), network.factory)
    with torch.device(device or torch.get_default_device()):
        try:
            built: nn.Module = factory(**{**network.options, **options}, num_classes=num_classes)
        except TypeError as error:
            raise ReseauxError(
                f"Option refusée par « {name} » : {', '.join(options) or 'aucune donnée'}. "
                f"Lisez l'aide de reseaux.architectures.{network.module}.{network.factory}."
            ) from error
    return built
