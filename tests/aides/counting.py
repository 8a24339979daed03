"""Un compteur de PyTorch, et un petit module à plusieurs chemins."""

from contextlib import ExitStack
from unittest import mock

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models


def flops(net, size):
    """Compte les opérations avec l'outil de PyTorch : deux par multiplication-addition."""
    net.requires_grad_(False)  # sinon, le compteur échoue sur les paramètres donnés en argument
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.empty(1, *size, device="meta"))
    return counter.get_total_flops()


def classifier(name):
    """Construit un classifieur de torchvision sans poids ; rend aussi la taille de son image."""
    with ExitStack() as stack:
        # Les RegNet se construisent en mémoire ; tirer leurs poids prendrait des secondes.
        for init in ("normal_", "kaiming_normal_", "kaiming_uniform_", "uniform_", "trunc_normal_"):
            stack.enter_context(mock.patch.object(nn.init, init, lambda weight, *_, **__: weight))
        stack.enter_context(torch.device("cpu" if name.startswith("regnet") else "meta"))
        net = models.get_model(name, weights=None).to("meta").eval()
    side = 299 if name == "inception_v3" else 224
    return net, (3, side, side)


class Branches(nn.Module):
    """Des chemins parallèles, réunis par une concaténation ou par une somme."""

    def __init__(self, *branches, concatenate=False):
        super().__init__()
        self.branches, self.concatenate = nn.ModuleList(branches), concatenate

    def forward(self, x):
        outputs = [branch(x) for branch in self.branches]
        return torch.cat(outputs, 1) if self.concatenate else sum(outputs[1:], outputs[0])
