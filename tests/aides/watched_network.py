"""Un réseau de torchvision, poids au hasard, qui refuse les images préparées pour un autre."""

from typing import Any

import torch
from torch import nn
from torchvision import models
from torchvision.transforms import v2

from reseaux.reuse.transfer import Triplet
from reseaux.reuse.weights import Pretrained

# Comme aucun vrai réseau, et différentes d'un canal à l'autre : seule leur inverse rend un gris.
MEAN, STD = (0.1, 0.35, 0.6), (0.2, 0.5, 0.8)
CROP = 48  # côté de sa propre préparation


def watched(name: str, sides: set[int], means: Triplet = MEAN, stds: Triplet = STD) -> Pretrained:
    """Rend le réseau ; le côté de chaque image qu'il reçoit s'ajoute à ``sides``.

    Toute image est grise, sauf celles de sa propre préparation (côté ``CROP``) ; un lot de zéros,
    qui ne sert qu'à compter des canaux, est permis. Une copie du réseau surveille aussi.
    """
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (means, stds))

    def watch(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        (batch,) = inputs
        image = batch * std + mean
        if batch.any():
            assert -1e-4 < image.min() <= image.max() < 1 + 1e-4, "une autre normalisation"
            if batch.shape[-1] != CROP:
                torch.testing.assert_close(image, image[:, :1].expand_as(image), atol=1e-4, rtol=0)
        sides.add(batch.shape[-1])

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = models.get_model(name, weights=None).eval()
    model.register_forward_pre_hook(watch)
    transform = v2.Compose(
        [v2.ToImage(), v2.Resize((CROP, CROP)), v2.ToDtype(torch.float32, scale=True),
         v2.Normalize(means, stds)]
    )  # fmt: skip
    names = tuple(f"classe {k}" for k in range(1000))
    return Pretrained(f"{name} surveillé", model, transform, names, names)
