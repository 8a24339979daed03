"""Un réseau recalculé d'après son article, opération par opération.

Une normalisation, une activation, une marge ou un pooling changés ne changent aucune forme ; quand
aucune autre bibliothèque n'a le réseau, ces formules le tiennent.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reseaux


class Weights:
    """Les tenseurs d'un réseau, pris dans l'ordre : chaque appel consomme ceux de sa couche."""

    def __init__(self, net: nn.Module) -> None:
        self.left = list(net.state_dict().values())

    def take(self, count: int) -> list[Tensor]:
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def conv(self, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        """Une convolution et sa ReLU."""
        return F.conv2d(x, *self.take(2), stride=stride, padding=padding).relu()

    def conv_bn(self, x: Tensor, stride: int = 1) -> Tensor:
        """Une convolution sans biais qui garde la taille, sa normalisation et sa ReLU.

        L'epsilon, 10⁻³, est celui de tous les Inception que Google a publiés.
        """
        weight, gamma, beta, mean, variance, _ = self.take(6)
        y = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, variance, gamma, beta = (t.view(-1, 1, 1) for t in (mean, variance, gamma, beta))
        return ((y - mean) / (variance + 1e-3).sqrt() * gamma + beta).relu()

    def linear(self, x: Tensor) -> Tensor:
        """Une couche connectée, sans activation."""
        return F.linear(x, *self.take(2))


def local_norm(a: Tensor) -> Tensor:
    """b = a / (k + α Σ a²)^β, la somme sur les n cartes les plus proches [Krizhevsky12, §3.3]."""
    n, k, alpha, beta = 5, 2, 1e-4, 0.75
    maps = a.shape[1]
    sums = [a[:, max(0, i - n // 2) : i + n // 2 + 1].square().sum(dim=1) for i in range(maps)]
    return a / (k + alpha * torch.stack(sums, dim=1)) ** beta


def pool(x: Tensor, size: int = 3, stride: int = 2, padding: int = 0, up: bool = False) -> Tensor:
    """Un max pooling ; ``up`` : la taille s'arrondit vers le haut, comme dans Caffe."""
    return F.max_pool2d(x, size, stride, padding, ceil_mode=up)


@torch.no_grad()
def assert_recomputed(
    name: str, formula: Callable[[Tensor, Weights], Tensor], scale: float = 100
) -> None:
    """Le réseau et sa formule donnent les mêmes scores, et la formule lit tous ses poids.

    Args:
        scale: celle des images ; grande, elle fait voir la normalisation locale.
    """
    torch.manual_seed(0)
    net = reseaux.build(name, 10)
    for parameter in net.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
        else:
            nn.init.uniform_(parameter, 0.2, 0.8)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.1, 0.1)
            nn.init.uniform_(layer.running_var, 0.01, 0.03)  # petite : l'epsilon se voit
    x = scale * torch.randn(2, *reseaux.NETWORKS[name].input_size)
    weights = Weights(net)
    expected, found = formula(x, weights), net.eval()(x)
    assert not weights.left
    largest = expected.abs().max()
    assert (expected[0] - expected[1]).abs().max() > 0.01 * largest
    torch.testing.assert_close(found / largest, expected / largest, atol=2e-5, rtol=0)
