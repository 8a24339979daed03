"""Les transformations d'images qui manquent à ``torchvision.transforms.v2``.

Elles suivent ses conventions : image PIL ou tenseur (…, C, H, L), octets de 0 à 255 ou flottants de
0 à 1 ; le type et l'intervalle sont gardés ; ``torch.manual_seed`` répète le tirage.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import cycle
from typing import Annotated, Any

import numpy as np
import PIL.Image
import torch
from scipy.linalg import blas
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from reseaux.arguments import Fraction, between, checked
from reseaux.errors import ReseauxError
from reseaux.few_data.checks import check_inputs, check_values, is_image


class _Checked(v2.Transform):  # type: ignore[misc]
    """Base commune : refuse ce qui n'est pas une image, laisse masques et boîtes tels quels."""

    _transformed_types = (is_image,)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Vérifie les entrées avant tout tirage."""
        check_inputs(flat_inputs, moves=False)

    def forward(self, *inputs: Any) -> Any:
        """Fait ce que fait torchvision, sans son détour quand l'entrée est un seul tenseur."""
        if len(inputs) != 1 or not isinstance(inputs[0], Tensor):
            return super().forward(*inputs)
        self.check_inputs([*inputs])
        return self.transform(inputs[0], self.make_params([*inputs]))


class ChannelContrast(_Checked):
    """Change le contraste de chaque canal par un facteur qui lui est propre.

    Un canal s'écarte de sa moyenne, ou s'en rapproche : ``moyenne + facteur × (x − moyenne)``.
    Les facteurs sont tirés entre ``1 − strength`` et ``1 + strength``, un par canal ; les
    couleurs changent donc aussi, ce que ``v2.ColorJitter(contrast=…)`` ne fait pas.

    Args:
        strength: de 0 (rien ne change) à 1 (un canal peut devenir uni).

    Raises:
        ReseauxError: force hors de [0, 1], ou entrée qui n'est pas une image.
    """

    @checked
    def __init__(self, strength: Fraction = 0.5) -> None:
        super().__init__()
        self.strength = strength

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Tire un facteur par canal ; une image grise prend le premier."""
        return {"factors": [1 + self.strength * (2 * u - 1) for u in torch.rand(3).tolist()]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Applique les facteurs de ``params`` à une image."""
        return _through_tensor(inpt, lambda image: _contrast(image, params["factors"]))


@checked
def channel_contrast(image: Any, factors: Tensor) -> Any:
    """Multiplie le contraste du canal ``c`` par ``factors[c]`` ; 1 ne change rien, 0 l'efface.

    Args:
        image: image PIL, ou tenseur (…, C, H, L) d'octets ou de flottants de 0 à 1.
        factors: C nombres, de 0 à 255.

    Raises:
        ReseauxError: entrée qui n'est pas une image, facteur hors de [0, 255] ou NaN, ou nombre de
            facteurs différent du nombre de canaux.
    """
    check_inputs([image], moves=False)
    check_values(factors)
    channels = F.get_num_channels(image)
    if tuple(factors.shape) != (channels,) or not bool(((factors >= 0) & (factors <= 255)).all()):
        raise ReseauxError(
            f"Facteurs de contraste {factors.tolist()} pour {channels} canaux ; donnez un facteur "
            "de 0 à 255 par canal."
        )
    return _through_tensor(image, lambda plain: _contrast(plain, factors.tolist()))


