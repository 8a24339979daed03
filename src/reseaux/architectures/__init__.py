"""Le registre des réseaux classiques, chacun tel que son article le décrit.

Le registre est une donnée : le consulter ne charge pas torch. Un fichier par article porte la
table du réseau et son module ; :func:`build` va l'y chercher.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from reseaux.arguments import between, checked
from reseaux.errors import ReseauxError, nearest_name, unknown_name
from reseaux.published import key_year

if TYPE_CHECKING:
    import torch
    from torch import nn

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Network:
    """La fiche d'un réseau.

    Attributes:
        title: le nom à afficher.
        paper: la clé de l'article dans ``references.bib``.
        factory: le fichier d'``architectures`` et la classe qui le construit, « vgg.VGG ».
        input_size: la taille d'entrée de l'article, canaux × hauteur × largeur.
        options: les arguments qui distinguent ce réseau de ses frères.
        aliases: ses noms dans torchvision, dans timm ou dans d'autres articles, quand c'est bien
            lui : mêmes couches, dans le même ordre, mêmes scores à poids égaux. L'``alexnet`` et
            le ``googlenet`` de torchvision n'en sont pas ; ici, ces noms sont ceux des articles.
        alias_options: ce qu'il faut ajouter à ``options`` pour avoir le réseau de ces noms-là.
    """

    title: str
    paper: str
    factory: str
    input_size: Size = (3, 224, 224)
    options: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    alias_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def year(self) -> int:
        """L'année de l'article, celle de sa première diffusion."""
        return key_year(self.paper)


def _vgg(configuration: str, *aliases: str) -> Network:
    options = {"configuration": configuration}
    title = f"VGG-{configuration.upper()}"
    return Network(title, "Simonyan14", "vgg.VGG", options=options, aliases=aliases)


def _resnet(depth: int, **alias_options: Any) -> Network:
    return Network(
        f"ResNet-{depth}",
        "He15",
        "resnet.ResNet",
        options={"depth": depth},
        aliases=(f"resnet{depth}",),
        alias_options=alias_options,
    )


def _efficientnet_lite(variant: int, side: int) -> Network:
    return Network(
        f"EfficientNet-Lite{variant}",
        "Tan19",
        "efficientnet_lite.EfficientNetLite",
        (3, side, side),
        options={"variant": variant},
        aliases=(f"tf_efficientnet_lite{variant}",),
    )


RGB227, RGB299 = (3, 227, 227), (3, 299, 299)

NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "lenet-5": Network("LeNet-5", "LeCun98", "lenet.LeNet5", (1, 32, 32), aliases=("lenet",)),
        "alexnet": Network("AlexNet", "Krizhevsky12", "alexnet.AlexNet", RGB227),
        "vgg-a": _vgg("a", "vgg11"),
        "vgg-a-lrn": _vgg("a-lrn"),
        "vgg-b": _vgg("b", "vgg13"),
        "vgg-c": _vgg("c"),
        "vgg-d": _vgg("d", "vgg16"),
        "vgg-e": _vgg("e", "vgg19"),
        "nin": Network("Network in Network", "Lin13", "nin.NIN", aliases=("network-in-network",)),
        "googlenet": Network(
            "GoogLeNet", "Szegedy14", "inception.GoogLeNet", aliases=("inception-v1",)
        ),
        "bn-inception": Network(
            "BN-Inception", "Ioffe15", "bn_inception.BNInception", aliases=("inception-v2",)
        ),
        "inception-v3": Network(
            *("Inception-v3", "Szegedy15", "inception_v3.InceptionV3", RGB299),
            aliases=("inception_v3",),
        ),
        "inception-v4": Network(
            *("Inception-v4", "Szegedy16", "inception_v4.InceptionV4", RGB299),
            aliases=("inception_v4",),
        ),
        "xception": Network(
            "Xception", "Chollet16", "xception.Xception", RGB299, aliases=("legacy_xception",)
        ),
        "resnet-18": _resnet(18),
        "resnet-34": _resnet(34),
        # torchvision et timm mettent le pas d'un bloc goulot dans son 3×3, pas dans le premier 1×1.
        "resnet-50": _resnet(50, v1_5=True),
        "resnet-101": _resnet(101, v1_5=True),
        "resnet-152": _resnet(152, v1_5=True),
        "squeezenet": Network(
            "SqueezeNet", "Iandola16", "squeezenet.SqueezeNet", RGB227, aliases=("squeezenet1_0",)
        ),
        "mobilenet-v2": Network(
            *("MobileNet-v2", "Sandler18", "mobilenet_v2.MobileNetV2"),
            aliases=("mobilenet_v2", "mobilenetv2_100"),
        ),
        "efficientnet-lite0": _efficientnet_lite(0, 224),
        "efficientnet-lite1": _efficientnet_lite(1, 240),
        "efficientnet-lite2": _efficientnet_lite(2, 260),
    }
)
_ALIASES = {alias: key for key, network in NETWORKS.items() for alias in network.aliases}


@checked
def resolve(name: str) -> str:
    """Rend la clé de :data:`NETWORKS` que désigne un nom : « vgg16 » donne « vgg-d ».

    Raises:
        ReseauxError: ni une clé, ni un autre nom d'un réseau du cours.
    """
    key = _ALIASES.get(name, name)
    if key not in NETWORKS:
        raise unknown_name("un réseau", name, NETWORKS, _ALIASES)
    return key


@checked
def build(
    name: str,
    num_classes: Annotated[int, between(1, 1_000_000)] = 1000,
    device: "torch.device | str | None" = None,
    **options: Any,
) -> "nn.Module":
    """Construit un réseau du registre, poids tirés au hasard (par le générateur de torch).

    « resnet-50 » est celui de l'article ; « resnet50 », le nom de torchvision et de timm, est le
    leur (``v1_5=True``) : mêmes paramètres, mais un peu plus d'opérations.

    Args:
        name: une clé de :data:`NETWORKS`, ou un autre nom que sa fiche lui donne (« vgg16 »).
        num_classes: nombre de classes de la dernière couche, de 1 à 1 000 000.
        device: où le construire ; ``"meta"`` n'alloue aucun poids.
        **options: options propres au réseau (``v1_5=True`` pour un ResNet).

    Returns:
        Un ``nn.Module`` qui prend un lot N×C×H×L et rend N×``num_classes``.

    Raises:
        ReseauxError: nom inconnu, nombre de classes, périphérique ou option qui ne convient pas.
    """
    import torch

    network = NETWORKS[resolve(name)]
    try:
        place = torch.get_default_device() if device is None else torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, TypeError, ValueError, AssertionError):
        raise ReseauxError(
            f"device={device!r} n'est pas un périphérique de cette machine ; par exemple, "
            "« cpu », « meta », ou « cuda » s'il y a une carte graphique."
        ) from None
    identity = {**network.options, **(network.alias_options if name in _ALIASES else {})}
    module, factory_name = network.factory.split(".")
    factory = getattr(import_module(f"reseaux.architectures.{module}"), factory_name)
    free = inspect.signature(factory).parameters.keys() - identity.keys() - {"num_classes"}
    if refused := options.keys() - free:
        raise ReseauxError(
            f"« {name} » refuse : {', '.join(sorted(refused))}. "
            f"Options permises : {', '.join(sorted(free)) or 'aucune'}. "
            f"Lisez l'aide de reseaux.architectures.{network.factory}."
        )
    with place:
        built: nn.Module = checked(factory)(**identity, **options, num_classes=num_classes)
    return built


@checked
def network_module(name: str) -> "tuple[nn.Module, Size, str]":
    """Construit un réseau sans poids, d'après son nom dans le cours, torchvision ou timm.

    Le nom est cherché dans cet ordre : « alexnet » est donc celui de l'article.

    Args:
        name: un nom que :func:`build` accepte, ou celui d'un classifieur de torchvision
            (« convnext_tiny ») ou d'un modèle de timm (« vit_small_patch16_224 »).

    Returns:
        Le réseau, sur le périphérique « meta » et en mode évaluation ; la taille de l'image qu'il
        attend, canaux × hauteur × largeur ; le titre à afficher.

    Raises:
        ReseauxError: aucun des trois ne connaît ce nom.
    """
    if name in NETWORKS or name in _ALIASES:
        network = NETWORKS[resolve(name)]
        variant = name in _ALIASES and network.alias_options
        title = f"{network.title} ({name})" if variant else network.title
        return build(name, device="meta").eval(), network.input_size, title
    import timm
    from torchvision import models

    if name in (theirs := models.list_models(module=models)):
        net = _without_weights(lambda: models.get_model(name, weights=None))
        crop = models.get_model_weights(name).DEFAULT.transforms().crop_size[0]
        side = getattr(net, "image_size", crop)  # un ViT n'accepte que la taille de ses positions
        return net, (3, side, side), f"{name} (torchvision)"
    if timm.is_model(name) and ("." not in name or timm.models.is_model_pretrained(name)):
        net = _without_weights(lambda: timm.create_model(name, pretrained=False))
        return net, net.pretrained_cfg["input_size"], f"{name} (timm)"
    nearest = nearest_name(name, [*NETWORKS, *_ALIASES, *theirs, *timm.list_models()])
    hint = f" Vouliez-vous dire « {nearest} » ?" if nearest else ""
    raise ReseauxError(
        f"« {name} » n'est un réseau ni du cours, ni de torchvision, ni de timm.{hint} "
        f"Ceux du cours : {', '.join(NETWORKS)}. Les autres : "
        "« torchvision.models.list_models() » et « timm.list_models() »."
    )


def _without_weights(build_it: "Callable[[], nn.Module]") -> Any:
    """Construit sur « meta » ; en mémoire d'abord, les rares réseaux qui lisent des valeurs."""
    import torch

    try:
        with torch.device("meta"):
            return build_it().eval()
    except RuntimeError:  # « Tensor.item() cannot be called on meta tensors »
        return build_it().to("meta").eval()
