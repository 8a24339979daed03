"""Xception : des convolutions séparables et des raccourcis [Chollet16, §3 et figure 5]."""

from typing import NamedTuple

from torch import Tensor, nn

from reseaux.architectures.resnet import conv_bn
from reseaux.architectures.staged import Staged


class Block(NamedTuple):
    """Un module de la figure 5 : les filtres de ses convolutions séparables, puis son pas."""

    filters: tuple[int, ...]
    stride: int  # 2 : un max pooling finit le module, et son raccourci est une convolution 1×1


# La figure 5 de l'article : flot d'entrée, flot du milieu répété huit fois, flot de sortie.
BLOCKS: dict[str, Block] = {
    "entry1": Block((128, 128), stride=2),
    "entry2": Block((256, 256), stride=2),
    "entry3": Block((728, 728), stride=2),
    **{f"middle{i}": Block((728, 728, 728), stride=1) for i in range(1, 9)},
    "exit": Block((728, 1024), stride=2),
}


def separable(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Une convolution séparable 3×3 : un filtre par carte, puis une 1×1 et sa normalisation.

    Rien entre les deux : l'article montre qu'une ReLU y nuit (§4.7).
    """
    return [
        nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
        *conv_bn(in_channels, out_channels, 1),
    ]


class XceptionBlock(nn.Module):
    """Un module : y = F(x) + raccourci(x), où chaque convolution de F suit une ReLU.

    Le tout premier module n'a pas de première ReLU.
    """

    def __init__(self, in_channels: int, block: Block, first_relu: bool) -> None:
        super().__init__()
        filters, stride = block
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(*conv_bn(in_channels, filters[-1], 1, stride))
        )
        self.residual = nn.Sequential()
        for i, out_channels in enumerate(filters):
            if i > 0 or first_relu:
                # La première ReLU n'écrase pas x, dont le raccourci a besoin.
                self.residual.append(nn.ReLU(inplace=i > 0))
            self.residual.extend(separable(in_channels, out_channels))
            in_channels = out_channels
        if stride == 2:
            self.residual.append(nn.MaxPool2d(3, stride=2, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Rend F(x) + raccourci(x), N×C′×H′×L′."""
        y: Tensor = self.residual(x) + self.shortcut(x)
        return y


class Xception(Staged):
    """Xception : N×3×299×299 → N×``num_classes``.

    La figure 5 ne dit pas les marges : comme dans le code de l'auteur, les deux premières
    convolutions n'en ont pas, les autres gardent la taille. La couche connectée facultative de
    l'article, avant la dernière, n'y est pas ; le dropout de 50 % est celui d'ImageNet (§4.3).
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 64, 3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
        )
        channels = 64
        self.blocks = nn.ModuleDict()
        for name, block in BLOCKS.items():
            self.blocks[name] = XceptionBlock(channels, block, first_relu=name != "entry1")
            channels = block.filters[-1]
        self.head = nn.Sequential(
            *separable(channels, 1536),
            nn.ReLU(inplace=True),
            *separable(1536, 2048),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(2048, num_classes),
        )
