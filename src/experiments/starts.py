"""D'où part un réglage : un réseau coupé à une profondeur, ou repris de zéro."""

import copy
from dataclasses import replace

import torch
from torch import nn

from reseaux.arguments import Seed, checked
from reseaux.errors import ReseauxError
from reseaux.reuse import transfer
from reseaux.reuse.weights import Pretrained


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
