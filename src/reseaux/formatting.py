"""Les nombres écrits à la française : espace fine entre les milliers, virgule décimale.

>>> integer(34944)
'34\u202f944'
>>> percent(0.153)
'15,3\xa0%'

Tout ce qui a la valeur d'un nombre convient (NumPy, tenseur) ; le reste, un texte compris, donne un
``ReseauxError``. NaN s'écrit « indéfini », l'infini « ∞ ».
"""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Annotated, SupportsFloat

from reseaux.arguments import between, checked
from reseaux.errors import ReseauxError

THIN = "\u202f"  # espace fine insécable : entre les milliers
NBSP = "\u00a0"  # espace insécable : avant une unité

Digits = Annotated[int, between(0, 30)]


def _number(value: SupportsFloat) -> float:
    try:
        return value.__float__()
    except (AttributeError, TypeError, ValueError, OverflowError, RuntimeError):
        raise ReseauxError(
            f"Un objet « {type(value).__name__} » n'a pas la valeur d'un nombre ; "
            "donnez un entier ou un nombre décimal."
        ) from None


def integer(value: SupportsFloat) -> str:
    """Écrit un entier avec une espace fine entre les milliers : ``34944`` donne « 34 944 »."""
    if not isinstance(value, Integral):
        return decimal(value, 0)
    try:
        return f"{int(value):,}".replace(",", THIN).replace("-", "−")  # exact, si grand soit-il
    except ValueError:  # au-delà, Python refuse d'écrire un entier
        raise ReseauxError(
            "Cet entier a plus de 4 300 chiffres ; donnez-en un plus petit."
        ) from None


@checked
def decimal(value: SupportsFloat, digits: Digits = 1) -> str:
    """Écrit un nombre avec ``digits`` chiffres après la virgule : ``4.6521`` donne « 4,7 »."""
    number = _number(value)
    if math.isnan(number):
        return "indéfini"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    # « z » : un nombre que l'arrondi annule s'écrit « 0,0 », sans signe.
    return f"{number:z,.{digits}f}".replace(",", THIN).replace(".", ",").replace("-", "−")


def percent(fraction: SupportsFloat, digits: Digits = 1) -> str:
    """Écrit une fraction en pour cent : ``0.153`` donne « 15,3 % »."""
    return f"{decimal(100 * _number(fraction), digits)}{NBSP}%"


def millions(value: SupportsFloat, digits: Digits = 1) -> str:
    """Écrit un nombre en millions : ``138357544`` donne « 138,4 M »."""
    return f"{decimal(_number(value) / 1e6, digits)}{NBSP}M"


def megabytes(n_bytes: SupportsFloat, digits: Digits = 0) -> str:
    """Écrit une taille en mégaoctets (10⁶ octets) : ``553430176`` donne « 553 Mo »."""
    return f"{decimal(_number(n_bytes) / 1e6, digits)}{NBSP}Mo"


def mebibytes(n_bytes: SupportsFloat, digits: Digits = 0) -> str:
    """Écrit une taille en mébioctets (2²⁰ octets) : ``553430176`` donne « 528 Mio »."""
    return f"{decimal(_number(n_bytes) / 2**20, digits)}{NBSP}Mio"


@checked
def dimensions(sizes: Sequence[int] | None) -> str:
    """Écrit des tailles : ``(3, 224, 224)`` donne « 3×224×224 » ; rien, un texte vide."""
    return "×".join(str(size) for size in sizes or ())
