"""Les données du cours : de vraies images, toutes livrées par des paquets Python, donc sans réseau.

Quatre sources :

- ``photo`` : des photographies (scikit-image, scikit-learn) ;
- ``fragments`` : « de quelle photographie vient ce morceau ? », une tâche proche d'ImageNet ;
- ``digits`` : de vrais chiffres manuscrits numérisés, une tâche éloignée d'ImageNet ;
- ``glyphs`` : des lettres imprimées, dans les polices que livre matplotlib.
"""

import unicodedata
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reseaux.arguments import Seed, between, checked
from reseaux.errors import ReseauxError, unknown_name

P = ParamSpec("P")
R = TypeVar("R")
Images = NDArray[np.float32]
Labels = NDArray[np.int64]


def _read_once(function: Callable[P, R]) -> Callable[P, R]:
    """Ne lit les données qu'une fois, mais en rend chaque fois une copie, libre d'être changée."""
    read = cache(function)

    @wraps(function)
    def copy(*args: P.args, **kwargs: P.kwargs) -> R:
        return deepcopy(read(*args, **kwargs))  # type: ignore[arg-type]

    return copy


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
@_read_once
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
def _check_labels(images: Images, labels: Labels, names: Sequence[str]) -> None:
    if images.shape[:1] != labels.shape or not np.isin(labels, range(len(names))).all():
        raise ReseauxError(
            f"Images de forme {images.shape}, étiquettes de forme {labels.shape} ; il faut une "
            f"étiquette par image, de 0 à {len(names) - 1}."
        )


@dataclass(frozen=True)
class LabeledImages:
    """Des images et leurs étiquettes.

    Attributes:
        images: N×H×L, en gris, valeurs entre 0 et 1.
        labels: N entiers, de 0 à ``len(names) - 1``.
        names: le nom de chaque classe.

    Raises:
        ReseauxError: pas une étiquette par image, ou une étiquette que rien ne nomme.
    """

    images: Images
    labels: Labels
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse des étiquettes qui ne sont pas celles des images."""
        _check_labels(self.images, self.labels, self.names)

    def __len__(self) -> int:
        """Nombre d'images."""
        return len(self.labels)

    def subset(self, indices: Sequence[int] | NDArray[Any]) -> "LabeledImages":
        """Garde les images d'indices donnés, dans cet ordre.

        Raises:
            ReseauxError: ce ne sont pas des indices de ces images.
        """
        try:
            chosen = np.asarray(indices, None if len(indices) else int)
            return LabeledImages(self.images[chosen], self.labels[chosen], self.names)
        except (IndexError, TypeError, ValueError):
            raise ReseauxError(f"Indices attendus : des entiers de 0 à {len(self) - 1}.") from None

    @checked
    def sample(self, per_class: int, seed: Seed) -> tuple["LabeledImages", "LabeledImages"]:
        """Tire ``per_class`` images par classe ; rend (tirées, restantes).

        Args:
            per_class: nombre d'images à tirer dans chaque classe, au moins 1.
            seed: graine du tirage ; la même graine redonne le même tirage.

        Raises:
            ReseauxError: une classe n'a pas assez d'images.
        """
        chosen = self.sample_indices(per_class, seed)
        rest = np.setdiff1d(self._shuffled(seed), chosen, assume_unique=True)  # ordre du tirage
        return self.subset(chosen), self.subset(rest)

    @checked
    def sample_indices(self, per_class: int, seed: Seed) -> Labels:
        """Les numéros des images que :meth:`sample` tire, classe après classe."""
        counts = np.bincount(self.labels, minlength=len(self.names))
        if not 1 <= per_class <= counts.min():
            raise ReseauxError(
                f"{per_class} images par classe demandées ; la classe "
                f"« {self.names[int(counts.argmin())]} » en a {counts.min()}. "
                f"Demandez entre 1 et {counts.min()} images."
            )
        order = self._shuffled(seed)
        by_class = [order[self.labels[order] == k][:per_class] for k in range(len(self.names))]
        return np.concatenate(by_class)

    def _shuffled(self, seed: int) -> Labels:
        return np.random.default_rng(seed).permutation(len(self))


