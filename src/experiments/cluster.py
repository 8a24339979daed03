"""Une grappe dask, où joblib répartit les cases d'une étude comme sur les cœurs d'une machine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from reseaux.errors import ReseauxError

PATIENCE = 5  # secondes, pour joindre la grappe


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Confie à une grappe dask ce que joblib répartit ; sans adresse, ne fait rien.

    Raises:
        ReseauxError: dask manque, la grappe ne répond pas, ou ses travailleurs ne conviennent pas.
    """
    if not address:
        yield
        return
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
        with joblib.parallel_config("dask", n_jobs=-1, client=client):
            yield


async def _reach(address: str) -> None:
    """Frappe à la porte : un client qui ne trouve personne se plaindrait encore en mourant."""
    from distributed import comm

    found = await comm.connect(address, timeout=PATIENCE)  # type: ignore
    found.abort()
