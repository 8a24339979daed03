"""Lire un réseau à plusieurs profondeurs, et remplacer son classifieur.

Un réseau se lit comme une suite d'étages. Après chacun, la moyenne des cartes sur leurs positions
donne un vecteur par image : les caractéristiques de cette profondeur. Un crochet posé à la fin de
chaque étage les recueille pendant la traversée du réseau lui-même ; tout classifieur de torchvision
ou de timm se lit donc, quelle que soit sa façon d'enchaîner ses couches.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reseaux.arguments import Count, Seed, checked
from reseaux.errors import ReseauxError
from reseaux.reuse import forward

Features = NDArray[np.float32]


class _LastBoundaryReached(Exception):
    """Arrête la traversée d'un réseau : rien de ce qui suit n'est demandé."""


class Backbone(nn.Module):
    """Un réseau jusqu'à une profondeur : images N×3×H×L → vecteurs N×C.

    Le réseau est partagé, et non copié ; ce qui suit la profondeur n'est pas calculé.

    Args:
        network: un classifieur d'images.
        depth: 0 pour l'entrée, −1 pour la fin (voir :func:`depth_names`).

    Raises:
        ReseauxError: profondeur inconnue, réseau qui ne se lit pas.
    """

    @checked
    def __init__(self, network: nn.Module, depth: int = -1) -> None:
        super().__init__()
        count = len(boundaries(network))
        if not -count <= depth < count:
            raise ReseauxError(
                f"Profondeur {depth} demandée ; il faut entre 0 et {count - 1}, ou −1."
            )
        self.network = network
        self.depth = depth % count

    def forward(self, x: Tensor) -> Tensor:
        """Rend les caractéristiques de N images."""
        return _read(self.network, boundaries(self.network)[self.depth :][:1], x)[0]


class LinearProbe(nn.Module):
    """Un réseau lu à une profondeur, puis une couche linéaire : images N×3×H×L → scores N×K."""

    @checked
    def __init__(self, backbone: Backbone, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        """Rend les scores de N images."""
        scores: Tensor = self.head(self.backbone(x))
        return scores


def boundaries(model: nn.Module) -> list[nn.Module]:
    """Le dernier module de chaque étage, de l'entrée à ce qui précède le classifieur.

    On part des parties du réseau, sans son classifieur, et on ouvre la plus grosse tant qu'elles
    ne font pas au moins trois blocs. Un étage est un bloc, ou une convolution isolée, et les
    couches simples qui le suivent (normalisation, activation, pooling).

    Raises:
        ReseauxError: le réseau n'a pas d'étages.
    """
    if isinstance(model, LinearProbe):
        return boundaries(model.backbone.network)[: model.backbone.depth + 1]
    named = [(name, part) for name, part in model.named_children() if not _is_auxiliary(name)]
    while named and not _learns(named[-1][1]):
        named.pop()
    while len(named) > 1 and named[-2][0].startswith("head"):
        named.pop()  # un réseau distillé a deux classifieurs
    parts = [part for _, part in named[:-1]]
    while parts and not (_learns(parts[-1]) or _is_activation(parts[-1])):
        parts.pop()  # la moyenne spatiale
    while (blocks := [part for part in parts if _is_block(part)]) and (
        len(blocks) < 3 or any(_has_no_forward(part) for part in blocks)
    ):
        opened = max(blocks, key=lambda part: (_has_no_forward(part), len(list(part.modules()))))
        place = parts.index(opened)
        parts[place : place + 1] = opened.children()
    starts = [k for k, part in enumerate(parts) if k and _starts_a_stage(part)]
    if not starts:
        raise ReseauxError(
            f"Le réseau « {type(model).__name__} » ne se lit pas comme une suite d'étages suivie "
            "d'un classifieur. Prenez un classifieur d'images de torchvision ou de timm."
        )
    return [parts[start - 1] for start in starts] + parts[-1:]


def _is_auxiliary(name: str) -> bool:
    """Un classifieur du milieu, qui ne sert qu'à l'entraînement d'origine (Inception)."""
    return name.lower().startswith("aux")


def _learns(part: nn.Module) -> bool:
    return next(part.parameters(), None) is not None


def _is_activation(part: nn.Module) -> bool:
    return type(part).__module__ == nn.ReLU.__module__


def _is_block(part: nn.Module) -> bool:
    return any(_learns(child) for child in part.children())


def _has_no_forward(part: nn.Module) -> bool:
    """Une liste de modules (ModuleList) : elle n'est jamais appelée elle-même."""
    return type(part).forward is nn.Module.forward


def _starts_a_stage(part: nn.Module) -> bool:
    return _is_block(part) or isinstance(part, nn.Linear | nn.Conv2d)


@checked
def depth_names(model: nn.Module) -> tuple[str, ...]:
    """Nom de chaque profondeur, de l'entrée à la fin ; leur nombre est celui des profondeurs.

    Raises:
        ReseauxError: le réseau n'a pas d'étages.
    """
    last = len(boundaries(model)) - 1
    return ("entrée", *(f"bloc {k}" for k in range(1, last)), *["fin"] * bool(last))


