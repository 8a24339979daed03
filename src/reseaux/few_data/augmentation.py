"""Transformer des images étiquetées : ce qui manque à torchvision, et de quoi le voir.

``torchvision.transforms.v2`` a déjà les rotations, les symétries, les recadrages, les changements
de couleur. Ce module y ajoute :

- :class:`ChannelContrast` : un changement de contraste propre à chaque canal ;
- :class:`GaussianNoise` : celui de torchvision, étendu aux images PIL ;
- :class:`Elastic` : la déformation de torchvision, réglée en pixels et bien plus rapide ;
- :class:`PerImage` : un tirage par image, là où torchvision en fait un par lot ;
- :class:`Strict`, :class:`Seeded` : vérifier l'entrée d'une transformation, répéter son tirage ;
- :data:`SLIDERS` : les neuf transformations du cours, de la force nulle à la plus forte.

Tous suivent les conventions de torchvision : image PIL ou tenseur (…, C, H, L), octets de 0 à 255
ou flottants de 0 à 1 ; le type et l'intervalle sont gardés ; le hasard vient de torch, donc
``torch.manual_seed`` le répète.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image
import PIL.ImageStat
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from reseaux.errors import ReseauxError
from reseaux.formatting import NBSP, decimal

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _check_number(name: str, value: object, low: float, high: float) -> float:
    """Rend ``value``, un nombre entre ``low`` et ``high`` ; sinon, l'erreur dit pourquoi."""
    allowed = f"entre {low:g} et {high:g}" if high < math.inf else f"fini, au moins {low:g}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ReseauxError(f"{name} : {value!r} n'est pas un nombre ; donnez un nombre {allowed}.")
    number = float(value)
    if not (math.isfinite(number) and low <= number <= high):
        raise ReseauxError(f"{name} : {value} ne convient pas ; donnez un nombre {allowed}.")
    return number


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
        if not min(image.size):
            raise ReseauxError(
                f"Image PIL vide, de taille {image.size} ; donnez au moins un pixel."
            )
        return
    shape = tuple(image.shape)
    if image.ndim < 3:
        raise ReseauxError(
            f"Tenseur de forme {shape} ; une image a trois dimensions, (C, H, L). "
            "Ajoutez celle des canaux : image[None]."
        )
    if not image.numel():
        raise ReseauxError(
            f"Tenseur vide, de forme {shape} ; donnez au moins une image d'au moins un pixel."
        )
    if shape[-3] not in (1, 3):
        raise ReseauxError(
            f"Tenseur de forme {shape}, soit {shape[-3]} canaux ; une image en a 1 (gris) ou 3 "
            "(couleurs), avant la hauteur et la largeur. S'ils sont en dernier, déplacez-les : "
            "image.movedim(-1, -3)."
        )
    if image.dtype == torch.uint8:
        return
    if not image.is_floating_point():
        raise ReseauxError(
            f"Tenseur de type {image.dtype} ; il faut des octets (torch.uint8, de 0 à 255) "
            "ou des flottants de 0 à 1."
        )
    low, high = image.as_subclass(Tensor).aminmax()
    if not (low >= 0 and high <= 1):  # faux aussi pour NaN
        raise ReseauxError(
            "Image flottante dont des valeurs sortent de [0, 1] ou ne sont pas des nombres (NaN). "
            "Augmentez l'image avant de la normaliser (v2.Normalize), pas après."
        )


