"""Envelopper une transformation : une image à la fois, avec vérification, avec une graine."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from reseaux.arguments import Seed, checked
from reseaux.errors import ReseauxError
from reseaux.few_data.checks import check_inputs, check_one_kind, is_image


class PerImage(nn.Module):
    """Applique une transformation à chaque image d'un lot, avec un tirage par image.

    Donnée à un lot, une transformation de torchvision tire une seule fois : toutes les images
    tournent du même angle.

    Args:
        transform: une transformation qui garde la taille de l'image.

    Raises:
        ReseauxError: l'entrée n'est pas un lot (N, C, H, L), ou la taille change d'une image à
            l'autre.
    """

    @checked
    def __init__(self, transform: Callable[[Any], Any]) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, batch: Tensor) -> Tensor:
        """Transforme un lot (N, C, H, L) ; rend un lot de même longueur."""
        if not isinstance(batch, Tensor) or batch.ndim != 4:
            shape = tuple(batch.shape) if isinstance(batch, Tensor) else type(batch).__name__
            raise ReseauxError(
                f"PerImage attend un lot (N, C, H, L), pas {shape} ; "
                "pour une seule image, appelez la transformation elle-même."
            )
        if not len(batch):
            return batch
        outputs = [self.transform(image) for image in batch]
        try:
            batch = torch.stack(outputs)
            check_one_kind(outputs)
            return batch
        except (TypeError, RuntimeError) as error:
            raise ReseauxError(
                "La transformation ne rend pas des tenseurs d'une même taille et d'un même type, "
                "qui feraient un lot ; ajoutez-lui v2.Resize((hauteur, largeur))."
            ) from error


class Strict(nn.Module):
    """Vérifie l'entrée d'une transformation de torchvision, et tient l'intervalle de sa sortie.

    torchvision accepte sans rien dire des NaN, des entiers ou des canaux en dernier, et ses
    interpolations peuvent dépasser 1 d'un arrondi.

    Args:
        transform: une transformation ; masques et boîtes l'accompagnent.

    Raises:
        ReseauxError: à l'appel, entrée qui n'est pas une image, ou masque d'une autre taille.
    """

    @checked
    def __init__(self, transform: Callable[..., Any]) -> None:
        super().__init__()
        self.transform = transform

    def forward(self, *inputs: Any) -> Any:
        """Vérifie les entrées, les transforme, ramène les flottants entre 0 et 1."""
        given = tree_leaves(inputs)
        check_inputs(given, moves=True)
        outputs = self.transform(*inputs)
        for value in tree_leaves(outputs):
            new = not any(value is known for known in given)
            if new and is_image(value) and isinstance(value, Tensor) and value.is_floating_point():
                value.clamp_(0, 1)
        return outputs


class Seeded(nn.Module):
    """Refait le même tirage à chaque appel, sans toucher au hasard du reste du programme."""

    @checked
    def __init__(self, transform: Callable[..., Any], seed: Seed) -> None:
        super().__init__()
        self.transform = transform
        self.seed = seed

    def forward(self, *inputs: Any) -> Any:
        """Transforme avec le tirage de la graine."""
        started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        cards = range(torch.cuda.device_count()) if started else ()
        with torch.random.fork_rng(devices=list(cards)):
            torch.manual_seed(self.seed)
            return self.transform(*inputs)
