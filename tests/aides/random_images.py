"""Des images au hasard, sous les trois formes que prennent les transformations."""

import numpy as np
import torch
from hypothesis import strategies as st
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F


def random_image(seed: int, shape=(3, 12, 14), dtype=torch.uint8) -> torch.Tensor:
    """Un tenseur au hasard : octets de 0 à 255, ou flottants de 0 à 1."""
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.uint8:
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return torch.rand(shape, generator=generator).to(dtype)


def as_kind(image: torch.Tensor, kind: str):
    """La même image en tenseur, en ``tv_tensors.Image`` ou en PIL."""
    if kind == "pil":
        return F.to_pil_image(image)
    if kind == "tv":
        return tv_tensors.Image(image)
    return image


def make(kind, dtype, channels, height, width, batch, seed):
    """L'image que décrit un tirage de :func:`image_cases`."""
    if kind == "pil":
        dtype, batch = torch.uint8, None
    shape = (channels, height, width) if batch is None else (batch, channels, height, width)
    return as_kind(random_image(seed, shape, dtype), kind)


def image_cases(dtypes, low: int, high: int) -> dict[str, st.SearchStrategy]:
    """Les arguments de :func:`make`, tirés par hypothesis ; côtés de ``low`` à ``high``."""
    return {
        "kind": st.sampled_from(["tensor", "tv", "pil"]),
        "dtype": st.sampled_from(dtypes),
        "channels": st.sampled_from([1, 3]),
        "height": st.integers(low, high),
        "width": st.integers(low, high),
        "batch": st.sampled_from([None, 1, 3]),
        "seed": st.integers(0, 2**31),
    }


def same(a, b) -> bool:
    """Les deux images ont les mêmes pixels."""
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))
