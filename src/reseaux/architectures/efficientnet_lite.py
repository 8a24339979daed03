"""EfficientNet-Lite, les réseaux dont le cours livre les poids [Tan19, §4 et table 1].

Lite0 est EfficientNet-B0 dans la variante « Lite » que ses auteurs ont publiée pour les
téléphones : ni *squeeze-and-excitation*, ni swish (une ReLU6 les remplace). Lite1 et Lite2 en
viennent comme B1 et B2 de B0 [Tan19, §3.3] : des étages plus longs, puis plus larges, une image
plus grande. L'article ne décrit pas ces variantes ; nous suivons les modèles publiés, que timm
reprend sous les noms ``tf_efficientnet_lite0``, ``1`` et ``2``.
"""

from math import ceil
from typing import Literal, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.architectures.mobilenet_v2 import InvertedResidualNetwork, Stage

STAGES = (
    Stage(1, 16, 1, 1, kernel=3),
    Stage(6, 24, 2, 2, kernel=3),
    Stage(6, 40, 2, 2, kernel=5),
    Stage(6, 80, 3, 2, kernel=3),
    Stage(6, 112, 3, 1, kernel=5),
    Stage(6, 192, 4, 2, kernel=5),
    Stage(6, 320, 1, 1, kernel=3),
)


class Scale(NamedTuple):
    """Ce qui fait d'EfficientNet-Lite0 l'un de ses aînés."""

    width: float  # facteur des canaux d'un étage
    depth: float  # facteur de ses blocs
    dropout: float


SCALES = {0: Scale(1.0, 1.0, 0.2), 1: Scale(1.0, 1.1, 0.2), 2: Scale(1.1, 1.2, 0.3)}


def scaled_stages(scale: Scale) -> tuple[Stage, ...]:
    """Élargit les étages de Lite0, à des multiples de 8, et allonge tous ceux du milieu."""
    first, *inner, last = (
        stage._replace(channels=int(scale.width * stage.channels + 4) // 8 * 8) for stage in STAGES
    )
    longer = [stage._replace(blocks=ceil(scale.depth * stage.blocks)) for stage in inner]
    return first, *longer, last


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


class EfficientNetLite(InvertedResidualNetwork):
    """EfficientNet-Lite : N×3×H×L → N×``num_classes``.

    La première convolution et la dernière gardent leur largeur.

    Args:
        variant: 0, 1 ou 2, une clé de :data:`SCALES`.
        num_classes: nombre de classes.
    """

    def __init__(self, variant: Literal[0, 1, 2] = 0, num_classes: int = 1000) -> None:
        scale = SCALES[variant]
        super().__init__(scaled_stages(scale), num_classes, conv_bn, scale.dropout)
