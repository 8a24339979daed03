"""Network in Network [Lin13].

L'article ne donne le détail que de réseaux pour petites images (CIFAR, MNIST). Celui-ci est le
modèle ImageNet que ses auteurs ont publié au *Model Zoo* de Caffe : quatre étages, aucune couche
connectée.
"""

from typing import NamedTuple

from torch import Tensor, nn


class MLPConv(NamedTuple):
    """Un étage : une convolution, puis deux convolutions 1×1 (le perceptron de chaque pixel)."""

    filters: int
    kernel: int
    stride: int
    padding: int


STAGES = (
    MLPConv(96, 11, stride=4, padding=0),
    MLPConv(256, 5, stride=1, padding=2),
    MLPConv(384, 3, stride=1, padding=1),
    MLPConv(1024, 3, stride=1, padding=1),
)


def mlpconv(channels: int, stage: MLPConv, out_channels: int) -> nn.Sequential:
    """Construit un étage ; seule sa dernière convolution a ``out_channels`` sorties."""
    return nn.Sequential(
        nn.Conv2d(channels, stage.filters, stage.kernel, stage.stride, stage.padding),
        nn.ReLU(inplace=True),
        nn.Conv2d(stage.filters, stage.filters, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(stage.filters, out_channels, 1),
        nn.ReLU(inplace=True),
    )


class NIN(nn.Module):
    """Network in Network : N×3×224×224 → N×``num_classes``.

    Le dernier étage sort une carte par classe ; leur moyenne spatiale donne directement les scores.
    Comme Caffe, les max poolings arrondissent la taille vers le haut.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage in STAGES[:-1]:
            layers += [
                mlpconv(channels, stage, stage.filters),
                nn.MaxPool2d(3, stride=2, ceil_mode=True),
            ]
            channels = stage.filters
        layers += [nn.Dropout(), mlpconv(channels, STAGES[-1], num_classes)]
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        """Rend les scores N×``num_classes``, avant softmax."""
        scores: Tensor = self.pool(self.features(x)).flatten(1)
        return scores
