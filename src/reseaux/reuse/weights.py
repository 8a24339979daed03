"""Des poids déjà appris sur ImageNet : livrés par un paquet Python, ou pris à torchvision.

>>> net = load()                                    # « efficientnet-lite0 », 4,65 M de paramètres
>>> net.predict(photo("coffee"), top=1)[0].english
'espresso'
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import torch
from PIL import Image
from torch import Tensor, nn

from reseaux.arguments import Count, checked
from reseaux.errors import ReseauxError, unknown_name
from reseaux.formatting import integer, percent
from reseaux.reuse import forward, hub, packaged
from reseaux.reuse.download import DownloadError
from reseaux.reuse.imagenet import categories, categories_fr
from reseaux.reuse.packaged import PACKAGED

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torchvision.models import WeightsEnum


DEFAULT = "efficientnet-lite0"


class Prediction(NamedTuple):
    """Une réponse du réseau : la classe en français, en anglais, et sa probabilité."""

    french: str
    english: str
    probability: float


@dataclass(frozen=True)
class Pretrained:
    """Un réseau préentraîné et tout ce qu'il faut pour s'en servir.

    Attributes:
        name: une clé de :data:`PACKAGED` ou « resnet50:IMAGENET1K_V2 ».
        model: le réseau ; il répond toujours en mode évaluation.
        transform: image PIL → tenseur 3×H×L (3×224×224 pour EfficientNet-Lite0), préparée comme
            à l'entraînement du réseau.
        categories: les 1 000 classes d'ImageNet, en anglais, dans l'ordre des sorties.
        categories_fr: les mêmes en français.
    """

    name: str
    model: nn.Module = field(repr=False)
    transform: Callable[[Image.Image], Tensor] = field(repr=False)
    categories: tuple[str, ...] = field(repr=False)
    categories_fr: tuple[str, ...] = field(repr=False)

    @overload
    def predict(self, images: Image.Image, top: int = 5) -> list[Prediction]: ...
    @overload
    def predict(self, images: Sequence[Image.Image], top: int = 5) -> list[list[Prediction]]: ...
    @checked
    def predict(
        self, images: Image.Image | Sequence[Any], top: Count = 5
    ) -> list[Prediction] | list[list[Prediction]]:
        """Donne les ``top`` classes les plus probables, de la plus à la moins probable.

        Args:
            images: une image PIL, ou une liste d'images PIL.
            top: nombre de réponses par image, au plus 1 000.

        Returns:
            Les réponses de l'image ; pour une liste d'images, une liste de réponses par image.

        Raises:
            ReseauxError: ``top`` hors limites, ou autre chose qu'une image.
        """
        if isinstance(images, Image.Image):
            return self.predict([images], top)[0]
        for image in images:
            if not isinstance(image, Image.Image):
                raise ReseauxError(
                    f"Une image PIL est attendue, pas un objet « {type(image).__name__} ». "
                    "Ouvrez le fichier par « PIL.Image.open », ou passez un tableau d'octets "
                    "H×L×3 par « PIL.Image.fromarray »."
                )
        if not images:
            return []
        return self.decode(torch.stack([self.transform(image) for image in images]), top)

    @torch.inference_mode()
    @checked
    def decode(self, batch: Tensor, top: Count = 5) -> list[list[Prediction]]:
        """Comme :meth:`predict`, pour un lot N×3×H×L déjà préparé, quelle que soit la façon."""
        if top > len(self.categories):
            raise ReseauxError(
                f"{integer(top)} réponses demandées ; "
                f"demandez-en entre 1 et {integer(len(self.categories))}."
            )
        if batch.ndim != 4 or batch.dtype != torch.float32 or batch.is_meta:
            raise ReseauxError(
                f"Un lot N×3×H×L de flottants (float32) est attendu, et non "
                f"{'×'.join(map(str, batch.shape))} ({batch.dtype})."
            )
        with forward.evaluating(self.model):
            scores = forward.scores_of(self.model, batch.to(forward.device_of(self.model)))
        values, indices = scores.float().softmax(dim=1).topk(top)
        return [
            [
                Prediction(self.categories_fr[k], self.categories[k], p)
                for p, k in zip(row, chosen, strict=True)
            ]
            for row, chosen in zip(values.tolist(), indices.tolist(), strict=True)
        ]


@checked
def load(
    name: str = DEFAULT,
    file: Path | str | None = None,
    *,
    fallback: str | bool = False,
    url: str | None = None,
    progress: bool = True,
) -> Pretrained:
    """Charge un réseau et ses poids appris sur ImageNet.

    Args:
        name: une clé de :data:`PACKAGED`, sans connexion ; ou un classifieur de torchvision,
            « resnet50 » (les poids que torchvision recommande) ou « resnet50:IMAGENET1K_V1 ».
        file: des poids déjà là ; par défaut, ceux du paquet ou du cache de ``torch.hub``.
        fallback: le réseau à prendre si le téléchargement échoue, une clé de :data:`PACKAGED` ;
            ``True`` pour « efficientnet-lite0 ».
        url: une autre adresse du fichier (un miroir) ; il y garde son nom.

    Raises:
        ReseauxError: nom inconnu ; fichier absent, tronqué, modifié ou impossible à télécharger.
    """
    file = None if file is None else Path(file)
    if name in PACKAGED:
        return _from_package(name, file or packaged.find_file(name))
    substitute = DEFAULT if fallback is True else fallback
    if substitute and substitute not in PACKAGED:
        raise unknown_name("un réseau livré avec le cours", substitute, PACKAGED)
    model, weights = hub.resolve(name, tuple(PACKAGED))
    if file:
        return _from_torchvision(model, weights, file, hub.hash_prefix(weights.url))
    try:
        file = hub.fetch(url or weights.url, progress)
    except DownloadError as error:
        if not substitute:
            raise DownloadError(
                f"{error} Pour vous passer de ce réseau, acceptez celui que livre le cours : "
                f"« weights.load(…, fallback=True) »."
            ) from error
        warnings.warn(
            f"{error} À la place de « {name} », voici « {substitute} », livré avec le cours : ses "
            "réponses et sa préparation des images ne sont pas les mêmes.",
            stacklevel=2,
        )
        return load(substitute)
    return _from_torchvision(model, weights, file, hub.hash_prefix(file.name))


@checked
def architecture(name: str = DEFAULT) -> Pretrained:
    """Comme :func:`load`, mais avec des poids tirés au hasard : rien n'est lu ni téléchargé.

    À remplir par une sauvegarde ; préparation des images et noms des classes sont les mêmes.

    Raises:
        ReseauxError: nom inconnu.
    """
    if name in PACKAGED:
        return _from_package(name, None)
    return _from_torchvision(*hub.resolve(name, tuple(PACKAGED)), None)


def _from_torchvision(
    model: str, weights: "WeightsEnum", file: Path | None, sha256: str = ""
) -> Pretrained:
    with torch.random.fork_rng(devices=[]):
        network = hub.build_network(model, weights, file, sha256)
    transform = _on_rgb(weights.transforms())
    names = tuple(weights.meta["categories"])
    return Pretrained(f"{model}:{weights.name}", network, transform, names, categories_fr())


def _from_package(name: str, file: Path | None) -> Pretrained:
    with torch.random.fork_rng(devices=[]):
        model, preprocess = packaged.build(name, file)
    return Pretrained(name, model, _on_rgb(preprocess), categories(), categories_fr())


def _on_rgb(preprocess: Callable[[Image.Image], Tensor]) -> Callable[[Image.Image], Tensor]:
    """Fait précéder une préparation du passage en couleurs : gris, transparence, palette."""

    def transform(image: Image.Image) -> Tensor:
        if image.mode == "F" or image.mode.startswith("I"):  # « convert » couperait à 255
            raise ReseauxError(
                f"Image de mode « {image.mode} » : ses valeurs ne sont pas des octets. "
                "Ramenez-les entre 0 et 255, puis convertissez l'image en « L » ou en « RGB »."
            )
        return preprocess(image.convert("RGB"))

    return transform


@checked
def draw_predictions(
    images: Sequence[Image.Image], rows: Sequence[Sequence[Prediction]], titles: Sequence[str]
) -> "Figure":
    """Dessine chaque image à côté de ses réponses, en barres.

    Args:
        rows: les réponses de chacune, de la plus à la moins probable.
        titles: ce que chaque image montre vraiment.

    Raises:
        ReseauxError: pas d'image, ou pas autant de réponses et de titres que d'images.
    """
    if not len(images) == len(rows) == len(titles) > 0:
        raise ReseauxError(
            f"{len(images)} images, {len(rows)} listes de réponses, {len(titles)} titres : il faut "
            "une image au moins, et autant de chaque."
        )
    from reseaux.style import BLUE, GREY, panels

    size = (7.2, 1.75 * len(images))
    with panels(len(images), 2, size, images=True, width_ratios=(1, 2.2)) as (figure, axes):
        for (left, right), image, answers, title in zip(axes, images, rows, titles, strict=True):
            left.imshow(image)
            left.set_title(title, fontsize=10)
            colors = [BLUE] + [GREY] * (len(answers) - 1)
            bars = right.barh(range(len(answers)), [a.probability for a in answers], color=colors)
            right.bar_label(bars, [f" {a.french} — {percent(a.probability, 0)}" for a in answers])
            # Place pour les noms, à droite.
            right.set(xlim=(0, 1.9), ylim=(len(answers) - 0.4, -0.6), xlabel="")
    return figure
