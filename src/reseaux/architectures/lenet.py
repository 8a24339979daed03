"""LeNet-5, tel que l'article de 1998 le décrit [LeCun98, §II.B et figure 2].

Ce n'est pas le « LeNet » de la plupart des tutoriels : le sous-échantillonnage a des coefficients
appris, C3 ne relie pas toutes les cartes, et la sortie mesure des distances à des codes.
"""

import torch
from torch import Tensor, nn

# La table 1 de l'article : les cartes de S2 que voit chacune des 16 cartes de C3.
CONNECTIONS: tuple[tuple[int, ...], ...] = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
CODE_LENGTH = 84  # une image de 7×12 pixels, dans l'article


class ScaledTanh(nn.Module):
    """La sigmoïde de l'article : 1,7159 · tanh(2a/3) [LeCun98, équation 6]."""

    def forward(self, a: Tensor) -> Tensor:
        """Rend un tenseur de même forme, entre −1,7159 et 1,7159."""
        return 1.7159 * torch.tanh(2 / 3 * a)


def subsampling(maps: int) -> nn.Sequential:
    """Divise la taille par deux : la somme de 2×2 pixels, fois un coefficient, plus un biais.

    Le coefficient et le biais de chaque carte s'apprennent : c'est une convolution 1×1 dont chaque
    filtre ne voit que sa carte.
    """
    return nn.Sequential(
        nn.AvgPool2d(2, divisor_override=1),  # divisée par 1 : une somme
        nn.Conv2d(maps, maps, 1, groups=maps),
        ScaledTanh(),
    )


class PartialConv(nn.Module):
    """C3 : chaque carte de sortie ne voit que les cartes d'entrée que la table 1 lui donne."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Conv2d(len(inputs), 1, 5) for inputs in CONNECTIONS)

    def forward(self, x: Tensor) -> Tensor:
        """Rend les 16 cartes, N×16×H′×L′."""
        outputs = zip(self.maps, CONNECTIONS, strict=True)
        return torch.cat([conv(x[:, list(inputs)]) for conv, inputs in outputs], dim=1)


class RBF(nn.Module):
    """La sortie : l'opposé du carré de la distance au code de chaque classe [LeCun98, équation 7].

    Les codes, faits de ±1, ne s'apprennent pas. Ceux de l'article dessinent les caractères ; il dit
    qu'ils auraient pu être tirés au hasard, et c'est ce que nous faisons, pour n'importe quel
    nombre de classes. La graine est fixée : deux LeNet-5 ont les mêmes codes.
    """

    codes: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        size = (num_classes, CODE_LENGTH)
        bits = torch.randint(2, size, generator=torch.Generator("cpu").manual_seed(0), device="cpu")
        self.register_buffer("codes", (2.0 * bits - 1).to(torch.get_default_device()))

    def forward(self, x: Tensor) -> Tensor:
        """Rend les scores N×``num_classes`` : le plus grand est celui du code le plus proche."""
        return -(x.unsqueeze(1) - self.codes).square().sum(dim=2)


class LeNet5(nn.Sequential):
    """LeNet-5 : N×1×32×32 → N×``num_classes``. Chaque couche porte son nom de l'article.

    L'article minimise la distance au code ; ses scores sont ici les opposés de ces distances, pour
    que le plus grand l'emporte, comme dans les autres réseaux.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Sequential(nn.Conv2d(1, 6, 5), ScaledTanh())
        self.s2 = subsampling(6)
        self.c3 = nn.Sequential(PartialConv(), ScaledTanh())
        self.s4 = subsampling(16)
        self.c5 = nn.Sequential(nn.Conv2d(16, 120, 5), ScaledTanh(), nn.Flatten())
        self.f6 = nn.Sequential(nn.Linear(120, CODE_LENGTH), ScaledTanh())
        self.output = RBF(num_classes)
