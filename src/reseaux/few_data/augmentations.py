"""Les neuf transformations du cours, de la force nulle à la plus forte.

Pour en ajouter une : une ligne de :data:`AUGMENTATIONS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import PIL.Image
from torch import nn
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from reseaux.arguments import Count, Seed, between, checked
from reseaux.errors import ReseauxError, unknown_name
from reseaux.few_data.checks import check_inputs
from reseaux.few_data.transforms import ChannelContrast, Elastic, GaussianNoise
from reseaux.few_data.wrappers import Seeded, Strict
from reseaux.formatting import NBSP, decimal, percent
from reseaux.style import panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Size = tuple[Count, Count]
_SMOOTH = v2.InterpolationMode.BILINEAR


def _about(value: float) -> str:
    return f"±{NBSP}{percent(value, 0)}"


@dataclass(frozen=True)
class Augmentation:
    """Une transformation, de la force nulle à la plus forte.

    Attributes:
        name: son nom français, pour l'affichage.
        make: la transformation, selon la force (jamais nulle) et la taille (H, L) des images.
        strengths: cinq forces croissantes ; la première, 0, ne change rien.
        write: écrit une force pour un lecteur.
        geometric: elle déplace les pixels, donc aussi les masques et les boîtes.
    """

    name: str
    make: Callable[[float, Size], Callable[..., object]]
    strengths: tuple[float, float, float, float, float]
    write: Callable[[float], str]
    geometric: bool

    @checked
    def at(self, strength: float, size: Size) -> nn.Module:
        """Rend la transformation d'une force donnée, pour des images de taille (H, L).

        Une force nulle rend l'image telle quelle, au bit près.

        Raises:
            ReseauxError: force hors de l'intervalle de ``strengths``, taille qui n'en est pas une.
        """
        allowed = between(0, self.strengths[-1])
        if not allowed.holds(strength):
            raise ReseauxError(
                f"Force {strength:g} pour « {self.name} » ; donnez un nombre, {allowed}."
            )
        return Strict(self.make(strength, size) if strength else v2.Identity())


AUGMENTATIONS: dict[str, Augmentation] = {
    "color": Augmentation(
        "Couleur",
        lambda s, _: v2.ColorJitter(brightness=0.5 * s, saturation=s, hue=0.3 * s),
        (0, 0.25, 0.5, 0.75, 1),
        _about,
        geometric=False,
    ),
    "rotation": Augmentation(
        "Rotation",
        lambda s, _: v2.RandomRotation(s, _SMOOTH),
        (0, 10, 20, 45, 90),
        lambda s: f"±{NBSP}{decimal(s, 0)}°",
        geometric=True,
    ),
    "crop": Augmentation(
        "Recadrage",
        lambda s, size: v2.RandomResizedCrop(
            size, scale=(1 - s, 1), ratio=(size[1] / size[0],) * 2, antialias=True
        ),
        (0, 0.2, 0.4, 0.6, 0.8),
        lambda s: f"−{NBSP}{percent(s, 0)}",
        geometric=True,
    ),
    "scale": Augmentation(
        "Changement d'échelle",
        lambda s, _: v2.RandomAffine(0, scale=(1 - s, 1 + s), interpolation=_SMOOTH),
        (0, 0.1, 0.2, 0.4, 0.6),
        _about,
        geometric=True,
    ),
    "translation": Augmentation(
        "Translation",
        lambda s, _: v2.RandomAffine(0, translate=(s, s)),
        (0, 0.1, 0.2, 0.3, 0.4),
        _about,
        geometric=True,
    ),
    "flip": Augmentation(
        "Symétrie",
        lambda s, _: v2.RandomHorizontalFlip(s),
        (0, 0.25, 0.5, 0.75, 1),
        lambda s: f"p = {decimal(s, 2)}",
        geometric=True,
    ),
    "noise": Augmentation(
        "Bruit gaussien",
        lambda s, _: GaussianNoise(s),
        (0, 0.05, 0.1, 0.2, 0.4),
        lambda s: f"σ = {decimal(s, 2)}",
        geometric=False,
    ),
    "elastic": Augmentation(
        "Déformation élastique",
        lambda s, size: Elastic(s * min(size), max(0.5, min(size) / 10)),
        (0, 0.01, 0.02, 0.03, 0.04),
        lambda s: percent(s, 0),
        geometric=True,
    ),
    "channel_contrast": Augmentation(
        "Contraste par canal",
        lambda s, _: ChannelContrast(s),
        (0, 0.25, 0.5, 0.75, 1),
        _about,
        geometric=False,
    ),
}


@checked
def stills(
    augmentation: Augmentation, photo: PIL.Image.Image, seed: Seed = 0
) -> tuple[list[PIL.Image.Image], list[str]]:
    """Une photographie transformée aux cinq forces, avec le même tirage.

    Args:
        photo: une image PIL, d'au moins 170 pixels de côté.
        seed: graine du tirage ; le hasard du reste du programme n'est pas touché.

    Returns:
        (cinq images de 160 × 240 pixels, la force de chacune, écrite) ; la première image est la
        photographie, réduite et recadrée au centre.

    Raises:
        ReseauxError: image vide, ou ni grise ni RGB.
    """
    check_inputs([photo], moves=False)
    size = (160, 240)
    cropped = F.center_crop(F.resize(photo, [170]), list(size))
    images = [Seeded(augmentation.at(s, size), seed)(cropped) for s in augmentation.strengths]
    return images, ["inchangée", *map(augmentation.write, augmentation.strengths[1:])]


@checked
def show_stills(shown: Mapping[str, tuple[PIL.Image.Image, str]], seed: Seed = 0) -> "Figure":
    """Montre une ligne d'images par transformation : son nom, l'étiquette gardée, cinq forces.

    Args:
        shown: clé de :data:`AUGMENTATIONS` -> (la photographie, son étiquette).
        seed: voir :func:`stills`.

    Raises:
        ReseauxError: rien à montrer, transformation inconnue ; voir aussi :func:`stills`.
    """
    for key in shown or [""]:
        if key not in AUGMENTATIONS:
            raise unknown_name("une transformation", key, AUGMENTATIONS)
    size = (9, 1.72 * len(shown))
    with panels(len(shown), 5, size, images=True) as (figure, axes):
        for (key, (photo, label)), line in zip(shown.items(), axes, strict=True):
            augmentation = AUGMENTATIONS[key]
            for ax, image, title in zip(line, *stills(augmentation, photo, seed), strict=True):
                ax.imshow(image)
                ax.set_title(f"\n{title}", fontsize=11)  # la première ligne porte le nom
            heading = line[0].annotate(
                f"{augmentation.name} : « {label} »",
                (0, 1),
                xytext=(0, 19),
                xycoords="axes fraction",
                textcoords="offset points",
                weight="bold",
            )
            heading.set_in_layout(False)
    return figure
