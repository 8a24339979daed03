"""Une feuille de style pour tout le site : celles du thème et la nôtre, sans ce qui n'y sert pas.

Le thème apporte Bootstrap entier. On ne garde d'une règle que les sélecteurs dont chaque classe et
chaque identifiant se trouve dans une page ou dans un script ; tinycss2 lit et récrit les feuilles.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any

import tinycss2

# Les règles qui en contiennent d'autres.
NESTING = {"media", "supports", "container", "layer"}
# Les commentaires qu'une licence demande de garder.
NOTICE = re.compile(r"/\*!.*?\*/", re.DOTALL)


def reduce_styles(sheets: Iterable[tuple[str, str]], words: set[str]) -> str:
    """Réunit des feuilles, réduites à ce que nomment ``words``.

    Args:
        sheets: l'adresse de chaque feuille depuis ``_static/``, et son texte, dans l'ordre.
        words: les classes et les identifiants du site.
    """
    notices: dict[str, None] = {}
    parts = []
    for name, text in sheets:
        notices |= dict.fromkeys(NOTICE.findall(text))
        rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
        parts += [_rebase(rule, posixpath.dirname(name)) for rule in _kept(rules, words)]
    return "\n".join([*notices, *parts]) + "\n"


def _kept(rules: Iterable[Any], words: set[str]) -> Iterator[str]:
    """Le texte de chaque règle utile."""
    for rule in rules:
        if rule.type == "qualified-rule":
            prelude = _selectors(rule.prelude, words)
            if prelude:
                yield f"{prelude}{{{_text(rule.content)}}}"
        elif rule.type == "at-rule" and rule.content is None:
            if rule.lower_at_keyword != "charset":
                yield rule.serialize()
        elif rule.type == "at-rule" and rule.lower_at_keyword in NESTING:
            inside = tinycss2.parse_rule_list(
                rule.content, skip_comments=True, skip_whitespace=True
            )
            kept = list(_kept(inside, words))
            if kept:
                yield f"@{rule.at_keyword}{_text(rule.prelude, around=True)}{{{''.join(kept)}}}"
        elif rule.type == "at-rule":
            yield f"@{rule.at_keyword}{_text(rule.prelude, around=True)}{{{_text(rule.content)}}}"


def _selectors(prelude: list[Any], words: set[str]) -> str:
    """Les sélecteurs d'une règle dont tous les noms sont connus."""
    kept: list[str] = []
    current: list[Any] = []
    for token in [*prelude, None]:
        if token is None or (token.type == "literal" and token.value == ","):
            if _names(current) <= words:
                kept.append(_text(current))
            current = []
        else:
            current.append(token)
    return ",".join(kept)


def _names(selector: list[Any]) -> set[str]:
    """Les classes et identifiants qu'un sélecteur exige ; ceux de « :not(…) » n'en sont pas."""
    names, dot = set(), False
    for token in selector:
        if token.type == "hash" or (token.type == "ident" and dot):
            names.add(token.value)
        dot = token.type == "literal" and token.value == "."
    return names


def _text(tokens: list[Any], *, around: bool = False) -> str:
    """Écrit des jetons sans commentaire, les blancs réduits à un."""
    plain = [token for token in tokens if token.type != "comment"]
    text = re.sub(r"\s+", " ", tinycss2.serialize(plain))
    return f" {text.strip()}" if around and text.strip() else text.strip()


def _rebase(rule: str, folder: str) -> str:
    """Récrit les adresses relatives d'une règle, lues depuis ``folder``, depuis ``_static/``."""

    def moved(found: re.Match[str]) -> str:
        address = found["address"]
        if re.match(r"[a-z]+:|/|#", address):
            return found[0]
        return f'url("{posixpath.normpath(posixpath.join(folder, address))}")'

    return re.sub(r"url\((?P<quote>[\"']?)(?P<address>[^\"')]+)(?P=quote)\)", moved, rule)