def _check_inputs(flat_inputs: Sequence[Any], moves: bool) -> list[Any]:
    """Vérifie ce qu'on donne à une transformation ; rend les images qu'elle changera.

    Args:
        flat_inputs: images, masques, boîtes, étiquettes, à la suite.
        moves: la transformation déplace les pixels ; masques et boîtes doivent alors avoir la
            taille de l'image.
    """
    images = [x for x in flat_inputs if _is_image(x)]
    if not images:
        kinds = ", ".join(sorted({type(x).__name__ for x in flat_inputs})) or "rien"
        raise ReseauxError(
            f"Aucune image à transformer (reçu : {kinds}) ; donnez une image PIL ou un "
            "tenseur. Un tableau NumPy devient un tenseur par v2.functional.to_image(tableau)."
        )
    explicit = [x for x in images if isinstance(x, PIL.Image.Image | tv_tensors.TVTensor)]
    # Comme torchvision : sans image explicite, le premier tenseur est l'image.
    changed = explicit or images[:1]
    for image in changed:
        _check_image(image)
    followers = [x for x in flat_inputs if isinstance(x, tv_tensors.TVTensor) and not _is_image(x)]
    sizes = {tuple(F.get_size(x)) for x in [*changed, *followers]}
    if moves and len(sizes) > 1:
        found = " et ".join(f"{height} × {width}" for height, width in sorted(sizes))
        raise ReseauxError(
            f"L'image et ce qui l'accompagne n'ont pas la même taille ({found}) : ils ne peuvent "
            "pas bouger ensemble. Redimensionnez-les avant."
        )
    return changed


class _Checked(v2.Transform):  # type: ignore[misc]
    """Base commune : refuse ce qui n'est pas une image, laisse masques et boîtes tels quels."""

    _transformed_types = (_is_image,)

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Vérifie les entrées avant tout tirage."""
        _check_inputs(flat_inputs, moves=False)


def _channels(image: Any) -> int:
    """Nombre de canaux d'une image PIL ou d'un tenseur."""
    if isinstance(image, PIL.Image.Image):
        return len(image.getbands())
    return int(image.shape[-3])


def _rewrap(output: Tensor, like: Tensor) -> Tensor:
    """Rend à ``output`` la classe de ``like`` (``tv_tensors.Image``, par exemple)."""
    if isinstance(like, tv_tensors.TVTensor):
        return tv_tensors.wrap(output, like=like)  # type: ignore[no-any-return]
    return output


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
        channels = max(_channels(image) for image in flat_inputs)
        return {"factors": 1 + self.strength * (2 * torch.rand(channels) - 1)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Applique les facteurs de ``params`` à une image."""
        return _channel_contrast(inpt, params["factors"][: _channels(inpt)])


def channel_contrast(image: Any, factors: Tensor) -> Any:
    """Multiplie le contraste du canal ``c`` par ``factors[c]`` ; 1 ne change rien, 0 l'efface.

    Args:
        image: image PIL, ou tenseur (…, C, H, L) d'octets ou de flottants de 0 à 1.
        factors: C nombres positifs.

    Raises:
        ReseauxError: entrée qui n'est pas une image, facteur négatif, infini ou NaN, ou nombre de
            facteurs différent du nombre de canaux.
    """
    _check_inputs([image], moves=False)
    numbers = torch.as_tensor(factors)
    if tuple(numbers.shape) != (_channels(image),):
        raise ReseauxError(
            f"Facteurs de forme {tuple(numbers.shape)} pour {_channels(image)} canaux ; donnez un "
            "facteur par canal."
        )
    for number in numbers.tolist():
        _check_number("Facteur de contraste", number, 0, math.inf)
    return _channel_contrast(image, numbers)


def _channel_contrast(image: Any, factors: Tensor) -> Any:
    """Applique des facteurs déjà vérifiés."""
    if isinstance(image, PIL.Image.Image):
        means = PIL.ImageStat.Stat(image).mean
        tables = map(_contrast_table, means, factors.tolist())
        return image.point([level for table in tables for level in table])
    plain = image.as_subclass(Tensor)
    if plain.dtype == torch.uint8 and plain.device.type == "cpu":
        return _rewrap(_contrast_of_octets(plain, factors.tolist()), image)
    scale = 255 if plain.dtype == torch.uint8 else 1
    pixels = plain if plain.dtype == torch.float64 else plain.float()
    mean = pixels.mean(dim=(-2, -1), keepdim=True).expand_as(pixels)
    weights = factors.to(pixels).reshape(-1, 1, 1).expand_as(pixels)
    # lerp rend exactement « pixels » quand le facteur vaut 1.
    output = torch.lerp(mean, pixels, weights).clamp_(0, scale)
    return _rewrap((output.round_() if scale == 255 else output).to(plain.dtype), image)


