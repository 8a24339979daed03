"""MobileNet-v2 : des résidus inversés, étroits aux bouts, larges au milieu [Sandler18, §3]."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from reseaux.architectures.resnet import conv_bn
from reseaux.architectures.staged import Staged


class Stage(NamedTuple):
    """Une ligne de la table 2 : un étage de blocs identiques, dont le premier porte le pas."""

    expansion: int  # t : le milieu d'un bloc a t fois plus de cartes que son entrée
    channels: int  # c
    blocks: int  # n
    stride: int  # s
    kernel: int = 3


STAGES = (
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)
STEM, HEAD = 32, 1280  # filtres de la première convolution et de la dernière


class InvertedResidual(nn.Module):
    """Un bloc : élargir par un 1×1, filtrer chaque carte, rétrécir par un 1×1 sans ReLU après.

    N×C×H×L → N×C′×H′×L′. Le raccourci relie les bouts étroits, quand leurs formes sont les mêmes
    [Sandler18, §3.3 et figure 3].

    Args:
        in_channels: cartes en entrée.
        out_channels: cartes en sortie.
        expansion: le facteur t ; 1 : pas de premier 1×1.
        stride: pas du filtrage, 1 ou 2.
        kernel: côté du noyau du filtrage.
        conv: construit une convolution et sa normalisation ; mêmes arguments que :func:`conv_bn`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion: int,
        stride: int,
        kernel: int,
        conv: Callable[..., list[nn.Module]],
    ) -> None:
        super().__init__()
        width = expansion * in_channels
        widen = [*conv(in_channels, width, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        self.residual = nn.Sequential(
            *widen,
            *conv(width, width, kernel, stride, groups=width),
            nn.ReLU6(inplace=True),
            *conv(width, out_channels, 1),
        )
        self.has_shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Rend F(x) + x, ou F(x) seul si les formes diffèrent."""
        y: Tensor = self.residual(x)
        return x + y if self.has_shortcut else y


class InvertedResidualNetwork(Staged):
    """Des étages d'InvertedResidual : N×3×H×L → N×``num_classes``.

    Args:
        stages: la table du réseau.
        num_classes: nombre de classes.
        conv: comme pour :class:`InvertedResidual`.
        dropout: son taux, avant la dernière couche.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        num_classes: int,
        conv: Callable[..., list[nn.Module]] = conv_bn,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv(3, STEM, 3, stride=2), nn.ReLU6(inplace=True))
        channels = STEM
        self.blocks = nn.ModuleDict()
        for i, (expansion, out_channels, blocks, stride, kernel) in enumerate(stages, start=1):
            for j in range(1, blocks + 1):
                self.blocks[f"{i}-{j}"] = InvertedResidual(
                    channels, out_channels, expansion, stride if j == 1 else 1, kernel, conv
                )
                channels = out_channels
        self.head = nn.Sequential(
            *conv(channels, HEAD, 1),
            nn.ReLU6(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(HEAD, num_classes),
        )


class MobileNetV2(InvertedResidualNetwork):
    """MobileNet-v2 : N×3×224×224 → N×``num_classes``.

    Comme dans le modèle publié, la dernière couche est connectée (un 1×1 dans la table, après la
    moyenne : le même calcul) et un dropout de 20 %, que l'article ne dit pas, la précède.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(STAGES, num_classes)
