"""Les genres de couches : leurs noms, ce qui les reconnaît, leur famille dans les dessins.

Ajouter un genre, c'est ajouter une ligne à :class:`Kind`, et son nom à ``WEIGHTED`` si les articles
le comptent comme une couche. Changer une couleur ou une hachure des dessins, c'est changer une
ligne de :class:`Family`.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import torch
from torch import nn

from reseaux.style import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, YELLOW

aten = torch.ops.aten
LIGHT, DARK = "#fff", "#000"


class Family(Enum):
    """Une famille de la légende d'un dessin.

    Attributes:
        french: son nom.
        short: son nom dans un module replié ; vide si elle n'y est pas comptée.
        color: sa couleur ; vide pour une face du fond de la page, sans légende.
        ink: la couleur de sa hachure.
        pattern: sa hachure, un tracé dans un carré de 8 unités.
        stroke: l'épaisseur de ce tracé.
    """

    CONVOLUTION = ("convolution", "conv", BLUE, LIGHT, "M-2 2l4-4M0 8l8-8M6 10l4-4")
    POOLING = ("pooling", "pool", ORANGE, DARK, "M2 2h.1M6 6h.1", 2)
    LINEAR = ("couche connectée", "conn.", GREEN, LIGHT, "M0 4h8M4 0v8")
    NORMALIZATION = ("normalisation", "", PINK, DARK, "M0 2h8M0 6h8")
    CONCATENATION = ("concaténation", "", SKY, DARK, "M2 0v8M6 0v8")
    ADDITION = ("addition", "", RED, LIGHT, "M1.5 4h5M4 1.5v5")
    MULTIPLICATION = ("multiplication", "", YELLOW, DARK, "M2 2l4 4M6 2l-4 4")
    MATMUL = ("produit de matrices", "produits", YELLOW, DARK, "M-2 6l4 4M0 0l8 8M6-2l4 4")
    MODULE = ("module", "", GREY, LIGHT, "M0 0l8 8M8 0l-8 8")
    OTHER = ("autre couche", "", "#B0B0B0", DARK, "M0 6l4-4l4 4")
    UNUSED = ("autres paramètres", "", "#D9D9D9", DARK, "M0 4h4")
    INPUT = ("entrée", "", "", "", "")

    def __init__(
        self, french: str, short: str, color: str, ink: str, pattern: str, stroke: float = 1.2
    ) -> None:
        self.french, self.short, self.color = french, short, color
        self.ink, self.pattern, self.stroke = ink, pattern, stroke


class Kind(Enum):
    """Le genre d'une ligne d'un résumé, ou d'un bloc d'un dessin.

    Attributes:
        french: son nom, celui que rend ``str``.
        short: le même, assez court pour tenir sous un bloc.
        family: sa famille ; ``None`` si elle ne fait que changer les valeurs : pas de bloc.
        signs: les classes de couches, et les opérations écrites sans couche, qui sont de ce genre.
    """

    CONVOLUTION = ("convolution", "conv", Family.CONVOLUTION, nn.Conv2d, aten.convolution)
    LINEAR = ("connectée", "connectée", Family.LINEAR, nn.Linear)
    MAX_POOL = (
        *("max pooling", "max", Family.POOLING, nn.MaxPool2d),
        *(aten.max_pool2d_with_indices, aten.adaptive_max_pool2d),
    )
    AVG_POOL = (
        *("moyenne", "moyenne", Family.POOLING, nn.AvgPool2d, nn.AdaptiveAvgPool2d),
        *(aten.avg_pool2d, aten._adaptive_avg_pool2d, aten.mean),
    )
    BATCH_NORM = ("normalisation par lots", "norm. par lots", Family.NORMALIZATION, nn.BatchNorm2d)
    LOCAL_RESPONSE_NORM = (
        *("normalisation locale", "norm. locale", Family.NORMALIZATION, nn.LocalResponseNorm),
    )
    LAYER_NORM = ("normalisation de couche", "norm. couche", Family.NORMALIZATION, nn.LayerNorm)
    RELU = ("ReLU", "ReLU", None, nn.ReLU)
    DROPOUT = ("dropout", "dropout", None, nn.Dropout)
    FLATTEN = ("mise à plat", "mise à plat", None, nn.Flatten)
    IDENTITY = ("identité", "identité", None, nn.Identity)
    MATMUL = ("produit de matrices", "produit mat.", Family.MATMUL)  # se reconnaît à ses MAC
    CONCATENATION = ("concaténation", "concaténation", Family.CONCATENATION, aten.cat)
    ADDITION = ("addition", "addition", Family.ADDITION, aten.add, aten.add_)
    MULTIPLICATION = (
        *("multiplication", "multiplication", Family.MULTIPLICATION, aten.mul, aten.mul_),
    )
    # Des blocs d'un dessin, qui ne sont pas des lignes.
    INPUT = ("entrée", "entrée", Family.INPUT)
    MODULE = ("module", "module", Family.MODULE)
    UNUSED = ("autres paramètres", "autres paramètres", Family.UNUSED)

    def __init__(self, french: str, short: str, family: Family | None, *signs: Any) -> None:
        self.french, self.short, self.family, self.signs = french, short, family, signs

    def __str__(self) -> str:
        """Rend le nom français."""
        return self.french

    def __repr__(self) -> str:
        """Rend le nom français entre apostrophes : une ligne affichée se lit."""
        return repr(self.french)


WEIGHTED = (Kind.CONVOLUTION, Kind.LINEAR, Kind.MATMUL)  # ce que les articles appellent couches
JOINING = (Kind.CONCATENATION, Kind.ADDITION, Kind.MULTIPLICATION)  # réunissent des chemins


@dataclass(frozen=True, repr=False)
class UnknownKind:
    """Le genre d'une couche qui n'est d'aucun :class:`Kind` : le nom de sa classe."""

    french: str

    @property
    def short(self) -> str:
        """Le même nom : on n'en connaît pas de plus court."""
        return self.french

    @property
    def family(self) -> Family:
        """Sa famille, devinée d'après le nom de la classe (« ConvTranspose2d », « GroupNorm »)."""
        words = {
            "Norm": Family.NORMALIZATION,
            "Pool": Family.POOLING,
            "Conv": Family.CONVOLUTION,
            "Linear": Family.LINEAR,
        }
        return next((family for word, family in words.items() if word in self.french), Family.OTHER)

    __str__, __repr__ = Kind.__str__, Kind.__repr__