@checked
@torch.inference_mode()
def extract_features(model: nn.Module, images: Tensor, batch_size: Count = 64) -> list[Features]:
    """Traverse le réseau une fois et rend les caractéristiques de chaque profondeur.

    Rien n'est gardé : c'est à l'appelant de garder ce qu'il réemploie.

    Args:
        model: un classifieur d'images ; il répond ici en mode évaluation.
        images: N×3×H×L, préparées (voir :func:`reseaux.reuse.transfer.prepare`).
        batch_size: nombre d'images traitées ensemble.

    Returns:
        Pour chaque profondeur, N×C, C étant le nombre de cartes.

    Raises:
        ReseauxError: réseau qui ne se lit pas, images inutilisables.
    """
    forward.check_images(images, 4)
    ends = boundaries(model)
    device = forward.device_of(model)
    with forward.evaluating(model):
        batches = [
            # Canaux en dernier : deux fois plus rapide sur un processeur, mêmes nombres.
            _read(model, ends, batch.to(device, memory_format=torch.channels_last))
            for batch in torch.split(images, batch_size)
        ]
    columns = zip(*batches, strict=True)
    return [torch.cat([v.float().cpu() for v in vectors]).numpy() for vectors in columns]


def _read(model: nn.Module, ends: Sequence[nn.Module], x: Tensor) -> list[Tensor]:
    """Les caractéristiques de chaque étage, pour un lot ; s'arrête après le dernier."""
    found: dict[nn.Module, Tensor] = {}
    one_convolution = sum(isinstance(part, nn.Conv2d) for part in model.modules()) == 1
    stop = _LastBoundaryReached()

    def keep(module: nn.Module, _: object, output: object) -> None:
        found[module] = _mean_over_positions(output, x, one_convolution)
        if module is ends[-1]:
            raise stop

    hooks = [module.register_forward_hook(keep) for module in ends]
    try:
        forward.run(model, x)
    except _LastBoundaryReached as reached:
        if reached is not stop:  # celui d'une traversée qui contient celle-ci
            raise
    finally:
        for hook in hooks:
            hook.remove()
    if len(found) < len(ends):
        raise ReseauxError(
            f"Le réseau « {type(model).__name__} » n'appelle pas tous ses étages dans l'ordre ; "
            "il ne se lit pas profondeur par profondeur. Prenez-en un autre."
        )
    return [found[module] for module in ends]


def _mean_over_positions(maps: object, images: Tensor, one_convolution: bool) -> Tensor:
    """Moyenne sur les positions : N×C×h×l, N×h×l×C ou N×positions×C → N×C.

    Des cartes ont la forme des images : ce sont les deux axes dont le rapport est le leur. Si les
    deux lectures vont, un réseau d'une seule convolution (Swin) a ses canaux en dernier.
    """
    if not isinstance(maps, Tensor) or maps.ndim not in (2, 3, 4):
        shape = f"de forme {tuple(maps.shape)}" if isinstance(maps, Tensor) else "sans forme"
        raise ReseauxError(
            f"Un étage de ce réseau rend un résultat {shape} ({type(maps).__name__}) ; il faut un "
            "tenseur N×C, N×positions×C, N×C×h×l ou N×h×l×C. Prenez un autre réseau."
        )
    if maps.ndim < 4:
        return maps if maps.ndim == 2 else maps.mean(dim=1)
    (height, width), (a, b, c) = images.shape[-2:], maps.shape[1:]
    first, last = abs(b * width - c * height) / max(b, c), abs(a * width - b * height) / max(a, b)
    channels_last = one_convolution if first == last else last < first
    return maps.mean(dim=(1, 2) if channels_last else (2, 3))


@checked
def new_head(model: nn.Module, classes: Count, seed: Seed) -> nn.Module:
    """Remplace le classifieur, la dernière couche linéaire, par un neuf ; rend celui-ci.

    Un réseau sans couche linéaire (SqueezeNet) classe par une convolution, remplacée de même. Les
    classifieurs auxiliaires, qui ne servent qu'à l'entraînement d'origine, sont retirés.

    Args:
        model: modifié sur place.
        classes: nombre de sorties.
        seed: graine de ses poids ; le hasard de l'appelant n'est pas touché.

    Raises:
        ReseauxError: le réseau n'a ni couche linéaire, ni convolution.
    """
    if getattr(model, "aux_logits", False):
        model.aux_logits = False  # type: ignore[assignment]
        for name in [name for name, _ in model.named_children() if _is_auxiliary(name)]:
            setattr(model, name, None)
    parts = dict(model.named_modules())
    names = [n for n, part in parts.items() if isinstance(part, nn.Linear)] or [
        n for n, part in parts.items() if isinstance(part, nn.Conv2d)
    ]
    if not names or not names[-1]:
        raise ReseauxError(
            f"Le réseau « {type(model).__name__} » n'a pas de couche linéaire à remplacer."
        )
    parent, _, name = names[-1].rpartition(".")
    old = parts[names[-1]]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head: nn.Module
        if isinstance(old, nn.Conv2d):
            head = nn.Conv2d(old.in_channels, classes, old.kernel_size)  # type: ignore[arg-type]
        else:
            head = nn.Linear(old.in_features, classes)
    weight = next(old.parameters())
    setattr(model.get_submodule(parent), name, head.to(weight.device, weight.dtype))
    return head
