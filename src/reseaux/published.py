"""Les chiffres cités des articles, chacun avec sa clé et l'endroit où le lire.

C'est le seul module où un résultat est écrit à la main : ce que le cours ne peut pas recalculer.
Les erreurs sont en pour cent, au sens du *top-5* : la bonne classe n'est pas parmi les cinq
premières.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType

from reseaux.arguments import checked
from reseaux.errors import ReseauxError


@checked
def key_year(key: str) -> int:
    """L'année d'une clé de bibliographie : « He15 » donne 2015, « LeCun98 » 1998.

    De 1950 à 2049.

    Raises:
        ReseauxError: la clé ne finit pas par les deux chiffres d'une année.
    """
    digits = re.search(r"[0-9]{2}\Z", key)
    if not digits:
        raise ReseauxError(f"La clé {key!r} ne finit pas par une année, comme « He15 ».")
    year = int(digits[0])
    return 2000 + year if year < 50 else 1900 + year


@checked
def spell_key(key: str) -> str:
    """Écrit une clé de bibliographie en clair : « He15 » donne « He 2015 »."""
    return f"{key[:-2]} {key_year(key)}"


@dataclass(frozen=True)
class PublishedValue:
    """Un chiffre publié."""

    value: float  # dans l'unité que dit son nom
    what: str  # ce qu'il mesure, dans quelles conditions (ensemble, nombre de réseaux, de découpes)
    source: str  # la clé de l'article dans ``references.bib``
    where: str  # la section ou la table de l'article

    @property
    def reference(self) -> str:
        """Où lire ce chiffre : « Krizhevsky 2012, table 2 »."""
        return f"{spell_key(self.source)}, {self.where}"


@dataclass(frozen=True)
class Winner:
    """Une équipe d'ILSVRC, tâche de classification."""

    year: int
    team: str
    network: str  # celui de son envoi, « – » s'il n'en utilise pas de profond
    error: float  # top-5 sur l'ensemble de test, en %, sans données supplémentaires
    source: str  # la clé de la référence

    @property
    def reference(self) -> str:
        """La source, lisible : « Russakovsky 2015 »."""
        return spell_key(self.source)


# Les vainqueurs, d'après le bilan des organisateurs jusqu'en 2014 [Russakovsky15, table 2].
WINNERS = (
    Winner(2010, "NEC-UIUC", "–", 28.2, "Russakovsky15"),
    Winner(2011, "XRCE", "–", 25.8, "Russakovsky15"),
    Winner(2012, "SuperVision", "AlexNet", 16.4, "Russakovsky15"),
    Winner(2013, "Clarifai", "Clarifai", 11.7, "Russakovsky15"),
    Winner(2014, "GoogLeNet", "Inception v1", 6.66, "Russakovsky15"),
    Winner(2015, "MSRA", "ResNet", 3.57, "He15"),
    Winner(2016, "Trimps-Soushen", "ensemble", 2.99, "ILSVRC16"),
    Winner(2017, "WMW", "SENet", 2.25, "Hu18"),
)
RUNNER_UP_2014 = Winner(2014, "VGG", "VGG", 7.33, "Russakovsky15")

HUMAN = PublishedValue(
    5.1, "un annotateur entraîné, 1 500 images de test", "Russakovsky15", "§6.4.1"
)

# Les dimensions d'ImageNet et d'ILSVRC.
IMAGENET_IMAGES = PublishedValue(14_197_122, "images d'ImageNet", "Russakovsky15", "§1")
IMAGENET_CLASSES = PublishedValue(21_841, "catégories d'ImageNet", "Russakovsky15", "§1")
ILSVRC_TRAIN = PublishedValue(
    1_281_167, "images d'entraînement, à partir de 2012", "Russakovsky15", "§3.1"
)
ILSVRC_VALIDATION = PublishedValue(50_000, "images de validation", "Russakovsky15", "§3.1")
ILSVRC_TEST = PublishedValue(100_000, "images de test, à partir de 2012", "Russakovsky15", "§3.1")
ILSVRC_CLASSES = PublishedValue(1_000, "classes", "Russakovsky15", "§3.1")

# L'exactitude d'un réseau sur ImageNet, et celle d'après transfert : leur corrélation.
TRANSFER_FROZEN = PublishedValue(
    0.99, "corrélation, 16 réseaux gelés, 12 jeux d'images", "Kornblith19", "résumé"
)
TRANSFER_TUNED = PublishedValue(
    0.96, "corrélation, 16 réseaux réglés finement, 12 jeux d'images", "Kornblith19", "résumé"
)

# Cellules photovoltaïques saines ou défectueuses : 1 968 pour apprendre, 656 pour tester.
SOLAR_SVM = PublishedValue(
    82.44, "caractéristiques faites à la main et SVM, exactitude", "Deitsch19", "résumé"
)
SOLAR_CNN = PublishedValue(88.42, "VGG-19 réglé finement, exactitude", "Deitsch19", "résumé")

# Ce qu'annoncent des réseaux appris sans étiquettes, ou avec des légendes.
DINO_NEIGHBOURS = PublishedValue(
    78.3, "DINO, plus proches voisins, exactitude sur ImageNet (%)", "Caron21", "résumé"
)
CLIP_PAIRS = PublishedValue(
    400, "images et leurs légendes vues par CLIP (millions)", "Radford21", "résumé"
)
MAE_HIDDEN = PublishedValue(75, "part de l'image que cache MAE (%)", "He21", "résumé")