@_read_once
def digits() -> LabeledImages:
    """Les 1 797 chiffres manuscrits 8×8 de scikit-learn (base « optdigits » de l'UCI)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return LabeledImages(
        (bunch.images / 16).astype(np.float32),
        bunch.target.astype(np.int64),
        tuple("0123456789"),
    )


@checked
@_read_once
def fragments(
    size: int = 64, per_photo: Annotated[int, between(1, 10_000)] = 60, seed: Seed = 0
) -> tuple[LabeledImages, LabeledImages]:
    """Des morceaux de photographies, en gris : de quelle photographie chacun vient-il ?

    Les morceaux d'entraînement sortent de la moitié gauche, ceux de test de la moitié droite :
    aucun pixel n'est dans les deux.

    Args:
        size: côté d'un morceau, en pixels.
        per_photo: nombre de morceaux par photographie et par moitié.
        seed: graine du tirage des positions.

    Returns:
        (entraînement, test).

    Raises:
        ReseauxError: morceau plus grand que la plus petite demi-photographie.
    """
    grey: dict[str, Images] = {
        name: np.asarray(photo(name).convert("L"), np.float32) / np.float32(255) for name in PHOTOS
    }
    largest = min(min(pixels.shape[0], pixels.shape[1] // 2) for pixels in grey.values())
    if not 1 <= size <= largest:
        raise ReseauxError(
            f"Morceau de {size} pixels de côté demandé ; il faut entre 1 et {largest}."
        )
    rng = np.random.default_rng(seed)
    halves = []
    for side in (0, 1):
        crops: list[Images] = []
        for pixels in grey.values():
            half = np.array_split(pixels, 2, axis=1)[side]
            tops = rng.integers(0, half.shape[0] - size + 1, per_photo)
            lefts = rng.integers(0, half.shape[1] - size + 1, per_photo)
            crops += [half[t : t + size, x : x + size] for t, x in zip(tops, lefts, strict=True)]
        labels = np.repeat(np.arange(len(grey)), per_photo)
        halves.append(LabeledImages(np.stack(crops), labels, tuple(grey)))
    return halves[0], halves[1]


ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "latin-capitales": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "grec": "αβγδεζηθικλμνξοπρςστυφχψω",
    "cyrillique": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "armenien": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
    "georgien": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
}

# Les polices de texte de matplotlib ; celles de symboles n'ont pas de lettres.
_SYMBOL_FONTS = ("cmex10", "cmmi10", "cmsy10", "LastResort", "STIXNonUni", "STIXSiz")


@cache
def fonts() -> tuple[Path, ...]:
    """Les fichiers des polices de texte que livre matplotlib, par ordre alphabétique."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return tuple(f for f in sorted(folder.glob("*.ttf")) if not f.stem.startswith(_SYMBOL_FONTS))


def _covers(font: Path, text: str) -> bool:
    from matplotlib.ft2font import FT2Font

    charmap = FT2Font(str(font)).get_charmap()
    return all(ord(letter) in charmap for letter in text)


@checked
@_read_once
def glyphs(
    alphabet: str = "latin", size: Annotated[int, between(8, 512)] = 28
) -> tuple[LabeledImages, tuple[str, ...]]:
    """Les lettres d'un alphabet, dessinées dans chaque police qui les a toutes.

    Blanc sur noir, comme les chiffres de :func:`digits` ; chaque lettre est centrée.

    Args:
        alphabet: une clé de :data:`ALPHABETS`.
        size: côté de l'image, en pixels, de 8 à 512.

    Returns:
        (les images étiquetées par lettre, le nom de la police de chacune).

    Raises:
        ReseauxError: alphabet inconnu ou taille hors bornes.
    """
    if alphabet not in ALPHABETS:
        raise unknown_name("un alphabet", alphabet, ALPHABETS)
    letters = unicodedata.normalize("NFC", ALPHABETS[alphabet])
    covering = [font for font in fonts() if _covers(font, letters)]
    images: list[Images] = []
    for path in covering:
        font = ImageFont.truetype(str(path), round(0.75 * size))
        for letter in letters:
            canvas = Image.new("L", (size, size))
            ImageDraw.Draw(canvas).text((size / 2, size / 2), letter, 255, font, anchor="mm")
            images.append(np.asarray(canvas, np.float32) / np.float32(255))
    labels = np.tile(np.arange(len(letters)), len(covering))
    names = tuple(path.stem for path in covering for _ in letters)
    return LabeledImages(np.stack(images), labels, tuple(letters)), names