def _contrast_table(mean: float, factor: float) -> bytes:
    """La valeur que prend chacun des 256 niveaux de gris, arrondie."""
    levels = np.clip(mean + factor * (np.arange(256) - mean), 0, 255)
    return bytes((levels + 0.5).astype(np.uint8))


def _contrast_of_octets(pixels: Tensor, factors: list[float]) -> Tensor:
    """Lit chaque octet dans la table de son canal : deux fois plus vite que de le calculer."""
    planes = pixels.numpy().reshape(-1, pixels.shape[-2] * pixels.shape[-1])
    output = np.empty_like(planes)
    for k, plane in enumerate(planes):
        mean = float(plane.sum(dtype=np.uint64)) / plane.size
        table = _contrast_table(mean, factors[k % len(factors)])
        output[k] = np.frombuffer(plane.tobytes().translate(table), np.uint8)
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

    def __init__(self, sigma: float = 0.1) -> None:
        """Vérifie et garde l'écart-type."""
        super().__init__()
        self.sigma = _check_number("Écart-type du bruit", sigma, 0, 1)

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
        output.normal_(0.5 if scale == 255 else 0, self.sigma * scale).add_(plain).clamp_(0, scale)
        return _rewrap(output.to(plain.dtype), inpt)


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
        """Vérifie les deux nombres et en tire α."""
        distance = _check_number("Déplacement élastique, en pixels", pixels, 0, math.inf)
        sigma = _check_number("Lissage, en pixels", smoothness, 0.5, math.inf)
        alpha = distance * 4 * sigma * math.sqrt(3 * math.pi)
        super().__init__(alpha=alpha, sigma=sigma, fill=None)
        self.pixels = distance
        self.smoothness = sigma

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse aussi une image plus petite que le noyau du lissage."""
        images = _check_inputs(flat_inputs, moves=True)
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
        noise = 2 * torch.rand(2, height, width) - 1
        rows, columns = (_blur_matrix(side, self.smoothness) for side in (height, width))
        across, down = rows @ noise @ columns.T
        shift = torch.stack([across * (self.alpha[0] / width), down * (self.alpha[1] / height)], -1)
        return {"displacement": shift[None]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Déplace les pixels, et garde entre 0 et 1 ce que l'interpolation arrondit au-delà."""
        if self.pixels == 0:
            return inpt
        output = super().transform(inpt, params)
        if _is_image(inpt) and isinstance(output, Tensor) and output.is_floating_point():
            output.clamp_(0, 1)
        return output


def _reach(sigma: float) -> int:
    """Portée de la gaussienne, en pixels de chaque côté : celle du noyau de torchvision."""
    return int(8 * sigma + 1) // 2


def _blur_matrix(side: int, sigma: float) -> Tensor:
    """La matrice qui lisse une ligne de ``side`` pixels, repliée aux bords comme un miroir."""
    reach = _reach(sigma)
    offsets = torch.arange(-reach, reach + 1)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    places = (torch.arange(side)[:, None] + offsets).abs()
    places = side - 1 - (side - 1 - places).abs()
    matrix = torch.zeros(side, side)
    return matrix.scatter_add_(1, places, (weights / weights.sum()).expand(side, -1))


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


class Strict(nn.Module):
    """Vérifie l'entrée d'une transformation de torchvision, et tient l'intervalle de sa sortie.

    torchvision accepte sans rien dire des NaN, des entiers ou des canaux en dernier, et ses
    interpolations peuvent dépasser 1 d'un arrondi.

    Args:
        transform: une transformation ; masques et boîtes l'accompagnent.

    Raises:
        ReseauxError: à l'appel, entrée qui n'est pas une image, ou masque d'une autre taille.
    """

    def __init__(self, transform: Callable[..., Any]) -> None:
        """Garde la transformation."""
        super().__init__()
        self.transform = transform

    def forward(self, *inputs: Any) -> Any:
        """Vérifie les entrées, les transforme, ramène les flottants entre 0 et 1."""
        given = tree_leaves(inputs)
        _check_inputs(given, moves=True)
        outputs = self.transform(*inputs)
        for value in tree_leaves(outputs):
            new = not any(value is known for known in given)
            if new and _is_image(value) and isinstance(value, Tensor) and value.is_floating_point():
                value.clamp_(0, 1)
        return outputs


