"""Transformer des images étiquetées : ce qui manque à torchvision, et la figure aux six images.

``torchvision.transforms.v2`` a déjà les rotations, les symétries, les recadrages, les changements
de couleur. Ce module y ajoute :

- :class:`ChannelContrast` : un changement de contraste propre à chaque canal ;
- :class:`GaussianNoise` : celui de torchvision, étendu aux images PIL et à l'octet près ;
- :class:`Elastic` : la déformation de torchvision, réglée en pixels ;
- :class:`PerImage` : un tirage par image, là où torchvision en fait un par lot.

Tous suivent les conventions de torchvision : image PIL ou tenseur (…, C, H, L), octets de 0 à 255
ou flottants de 0 à 1 ; le type et l'intervalle sont gardés ; le hasard vient de torch, donc
``torch.manual_seed`` le répète.
"""

import math
from collections.abc import Callable
from typing import Any

import PIL.Image
import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from reseaux.errors import ReseauxError


def _check_number(name: str, value: object, low: float, high: float) -> float:
    """Rend ``value``, un nombre entre ``low`` et ``high`` ; sinon, l'erreur dit pourquoi."""
    allowed = f"entre {low:g} et {high:g}" if high < math.inf else f"fini, au moins {low:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ReseauxError(f"{name} : {value!r} n'est pas un nombre ; donnez un nombre {allowed}.")
    if not (math.isfinite(value) and low <= value <= high):
        raise ReseauxError(f"{name} : {value} ne convient pas ; donnez un nombre {allowed}.")
    return float(value)


def _is_image(value: object) -> bool:
    """Dit si ``value`` est une image : PIL ou tenseur, mais ni masque ni boîtes."""
    if isinstance(value, tv_tensors.TVTensor):
        return isinstance(value, tv_tensors.Image | tv_tensors.Video)
    return isinstance(value, Tensor | PIL.Image.Image)


def _check_image(image: Any) -> None:
    """Refuse une image que ces transformations abîmeraient sans rien dire."""
    if isinstance(image, PIL.Image.Image):
        if image.mode not in ("L", "RGB"):
            raise ReseauxError(
                f"Image PIL de mode « {image.mode} » ; il faut « L » (gris) ou « RGB ». "
                'Convertissez-la : image.convert("RGB").'
            )
        return
    if image.ndim < 3:
        raise ReseauxError(
            f"Tenseur de forme {tuple(image.shape)} ; une image a trois dimensions, (C, H, L). "
            "Ajoutez celle des canaux : image[None]."
        )
    if image.dtype == torch.uint8:
        return
    if not image.is_floating_point():
        raise ReseauxError(
            f"Tenseur de type {image.dtype} ; il faut des octets (torch.uint8, de 0 à 255) "
            "ou des flottants de 0 à 1."
        )
    if image.numel() and not (image.min() >= 0 and image.max() <= 1):  # faux aussi pour NaN
        raise ReseauxError(
            "Image flottante dont des valeurs sortent de [0, 1] ou ne sont pas des nombres (NaN). "
            "Augmentez l'image avant de la normaliser (v2.Normalize), pas après."
        )


