"""Un réseau qui n'a vu que des lettres imprimées : petit, il s'apprend sur place.

Il est loin des photographies et proche des chiffres, l'inverse d'un réseau d'ImageNet.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux import data
from reseaux.arguments import Count, Seed, at_least, checked
from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, training, transfer
from reseaux.reuse.weights import Pretrained

SIZE = 32  # côté de ses images, en pixels
ALPHABETS = ("latin", "latin-capitales", "grec", "cyrillique")


class GlyphNetwork(nn.Module):
    """Quatre convolutions, une couche linéaire : 3×32×32 → ``classes`` scores.

    Sa dernière convolution couvre toute la carte (4×4 → 1×1) : elle retient *où* est chaque trait.

    Args:
        classes: nombre de sorties.
        width: nombre de cartes du premier étage ; il double à chaque étage.
    """

    def __init__(self, classes: int, width: int = 16) -> None:
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width]
        blocks = [
            nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            )
            for before, after in pairwise(sizes)
        ]
        end = nn.Sequential(
            nn.Conv2d(4 * width, 8 * width, 4, bias=False), nn.BatchNorm2d(8 * width), nn.ReLU()
        )
        self.features = nn.Sequential(*blocks, end)
        self.classifier = nn.Linear(8 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Rend les scores de N images : N×3×32×32 → N×classes."""
        scores: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return scores


@checked
def distort(
    generator: torch.Generator, amount: Annotated[float, at_least(0)] = 1.0
) -> Callable[[Tensor], Tensor]:
    """Déforme chaque image d'un lot à sa façon : rotation, cisaillement, taille, position.

    Args:
        generator: la source du hasard.
        amount: 0 ne change rien ; 1, jusqu'à 14 degrés, et 15 % de la taille.
    """

    def transform(batch: Tensor) -> Tensor:
        def uniform(most: float) -> Tensor:
            return (2 * torch.rand(len(batch), generator=generator) - 1) * most * amount

        angle, shear = uniform(0.25), uniform(0.2)
        width, height = 1 + uniform(0.15), 1 + uniform(0.15)
        rows = (
            torch.stack(
                [angle.cos() * width, (shear - angle.sin()) * height, uniform(0.15)], dim=1
            ),
            torch.stack([angle.sin() * width, angle.cos() * height, uniform(0.15)], dim=1),
        )
        matrices = torch.stack(rows, dim=1).to(batch.device)
        grid = F.affine_grid(matrices, list(batch.shape), align_corners=False)
        return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)

    return transform


def _prepare(images: NDArray[Any]) -> Tensor:
    """N×H×L entre 0 et 1 → N×3×32×32 entre −1 et 1."""
    return (transfer.resize(images, SIZE) - 0.5) / 0.5


@checked
def learn(
    path: Path | str,
    alphabets: Sequence[str] = ALPHABETS,
    epochs: Count = 8,
    seed: Seed = 0,
    width: Count = 16,
) -> list[training.Epoch]:
    """Apprend à un :class:`GlyphNetwork` à lire des alphabets imprimés, et le sauve.

    Args:
        path: le fichier à écrire (voir :func:`reseaux.reuse.checkpoints.save`).
        alphabets: des clés de ``data.ALPHABETS`` ; chaque lettre de chacun est une classe.
        epochs: nombre d'époques.
        seed: graine des poids, de l'ordre des images et des déformations.
        width: voir :class:`GlyphNetwork`.

    Returns:
        Le bilan de chaque époque.

    Raises:
        ReseauxError: alphabet inconnu, ou aucun.
    """
    if not alphabets:
        raise ReseauxError("Aucun alphabet à apprendre ; donnez-en au moins un.")
    sets = [data.glyphs(alphabet, 16)[0] for alphabet in alphabets]
    starts = np.cumsum([0, *(len(s.names) for s in sets)])
    images = _prepare(np.concatenate([s.images for s in sets]))
    labels = np.concatenate([s.labels + start for s, start in zip(sets, starts, strict=False)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GlyphNetwork(int(starts[-1]), width).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    generator = torch.Generator().manual_seed(seed)
    history = training.train(
        model,
        images.contiguous(memory_format=torch.channels_last),
        torch.from_numpy(labels),
        optimizer=optimizer,
        epochs=epochs,
        generator=generator,
        scheduler=scheduler,
        augment=distort(generator),
    )
    arguments = {"classes": int(starts[-1]), "width": width}
    checkpoints.save(
        path, model, optimizer, architecture="glyphes", arguments=arguments, epoch=epochs
    )
    return history


@checked
def load(path: Path | str) -> Pretrained:
    """Relit un réseau sauvé par :func:`learn`, en mode évaluation.

    Raises:
        ReseauxError: fichier absent, abîmé, ou d'un autre réseau.
    """
    saved = checkpoints.load(path)
    model = saved.build({"glyphes": GlyphNetwork}).eval()
    classes = tuple(str(k) for k in range(len(model.get_parameter("classifier.weight"))))

    def transform(image: Image.Image) -> Tensor:
        grey = np.asarray(image.convert("L"), np.float32) / np.float32(255)
        return _prepare(grey[None])[0]

    return Pretrained("glyphes", model, transform, classes, classes)