class Seeded(nn.Module):
    """Refait le même tirage à chaque appel, sans toucher au hasard du reste du programme.

    Args:
        transform: la transformation à répéter.
        seed: graine du tirage.
    """

    def __init__(self, transform: Callable[..., Any], seed: int) -> None:
        """Garde la transformation et la graine."""
        super().__init__()
        self.transform = transform
        self.seed = int(_check_number("Graine", seed, 0, 2**63 - 1))

    def forward(self, *inputs: Any) -> Any:
        """Transforme avec le tirage de la graine."""
        started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        cards = range(torch.cuda.device_count()) if started else ()
        with torch.random.fork_rng(devices=list(cards)):
            torch.manual_seed(self.seed)
            return self.transform(*inputs)


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


# ---------------------------------------------------------------------------------------------
# Les neuf transformations du cours, et leur force

Size = tuple[int, int]
_SMOOTH = v2.InterpolationMode.BILINEAR


def _about(value: float) -> str:
    """Écrit « ± 20 % »."""
    return f"±{NBSP}{decimal(100 * value, 0)}{NBSP}%"


def _up_to(value: float) -> str:
    """Écrit « − 20 % »."""
    return f"−{NBSP}{decimal(100 * value, 0)}{NBSP}%"


@dataclass(frozen=True)
class Slider:
    """Une transformation, de la force nulle à la plus forte.

    Attributes:
        name: son nom.
        make: la transformation de torchvision ou de ce module, selon la force (jamais nulle) et la
            taille (H, L) des images.
        strengths: cinq forces croissantes ; la première, 0, ne change rien.
        write: écrit une force pour un lecteur.
        geometric: elle déplace les pixels, donc aussi les masques et les boîtes.
        photo: la photographie qui la montre, une clé de ``data.PHOTOS``.
        label: l'étiquette de cette photographie, qui ne doit pas changer.
        fails: la question dont elle changerait la réponse.
    """

    name: str
    make: Callable[[float, Size], Callable[..., Any]]
    strengths: tuple[float, float, float, float, float]
    write: Callable[[float], str]
    geometric: bool
    photo: str
    label: str
    fails: str

    def at(self, strength: float, size: Size) -> nn.Module:
        """Rend la transformation d'une force donnée, pour des images de taille (H, L).

        Une force nulle rend l'image telle quelle, au bit près.

        Raises:
            ReseauxError: force hors de l'intervalle de ``strengths``, taille qui n'en est pas une.
        """
        force = _check_number(f"Force, {self.name}", strength, 0, self.strengths[-1])
        if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
            raise ReseauxError(f"Taille {size!r} ; donnez (hauteur, largeur), en pixels.")
        return Strict(self.make(force, (size[0], size[1])) if force else v2.Identity())


