"""Un compteur de PyTorch, et un petit module à plusieurs chemins."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def flops(net, size):
    """Compte les opérations avec l'outil de PyTorch : deux par multiplication-addition."""
    net.requires_grad_(False)  # sinon, le compteur échoue sur les paramètres donnés en argument
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.empty(1, *size, device="meta"))
    return counter.get_total_flops()


class Branches(nn.Module):
    """Des chemins parallèles, réunis par une concaténation ou par une somme."""

    def __init__(self, *branches, concatenate=False):
        super().__init__()
        self.branches, self.concatenate = nn.ModuleList(branches), concatenate

    def forward(self, x):
        outputs = [branch(x) for branch in self.branches]
        return torch.cat(outputs, 1) if self.concatenate else sum(outputs[1:], outputs[0])
