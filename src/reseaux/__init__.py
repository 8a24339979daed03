"""Le paquet d'aide du cours *Utilisation de réseaux existants*.

``import reseaux`` ne coûte presque rien : un nom n'est cherché, et torch n'est chargé, qu'à sa
première utilisation (PEP 562).

>>> import reseaux
>>> net = reseaux.build("vgg-d")                    # un nn.Module
>>> s = reseaux.summarize(net, (3, 224, 224))       # une ligne par couche
>>> s.params
138357544
"""

from importlib import import_module

# Rien de plus : « python -m reseaux » passe par ici avant de savoir répondre à Ctrl+C. Charger
# « typing » serait le plus long ; les outils de types croient ce nom vrai.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from reseaux.anatomy.drawing.svg import draw as draw
    from reseaux.anatomy.summary import summarize as summarize
    from reseaux.architectures import NETWORKS as NETWORKS
    from reseaux.architectures import Network as Network
    from reseaux.architectures import build as build
    from reseaux.errors import ReseauxError as ReseauxError

__version__ = "0.1.0"

# Nom public -> module qui le définit.
_HOME = {
    "NETWORKS": "architectures",
    "Network": "architectures",
    "build": "architectures",
    "ReseauxError": "errors",
    "draw": "anatomy.drawing.svg",
    "summarize": "anatomy.summary",
}

__all__ = ["NETWORKS", "Network", "ReseauxError", "build", "draw", "summarize"]


def __getattr__(name: str) -> "Any":
    """Charge le module qui définit ``name``, la première fois qu'on le demande."""
    if name not in _HOME:
        raise AttributeError(f"Le module « reseaux » n'a pas d'attribut « {name} ».")
    value = getattr(import_module(f"reseaux.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Liste les noms publics, chargés ou non (complétion dans un notebook)."""
    return sorted(set(globals()) | set(_HOME))
