"""Les transformations d'images qui manquent à ``torchvision.transforms.v2``.

Elles suivent ses conventions : image PIL ou tenseur (…, C, H, L), octets de 0 à 255 ou flottants de
0 à 1 ; le type et l'intervalle sont gardés ; ``torch.manual_seed`` répète le tirage.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageStat
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from reseaux.errors import ReseauxError
from reseaux.few_data.checks import check_inputs, check_number, is_image


class _Checked(v2.Transform):  # type: ignore[misc]
    """Base commune : refuse ce qui n'est pas une image, laisse masques et boîtes tels quels."""

    _transformed_types = (is_image,)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Vérifie les entrées avant tout tirage."""
        check_inputs(flat_inputs, moves=False)


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

    def __init__(self, strength: float = 0.5) -> None:
        super().__init__()
        self.strength = check_number("Force du contraste", strength, 0, 1)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Tire un facteur par canal."""
        channels = max(F.get_num_channels(image) for image in flat_inputs)
        draws = torch.empty(channels).uniform_(-1, 1)
        return {"factors": draws.mul_(self.strength).add_(1)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Applique les facteurs de ``params`` à une image."""
        return _channel_contrast(inpt, params["factors"][: F.get_num_channels(inpt)])


def channel_contrast(image: Any, factors: Tensor) -> Any:
    """Multiplie le contraste du canal ``c`` par ``factors[c]`` ; 1 ne change rien, 0 l'efface.

    Args:
        image: image PIL, ou tenseur (…, C, H, L) d'octets ou de flottants de 0 à 1.
        factors: C nombres positifs.

    Raises:
        ReseauxError: entrée qui n'est pas une image, facteur négatif, infini ou NaN, ou nombre de
            facteurs différent du nombre de canaux.
    """
    check_inputs([image], moves=False)
    numbers, channels = torch.as_tensor(factors), F.get_num_channels(image)
    if tuple(numbers.shape) != (channels,):
        raise ReseauxError(
            f"Facteurs de forme {tuple(numbers.shape)} pour {channels} canaux ; donnez un facteur "
            "par canal."
        )
    for number in numbers.tolist():
        check_number("Facteur de contraste", number, 0, math.inf)
    return _channel_contrast(image, numbers)


def _channel_contrast(image: Any, factors: Tensor) -> Any:
    if isinstance(image, PIL.Image.Image):
        tables = _lookup_tables(PIL.ImageStat.Stat(image).mean, factors.tolist())
        return image.point(tables.ravel().tolist())
    plain = image.as_subclass(Tensor)
    if plain.dtype == torch.uint8 and plain.device.type == "cpu":
        return tv_tensors.wrap(_contrast_of_bytes(plain, factors.tolist()), like=image)
    scale = 255 if plain.dtype == torch.uint8 else 1
    pixels = plain if plain.dtype == torch.float64 else plain.float()
    mean = pixels.mean(dim=(-2, -1), keepdim=True).expand_as(pixels)
    weights = factors.to(pixels).reshape(-1, 1, 1).expand_as(pixels)
    # lerp rend exactement « pixels » quand le facteur vaut 1.
    output = torch.lerp(mean, pixels, weights).clamp_(0, scale)
    output = output.round_() if scale == 255 else output
    return tv_tensors.wrap(output.to(plain.dtype), like=image)


def _lookup_tables(means: list[float], factors: list[float]) -> NDArray[np.uint8]:
    """P×256 : la valeur, arrondie, que chaque plan donne à chacun des 256 niveaux."""
    centers, weights = np.array([means, factors])[..., None]
    levels = np.arange(256.0) - centers
    levels *= weights
    levels += centers
    levels += 0.5  # tronquer revient alors à arrondir
    tables: NDArray[np.uint8] = np.minimum(np.maximum(levels, 0), 255).astype(np.uint8)
    return tables


def _contrast_of_bytes(pixels: Tensor, factors: list[float]) -> Tensor:
    """Lit chaque octet dans la table de son plan : bien plus vite que de le calculer.

    ``bytearray.translate`` est la lecture de table la plus rapide qui ne demande pas OpenCV.
    """
    height, width = pixels.shape[-2:]
    planes = pixels.numpy().reshape(-1, height * width)
    # Sur 32 bits, la somme va deux fois plus vite ; elle y tient jusqu'à 2²⁴ pixels.
    total = np.uint32 if height * width <= 2**24 else np.uint64
    means = (planes.sum(axis=1, dtype=total) / (height * width)).tolist()
    tables = _lookup_tables(means, factors * (len(planes) // len(factors)))
    changed = [bytearray(p).translate(t) for p, t in zip(planes, tables, strict=True)]
    return torch.frombuffer(bytearray().join(changed), dtype=torch.uint8).reshape(pixels.shape)


class GaussianNoise(_Checked):
    """Ajoute à chaque pixel un bruit gaussien centré, puis revient entre les bornes.

    ``v2.GaussianNoise`` refuse les images PIL ; celle-ci les accepte, et arrondit les octets au
    plus proche au lieu de les tronquer. Chaque image d'un lot a son bruit.

    Args:
        sigma: écart-type du bruit, dans l'échelle de 0 à 1 ; 0 ne change rien.

    Raises:
        ReseauxError: écart-type hors de [0, 1], ou entrée qui n'est pas une image.
    """

    def __init__(self, sigma: float = 0.1) -> None:
        super().__init__()
        self.sigma = check_number("Écart-type du bruit", sigma, 0, 1)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Ajoute le bruit à une image."""
        if isinstance(inpt, PIL.Image.Image):
            noisy = self.transform(F.pil_to_tensor(inpt), params)
            return F.to_pil_image(noisy, mode=inpt.mode)
        plain = inpt.as_subclass(Tensor)
        scale = 255 if plain.dtype == torch.uint8 else 1
        precision = torch.float64 if plain.dtype == torch.float64 else torch.float32
        # Le bruit, tiré dans l'ordre des pixels, reçoit l'image sur place : ni copie de plus, ni
        # tirage qui dépendrait de la façon dont l'image est rangée en mémoire.
        output = torch.empty(plain.shape, dtype=precision, device=plain.device)
        # Un demi de plus : tronquer un octet revient alors à l'arrondir au plus proche.
        output.normal_(0.5 if scale == 255 else 0, self.sigma * scale)
        output.add_(plain.to(precision)).clamp_(0, scale)
        if scale == 255:
            output = output.to(torch.int16)  # en deux temps, la conversion va quatre fois plus vite
        return tv_tensors.wrap(output.to(plain.dtype), like=inpt)


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
        ReseauxError: nombre négatif, infini ou NaN ; image trop petite pour ce lissage.
    """

    _transformed_types = v2.ElasticTransform._transformed_types  # masques et boîtes aussi

    def __init__(self, pixels: float = 1.0, smoothness: float = 4.0) -> None:
        distance = check_number("Déplacement élastique, en pixels", pixels, 0, math.inf)
        sigma = check_number("Lissage, en pixels", smoothness, 0.5, math.inf)
        alpha = distance * 4 * sigma * math.sqrt(3 * math.pi)
        super().__init__(alpha=alpha, sigma=sigma, fill=None)
        self.pixels = distance
        self.smoothness = sigma

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
