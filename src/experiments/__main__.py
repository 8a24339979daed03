"""« python -m experiments » : mesurer les études, ou vérifier leurs résultats."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import STUDIES, find
from reseaux.errors import ReseauxError

if TYPE_CHECKING:
    from experiments.study import Study


def main(arguments: list[str] | None = None) -> int:
    """Lit la ligne de commande ; rend le code de sortie : 0, ou 1 si quelque chose a échoué."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments", description=__doc__, add_help=False
    )
    parser._positionals.title, parser._optionals.title = "études", "options"
    add = parser.add_argument
    add("-h", "--help", action="help", help="affiche cette aide")
    add("etudes", nargs="*", help=f"les études ; par défaut, toutes : {', '.join(STUDIES)}")
    add("--verifier", type=_count, metavar="N", help="refaire N cases de chaque étude, et comparer")
    add("--graine", type=int, default=0, metavar="G", help="graine du tirage de ces cases")
    add("--cases", type=_count, metavar="N", help="s'arrêter après N cases par étude")
    add("--processus", type=_count, metavar="N", help="par défaut, un par cœur")
    add("--grappe", default="", metavar="ADRESSE", help="l'adresse d'une grappe dask")
    add(
        "--refaire",
        action="store_true",
        help="ôter d'abord les lignes qui ne répondent plus au plan",
    )
    add("--memoire", metavar="DOSSIER", help="où garder les caractéristiques d'une case à l'autre")
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except ReseauxError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Interrompu. Les lignes mesurées sont gardées ; relancez pour continuer.",
            file=sys.stderr,
        )
        return 130


def _count(text: str) -> int:
    """Lit un nombre de cases ou de processus."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"« {text} » ; il faut un entier, au moins 1")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    from experiments import results, running

    studies = [find(name) for name in options.etudes or STUDIES]
    if options.memoire:
        os.environ[running.MEMORY] = str(Path(options.memoire).absolute())
    failures = 0
    for study in studies:
        if options.refaire and (dropped := results.drop_stale(study)):
            print(f"{study.name} : lignes qui ne répondaient plus au plan, ôtées : {dropped}.")
        if options.verifier:
            failures += _verify(study, options)
            continue
        outcome = running.run(study, options.processus, options.grappe, options.cases)
        failures += len(outcome.failed)
        print(f"{study.name} : cases mesurées, {outcome.done} ; à faire, {outcome.left}.")
    return int(failures > 0)


def _verify(study: "Study", options: argparse.Namespace) -> int:
    """Refait des cases d'une étude et dit ce qui diffère ; rend combien diffèrent."""
    from experiments import running

    checks = running.verify(
        study, options.verifier, options.graine, jobs=options.processus, cluster=options.grappe
    )
    for check in checks:
        told = " ; ".join(check.differences) or "même résultat"
        print(f"{study.name} ({', '.join(study.key(check.stored))}) : {told}")
    return sum(bool(check.differences) for check in checks)


if __name__ == "__main__":
    sys.exit(main())
