"""La porte du programme : Ctrl+C et les flux sont prêts avant le moindre import lourd.

Un Ctrl+C tombe n'importe où : pendant l'import de PyTorch, dans une bibliothèque qui l'avale, au
milieu d'une écriture. Lever ``KeyboardInterrupt`` là où l'on est ne suffit donc pas : on range, on
le dit en une ligne, et le processus s'arrête. Dans un notebook, :func:`photos.command.main` laisse
au contraire Python lever son exception.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial


def run() -> None:
    """Exécute la commande, et finit le processus avec son code de sortie."""
    signal.signal(signal.SIGINT, partial(_stop, lambda: "Interrompu."))
    _open_closed_streams()
    from photos import command

    signal.signal(signal.SIGINT, partial(_stop, command.goodbye))
    code = command.main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # tout est écrit : plus rien à interrompre
    sys.exit(code)


def _stop(goodbye: Callable[[], str], *_: object) -> None:
    """Range, le dit en une ligne, et arrête le processus."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        text = f"\n{goodbye()}\n" if os.environ.get("RANK", "0") == "0" else ""
        # « print » refuserait, si Ctrl+C tombait pendant un autre « print ».
        os.write(2, text.encode(sys.stderr.encoding, "replace"))
    finally:
        os._exit(130)


def _open_closed_streams() -> None:
    """Met un flux muet à la place d'un flux fermé : le prochain fichier ouvert y serait écrit."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # le système prend le plus petit numéro libre
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w"))
