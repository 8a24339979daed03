"""Les messages d'argparse en français, là où argparse les traduirait lui-même : par gettext.

argparse passe chacun de ses textes à ``gettext`` avant de le remplir. On lui prête notre traduction
le temps de lire une ligne de commande. Un test compare ce catalogue aux textes de l'argparse
installé : une version de Python qui en change un se voit.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from reseaux.formatting import NBSP

CATALOG = {
    "usage: ": "emploi : ",
    "positional arguments": f"à donner{NBSP}",
    "options": f"options{NBSP}",
    "%(prog)s: error: %(message)s\n": "\nErreur : %(message)s\nL'aide : %(prog)s --aide\n",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s : %(message)s",
    "expected one argument": "il y faut une valeur",
    "expected at least one argument": "il y faut au moins une valeur",
    "not allowed with argument %s": "ne va pas avec %s",
    "ignored explicit argument %r": "ne prend pas de valeur (« %s »)",
    "invalid choice: %(value)r (choose from %(choices)s)": (
        "« %(value)s » n'existe pas ; choisissez : %(choices)s"
    ),
    "unknown parser %(parser_name)r (choices: %(choices)s)": (
        "« %(parser_name)s » n'existe pas ; choisissez : %(choices)s"
    ),
    "unrecognized arguments: %s": "option ou mot en trop : %s",
    "the following arguments are required: %s": "il manque : %s",
}


@contextmanager
def french_argparse() -> Iterator[None]:
    """Fait parler français à argparse le temps d'un bloc."""
    kept = {name: vars(argparse)[name] for name in ("_", "ngettext")}

    def translate(message: str) -> str:
        return CATALOG.get(message, message)

    def translate_number(one: str, many: str, count: int) -> str:
        return translate(one if count < 2 else many)

    vars(argparse).update({"_": translate, "ngettext": translate_number})
    try:
        yield
    finally:
        vars(argparse).update(kept)
