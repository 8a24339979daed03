"""L'inventaire des réseaux de torchvision, tiré de la bibliothèque, sans rien télécharger."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from reseaux.formatting import decimal, millions
from reseaux.tables import Table

# Les noms de torchvision suivent des règles : taille, variante ou largeur après le nom de famille.
_SUFFIX = re.compile(r"(_bn|_?\d.*|_v\d.*|_[xy]_.*|_(tiny|small|base|large|[tsbml])(_.*)?)$")
_ARXIV = re.compile(r"`([^`]+?)\s*<https?://arxiv\.org/abs/(\d{2})(\d{2})\.\d+")


@dataclass(frozen=True)
class Family:
    """Une famille d'architectures.

    Attributes:
        name: le nom du module de torchvision, ou celui de la variante.
        members: les noms à passer à ``get_model``.
        paper: le titre de l'article que cite la documentation, ou ``None``.
        year: l'année de sa prépublication (les deux premiers chiffres du numéro arXiv).
        params: (plus petit, plus grand) nombre de paramètres.
        best: la meilleure exactitude top-1 sur ImageNet, en %, parmi tous les poids proposés.
        best_weights: les poids qui l'obtiennent.
    """

    name: str
    members: tuple[str, ...]
    paper: str | None
    year: int | None
    params: tuple[int, int]
    best: float
    best_weights: str


def family_name(model: str) -> str:
    """Le nom de famille d'un réseau : « resnext50_32x4d » donne « resnext »."""
    version = re.match(
        r"(efficientnet_v2|swin_v2|mobilenet_v[23]|shufflenet_v2|wide_resnet)", model
    )
    return version[0] if version else _SUFFIX.sub("", model).removesuffix("_b").removesuffix("_h")


@cache
def families() -> tuple[Family, ...]:
    """Les familles de classifieurs d'images de torchvision, par année."""
    from torchvision import models

    groups: dict[str, list[str]] = {}
    for name in models.list_models(module=models):
        groups.setdefault(family_name(name), []).append(name)
    found = [_family(name, members) for name, members in groups.items()]
    return tuple(sorted(found, key=lambda f: (f.year or 9999, f.name)))


def _family(name: str, members: list[str]) -> Family:
    from torchvision import models

    weights: list[Any] = [w for m in members for w in models.get_model_weights(m)]
    scores = {str(w): w.meta["_metrics"]["ImageNet-1K"]["acc@1"] for w in weights}
    params = [w.meta["num_params"] for w in weights]
    documentation = " ".join((models.get_model_builder(members[0]).__doc__ or "").split())
    cited = _ARXIV.search(documentation)
    best = max(scores, key=lambda w: scores[w])
    return Family(
        name,
        tuple(members),
        cited[1] if cited else None,
        2000 + int(cited[2]) if cited else None,
        (min(params), max(params)),
        scores[best],
        best,
    )


def family_table() -> Table:
    """Le tableau des familles : membres, article, année, paramètres, meilleure exactitude."""
    rows = []
    for f in families():
        low, high = (millions(p) for p in f.params)
        size = low if low == high else f"{low} à {high}"
        rows.append(
            (f.name, len(f.members), f.year and str(f.year), f.paper, size, decimal(f.best))
        )
    return Table(
        "Classifieurs d'images de torchvision, par famille (exactitude top-1 sur ImageNet, en %)",
        ("famille", "réseaux", "année", "article", "paramètres", "meilleur top-1"),
        rows,
    )
