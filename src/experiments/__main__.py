"""« python -m experiments » : mesurer les études, ou vérifier leurs résultats."""

import argparse
import os
import sys
from pathlib import Path

from experiments import STUDIES, find
from reseaux.errors import ReseauxError


def main(arguments: list[str] | None = None) -> int:
    """Lit la ligne de commande ; rend le code de sortie : 0, ou 1 si quelque chose a échoué."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments", description=__doc__, add_help=False
    )
    parser._positionals.title, parser._optionals.title = "études", "options"
    add = parser.add_argument
    add("-h", "--help", action="help", help="affiche cette aide")
    add("etudes", nargs="*", help=f"les études ; par défaut, toutes : {', '.join(STUDIES)}")
    add("--verifier", type=int, metavar="N", help="refaire N cases tirées au hasard et comparer")
    add("--graine", type=int, default=0, metavar="G", help="graine de ce tirage")
    add("--cases", type=int, metavar="N", help="s'arrêter après N cases par étude")
    add("--processus", type=int, default=-1, metavar="N", help="−1, un par cœur")
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


def _run(options: argparse.Namespace) -> int:
    from experiments import results, running

    if options.memoire:
        os.environ[running.MEMORY] = str(Path(options.memoire).absolute())
    failures = 0
    for study in map(find, options.etudes or STUDIES):
        if options.refaire and (dropped := results.drop_stale(study)):
            print(f"{study.name} : {dropped} lignes ne répondaient plus au plan.")
        if options.verifier:
            checks = running.verify(study, options.verifier, options.graine)
            for check in checks:
                failures += bool(check.differences)
                told = " ; ".join(check.differences) or "même résultat"
                print(f"{study.name} ({', '.join(study.key(check.stored))}) : {told}")
            continue
        outcome = running.run(study, options.processus, options.grappe, options.cases)
        failures += len(outcome.failed)
        print(f"{study.name} : {outcome.done} cases mesurées, {outcome.left} à faire.")
        for told in outcome.failed:
            print(told, file=sys.stderr)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
