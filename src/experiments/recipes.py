"""Régler un réseau selon une recette : entier, coupé à une profondeur, ou repris de zéro."""

import copy
import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from reseaux.arguments import Count, Seed, checked
from reseaux.errors import ReseauxError
from reseaux.reuse import forward, transfer
from reseaux.reuse.weights import Pretrained


class Recipe(NamedTuple):
    """Comment on règle un réseau (voir :func:`reseaux.reuse.transfer.fine_tune`).

    Attributes:
        learning_rate: le pas du classifieur neuf.
        backbone_rate: le pas du reste du réseau, rapporté à celui du classifieur.
        batch_size: nombre d'images par pas, au plus ; les lots sont de tailles égales.
        min_steps: nombre de pas le plus petit.
        min_epochs: nombre d'époques le plus petit.
        depth: couper le réseau après cette profondeur ; ``None`` le garde entier.
    """

    learning_rate: float
    backbone_rate: float = 1.0
    batch_size: int = 16
    min_steps: int = 30
    min_epochs: int = 6
    depth: int | None = None

    def even_batch_size(self, count: int) -> int:
        """Taille des lots : ``count`` images en parts égales, d'au plus ``batch_size``."""
        # Une part d'une seule image n'aurait pas de variance à normaliser.
        return math.ceil(count / self._batches(count))

    def epochs_for(self, count: int) -> int:
        """Nombre d'époques sur ``count`` images, d'après les deux plus petits nombres."""
        return max(self.min_epochs, math.ceil(self.min_steps / self._batches(count)))

    def _batches(self, count: int) -> int:
        if min(count, self.batch_size, self.min_steps, self.min_epochs) < 1:
            raise ReseauxError(f"{count} images et {self} : tous ces nombres vont à partir de 1.")
        return math.ceil(count / self.batch_size)


@checked
def fine_tune(
    pretrained: Pretrained,
    images: Tensor,
    labels: Tensor,
    classes: Count,
    recipe: Recipe,
    seed: Seed,
) -> nn.Module:
    """Règle un réseau, coupé ou entier, selon une recette (:func:`transfer.fine_tune`)."""
    forward.check_images(images, 4)
    return transfer.fine_tune(
        pretrained if recipe.depth is None else cut(pretrained, recipe.depth, images.shape[-1]),
        images,
        labels,
        classes,
        epochs=recipe.epochs_for(len(images)),
        learning_rate=recipe.learning_rate,
        backbone_rate=recipe.backbone_rate,
        batch_size=recipe.even_batch_size(len(images)),
        seed=seed,
    )


@checked
def untrained(pretrained: Pretrained, seed: Seed) -> Pretrained:
    """Rend le même réseau avec des poids tirés au hasard : de quoi apprendre « de zéro ».

    Args:
        pretrained: le réseau ; il n'est pas modifié.
        seed: graine des poids ; le hasard de l'appelant n'est pas touché.

    Raises:
        ReseauxError: une couche ne sait pas tirer les siens ; elle garderait ce qui est appris.
    """
    model = copy.deepcopy(pretrained.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in model.modules():
            if callable(reset := getattr(part, "reset_parameters", None)):
                reset()
            elif next(part.parameters(recurse=False), None) is not None:
                raise ReseauxError(
                    f"La couche « {type(part).__name__} » de « {pretrained.name} » ne sait pas "
                    "tirer ses poids au hasard (reset_parameters). Prenez un autre réseau."
                )
    return replace(pretrained, name=f"{pretrained.name} (hasard)", model=model)


@checked
def cut(pretrained: Pretrained, depth: int, size: transfer.Side) -> Pretrained:
    """Coupe un réseau après une profondeur et y pose un classifieur neuf, à deux sorties.

    Args:
        pretrained: le réseau ; il n'est pas modifié.
        depth: la dernière profondeur gardée.
        size: le côté de ses images, en pixels.

    Raises:
        ReseauxError: profondeur inconnue.
    """
    backbone = transfer.Backbone(copy.deepcopy(pretrained.model), depth).eval()
    weight = next(backbone.parameters())
    with torch.inference_mode():
        channels = backbone(weight.new_zeros(1, 3, size, size)).shape[1]
    with torch.random.fork_rng(devices=[]):
        head = nn.Linear(channels, 2).to(weight.device)
    name = f"{pretrained.name} (jusqu'à {transfer.depth_names(pretrained.model)[depth]})"
    model = transfer.LinearProbe(backbone, head).eval()
    return Pretrained(name, model, pretrained.transform, ("0", "1"), ("0", "1"))
