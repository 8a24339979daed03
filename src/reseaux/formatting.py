"""Les nombres écrits à la française : espace fine entre les milliers, virgule décimale.

>>> integer(34944)
'34\u202f944'
>>> percent(0.153)
'15,3\xa0%'
"""

from collections.abc import Iterable

THIN = "\u202f"  # espace fine insécable : entre les milliers
NBSP = "\u00a0"  # espace insécable : avant une unité


def integer(value: float) -> str:
    """Écrit un entier avec une espace fine entre les milliers : ``34944`` donne « 34 944 »."""
    return f"{round(value):,}".replace(",", THIN).replace("-", "−")


def decimal(value: float, digits: int = 1) -> str:
    """Écrit un nombre avec ``digits`` chiffres après la virgule : ``4.6521`` donne « 4,7 »."""
    # « z » : un nombre que l'arrondi annule s'écrit « 0,0 », sans signe.
    return f"{value:z,.{digits}f}".replace(",", THIN).replace(".", ",").replace("-", "−")


def percent(fraction: float, digits: int = 1) -> str:
    """Écrit une fraction en pour cent : ``0.153`` donne « 15,3 % »."""
    return f"{decimal(100 * fraction, digits)}{NBSP}%"


def millions(value: float, digits: int = 1) -> str:
    """Écrit un nombre en millions : ``138357544`` donne « 138,4 M »."""
    return f"{decimal(value / 1e6, digits)}{NBSP}M"


def megabytes(n_bytes: float, digits: int = 0) -> str:
    """Écrit une taille en mégaoctets (10⁶ octets) : ``553430176`` donne « 553 Mo »."""
    return f"{decimal(n_bytes / 1e6, digits)}{NBSP}Mo"


def mebibytes(n_bytes: float, digits: int = 0) -> str:
    """Écrit une taille en mébioctets (2²⁰ octets) : ``553430176`` donne « 528 Mio »."""
    return f"{decimal(n_bytes / 2**20, digits)}{NBSP}Mio"


def dimensions(sizes: Iterable[int] | None) -> str:
    """Écrit des tailles : ``(3, 224, 224)`` donne « 3×224×224 » ; rien, un texte vide."""
    return "×".join(str(size) for size in sizes or ())
