"""Les processus qui mesurent : ceux de cette machine, ou les travailleurs d'une grappe dask."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from experiments.study import Cell, Study
from reseaux.errors import ReseauxError

T = TypeVar("T")

PATIENCE = 5  # secondes, pour joindre la grappe


@contextmanager
def one_thread() -> Iterator[None]:
    """Fait calculer torch, NumPy et scikit-learn sur un seul fil."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threads = torch.get_num_threads()
    try:
        with threadpool_limits(1):
            torch.set_num_threads(1)
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def deaf() -> Iterator[None]:
    """Les processus lancés ici n'entendront pas Ctrl+C, dès leur naissance ; lui attend la fin."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # en naissant, il lèverait le masque que voici
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def obey(parent: int) -> None:
    """Dans un processus de calcul : finir quand le programme principal meurt, même tué.

    Ctrl+C, qu'un terminal envoie à tous, ne s'adresse qu'au programme principal.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()


def on_cluster(
    address: str, measure: Callable[[Study, Cell], T], study: Study, cells: Sequence[Cell]
) -> Iterator[tuple[Cell, T | Exception]]:
    """Fait mesurer des cases par une grappe dask ; les rend dans l'ordre où elles arrivent.

    Une case dont les travailleurs meurent, ou dont ils n'ont pas le code, rend son erreur ; joblib,
    qui sait confier ses tâches à dask, attendrait alors sans fin.

    Raises:
        ReseauxError: la grappe ne répond pas ou plus, ou ses travailleurs ne conviennent pas.
    """
    with _client(address) as client:
        from dask.distributed import KilledWorker, as_completed

        sent = {client.submit(measure, alone(study, c), c, pure=False): c for c in cells}
        for future in as_completed(sent):  # type: ignore[no-untyped-call]
            if future.cancelled():
                raise ReseauxError(
                    f"La grappe « {address} » ne répond plus. Les lignes mesurées sont gardées ; "
                    "relancez."
                )
            error = future.exception()
            if isinstance(error, KilledWorker):
                error = ReseauxError("ses travailleurs meurent, peut-être faute de mémoire")
            yield sent[future], error or future.result()


def alone(study: Study, cell: Cell) -> Study:
    """L'étude et une seule case : un plan entier serait long à envoyer avec chacune."""
    return replace(study, plan=[cell])


@contextmanager
def _client(address: str) -> Iterator[Any]:
    """Se connecte à une grappe dask dont les travailleurs calculent sur un seul fil."""
    try:
        from dask.distributed import Client
    except ImportError:
        raise ReseauxError("Il manque dask : « pip install 'dask[distributed]' ».") from None
    try:
        asyncio.run(_reach(address))
        client = Client(address, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError):
        raise ReseauxError(
            f"Pas de grappe dask à l'adresse « {address} » ; il faut celle de son ordonnanceur, "
            "comme « tcp://127.0.0.1:8786 »."
        ) from None
    with client:
        if {*client.nthreads().values()} != {1}:  # type: ignore[no-untyped-call]
            raise ReseauxError(
                f"Il faut à la grappe « {address} » des travailleurs d'un seul fil : « dask worker "
                "--nthreads 1 --nworkers auto »."
            )
        yield client


async def _reach(address: str) -> None:
    """Frappe à la porte : un client qui ne trouve personne se plaindrait encore en mourant."""
    from distributed import comm

    found = await comm.connect(address, timeout=PATIENCE)  # type: ignore
    found.abort()
