"""La commande ``reseaux`` : d'un dossier d'images à un classifieur ; d'un nom de réseau à sa table.

    reseaux apprendre "mes images"             # apprend, teste, écrit « resultats »
    reseaux predire photo.jpg                  # répond avec ce qui a été appris
    reseaux resume resnet50                    # les couches d'un réseau
    torchrun --nproc-per-node 2 -m reseaux apprendre "mes images" --methode reglage-fin

Le dossier de sortie reçoit ``modele.safetensors``, ``rapport.html``, ``rapport.txt``,
``confusion.png``, ``erreurs.png`` et ``fichiers.csv``, qui dit ce qu'est devenu chaque fichier.
Ils sont écrits ensemble : une commande interrompue laisse ceux d'avant, entiers.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence

from photos import results
from photos.arguments import parse, read_request
from photos.console import complain, readable, say, speaks
from photos.request import OUTPUT, TRAINING, Method, Request
from reseaux.atomic import forget
from reseaux.errors import ReseauxError, os_reason

_running: list[argparse.Namespace] = []  # la commande en cours, s'il y en a une


def main(argv: Sequence[str] | None = None) -> int:
    """Exécute une ligne de commande ; rend le code de sortie.

    Args:
        argv: les mots qui suivent ``reseaux`` ; par défaut, ceux du système.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # un terminal sans accents n'arrête pas tout
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        given = parse(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    _running[:] = [given]
    if "torch" not in sys.modules and sys.stderr.isatty():
        complain("Chargement de PyTorch…")
    try:
        _run(given, words)
        sys.stdout.flush()
    except BrokenPipeError:  # « | head » a cessé de lire : rien à dire, et nulle part où le dire
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, ReseauxError, OSError, MemoryError, RuntimeError) as error:
        # Au milieu d'une sauvegarde, torch lève sa propre erreur par-dessus la vraie.
        causes = list(_causes(error))
        if any(isinstance(cause, KeyboardInterrupt) for cause in causes):
            complain(f"\n{goodbye()}")
            return 130
        message = next(filter(None, map(_explanation, causes)), None)
        if message is None:
            raise
        complain(f"Erreur : {message}")
        return 1
    return 0


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Une erreur, puis celles qu'elle a recouvertes."""
    while error is not None:
        yield error
        error = error.__context__


def _explanation(error: BaseException) -> str:
    """Ce qu'il faut dire d'une erreur ; rien d'un défaut du programme : il se montre."""
    if isinstance(error, ReseauxError):
        return str(error)
    if isinstance(error, OSError):
        where = f" : « {error.filename} »" if error.filename else ""
        return (
            f"lecture ou écriture impossible{where} ({os_reason(error)}). Donnez un autre dossier."
        )
    if isinstance(error, MemoryError) or "memory" in str(error):
        return "la mémoire ne suffit pas. Diminuez « --taille »."
    return ""


def _run(given: argparse.Namespace, words: Sequence[str]) -> None:
    """Exécute la sous-commande ; ce qui charge torch ne s'importe qu'ici."""
    if given.commande == "apprendre":
        _learn(read_request(given, words))
    elif not speaks():
        return
    elif given.commande == "predire":
        from photos.prediction import predict

        predict(given.modele, given.images, given.format)
    else:
        from photos import networks

        if given.commande == "resume":
            networks.show_summary(given.reseau, given.format)
        elif given.commande == "dessine":
            networks.save_drawing(given.reseau, given.sortie)
        else:
            networks.show_names()


def goodbye() -> str:
    """Range après Ctrl+C, et dit ce qui reste."""
    given = _running[0] if _running else argparse.Namespace(commande="")
    if given.commande == "dessine":
        forget(given.sortie)
    if given.commande != "apprendre":
        return "Interrompu."
    results.tidy(given.sortie)
    saved = given.sortie / TRAINING
    kept = f" La sauvegarde « {readable(str(saved))} » est gardée : ajoutez « --reprendre »."
    return f"Interrompu.{kept if saved.exists() else ''}"


def _learn(request: Request) -> None:
    """Lit le dossier, apprend, teste, écrit."""
    import torch

    from photos import dataset, learning, report
    from reseaux.reuse import distributed

    cards = request.setting.graphics_card and torch.cuda.is_available()
    with distributed.joined(cards) as worker:
        if worker.world_size > 1 and request.method is Method.LINEAR_PROBE:
            raise ReseauxError(
                "Une sonde s'apprend sur un seul processus, en quelques secondes : lancez la "
                "commande sans « torchrun », ou choisissez « --methode reglage-fin »."
            )
        read = dataset.read(request)
        results.check(request)
        distributed.wait(worker)  # personne n'écrit tant qu'un autre regarde
        if worker.rank == 0:
            results.claim(request)
            say(read.describe())
        learned = learning.learn(request, read, worker)
    if worker.rank:
        return  # le rang 0 seul teste et écrit
    told = report.write(request, read, learned)
    if request.method is Method.FINE_TUNING:
        (request.output / TRAINING).unlink(missing_ok=True)  # terminé : plus rien à reprendre
    say(told)
    place = "" if str(request.output) == OUTPUT else f"--modele {shlex.quote(str(request.output))} "
    say(f"Et maintenant : reseaux predire {place}IMAGE")
