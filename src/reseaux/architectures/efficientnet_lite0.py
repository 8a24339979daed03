"""EfficientNet-Lite0, le réseau dont le cours livre les poids [Tan19, §4 et table 1].

C'est EfficientNet-B0 dans la variante « Lite » que ses auteurs ont publiée pour les téléphones :
ni *squeeze-and-excitation*, ni swish (une ReLU6 les remplace). L'article ne la décrit pas ; nous
suivons le modèle publié, que timm reprend sous le nom ``tf_efficientnet_lite0``.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.architectures.mobilenet_v2 import InvertedResidual


class Stage(NamedTuple):
    """Une ligne de la table 1 : un étage de blocs MBConv, dont le premier porte le pas."""

    expansion: int
    kernel: int
    channels: int
    blocks: int
    stride: int


STAGES = (
    Stage(1, 3, 16, 1, 1),
    Stage(6, 3, 24, 2, 2),
    Stage(6, 5, 40, 2, 2),
    Stage(6, 3, 80, 3, 2),
    Stage(6, 5, 112, 3, 1),
    Stage(6, 5, 192, 4, 2),
    Stage(6, 3, 320, 1, 1),
)
STEM, HEAD = 32, 1280  # filtres de la première convolution et de la dernière


class SameConv2d(nn.Conv2d):
    """Une convolution dont la marge suit TensorFlow : N×C×H×L → N×C′×⌈H/pas⌉×⌈L/pas⌉.

    La marge d'un pas de 2 dépend de la taille de l'image. Quand elle est impaire, le pixel de plus
    est à droite et en bas ; PyTorch, lui, en met toujours autant des deux côtés.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Ajoute la marge, puis filtre."""
        margins = []
        for side, kernel, stride in zip(x.shape[:1:-1], self.kernel_size, self.stride, strict=True):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            margins += [total // 2, total - total // 2]
        return super().forward(F.pad(x, margins))


def conv_bn(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Une convolution sans biais et sa normalisation ; l'epsilon est celui du modèle publié."""
    conv = nn.Conv2d if stride == 1 else SameConv2d
    padding = kernel // 2 if stride == 1 else 0
    return [
        conv(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels, eps=0.001),
    ]


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 : N×3×224×224 → N×``num_classes``.

    Le dropout de 20 % est celui d'EfficientNet-B0 [Tan19, §5.2] ; il n'agit qu'à l'entraînement.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, STEM, 3, stride=2), nn.ReLU6(inplace=True))
        channels = STEM
        self.blocks = nn.ModuleDict()
        for i, (expansion, kernel, out_channels, blocks, stride) in enumerate(STAGES, start=1):
            for j in range(1, blocks + 1):
                self.blocks[f"{i}-{j}"] = InvertedResidual(
                    channels, out_channels, expansion, stride if j == 1 else 1, kernel, conv_bn
                )
                channels = out_channels
        self.head = nn.Sequential(
            *conv_bn(channels, HEAD, 1),
            nn.ReLU6(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(HEAD, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Rend les scores N×``num_classes``, avant softmax."""
        x = self.stem(x)
        for block in self.blocks.values():
            x = block(x)
        scores: Tensor = self.head(x)
        return scores
