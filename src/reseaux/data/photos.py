"""Les photographies que livrent scikit-image et scikit-learn, et les morceaux qu'on y découpe."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from PIL import Image

from reseaux.arguments import Seed, between, checked
from reseaux.data.labeled import Images, LabeledImages, read_once
from reseaux.errors import ReseauxError, unknown_name


@dataclass(frozen=True)
class Photo:
    """Une photographie et de quoi la citer.

    Attributes:
        title: ce qu'elle montre.
        author: son auteur.
        licence: sa licence.
        package: le paquet Python qui la livre, « skimage » ou « sklearn ».
    """

    title: str
    author: str
    licence: str
    package: str


PHOTOS = {
    "chelsea": Photo("Un chat tigré", "Stéfan van der Walt", "CC0", "skimage"),
    "coffee": Photo("Une tasse de café", "Rachel Michetti", "CC0", "skimage"),
    "rocket": Photo("Une fusée au décollage", "SpaceX", "domaine public", "skimage"),
    "astronaut": Photo("L'astronaute Eileen Collins", "NASA", "domaine public", "skimage"),
    "china": Photo("Un temple chinois", "danielbuechele", "CC BY 2.0", "sklearn"),
    "flower": Photo("Une fleur", "vultilion", "CC BY 2.0", "sklearn"),
    "camera": Photo("Un photographe et son trépied", "Lav Varshney", "CC0", "skimage"),
    "clock": Photo("Une horloge floue", "Stéfan van der Walt", "domaine public", "skimage"),
    "retina": Photo("Le fond d'un œil", "Häggström", "CC0", "skimage"),
    "hubble_deep_field": Photo("Des galaxies", "NASA", "domaine public", "skimage"),
    "brick": Photo("Des briques", "CC0Textures", "CC0", "skimage"),
    "grass": Photo("De l'herbe", "linolafett", "CC0", "skimage"),
    "gravel": Photo("Du gravier", "CC0Textures", "CC0", "skimage"),
}


@checked
@read_once
def photo(name: str) -> Image.Image:
    """Rend une photographie, en couleurs (RGB) ; une photographie grise a trois canaux égaux.

    Args:
        name: une clé de :data:`PHOTOS`.

    Raises:
        ReseauxError: nom inconnu.
    """
    if name not in PHOTOS:
        raise unknown_name("une photographie", name, PHOTOS)
    if PHOTOS[name].package == "sklearn":
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image(f"{name}.jpg")
    else:
        import skimage.data

        pixels = getattr(skimage.data, name)()
    if pixels.ndim == 2:
        pixels = np.stack([pixels] * 3, axis=-1)
    return Image.fromarray(np.ascontiguousarray(pixels[..., :3], dtype=np.uint8))


@checked
@read_once
def fragments(
    size: int = 64,
    per_photo: Annotated[int, between(1, 10_000)] = 60,
    seed: Seed = 0,
    color: bool = False,
) -> tuple[LabeledImages, LabeledImages]:
    """Des morceaux de photographies : de quelle photographie chacun vient-il ?

    Les morceaux d'entraînement sortent de la moitié gauche, ceux de test de la moitié droite :
    aucun pixel n'est dans les deux.

    Args:
        size: côté d'un morceau, en pixels.
        per_photo: nombre de morceaux par photographie et par moitié.
        seed: graine du tirage des positions.
        color: les garder en couleurs, N×H×L×3 ; sinon, en gris. Les positions sont les mêmes.

    Returns:
        (entraînement, test).

    Raises:
        ReseauxError: morceau plus grand que la plus petite demi-photographie.
    """
    mode = "RGB" if color else "L"
    whole: dict[str, Images] = {
        name: np.asarray(photo(name).convert(mode), np.float32) / np.float32(255) for name in PHOTOS
    }
    largest = min(min(pixels.shape[0], pixels.shape[1] // 2) for pixels in whole.values())
    if not 1 <= size <= largest:
        raise ReseauxError(
            f"Morceau de {size} pixels de côté demandé ; il faut entre 1 et {largest}."
        )
    rng = np.random.default_rng(seed)
    halves = []
    for side in (0, 1):
        crops: list[Images] = []
        for pixels in whole.values():
            half = np.array_split(pixels, 2, axis=1)[side]
            tops = rng.integers(0, half.shape[0] - size + 1, per_photo)
            lefts = rng.integers(0, half.shape[1] - size + 1, per_photo)
            crops += [half[t : t + size, x : x + size] for t, x in zip(tops, lefts, strict=True)]
        labels = np.repeat(np.arange(len(whole)), per_photo)
        halves.append(LabeledImages(np.stack(crops), labels, tuple(whole)))
    return halves[0], halves[1]
