"""Le même réseau dans une autre bibliothèque : lui donner les mêmes poids, comparer les scores."""

import torch
from torch import nn

import reseaux


def count(module):
    """Compte les paramètres d'un module."""
    return sum(p.numel() for p in module.parameters())


def weights_by_layer(net):
    """Compte les paramètres de chaque convolution et couche connectée."""
    return [count(layer) for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def block_shapes(name):
    """Rend la forme de la sortie de chaque module d'un réseau, pour une image de l'article."""
    net = reseaux.build(name, device="meta").eval()
    x = net.stem(torch.empty(1, *reseaux.NETWORKS[name].input_size, device="meta"))
    shapes = {}
    for block_name, block in net.blocks.items():
        x = block(x)
        shapes[block_name] = tuple(x.shape[1:])
    return shapes


def randomize(net, x):
    """Tire biais et normalisations au hasard ; leurs statistiques sont celles du lot ``x``.

    Sans elles, les ReLU s'éteignent et les scores d'un réseau profond ne dépendent plus de l'image.
    """
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            layer.momentum = 1.0
        if getattr(layer, "bias", None) is not None:
            nn.init.uniform_(layer.bias, -0.2, 0.2)
    if any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules()):
        net.train()(x)
    return net.eval()


def copy_in_order(source, target):
    """Copie les tenseurs d'un réseau dans un autre : mêmes couches, dans le même ordre."""
    values = list(source.state_dict().values())
    names = list(target.state_dict())
    assert len(values) == len(names)
    target.load_state_dict(dict(zip(names, values, strict=True)))


def assert_same_scores(ours, theirs):
    """Les scores diffèrent de moins de 10⁻⁵ du plus grand, et dépendent de l'image."""
    scale = theirs.abs().max()
    assert (theirs[0] - theirs[1]).abs().max() > 0.01 * scale
    torch.testing.assert_close(ours / scale, theirs / scale, atol=1e-5, rtol=0)


@torch.no_grad()
def assert_twins(ours, build_theirs, size):
    """Deux réseaux à dix classes donnent les mêmes scores une fois les mêmes poids copiés.

    Args:
        ours: le réseau du cours.
        build_theirs: construit celui de l'autre bibliothèque.
        size: côté, en pixels, des deux images d'essai.
    """
    torch.manual_seed(0)
    x = torch.randn(2, 3, size, size)
    theirs = randomize(build_theirs(), x)
    ours.eval()
    copy_in_order(theirs, ours)
    assert_same_scores(ours(x), theirs(x))
