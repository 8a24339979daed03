"""L'inventaire des réseaux de torchvision, tiré de la bibliothèque, sans rien télécharger."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from reseaux.arguments import checked
from reseaux.formatting import millions
from reseaux.tables import Table

# Les noms de torchvision suivent des règles : taille, variante ou largeur après le nom de famille.
_SUFFIX = re.compile(r"(_bn|_?\d.*|_v\d.*|_[xy]_.*|_(tiny|small|base|large|[tsbml])(_.*)?)$")
_ARXIV = re.compile(r"`([^`]+?)\s*<https?://arxiv\.org/abs/(\d{2})(\d{2})\.\d+")
# L'article des poids appris sur des photographies d'Instagram [Singh22] : leur documentation, et
# elle seule, le cite.
_SWAG = "arxiv.org/abs/2201.08371"


class TrainingData(StrEnum):
    """Sur quoi un jeu de poids a été appris, tel qu'un tableau le dit."""

    ILSVRC = "ILSVRC-2012"
    SWAG = "Instagram, puis ILSVRC-2012"


@checked
def family_name(model: str) -> str:
    """Le nom de famille d'un réseau : « resnext50_32x4d » donne « resnext »."""
    version = re.match(
        r"(efficientnet_v2|swin_v2|mobilenet_v[23]|shufflenet_v2|wide_resnet)", model
    )
    return version[0] if version else _SUFFIX.sub("", model).removesuffix("_b").removesuffix("_h")


@dataclass(frozen=True)
class TorchvisionWeights:
    """Un jeu de poids de torchvision, décrit par les métadonnées qu'il porte."""

    model: str  # « resnet50 »
    weights: str  # « IMAGENET1K_V2 »
    family: str  # « resnet »
    params: int
    gmacs: float  # multiplications-additions, en milliards
    file_mb: float  # en mébioctets
    top1: float  # exactitude sur la validation d'ILSVRC, en %
    top5: float
    data: TrainingData


@cache
def torchvision_weights() -> tuple[TorchvisionWeights, ...]:
    """Tous les poids de classification de torchvision, lus dans ses métadonnées.

    Rien n'est téléchargé ; aucun réseau n'est construit. Les poids sans classifieur
    (``VGG16_Weights.IMAGENET1K_FEATURES``), qui n'ont pas d'exactitude, sont laissés de côté.
    """
    from torchvision import models

    found = []
    for model in models.list_models(module=models):
        for weights in models.get_model_weights(model):
            meta = weights.meta
            scores = meta["_metrics"]["ImageNet-1K"]
            if math.isnan(scores["acc@1"]):
                continue
            figures = (meta["num_params"], meta["_ops"], meta["_file_size"])
            named = (model, weights.name, family_name(model))
            accuracy = (scores["acc@1"], scores["acc@5"])
            data = TrainingData.SWAG if _SWAG in meta["_docs"] else TrainingData.ILSVRC
            found.append(TorchvisionWeights(*named, *figures, *accuracy, data))
    return tuple(found)


@dataclass(frozen=True)
class Family:
    """Une famille d'architectures."""

    name: str  # celui du module de torchvision, ou celui de la variante
    members: tuple[str, ...]  # les noms à passer à ``get_model``
    paper: str | None  # le titre de l'article que cite la documentation
    year: int | None  # de sa prépublication (les deux premiers chiffres du numéro arXiv)
    params: tuple[int, int]  # le plus petit nombre de paramètres, et le plus grand
    best: float  # exactitude top-1, en %, des meilleurs poids appris sur ILSVRC-2012 seul
    best_swag: float | None  # celle des meilleurs poids appris d'abord sur Instagram


@cache
def families() -> tuple[Family, ...]:
    """Les familles de classifieurs d'images de torchvision, par année."""
    groups: dict[str, list[TorchvisionWeights]] = {}
    for weights in torchvision_weights():
        groups.setdefault(weights.family, []).append(weights)
    found = [_family(name, group) for name, group in groups.items()]
    return tuple(sorted(found, key=lambda f: (str(f.year), f.name)))


def _family(name: str, group: list[TorchvisionWeights]) -> Family:
    from torchvision import models

    members = tuple(dict.fromkeys(w.model for w in group))
    documentation = " ".join((models.get_model_builder(members[0]).__doc__ or "").split())
    cited = _ARXIV.search(documentation)
    return Family(
        name,
        members,
        cited[1] if cited else None,
        2000 + int(cited[2]) if cited else None,
        (min(w.params for w in group), max(w.params for w in group)),
        max(w.top1 for w in group if w.data is TrainingData.ILSVRC),
        max((w.top1 for w in group if w.data is TrainingData.SWAG), default=None),
    )


def family_table() -> Table:
    """Le tableau des familles : membres, article, année, paramètres, meilleure exactitude."""
    rows = []
    for f in families():
        low, high = (millions(p) for p in f.params)
        size = low if low == high else f"{low} à {high}"
        year = f.year and str(f.year)
        rows.append((f.name, len(f.members), year, f.paper, size, f.best, f.best_swag))
    columns = ("famille", "réseaux", "année", "article", "paramètres", "ILSVRC", "Instagram")
    return Table(
        "Classifieurs d'images de torchvision, par famille ; à droite, exactitude top-1 (%) des "
        "meilleurs poids appris sur ILSVRC-2012 seul, puis de ceux appris d'abord sur Instagram",
        columns,
        rows,
        {"ILSVRC": 1, "Instagram": 1},
    )


def models_table() -> Table:
    """Chaque classifieur de torchvision avec ses meilleurs poids ; le lecteur peut le trier."""
    from torchvision import models

    rows = [
        (w.model, w.params / 1e6, w.gmacs, w.file_mb, w.top1, w.top5, w.data)
        for w in torchvision_weights()
        if models.get_model_weights(w.model).DEFAULT.name == w.weights
    ]
    columns = ("réseau", "paramètres (M)", "MAC (G)", "fichier (Mio)", "top-1 (%)", "top-5 (%)")
    return Table(
        "Les classifieurs de torchvision, avec les poids qu'ils proposent par défaut",
        (*columns, "appris sur"),
        rows,
        {"paramètres (M)": 1, "MAC (G)": 2, "top-1 (%)": 1, "top-5 (%)": 1},
        sortable=True,
    )
