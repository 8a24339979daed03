"""Ce qu'un réseau a regardé : la carte de chaleur de Grad-CAM [Selvaraju16], calculée par captum.

>>> maps = heat_maps(net, [photo("coffee")])        # 1×224×224, grande où la réponse se joue
"""

from collections.abc import Sequence
from contextlib import ExitStack
from textwrap import fill
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor, nn

from reseaux.arguments import Count, Fraction, checked
from reseaux.errors import ReseauxError
from reseaux.reuse import forward
from reseaux.reuse.weights import Pretrained

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@checked
def prepare(net: Pretrained, images: Sequence[Image.Image]) -> Tensor:
    """Prépare des images en un lot N×3×H×L, là où le réseau calcule et dans le type de ses poids.

    Raises:
        ReseauxError: aucune image.
    """
    if not images:
        raise ReseauxError("Aucune image donnée ; donnez-en au moins une.")
    prepared = [net.transform(image) for image in images]
    device, weight = forward.device_of(net.model), next(net.model.parameters())
    return torch.stack(prepared).to(device, weight.dtype)


@checked
def last_maps(model: nn.Module, batch: Tensor) -> nn.Module:
    """Trouve le module qui rend les dernières cartes N×C×H×L, avant leur moyenne.

    Raises:
        ReseauxError: le réseau ne rend pas de cartes ; il n'est pas convolutif.
    """
    forward.check_images(batch, 4)
    found: list[nn.Module] = []

    def keep(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
            found.append(module)

    with ExitStack() as hooks, torch.inference_mode():
        for module in list(model.modules())[1:]:
            hooks.callback(module.register_forward_hook(keep).remove)
        hooks.enter_context(forward.evaluating(model))
        forward.run(model, batch[:1].to(forward.device_of(model)))
    attends = any("attention" in type(m).__name__.lower() for m in model.modules())
    if attends or not found:
        raise ReseauxError(
            f"« {type(model).__name__} » ne finit pas par des cartes N×C×H×L : Grad-CAM demande un "
            "réseau convolutif, comme « efficientnet-lite0 » ou « resnet50 »."
        )
    return found[-1]


@checked
@torch.inference_mode(False)  # une carte est faite de gradients
def heat_maps(
    net: Pretrained, images: Sequence[Image.Image], classes: Sequence[int] | None = None
) -> Tensor:
    """Mesure ce que chaque endroit de l'image apporte à une classe.

    Args:
        net: un réseau convolutif.
        images: des images PIL.
        classes: l'indice d'une classe par image ; par défaut, la réponse du réseau.

    Returns:
        Un tenseur N×H×L, à la taille de l'image préparée : positif où l'endroit plaide pour la
        classe, négatif où il plaide contre. Chaque carte va jusqu'à 1 en valeur absolue.

    Raises:
        ReseauxError: aucune image, pas une classe par image, ou réseau sans cartes.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    forward.check_derivable(net.model)
    batch = prepare(net, images)
    with torch.inference_mode(), forward.evaluating(net.model):
        scores = forward.scores_of(net.model, batch)
    chosen = scores.argmax(dim=1).tolist() if classes is None else [*map(int, classes)]
    if len(chosen) != len(batch) or not all(0 <= k < scores.shape[1] for k in chosen):
        raise ReseauxError(
            f"{len(chosen)} classes pour {len(batch)} images ; donnez une classe par image, de 0 à "
            f"{scores.shape[1] - 1}."
        )
    method = LayerGradCam(net.model, last_maps(net.model, batch))
    # Une image à la fois : le gradient garde en mémoire tout ce qui a été calculé.
    one_by_one = zip(batch, chosen, strict=True)
    with forward.evaluating(net.model):
        maps = torch.cat([method.attribute(x[None], target=k).detach() for x, k in one_by_one])
    large = LayerAttribution.interpolate(maps.float(), batch.shape[2:], "bilinear")
    heat: Tensor = large.sum(dim=1)
    return heat / heat.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)


@checked
def hide(batch: Tensor, heat: Tensor, fraction: Fraction) -> Tensor:
    """Met à zéro (gris moyen) la part la plus chaude de chaque image d'un lot.

    Args:
        batch: un lot préparé N×3×H×L ; il n'est pas modifié.
        heat: une carte N×H×L ; ``-heat`` pour cacher la part la plus froide.
        fraction: la part de la surface à cacher, entre 0 et 1.

    Raises:
        ReseauxError: la carte n'est pas à la taille des images, ou n'a pas que des nombres finis.
    """
    forward.check_images(batch, 4)
    forward.check_images(heat, 3)
    if heat.shape != (len(batch), *batch.shape[2:]):
        raise ReseauxError(
            f"Images de forme {tuple(batch.shape)} et cartes de forme {tuple(heat.shape)} ; il "
            "faut une carte par image, à sa taille."
        )
    flat = heat.flatten(1)
    hottest = flat.topk(round(fraction * flat.shape[1])).indices
    mask = torch.ones_like(flat).scatter(1, hottest, 0.0)
    return batch * mask.view_as(heat)[:, None]


@checked
def draw_attention(net: Pretrained, images: Sequence[Image.Image], columns: Count = 4) -> "Figure":
    """Dessine chaque image telle que le réseau la reçoit, puis sa carte de chaleur par-dessus.

    Args:
        net: un réseau convolutif.
        columns: nombre d'images par ligne.
    """
    from reseaux.style import panels

    batch, heat = prepare(net, images).float().cpu(), heat_maps(net, images).clamp_min(0).cpu()
    titles = [row[0].french for row in net.decode(batch, top=1)]
    low, high = batch.amin(dim=(1, 2, 3), keepdim=True), batch.amax(dim=(1, 2, 3), keepdim=True)
    seen = ((batch - low) / (high - low).clamp_min(1e-6)).permute(0, 2, 3, 1)
    rows = 2 * -(-len(images) // columns)
    size = (1.75 * columns, 1.87 * rows)
    with panels(rows, columns, size, images=True) as (figure, axes):
        for i, title in enumerate(titles):
            row, column = 2 * (i // columns), i % columns
            top, bottom = axes[row : row + 2, column]
            for ax in (top, bottom):
                ax.imshow(seen[i].numpy())
            top.set_title(fill(title, 18), fontsize=9)
            bottom.imshow(heat[i].numpy(), cmap="inferno", alpha=0.6, vmin=0, vmax=1)
    return figure
