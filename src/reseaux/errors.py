"""Les erreurs du paquet, et la façon d'en écrire le message.

Un message dit trois choses : ce qui a été donné, ce qui est permis, quoi faire.
"""

import difflib
import errno
import re
from collections.abc import Iterable, Mapping


class ReseauxError(ValueError):
    """Erreur que l'utilisateur peut corriger ; son message, en français, dit comment."""


def unknown_name(
    kind: str, given: object, allowed: Iterable[str], nicknames: Mapping[str, str] | None = None
) -> ReseauxError:
    """Fabrique l'erreur « nom inconnu », à lever, avec le nom permis le plus proche.

    Args:
        kind: ce que le nom désigne, article compris (« un réseau »).
        given: ce que l'utilisateur a écrit.
        allowed: les noms permis.
        nicknames: surnom courant -> nom permis (« vgg16 » -> « vgg-d »).
    """
    names = list(allowed)
    known = {_simplify(nickname): name for nickname, name in (nicknames or {}).items()}
    text = str(given)[:80]
    nearest = known.get(_simplify(text)) or nearest_name(text, names)
    hint = f" Vouliez-vous dire « {nearest} » ?" if nearest else ""
    shown = (
        text if text.isprintable() else repr(text)[1:-1]
    )  # ni retour à la ligne, ni code de terminal
    return ReseauxError(
        f"« {shown} » ne désigne pas {kind}.{hint} Noms permis : {', '.join(names)}."
    )


def nearest_name(given: str, allowed: Iterable[str]) -> str | None:
    """Cherche le nom permis le plus proche de ``given``, ou ``None`` si aucun ne lui ressemble.

    La casse, les tirets et les soulignés ne comptent pas : « VGG_D » désigne « vgg-d ».
    """
    simplified = {_simplify(name): name for name in allowed}
    found = difflib.get_close_matches(_simplify(given), simplified, cutoff=0.5)
    return simplified[found[0]] if found else None


_OS_REASONS = {
    errno.EACCES: "droits insuffisants",
    errno.EPERM: "droits insuffisants",
    errno.ENOENT: "fichier ou dossier absent",
    errno.ENOSPC: "le disque est plein",
    errno.EDQUOT: "le disque est plein",
    errno.EFBIG: "le fichier serait trop grand",
    errno.EROFS: "le disque est en lecture seule",
    errno.EISDIR: "c'est un dossier",
    errno.ENOTDIR: "un fichier porte le nom d'un dossier attendu",
    errno.EEXIST: "un fichier porte le nom d'un dossier attendu",
    errno.ELOOP: "des liens tournent en rond",
    errno.ENAMETOOLONG: "nom trop long",
    errno.ECONNREFUSED: "connexion refusée",
    errno.ENETUNREACH: "réseau injoignable",
    errno.EHOSTUNREACH: "machine injoignable",
}


def os_reason(error: OSError) -> str:
    """Dit en quelques mots français pourquoi le système refuse : « le disque est plein »."""
    if error.errno is None:  # une bibliothèque a levé l'erreur, pas le système
        return str(error)
    return _OS_REASONS.get(error.errno, f"erreur {error.errno} du système")


def _simplify(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
