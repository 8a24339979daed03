"""La commande, interrompue par Ctrl+C à des moments tirés au hasard ; écrit en JSON ce qui reste.

    python interrupted.py dossier graine nombre mot…

Un moment est un numéro d'opération (import, fichier ouvert, renommé…) : il ne dépend pas de la
vitesse de la machine. Les processus naissent par ``fork`` : torch n'est chargé qu'une fois.
"""

import json
import os
import random
import signal
import sys
import traceback
from pathlib import Path

EVENTS = {"import", "open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.scandir"}


def interrupt_at(moment: int, total: Path) -> None:
    """Envoie Ctrl+C à ce processus à sa ``moment``-ième opération ; 0 les compte jusqu'au bout."""
    count = 0

    def watch(event: str, _: object) -> None:
        nonlocal count
        if event in EVENTS:
            count += 1
            if count == moment:
                os.kill(os.getpid(), signal.SIGINT)
            elif moment == 0:
                os.pwrite(counter, str(count).encode(), 0)

    counter = os.open(total, os.O_WRONLY | os.O_CREAT)
    sys.addaudithook(watch)


def run(words: list[str], moment: int, place: Path) -> dict[str, object]:
    """Exécute la commande dans un processus ; rend son code et ce qu'il a dit."""
    said = {1: place / "out", 2: place / "err"}
    if (child := os.fork()) == 0:
        from photos import entry

        for number, file in said.items():
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = ["reseaux", *words]
        code = 99
        try:
            interrupt_at(moment, place / "total")
            entry.run()
        except SystemExit as stop:
            code = int(stop.code or 0)
            sys.stdout.flush()
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"code": code, "moment": moment, "out": said[1].read_text(), "err": said[2].read_text()}


def main(place: Path, seed: int, count: int, words: list[str]) -> None:
    """Une fois jusqu'au bout, pour compter ; puis interrompue ``count`` fois."""
    from photos import dataset, learning, networks, prediction, report  # noqa: F401

    first = run(words, 0, place)
    total = int((place / "total").read_text())
    # La moitié vers la fin : c'est là qu'on écrit.
    rng, late = random.Random(seed), max(total - 150, 2 * total // 3)
    moments = rng.sample(range(1, late), count // 2)
    moments += rng.sample(range(late, total + 1), count - count // 2)
    records = []
    for moment in moments:
        left = sorted(str(f.relative_to(place)) for f in place.rglob("*"))
        record = run(words, moment, place)
        record["left"] = sorted(str(f.relative_to(place)) for f in place.rglob("*"))
        records.append({**record, "before": left})
    print(json.dumps({"first": first, "total": total, "records": records}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