AnyKind = Kind | UnknownKind
_KINDS = {sign: kind for kind in Kind for sign in kind.signs}
# Des opérations qui déplacent ou copient, sans calculer : ni ligne, ni mention.
SILENT = {aten.clone, aten._to_copy, aten.copy_, aten._unsafe_view, aten.cat, aten.empty_like}


def layer_kind(layer: nn.Module) -> AnyKind:
    """Le genre d'une couche, cherché dans ses classes de base : une sous-classe hérite du genre."""
    cls: Any = type(layer)
    return _class_kind(cls)


@cache
def _class_kind(cls: type) -> AnyKind:
    found = (_KINDS[base] for base in cls.__mro__ if base in _KINDS)
    return next(found, None) or UnknownKind(cls.__name__)


def operation_kind(operation: Any, macs: int, has_window: bool, paths: int) -> Kind | None:
    """Le genre d'une opération écrite sans couche ; ``None`` si elle ne mérite pas de ligne.

    Args:
        operation: une opération de ``torch.ops.aten``.
        macs: ses multiplications-additions.
        has_window: elle glisse une fenêtre sur des cartes.
        paths: le nombre de ses entrées qui viennent de l'entrée du réseau.
    """
    kind = _KINDS.get(operation)
    if macs:
        return kind or Kind.MATMUL
    missing = (kind in JOINING and paths < 2) or (kind is Kind.AVG_POOL and not has_window)
    return None if missing else kind