def _through_tensor(image: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Change une image par son tenseur, et lui rend sa forme : PIL, ``tv_tensors``, tenseur."""
    if isinstance(image, PIL.Image.Image):
        # Séparer les canaux dans PIL va deux fois plus vite que de les démêler ensuite.
        planes = np.stack([np.asarray(band) for band in image.split()])
        changed = change(torch.from_numpy(planes)).numpy()
        return PIL.Image.merge(image.mode, [PIL.Image.fromarray(plane) for plane in changed])
    return tv_tensors.wrap(change(image.as_subclass(Tensor)), like=image)


def _contrast(image: Tensor, factors: list[float]) -> Tensor:
    """Une image peut avoir moins de canaux qu'il n'y a de facteurs : elle prend les premiers."""
    if image.dtype == torch.uint8 and image.device.type == "cpu":
        return _contrast_of_bytes(image, factors[: image.shape[-3]])
    scale = 255 if image.dtype == torch.uint8 else 1
    pixels = image if image.dtype == torch.float64 else image.float()
    mean = pixels.mean(dim=(-2, -1), keepdim=True).expand_as(pixels)
    weights = pixels.new_tensor(factors[: image.shape[-3]])[:, None, None].expand_as(pixels)
    # lerp rend exactement « pixels » quand le facteur vaut 1.
    output = torch.lerp(mean, pixels, weights).clamp_(0, scale)
    output = output.round_() if scale == 255 else output
    return output.to(image.dtype)


def _contrast_of_bytes(pixels: Tensor, factors: list[float]) -> Tensor:
    """Traite un plan à la fois : ses flottants tiennent alors dans le cache du processeur."""
    height, width = pixels.shape[-2:]
    planes = pixels.reshape(-1, height * width)
    values, output = torch.empty(height * width), np.empty(planes.shape, np.uint8)
    levels = values.numpy()  # la même mémoire : à chaque étape sa bibliothèque la plus rapide
    for plane, changed, factor in zip(planes, output, cycle(factors), strict=False):
        values.copy_(plane)
        mean = blas.sasum(levels) / levels.size  # des octets sont leurs propres valeurs absolues
        levels *= factor
        levels += mean * (1 - factor) + 0.5  # tronquer revient alors à arrondir
        if factor > 1:  # un facteur plus petit ne fait sortir personne des bornes
            values.clamp_(0, 255)
        changed[:] = levels
    return torch.from_numpy(output).reshape(pixels.shape)


class GaussianNoise(_Checked):
    """Ajoute à chaque pixel un bruit gaussien centré, puis revient entre les bornes.

    ``v2.GaussianNoise`` refuse les images PIL ; celle-ci les accepte, et arrondit les octets au
    plus proche au lieu de les tronquer. Chaque image d'un lot a son bruit.

    Args:
        sigma: écart-type du bruit, dans l'échelle de 0 à 1 ; 0 ne change rien.

    Raises:
        ReseauxError: écart-type hors de [0, 1], ou entrée qui n'est pas une image.
    """

    @checked
    def __init__(self, sigma: Fraction = 0.1) -> None:
        super().__init__()
        self.sigma = sigma

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Ajoute le bruit à une image."""
        return _through_tensor(inpt, self._noisy)

    def _noisy(self, image: Tensor) -> Tensor:
        scale = 255 if image.dtype == torch.uint8 else 1
        precision = torch.float64 if image.dtype == torch.float64 else torch.float32
        # Le bruit, tiré dans l'ordre des pixels, reçoit l'image sur place : ni copie de plus, ni
        # tirage qui dépendrait de la façon dont l'image est rangée en mémoire.
        output = torch.empty(image.shape, dtype=precision, device=image.device)
        # Un demi de plus : tronquer un octet revient alors à l'arrondir au plus proche.
        output.normal_(0.5 if scale == 255 else 0, self.sigma * scale)
        output.add_(image.to(precision)).clamp_(0, scale)
        if scale == 255:
            output = output.to(torch.int16)  # en deux temps, la conversion va quatre fois plus vite
        return output.to(image.dtype)


class Elastic(_Checked, v2.ElasticTransform):  # type: ignore[misc]
    """La déformation élastique de torchvision (Simard 2003), réglée en pixels.

    torchvision tire un déplacement uniforme entre −1 et 1 en chaque point, le lisse par une
    gaussienne d'écart-type σ, puis le multiplie par α. Le bruit uniforme a une variance de 1/3,
    que le lissage divise par 4πσ² ; une unité de la grille vaut la moitié de l'image. L'écart-type
    du déplacement est donc α / (4 σ √(3π)) pixels, selon chaque axe : on en tire α.

    Le lissage de torchvision a un noyau carré. Une gaussienne se sépare en lignes et colonnes : ici
    deux produits de matrices le remplacent, pour le même champ. Hors de l'image, c'est noir.

    Args:
        pixels: écart-type du déplacement, en pixels ; 0 ne change rien.
        smoothness: σ, en pixels, au moins 0,5 : plus il est grand, plus la déformation est ample
            et régulière. L'image doit avoir plus de 4 σ pixels de côté.

    Raises:
        ReseauxError: nombre négatif, démesuré ou NaN ; image trop petite pour ce lissage.
    """

    _transformed_types = v2.ElasticTransform._transformed_types  # masques et boîtes aussi

    @checked
    def __init__(
        self,
        pixels: Annotated[float, between(0, 1e6)] = 1.0,
        smoothness: Annotated[float, between(0.5, 1e6)] = 4.0,
    ) -> None:
        alpha = pixels * 4 * smoothness * math.sqrt(3 * math.pi)
        super().__init__(alpha=alpha, sigma=smoothness, fill=None)
        self.pixels = pixels
        self.smoothness = smoothness

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse aussi une image plus petite que le noyau du lissage."""
        images = check_inputs(flat_inputs, moves=True)
        side = min(F.get_size(images[0]))
        reach = _reach(self.smoothness)
        if side <= reach:
            remedy = f"Donnez smoothness={side / 5:g}" if side >= 3 else "Agrandissez l'image"
            raise ReseauxError(
                f"Image de {side} pixels de côté pour un lissage de {self.smoothness:g}, qui en "
                f"demande plus de {reach}. {remedy}."
            )

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Tire le déplacement de chaque pixel, 1×H×L×2, en demi-images."""
        height, width = F.get_size(flat_inputs[0])
        noise = torch.empty(2, height, width).uniform_(-1, 1)
        rows, columns = (_blur_matrix(side, self.smoothness) for side in (height, width))
        across, down = shift = rows @ noise @ columns.T
        across *= self.alpha[0] / width
        down *= self.alpha[1] / height
        return {"displacement": shift.permute(1, 2, 0)[None]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Déplace les pixels, et garde entre 0 et 1 ce que l'interpolation arrondit au-delà."""
        if self.pixels == 0:
            return inpt
        output = super().transform(inpt, params)
        if is_image(inpt) and isinstance(output, Tensor) and output.is_floating_point():
            output.clamp_(0, 1)
        return output


def _reach(sigma: float) -> int:
    """Portée de la gaussienne, en pixels de chaque côté : celle du noyau de torchvision."""
    return int(8 * sigma + 1) // 2


@lru_cache(maxsize=8)  # un jeu de données a peu de tailles ; personne ne modifie la matrice
def _blur_matrix(side: int, sigma: float) -> Tensor:
    """La matrice qui lisse une ligne de ``side`` pixels, repliée aux bords comme un miroir."""
    reach = _reach(sigma)
    offsets = torch.arange(-reach, reach + 1)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    places = (torch.arange(side)[:, None] + offsets).abs()
    places = side - 1 - (side - 1 - places).abs()
    matrix = torch.zeros(side, side)
    return matrix.scatter_add_(1, places, (weights / weights.sum()).expand(side, -1))
