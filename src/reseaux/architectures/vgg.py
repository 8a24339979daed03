"""Les six réseaux VGG [Simonyan14, §2 et table 1]."""

from torch import nn

from reseaux.architectures.alexnet import local_response_norm
from reseaux.errors import unknown_name

# La table 1 de l'article, mot pour mot : un max pooling 2×2 suit chacun des cinq étages.
_START = (("conv3-64",) * 2, ("conv3-128",) * 2)  # les deux premiers étages, de B à E
CONFIGURATIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "a": (("conv3-64",), ("conv3-128",), ("conv3-256",) * 2, *[("conv3-512",) * 2] * 2),
    "a-lrn": (("conv3-64", "LRN"), ("conv3-128",), ("conv3-256",) * 2, *[("conv3-512",) * 2] * 2),
    "b": (*_START, ("conv3-256",) * 2, *[("conv3-512",) * 2] * 2),
    "c": (
        *_START,
        ("conv3-256", "conv3-256", "conv1-256"),
        *[("conv3-512", "conv3-512", "conv1-512")] * 2,
    ),
    "d": (*_START, ("conv3-256",) * 3, *[("conv3-512",) * 3] * 2),
    "e": (*_START, ("conv3-256",) * 4, *[("conv3-512",) * 4] * 2),
}
FULLY_CONNECTED = (4096, 4096)


def parse_layer(layer: str) -> tuple[int, int]:
    """Lit une case de la table : « conv3-64 » donne (noyau 3, 64 filtres)."""
    kernel, filters = layer.removeprefix("conv").split("-")
    return int(kernel), int(filters)


def weight_layers(configuration: str) -> int:
    """Compte les couches à poids, comme l'article : les convolutions et les connectées."""
    stages = CONFIGURATIONS[configuration]
    convolutions = sum(layer != "LRN" for stage in stages for layer in stage)
    return convolutions + len(FULLY_CONNECTED) + 1


class VGG(nn.Sequential):
    """Un réseau VGG : N×3×224×224 → N×``num_classes``.

    Args:
        configuration: une clé de :data:`CONFIGURATIONS`.
        num_classes: nombre de classes.

    Raises:
        ReseauxError: configuration inconnue.
    """

    def __init__(self, configuration: str, num_classes: int = 1000) -> None:
        super().__init__()
        if configuration not in CONFIGURATIONS:
            raise unknown_name("une configuration de VGG", configuration, CONFIGURATIONS)
        layers: list[nn.Module] = []
        channels = 3
        for stage in CONFIGURATIONS[configuration]:
            for layer in stage:
                if layer == "LRN":
                    layers.append(local_response_norm())
                    continue
                kernel, filters = parse_layer(layer)
                layers.append(nn.Conv2d(channels, filters, kernel, padding=kernel // 2))
                layers.append(nn.ReLU(inplace=True))
                channels = filters
            layers.append(nn.MaxPool2d(2, stride=2))
        self.features = nn.Sequential(*layers)

        head: list[nn.Module] = [nn.Flatten()]
        inputs = channels * 7 * 7
        for width in FULLY_CONNECTED:
            head += [nn.Linear(inputs, width), nn.ReLU(inplace=True), nn.Dropout()]
            inputs = width
        self.classifier = nn.Sequential(*head, nn.Linear(inputs, num_classes))
