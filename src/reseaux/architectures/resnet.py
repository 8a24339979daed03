"""Les réseaux résiduels [He15, §3 et table 1]."""

from typing import NamedTuple

from torch import Tensor, nn

from reseaux.errors import unknown_name


class Depth(NamedTuple):
    """Une colonne de la table 1 : le type de bloc et le nombre de blocs de chaque étage."""

    bottleneck: bool
    blocks: tuple[int, int, int, int]


DEPTHS = {
    18: Depth(False, (2, 2, 2, 2)),
    34: Depth(False, (3, 4, 6, 3)),
    50: Depth(True, (3, 4, 6, 3)),
    101: Depth(True, (3, 4, 23, 3)),
    152: Depth(True, (3, 8, 36, 3)),
}
WIDTHS = (64, 128, 256, 512)  # filtres des étages conv2_x à conv5_x
EXPANSION = 4  # un bloc « goulot » élargit sa sortie quatre fois


def conv_bn(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Une convolution sans biais, de même taille au pas près, et sa normalisation [Ioffe15]."""
    padding = kernel // 2
    return [
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
    ]


class ResidualBlock(nn.Module):
    """Un module résiduel : y = ReLU(F(x) + x) [He15, §3.2 et figure 5].

    Quand la taille ou le nombre de cartes change, le raccourci est une convolution 1×1 : l'option B
    de l'article (§3.3).

    Args:
        in_channels: cartes en entrée.
        width: filtres de la convolution 3×3.
        stride: pas du bloc, 1 ou 2.
        bottleneck: vrai pour le bloc 1×1, 3×3, 1×1 ; faux pour deux 3×3.
        v1_5: vrai pour mettre le pas d'un bloc goulot dans le 3×3, comme torchvision ; faux
            pour le mettre dans le premier 1×1, comme l'article.
    """

    def __init__(
        self, in_channels: int, width: int, stride: int, bottleneck: bool, v1_5: bool
    ) -> None:
        super().__init__()
        if bottleneck:
            out_channels = EXPANSION * width
            first, second = (1, stride) if v1_5 else (stride, 1)
            layers = [
                *conv_bn(in_channels, width, 1, first),
                nn.ReLU(inplace=True),
                *conv_bn(width, width, 3, second),
                nn.ReLU(inplace=True),
                *conv_bn(width, out_channels, 1),
            ]
        else:
            out_channels = width
            layers = [
                *conv_bn(in_channels, width, 3, stride),
                nn.ReLU(inplace=True),
                *conv_bn(width, width, 3),
            ]
        self.residual = nn.Sequential(*layers)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and in_channels == out_channels
            else nn.Sequential(*conv_bn(in_channels, out_channels, 1, stride))
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Rend ReLU(F(x) + raccourci(x)), N×C′×H′×L′."""
        y: Tensor = self.relu(self.residual(x) + self.shortcut(x))
        return y


class ResNet(nn.Sequential):
    """Un réseau résiduel : N×3×224×224 → N×``num_classes``.

    Args:
        depth: nombre de couches, une clé de :data:`DEPTHS`.
        num_classes: nombre de classes.
        v1_5: place du pas dans les blocs goulots ; voir :class:`ResidualBlock`.

    Raises:
        ReseauxError: profondeur inconnue.
    """

    def __init__(self, depth: int, num_classes: int = 1000, v1_5: bool = False) -> None:
        super().__init__()
        if depth not in DEPTHS:
            raise unknown_name("une profondeur de ResNet", depth, map(str, DEPTHS))
        bottleneck, blocks = DEPTHS[depth]
        self.stem = nn.Sequential(
            *conv_bn(3, 64, 7, stride=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
        )
        channels = 64
        self.stages = nn.Sequential()
        for i, (width, repeat) in enumerate(zip(WIDTHS, blocks, strict=True)):
            stage = nn.Sequential()
            for j in range(repeat):
                stride = 2 if i > 0 and j == 0 else 1
                stage.append(ResidualBlock(channels, width, stride, bottleneck, v1_5))
                channels = EXPANSION * width if bottleneck else width
            self.stages.append(stage)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)
        )
