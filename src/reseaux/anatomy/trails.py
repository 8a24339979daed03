"""Des tenseurs sans valeurs, qui portent d'où ils viennent et ce qu'ils voient de l'entrée."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reseaux.anatomy.receptive import Field


class Trail(NamedTuple):
    """D'où vient un tenseur : les lignes qui l'ont produit, et son champ réceptif."""

    sources: tuple[int, ...]
    field: Field | None


_NO_TRAIL = Trail((), None)
_META = torch.device("meta")


def set_trail(tensor: Tensor, trail: Trail) -> None:
    """Marque un tenseur."""
    tensor._reseaux = trail  # type: ignore[attr-defined]


def trail_of(tensor: Tensor) -> Trail:
    """Rend la marque d'un tenseur ; une marque vide s'il ne vient pas de l'entrée."""
    return getattr(tensor, "_reseaux", _NO_TRAIL)


def has_trail(tensor: Tensor) -> bool:
    """Dit si un tenseur vient de l'entrée du réseau ; sinon, c'est un poids ou une constante."""
    return hasattr(tensor, "_reseaux")


def common_sources(tensors: Iterable[Tensor]) -> tuple[int, ...]:
    """Réunit les lignes d'où viennent des tenseurs, sans répétition, dans l'ordre."""
    return tuple(dict.fromkeys(row for x in tensors for row in trail_of(x).sources))


def blank(like: Tensor, shape: Sequence[int]) -> Tensor:
    """Crée un tenseur « meta » sans marque, sans passer par le *dispatch mode*, qui est lent.

    De même forme que ``like``, c'en est une copie : trois fois plus rapide encore.
    """
    with torch._C._DisableTorchDispatch():
        if shape == like.shape and like.is_meta:
            return like.clone()
        return torch.empty(shape, dtype=like.dtype, device=_META)


def to_meta(value: Any) -> Any:
    """Remplace un poids par un tenseur de même forme qui n'occupe rien, et ne sera pas modifié."""
    if isinstance(value, Tensor):
        return value if value.is_meta else torch.empty_like(value, device="meta")
    if isinstance(value, list | tuple):
        return type(value)(to_meta(item) for item in value)
    return value


def tensors_in(values: Iterable[Any]) -> Iterator[Tensor]:
    """Parcourt les tenseurs d'arguments ou de résultats, listes et dictionnaires compris."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors_in(value)
        elif isinstance(value, dict):
            yield from tensors_in(value.values())