# Les étiquettes de validation d'ILSVRC-2012 estimées fausses, au moins, en %.
LABEL_ERRORS = PublishedValue(
    6, "étiquettes fausses, au moins, dans la validation d'ILSVRC-2012", "Northcutt21", "résumé"
)

# Les erreurs top-5 des articles, en %.
_ERRORS = {
    "alexnet-1": (18.2, "AlexNet : un réseau, validation", "Krizhevsky12", "table 2"),
    "alexnet-5": (16.4, "AlexNet : cinq réseaux, test", "Krizhevsky12", "table 2"),
    "alexnet-7-val": (
        *(15.4, "AlexNet : sept réseaux, dont deux préentraînés, validation"),
        *("Krizhevsky12", "table 2"),
    ),
    "alexnet-7": (
        *(15.3, "AlexNet : sept réseaux, dont deux préentraînés, test"),
        *("Krizhevsky12", "table 2"),
    ),
    "vgg-7": (7.3, "VGG : sept réseaux, test (le concours)", "Simonyan14", "table 7"),
    "vgg-2": (6.8, "VGG : deux réseaux, test (après le concours)", "Simonyan14", "table 7"),
    "googlenet-7": (6.67, "GoogLeNet : sept réseaux, 144 découpes, test", "Szegedy14", "table 2"),
    "googlenet-1": (
        *(10.07, "GoogLeNet : un réseau, une découpe, validation"),
        *("Szegedy14", "table 3"),
    ),
    "resnet-152-1": (4.49, "ResNet-152 : un réseau, validation", "He15", "table 4"),
    "resnet-6": (3.57, "ResNet : six réseaux, dont deux de 152 couches, test", "He15", "table 5"),
}
ERRORS = MappingProxyType({key: PublishedValue(*error) for key, error in _ERRORS.items()})

# La dégradation, mesurée par l'article : erreur top-1, en %, dix découpes, validation
# d'ILSVRC-2012. Les raccourcis n'y ont aucun paramètre (option A).
DEGRADATION = MappingProxyType(
    {
        name: PublishedValue(error, f"{name}, validation, 10 découpes", "He15", "table 2")
        for name, error in {
            "plain-18": 27.94,
            "plain-34": 28.54,
            "resnet-18": 27.88,
            "resnet-34": 25.03,
        }.items()
    }
)

# Paramètres de VGG, en millions, arrondis par les auteurs [Simonyan14, table 2].
# A et A-LRN partagent une colonne.
VGG_MILLIONS = MappingProxyType({"a": 133, "a-lrn": 133, "b": 133, "c": 134, "d": 138, "e": 144})


@dataclass(frozen=True)
class SingleNetwork:
    """Les erreurs d'un seul réseau sur la validation d'ILSVRC-2012, telles que l'article les donne.

    En % ; ``None`` quand l'article ne donne pas l'une des deux.
    """

    top1: float | None
    top5: float | None
    protocol: str  # ce que le réseau a vu de chaque image
    source: str  # la clé de l'article
    where: str  # la table ou la figure de l'article

    @property
    def reference(self) -> str:
        """Où lire ces chiffres : « He 2015, table 3 »."""
        return f"{spell_key(self.source)}, {self.where}"


# « dense » : le réseau, rendu convolutif, parcourt l'image entière [Simonyan14, §3.2].
# Un réseau manque quand son article ne donne pas d'erreur sur ILSVRC (LeNet-5, Network in Network),
# ou quand nous n'avons pas pu la vérifier dans l'article.
SINGLE_NETWORK = MappingProxyType(
    {
        "alexnet": SingleNetwork(40.7, 18.2, "10 découpes", "Krizhevsky12", "table 2"),
        "vgg-a": SingleNetwork(29.6, 10.4, "dense", "Simonyan14", "table 3"),
        "vgg-a-lrn": SingleNetwork(29.7, 10.5, "dense", "Simonyan14", "table 3"),
        "vgg-b": SingleNetwork(28.7, 9.9, "dense", "Simonyan14", "table 3"),
        "vgg-c": SingleNetwork(28.1, 9.4, "dense", "Simonyan14", "table 3"),
        "vgg-d": SingleNetwork(27.0, 8.8, "dense", "Simonyan14", "table 3"),
        "vgg-e": SingleNetwork(27.3, 9.0, "dense", "Simonyan14", "table 3"),
        "googlenet": SingleNetwork(None, 10.07, "1 découpe", "Szegedy14", "table 3"),
        "bn-inception": SingleNetwork(25.2, 7.82, "1 découpe", "Ioffe15", "figure 4"),
        "inception-v3": SingleNetwork(21.2, 5.6, "1 découpe", "Szegedy15", "table 3"),
        "inception-v4": SingleNetwork(20.0, 5.0, "1 découpe", "Szegedy16", "table 2 (arXiv)"),
        "xception": SingleNetwork(21.0, 5.5, "1 découpe", "Chollet16", "table 1"),
        "resnet-18": SingleNetwork(27.88, None, "10 découpes", "He15", "table 2"),
        "resnet-34": SingleNetwork(24.52, 7.46, "10 découpes", "He15", "table 3"),
        "resnet-50": SingleNetwork(22.85, 6.71, "10 découpes", "He15", "table 3"),
        "resnet-101": SingleNetwork(21.75, 6.05, "10 découpes", "He15", "table 3"),
        "resnet-152": SingleNetwork(21.43, 5.71, "10 découpes", "He15", "table 3"),
        "squeezenet": SingleNetwork(42.5, 19.7, "1 découpe", "Iandola16", "table 2"),
    }
)
