"""EfficientNet-Lite0, le réseau dont le cours livre les poids [Tan19, §4 et table 1].

C'est EfficientNet-B0 dans la variante « Lite » que ses auteurs ont publiée pour les téléphones :
ni *squeeze-and-excitation*, ni swish (une ReLU6 les remplace). L'article ne la décrit pas ; nous
suivons le modèle publié, que timm reprend sous le nom ``tf_efficientnet_lite0``.
"""

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


class EfficientNetLite0(InvertedResidualNetwork):
    """EfficientNet-Lite0 : N×3×224×224 → N×``num_classes``.

    Le dropout de 20 % est celui d'EfficientNet-B0 [Tan19, §5.2] ; il n'agit qu'à l'entraînement.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(STAGES, num_classes, conv_bn)
