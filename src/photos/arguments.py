"""La ligne de commande : les sous-commandes, leurs options, leur aide. Ne charge pas torch."""

import argparse
import os
import shlex
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from photos.console import readable
from photos.french import french_argparse
from photos.request import OUTPUT, SIZES, Method, Request
from reseaux import __version__
from reseaux.settings import SETTINGS

_EPILOG = "Codes de sortie : 0, tout va bien ; 1, erreur ; 2, option fausse ; 130, Ctrl+C."


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Lit une ligne de commande ; ``commande`` est le nom de la sous-commande.

    Raises:
        SystemExit: de code 2, option fausse (le message est écrit) ; de code 0, aide ou version.
    """
    with french_argparse():
        parser = _parser()
        given = parser.parse_args(words)
        if given.commande == "apprendre" and given.methode == Method.LINEAR_PROBE.value:
            for option in ("reprendre", "epoques"):
                if getattr(given, option):
                    parser.error(f"--{option} ne sert qu'à --methode {Method.FINE_TUNING.value}")
    return given


def read_request(given: argparse.Namespace, words: Sequence[str]) -> Request:
    """Ce que demandent les options d'« apprendre ».

    Args:
        given: ce que rend :func:`parse`.
        words: la ligne de commande elle-même, que le rapport répète.
    """
    processes = os.environ.get("WORLD_SIZE", "1")
    launcher = ["reseaux"]
    if processes != "1":
        launcher = ["torchrun", "--nproc-per-node", processes, "-m", "reseaux"]
    setting = SETTINGS[given.reglage]
    return Request(
        source=given.dossier,
        test=given.test,
        test_part=given.part_test,
        output=given.sortie,
        method=Method(given.methode),
        setting=setting,
        size=given.taille or setting.photos.size,
        epochs=given.epoques or setting.photos.epochs,
        seed=given.graine,
        resume=given.reprendre,
        overwrite=given.ecraser,
        command=" ".join(map(_quoted, [*launcher, *words])),
    )


def _parser() -> argparse.ArgumentParser:
    common: dict[str, Any] = {"epilog": _EPILOG, "add_help": False, "allow_abbrev": False}
    asking = argparse.ArgumentParser(**common)
    asking.add_argument("-h", "--aide", "--help", action="help", help="montre cette aide")
    network = argparse.ArgumentParser(parents=[asking], **common)
    network.add_argument(
        "reseau", metavar="RESEAU", help="son nom dans le cours, dans torchvision ou dans timm"
    )
    built = argparse.ArgumentParser(
        prog="reseaux",
        description="Réutiliser des réseaux existants : apprendre de vos images, lire un réseau.",
        parents=[asking],
        **common,
    )
    built.add_argument(
        "--version", action="version", version=f"reseaux {__version__}", help="montre la version"
    )
    commands = built.add_subparsers(dest="commande", metavar="COMMANDE", required=True)

    def add(
        name: str, text: str, parent: argparse.ArgumentParser = asking
    ) -> argparse.ArgumentParser:
        described = f"{text[0].upper()}{text[1:]}."
        return commands.add_parser(
            name, help=text, description=described, parents=[parent], **common
        )

    _add_learning(add("apprendre", "apprend à reconnaître les images d'un dossier"))
    predict = add("predire", "dit la classe d'images, avec ce qui a été appris")
    predict.add_argument(
        "images", metavar="IMAGE", nargs="+", type=_path, help="une image, ou un dossier d'images"
    )
    predict.add_argument(
        "--modele", metavar="DOSSIER", type=_path, default=Path(OUTPUT),
        help=f"les résultats d'« apprendre » (par défaut : {OUTPUT})",
    )  # fmt: skip
    for parser in (predict, add("resume", "décrit un réseau, couche par couche", network)):
        formats = parser.add_mutually_exclusive_group()
        for name, reader in (("json", "un programme"), ("csv", "un tableur")):
            formats.add_argument(
                f"--{name}", dest="format", action="store_const", const=name, default="texte",
                help=f"répond en {name.upper()}, pour {reader}",
            )  # fmt: skip
    add("dessine", "dessine un réseau", network).add_argument(
        "-o", "--sortie", metavar="FICHIER.svg", type=_path, required=True, help="où l'écrire"
    )
    add("liste", "donne les noms de réseaux que comprennent « resume » et « dessine »")
    return built


def _add_learning(learn: argparse.ArgumentParser) -> None:
    """Les options d'« apprendre »."""
    presets = SETTINGS.items()
    sizes = ", ".join(f"{setting.photos.size} en réglage {name}" for name, setting in presets)
    epochs = ", ".join(f"{setting.photos.epochs} en réglage {name}" for name, setting in presets)
    learn.add_argument(
        "dossier", metavar="DOSSIER", type=_path,
        help="un sous-dossier par classe ; ou « train » et « val » (ou « test ») qui en ont",
    )  # fmt: skip
    learn.add_argument(
        "--methode", choices=[method.value for method in Method], default="sonde",
        help="sonde : quelques secondes, le réseau reste gelé ; reglage-fin : le réseau continue "
        "d'apprendre (par défaut : sonde)",
    )  # fmt: skip
    learn.add_argument(
        "--reglage", choices=list(SETTINGS), default="rapide",
        help="complet : images plus grandes, réseau plus grand si ses poids sont là, carte "
        "graphique s'il y en a une (par défaut : rapide)",
    )  # fmt: skip
    learn.add_argument(
        "--sortie", metavar="DOSSIER", type=_path, default=Path(OUTPUT),
        help=f"où écrire les résultats (par défaut : {OUTPUT})",
    )  # fmt: skip
    held_out = learn.add_mutually_exclusive_group()
    held_out.add_argument(
        "--test", metavar="DOSSIER", type=_path, help="un dossier d'images de test, par classe"
    )
    held_out.add_argument(
        "--part-test", metavar="PART", type=_number(float, 0.01, 0.9, "un nombre de 0.01 à 0.9"),
        help="sinon, la part des images mise de côté pour le test (par défaut : 0.25)",
    )  # fmt: skip
    learn.add_argument(
        "--taille", metavar="PIXELS",
        type=_number(int, *SIZES, f"un entier de {SIZES[0]} à {SIZES[1]}"),
        help=f"côté des carrés donnés au réseau (par défaut : {sizes})",
    )  # fmt: skip
    learn.add_argument(
        "--epoques", metavar="N", type=_number(int, 1, 10_000, "un entier de 1 à 10000"),
        help=f"époques du réglage fin (par défaut : {epochs})",
    )  # fmt: skip
    learn.add_argument(
        "--graine", metavar="N", default=0,
        type=_number(int, 0, 2**31, f"un entier de 0 à {2**31}"),
        help="graine du partage et de l'apprentissage : la même redonne tout (par défaut : 0)",
    )  # fmt: skip
    learn.add_argument("--reprendre", action="store_true", help="reprend un réglage fin interrompu")
    learn.add_argument(
        "--ecraser", action="store_true", help="remplace les résultats d'un autre dossier d'images"
    )


def _path(text: str) -> Path:
    """Un chemin ; « ~ », que le terminal laisse entre guillemets, est le dossier de départ."""
    if "\0" in text:
        raise argparse.ArgumentTypeError("un chemin n'a pas de caractère nul")
    return Path(os.path.expanduser(text))  # noqa: PTH111 (ne lève rien si ce dossier est inconnu)


def _quoted(word: str) -> str:
    """Un mot tel que le terminal le relit ; un nom qui ne s'affiche pas, à la façon de bash."""
    if readable(word) == unicodedata.normalize("NFC", word):
        return shlex.quote(word)
    return "$'" + readable(word.replace("\\", "\\\\")).replace("'", "\\'") + "'"


def _number(
    kind: type[int] | type[float], low: float, high: float, what: str
) -> Callable[[str], Any]:
    """Un lecteur de nombre, pour argparse : refuse ce qui sort des bornes, en disant lesquelles."""

    def read(text: str) -> float:
        try:
            # Python lirait aussi « 3_2 » et les chiffres d'autres écritures.
            value = kind(text.replace(",", ".").replace("_", "x").encode("ascii"))
        except ValueError:
            value = kind(low) - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"« {text} » ; il faut {what}")
        return value

    return read
