"""L'état de toutes les sources de hasard : torch, ses cartes, numpy et Python."""

import random
from typing import Any

import numpy as np
import torch

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


def put_back(state: dict[str, Any]) -> None:
    """Remet les sources dans l'état rendu par :func:`get` ; autant de cartes, sinon elles non."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all(state["cuda"])
    keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), position, has_gauss, cached))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