SLIDERS = (
    Slider(
        "Couleur",
        lambda s, _: v2.ColorJitter(brightness=0.5 * s, saturation=s, hue=0.3 * s),
        (0, 0.25, 0.5, 0.75, 1),
        _about,
        False,
        "coffee",
        "une tasse",
        "Ce fruit est-il mûr ?",
    ),
    Slider(
        "Rotation",
        lambda s, _: v2.RandomRotation(s, _SMOOTH),
        (0, 10, 20, 45, 90),
        lambda s: f"±{NBSP}{decimal(s, 0)}°",
        True,
        "chelsea",
        "un chat",
        "Est-ce un 6 ou un 9 ?",
    ),
    Slider(
        "Recadrage",
        lambda s, size: v2.RandomResizedCrop(
            size, scale=(1 - s, 1), ratio=(size[1] / size[0],) * 2, antialias=True
        ),
        (0, 0.2, 0.4, 0.6, 0.8),
        _up_to,
        True,
        "china",
        "un temple",
        "Combien y a-t-il de personnes ?",
    ),
    Slider(
        "Changement d'échelle",
        lambda s, _: v2.RandomAffine(0, scale=(1 - s, 1 + s), interpolation=_SMOOTH),
        (0, 0.1, 0.2, 0.4, 0.6),
        _about,
        True,
        "rocket",
        "une fusée",
        "Cette pièce vaut-elle un ou deux euros ?",
    ),
    Slider(
        "Translation",
        lambda s, _: v2.RandomAffine(0, translate=(s, s)),
        (0, 0.1, 0.2, 0.3, 0.4),
        _about,
        True,
        "flower",
        "une fleur",
        "La voiture est-elle sur la voie de gauche ?",
    ),
    Slider(
        "Symétrie",
        lambda s, _: v2.RandomHorizontalFlip(s),
        (0, 0.25, 0.5, 0.75, 1),
        lambda s: f"p = {decimal(s, 2)}",
        True,
        "chelsea",
        "un chat",
        "Est-ce un b ou un d ?",
    ),
    Slider(
        "Bruit gaussien",
        lambda s, _: GaussianNoise(s),
        (0, 0.05, 0.1, 0.2, 0.4),
        lambda s: f"σ = {decimal(s, 2)}",
        False,
        "coffee",
        "une tasse",
        "Cette photo est-elle nette ?",
    ),
    Slider(
        "Déformation élastique",
        lambda s, size: Elastic(s * min(size), max(0.5, min(size) / 10)),
        (0, 0.01, 0.02, 0.03, 0.04),
        lambda s: f"{decimal(100 * s, 0)}{NBSP}%",
        True,
        "flower",
        "une fleur",
        "Cette pièce est-elle droite ?",
    ),
    Slider(
        "Contraste par canal",
        lambda s, _: ChannelContrast(s),
        (0, 0.25, 0.5, 0.75, 1),
        _about,
        False,
        "china",
        "un temple",
        "De quelle couleur est ce mur ?",
    ),
)


def stills(slider: Slider, seed: int = 0) -> tuple[list[PIL.Image.Image], list[str]]:
    """La photographie d'une transformation, à ses cinq forces, avec le même tirage.

    Args:
        slider: une ligne de :data:`SLIDERS`.
        seed: graine du tirage ; le hasard du reste du programme n'est pas touché.

    Returns:
        (cinq images de 160 × 240 pixels, la force de chacune, écrite) ; la première image est la
        photographie, réduite et recadrée au centre.
    """
    from reseaux import data

    size = (160, 240)
    photo = F.center_crop(F.resize(data.photo(slider.photo), [170]), list(size))
    images = [Seeded(slider.at(force, size), seed)(photo) for force in slider.strengths]
    return images, ["inchangée", *(slider.write(force) for force in slider.strengths[1:])]


def show_stills(sliders: Iterable[Slider], seed: int = 0) -> "Figure":
    """Montre une ligne d'images par transformation : son nom, l'étiquette gardée, cinq forces."""
    import matplotlib.pyplot as plt

    rows = list(sliders)
    figure, axes = plt.subplots(len(rows), 5, figsize=(9, 1.72 * len(rows)), squeeze=False)
    for slider, line in zip(rows, axes, strict=True):
        for ax, image, title in zip(line, *stills(slider, seed), strict=True):
            ax.imshow(image)
            ax.axis("off")
            ax.set_title(f"\n{title}", fontsize=11)  # la première ligne porte le nom
        heading = line[0].annotate(
            f"{slider.name} : « {slider.label} »",
            (0, 1),
            xytext=(0, 19),
            xycoords="axes fraction",
            textcoords="offset points",
            weight="bold",
        )
        heading.set_in_layout(False)
    plt.close(figure)  # sinon le notebook la montrerait deux fois
    return figure
