"""L'état de toutes les sources de hasard : torch, ses cartes, numpy et Python."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from reseaux.arguments import Seed, checked
from reseaux.errors import ReseauxError

SOURCES = ("torch", "cuda", "numpy", "python")


def get() -> dict[str, Any]:
    """Relève l'état des sources, en valeurs simples que torch relit sans risque."""
    _, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [torch.from_numpy(np.asarray(keys, np.int64)), position, has_gauss, cached],
        "python": list(random.getstate()),
    }


@checked
def put_back(state: dict[str, Any]) -> None:
    """Remet les sources dans l'état rendu par :func:`get` ; autant de cartes, sinon elles non.

    Raises:
        ReseauxError: ce n'est pas un tel état ; aucune source n'a changé.
    """
    before = get()
    try:
        _put(state)
    except Exception as error:  # l'état vient d'un fichier : tout peut arriver
        _put(before)
        absent = [name for name in SOURCES if name not in state]
        problem = f"de « {absent[0]} » manque" if absent else "est abîmé"
        raise ReseauxError(f"L'état du hasard {problem}.") from error


def _put(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all(state["cuda"])
    keys, position, has_gauss, cached = state["numpy"]
    if not 0 <= position <= len(keys):  # numpy lirait hors de sa mémoire
        raise ValueError("position impossible")
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), position, has_gauss, cached))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))


@checked
@contextmanager
def seeded(seed: Seed) -> Iterator[None]:
    """Le temps d'un bloc, part d'une graine ; remet ensuite chaque source où elle en était."""
    before = get()
    try:
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        yield
    finally:
        _put(before)
