"""Plusieurs processus pour un calcul : les lancer, s'y joindre, s'attendre.

:func:`torchrun` lance un programme en plusieurs exemplaires sur cette machine ; dans ce programme,
:func:`joined` fait entrer chacun dans le groupe. Tout passe par la boucle locale : aucun réseau.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch

from reseaux.arguments import Count, Positive, checked
from reseaux.errors import ReseauxError
from reseaux.reuse import training


@checked
def torchrun(
    *words: str | Path, processes: Count = 2, folder: Path | None = None, timeout: Positive = 240
) -> str:
    """Lance un programme par ``torchrun``, attend qu'il finisse, et rend ce qu'il affiche.

    Args:
        words: le programme et ses arguments, comme après ``torchrun`` : un fichier, ou « -m » et le
            nom d'un module.
        processes: nombre de processus.
        folder: le dossier où les lancer ; par défaut, celui d'où l'on appelle.
        timeout: durée d'attente maximale, en secondes.

    Raises:
        ReseauxError: processus en échec ou trop lent ; tous sont arrêtés.
    """
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    running = subprocess.Popen(
        [sys.executable, *launcher, *map(str, words)],
        cwd=folder,
        env={"OMP_NUM_THREADS": "1", **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    try:
        output, errors = running.communicate(timeout=timeout)
    except BaseException as error:
        running.terminate()  # avant de partir, « torchrun » arrête ses processus
        running.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise ReseauxError(
            f"Les processus n'ont pas fini en {timeout:g} s ; ils ont été arrêtés. "
            "Augmentez « timeout » si la machine est très chargée."
        ) from error
    if running.returncode:
        raise _failure(errors)
    return output


def _failure(errors: str) -> ReseauxError:
    """Retrouve, dans ce que « torchrun » a affiché, quel processus a échoué et ce qu'il a dit."""
    before, _, after = errors.partition(" failed (exitcode: ")
    lines = [line for line in before.splitlines() if not re.match(r"[IWE]\d{4} |\s*$", line)]
    found = re.match(r"(-?\d+)\) local_rank: (\d+)", after)
    who = (
        f"Le processus {found[2]} a échoué (code {found[1]})" if found else "« torchrun » a échoué"
    )
    said = re.sub(r"^\[rank\d+\]: ", "", lines[-1]) if lines else "aucun message"
    return ReseauxError(f"{who} : {said}")


@contextmanager
def joined(cards: bool = False) -> Iterator[training.Worker]:
    """Se joint aux autres processus lancés par « torchrun », et les quitte à la fin du bloc.

    Hors de « torchrun », il n'y a rien à joindre : la part rendue est celle d'un processus seul.

    Args:
        cards: calcule sur des cartes graphiques, une par processus (bibliothèque NCCL) ; sinon sur
            le processeur (gloo).

    Raises:
        ReseauxError: plus de processus que de cartes ; un autre processus s'est arrêté.
    """
    import torch.distributed as dist

    if not dist.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield training.ALONE
        return
    local, local_world = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if cards:
        if local_world > torch.cuda.device_count():
            raise ReseauxError(
                f"{local_world} processus ; cartes : {torch.cuda.device_count()}. Il faut une "
                "carte par processus ; diminuez « --nproc-per-node »."
            )
        torch.cuda.set_device(local)
    if local_world == int(os.environ["WORLD_SIZE"]) and os.name != "nt":
        # Une seule machine : rester sur la boucle locale.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    dist.init_process_group("nccl" if cards else "gloo", timeout=timedelta(minutes=30))
    try:
        yield training.Worker(dist.get_rank(), dist.get_world_size())
    except RuntimeError as error:
        if not re.search("gloo|nccl|connection", str(error), re.IGNORECASE):
            raise
        raise ReseauxError(
            "Un autre processus s'est arrêté ; celui-ci ne peut pas continuer seul. "
            "Relancez la même commande, en reprenant la dernière sauvegarde (« --reprendre »)."
        ) from error
    finally:
        dist.destroy_process_group()


def wait(worker: training.Worker) -> None:
    """Attend que tous les processus en soient là ; sans effet pour un processus seul."""
    if worker.world_size > 1:
        import torch.distributed as dist

        dist.barrier()
