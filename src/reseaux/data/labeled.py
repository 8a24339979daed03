"""Des images et leurs étiquettes : ce que rend chaque source, et comment on en tire une partie."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from functools import cache, wraps
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from reseaux.arguments import Seed, checked
from reseaux.errors import ReseauxError

P = ParamSpec("P")
R = TypeVar("R")
Images = NDArray[np.float32]
Labels = NDArray[np.int64]


def read_once(function: Callable[P, R]) -> Callable[P, R]:
    """Ne lit les données qu'une fois, mais en rend chaque fois une copie, libre d'être changée."""
    read = cache(function)

    @wraps(function)
    def copy(*args: P.args, **kwargs: P.kwargs) -> R:
        return deepcopy(read(*args, **kwargs))  # type: ignore[arg-type]

    return copy


@checked
def _check_labels(images: Images, labels: Labels, names: Sequence[str]) -> None:
    if images.shape[:1] != labels.shape or not np.isin(labels, range(len(names))).all():
        raise ReseauxError(
            f"Images de forme {images.shape}, étiquettes de forme {labels.shape} ; il faut une "
            f"étiquette par image, de 0 à {len(names) - 1}."
        )


@dataclass(frozen=True)
class LabeledImages:
    """Des images et leurs étiquettes.

    Attributes:
        images: N×H×L (gris) ou N×H×L×3 (couleur), valeurs entre 0 et 1.
        labels: N entiers, de 0 à ``len(names) - 1``.
        names: le nom de chaque classe.

    Raises:
        ReseauxError: pas une étiquette par image, ou une étiquette que rien ne nomme.
    """

    images: Images
    labels: Labels
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse des étiquettes qui ne sont pas celles des images."""
        _check_labels(self.images, self.labels, self.names)

    def __len__(self) -> int:
        """Nombre d'images."""
        return len(self.labels)

    def subset(self, indices: Sequence[int] | NDArray[Any]) -> Self:
        """Garde les images d'indices donnés, et ce qu'on sait de chacune, dans cet ordre.

        Raises:
            ReseauxError: ce ne sont pas des indices de ces images.
        """
        each = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "names"}
        try:
            chosen = np.asarray(indices, None if len(indices) else int)
            if chosen.dtype.kind == "i" and (chosen < 0).any():  # NumPy compterait depuis la fin
                raise IndexError
            return replace(self, **{name: values[chosen] for name, values in each.items()})
        except (IndexError, RuntimeError, TypeError, ValueError):
            raise ReseauxError(f"Indices attendus : des entiers de 0 à {len(self) - 1}.") from None

    @checked
    def sample(self, per_class: int, seed: Seed) -> tuple[Self, Self]:
        """Tire ``per_class`` images par classe ; rend (tirées, restantes).

        Args:
            per_class: nombre d'images à tirer dans chaque classe, au moins 1.
            seed: graine du tirage ; la même graine redonne le même tirage.

        Raises:
            ReseauxError: une classe n'a pas assez d'images.
        """
        chosen = self.sample_indices(per_class, seed)
        rest = np.setdiff1d(self._shuffled(seed), chosen, assume_unique=True)  # ordre du tirage
        return self.subset(chosen), self.subset(rest)

    @checked
    def sample_indices(self, per_class: int, seed: Seed) -> Labels:
        """Les numéros des images que :meth:`sample` tire, classe après classe."""
        counts = np.bincount(self.labels, minlength=len(self.names))
        if not 1 <= per_class <= counts.min():
            raise ReseauxError(
                f"{per_class} images par classe demandées ; la classe "
                f"« {self.names[int(counts.argmin())]} » en a {counts.min()}. "
                f"Demandez entre 1 et {counts.min()} images."
            )
        order = self._shuffled(seed)
        by_class = [order[self.labels[order] == k][:per_class] for k in range(len(self.names))]
        return np.concatenate(by_class)

    def _shuffled(self, seed: int) -> Labels:
        return np.random.default_rng(seed).permutation(len(self))