def _through_float(image: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Applique ``change`` à l'image en flottants de 0 à 1, puis revient au type de départ."""
    if isinstance(image, PIL.Image.Image):
        pixels = _through_float(F.pil_to_tensor(image), change)
        return F.to_pil_image(pixels, mode=image.mode)
    plain = image.as_subclass(Tensor)
    if plain.dtype == torch.uint8:
        output = (change(plain.float() / 255) * 255).round().clamp(0, 255).to(torch.uint8)
    else:
        precise = plain if plain.dtype == torch.float64 else plain.float()
        output = change(precise).clamp(0, 1).to(plain.dtype)
    return tv_tensors.wrap(output, like=image) if isinstance(image, tv_tensors.TVTensor) else output


class _Checked(v2.Transform):  # type: ignore[misc]
    """Base commune : refuse ce qui n'est pas une image, laisse masques et boîtes tels quels."""

    _transformed_types = (_is_image,)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Vérifie les entrées avant tout tirage."""
        images = [x for x in flat_inputs if _is_image(x)]
        if not images:
            kinds = ", ".join(sorted({type(x).__name__ for x in flat_inputs})) or "rien"
            raise ReseauxError(
                f"Aucune image à transformer (reçu : {kinds}) ; donnez une image PIL ou un "
                "tenseur. Un tableau NumPy devient un tenseur par v2.functional.to_image(tableau)."
            )
        explicit = [x for x in images if isinstance(x, PIL.Image.Image | tv_tensors.TVTensor)]
        # Comme torchvision : sans image explicite, le premier tenseur est l'image.
        for image in explicit or images[:1]:
            _check_image(image)


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
        """Vérifie et garde la force."""
        super().__init__()
        self.strength = _check_number("Force du contraste", strength, 0, 1)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Tire un facteur par canal."""
        first = flat_inputs[0]
        pil = isinstance(first, PIL.Image.Image)
        channels = len(first.getbands()) if pil else first.shape[-3]
        return {"factors": 1 + self.strength * (2 * torch.rand(channels) - 1)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Applique les facteurs de ``params`` à une image."""
        return channel_contrast(inpt, params["factors"])


def channel_contrast(image: Any, factors: Tensor) -> Any:
    """Multiplie le contraste du canal ``c`` par ``factors[c]`` ; 1 ne change rien, 0 l'efface.

    Args:
        image: image PIL, ou tenseur (…, C, H, L) d'octets ou de flottants de 0 à 1.
        factors: C nombres positifs.
    """

    def change(pixels: Tensor) -> Tensor:
        means = pixels.mean(dim=(-2, -1), keepdim=True)
        weights = factors.to(pixels).reshape(-1, 1, 1)
        # lerp rend exactement « pixels » quand le facteur vaut 1.
        return torch.lerp(means.expand_as(pixels), pixels, weights.expand_as(pixels))

    return _through_float(image, change)


class GaussianNoise(_Checked):
    """Ajoute à chaque pixel un bruit gaussien centré, puis revient entre les bornes.

    ``v2.GaussianNoise`` refuse les images PIL ; celle-ci les accepte.

    Args:
        sigma: écart-type du bruit, dans l'échelle de 0 à 1 ; 0 ne change rien.

    Raises:
        ReseauxError: écart-type hors de [0, 1], ou entrée qui n'est pas une image.
    """

    def __init__(self, sigma: float = 0.1) -> None:
        """Vérifie et garde l'écart-type."""
        super().__init__()
        self.sigma = _check_number("Écart-type du bruit", sigma, 0, 1)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Ajoute le bruit à une image."""
        return _through_float(inpt, lambda x: F.gaussian_noise(x, sigma=self.sigma))


class Elastic(_Checked, v2.ElasticTransform):  # type: ignore[misc]
    """La déformation élastique de torchvision (Simard 2003), réglée en pixels.

    torchvision tire un déplacement uniforme entre −1 et 1 en chaque point, le lisse par une
    gaussienne d'écart-type σ, puis le multiplie par α. Le bruit uniforme a une variance de 1/3,
    que le lissage divise par 4πσ² ; une unité de la grille vaut la moitié de l'image. L'écart-type
    du déplacement est donc α / (4 σ √(3π)) pixels, selon chaque axe : on en tire α.

    Args:
        pixels: écart-type du déplacement, en pixels ; 0 ne change rien.
        smoothness: σ, en pixels, au moins 0,5 : plus il est grand, plus la déformation est ample
            et régulière. L'image doit avoir plus de 4 σ pixels de côté.

    Raises:
        ReseauxError: nombre négatif, infini ou NaN ; image trop petite pour ce lissage.
    """

    _transformed_types = v2.ElasticTransform._transformed_types  # masques et boîtes aussi

    def __init__(self, pixels: float = 1.0, smoothness: float = 4.0) -> None:
        """Vérifie les deux nombres et en tire α."""
        distance = _check_number("Déplacement élastique, en pixels", pixels, 0, math.inf)
        sigma = _check_number("Lissage, en pixels", smoothness, 0.5, math.inf)
        super().__init__(alpha=distance * 4 * sigma * math.sqrt(3 * math.pi), sigma=sigma)
        self.pixels = distance

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse aussi une image plus petite que le noyau du lissage."""
        super().check_inputs(flat_inputs)
        image = next(x for x in flat_inputs if _is_image(x))
        pil = isinstance(image, PIL.Image.Image)
        side = min(image.size if pil else image.shape[-2:])
        if side <= 4 * self.sigma[0]:
            raise ReseauxError(
                f"Image de {side} pixels de côté pour un lissage de {self.sigma[0]:g} ; il faut "
                f"plus de 4 fois le lissage. Donnez smoothness={side / 5:g}."
            )

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Déplace les pixels, et garde entre 0 et 1 ce que l'interpolation arrondit au-delà."""
        if self.pixels == 0:
            return inpt
        output = super().transform(inpt, params)
        if _is_image(inpt) and isinstance(output, Tensor) and output.is_floating_point():
            output.clamp_(0, 1)
        return output


class PerImage(nn.Module):
    """Applique une transformation à chaque image d'un lot, avec un tirage par image.

    Donnée à un lot, une transformation de torchvision tire une seule fois : toutes les images
    tournent du même angle.

    Args:
        transform: une transformation qui garde la taille de l'image.

    Raises:
        ReseauxError: l'entrée n'est pas un lot (N, C, H, L), ou la taille change d'une image à
            l'autre.
    """

    def __init__(self, transform: Callable[[Any], Any]) -> None:
        """Garde la transformation."""
        super().__init__()
        self.transform = transform

    def forward(self, batch: Tensor) -> Tensor:
        """Transforme un lot (N, C, H, L) ; rend un lot de même longueur."""
        if not isinstance(batch, Tensor) or batch.ndim != 4:
            shape = tuple(batch.shape) if isinstance(batch, Tensor) else type(batch).__name__
            raise ReseauxError(
                f"PerImage attend un lot (N, C, H, L), pas {shape} ; "
                "pour une seule image, appelez la transformation elle-même."
            )
        if not len(batch):
            return batch
        outputs = [self.transform(image) for image in batch]
        if len({tuple(image.shape) for image in outputs}) > 1:
            raise ReseauxError(
                "La transformation rend des images de tailles différentes, qui ne font plus un "
                "lot ; ajoutez-lui v2.Resize((hauteur, largeur))."
            )
        return torch.stack(outputs)


def maybe(transform: Callable[[Any], Any], p: float = 0.5) -> nn.Module:
    """Applique une transformation avec la probabilité ``p`` : ``v2.RandomApply``, ``p`` vérifiée.

    Raises:
        ReseauxError: probabilité hors de [0, 1].
    """
    return v2.RandomApply([transform], p=_check_number("Probabilité", p, 0, 1))  # type: ignore[no-any-return]


SIX_TITLES = (
    "Image originale",
    "Rotation de 20°",
    "Symétrie (flip)",
    "Bruit gaussien",
    "Déformation élastique",
    "Contraste par canal RGB",
)


def six_images(image: PIL.Image.Image, seed: int = 0) -> tuple[list[PIL.Image.Image], list[str]]:
    """Une photographie et cinq transformations qui n'en changent pas l'étiquette.

    Args:
        image: une image PIL en couleurs (mode RGB).
        seed: graine des tirages ; le hasard du reste du programme n'est pas touché.

    Returns:
        (six images de même taille, leurs titres), dans l'ordre de :data:`SIX_TITLES`.

    Raises:
        ReseauxError: l'image n'est pas une image PIL en couleurs.
    """
    if not isinstance(image, PIL.Image.Image) or image.mode != "RGB":
        kind = f"mode {image.mode}" if isinstance(image, PIL.Image.Image) else type(image).__name__
        raise ReseauxError(
            f"La figure demande une image PIL en couleurs, pas « {kind} » ; "
            'convertissez-la : Image.fromarray(tableau).convert("RGB").'
        )
    side = min(image.size)
    transforms = [
        v2.RandomRotation((20, 20), interpolation=v2.InterpolationMode.BILINEAR),
        v2.RandomHorizontalFlip(p=1),
        GaussianNoise(0.15),
        Elastic(side / 60, smoothness=min(max(side / 20, 0.5), 10)),
        ChannelContrast(0.9),
    ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        images = [image, *(transform(image) for transform in transforms)]
    return images, list(SIX_TITLES)
