"""AlexNet, comparé à la forme fermée de l'article."""

import torch
from torch.nn import functional as F

import reseaux
from formulas import assert_recomputed, local_norm, pool
from reseaux.architectures.alexnet import local_response_norm
from twins import weights_by_layer


def test_alexnet_first_layer_has_shared_weights():
    rows = reseaux.summarize(reseaux.build("alexnet", device="meta"), (3, 227, 227)).rows
    assert rows[0].params == 96 * (11 * 11 * 3 + 1)
    assert rows[0].output == (96, 55, 55)  # 290 400 neurones [Krizhevsky12, §3.5]


def test_alexnet_layers_match_the_closed_form():
    # (entrées d'un neurone, neurones) [Krizhevsky12, §3.5] : 5×5×48 quand il voit un seul GPU.
    layers = [(11 * 11 * 3, 96), (5 * 5 * 48, 256), (3 * 3 * 256, 384), (3 * 3 * 192, 384)]
    layers += [(3 * 3 * 192, 256), (6 * 6 * 256, 4096), (4096, 4096), (4096, 1000)]
    net = reseaux.build("alexnet", device="meta")
    assert weights_by_layer(net) == [(inputs + 1) * units for inputs, units in layers]


def on_two_gpus(x, weights, padding):
    """Chaque moitié des filtres ne voit que la moitié des cartes : deux convolutions séparées."""
    weight, bias = weights.take(2)
    gpus = zip(*(t.chunk(2, dim=d) for t, d in ((x, 1), (weight, 0), (bias, 0))), strict=True)
    return torch.cat([F.conv2d(*gpu, padding=padding) for gpu in gpus], dim=1).relu()


def alexnet(x, weights):
    """Krizhevsky et coll. 2012, §3.5 : la normalisation suit la ReLU et précède le pooling."""
    x = pool(local_norm(weights.conv(x, stride=4)))
    x = pool(local_norm(on_two_gpus(x, weights, padding=2)))
    x = weights.conv(x, padding=1)
    x = pool(on_two_gpus(on_two_gpus(x, weights, padding=1), weights, padding=1))
    return weights.linear(weights.linear(weights.linear(x.flatten(1)).relu()).relu())


def test_alexnet_is_the_one_of_the_paper():
    assert_recomputed("alexnet", alexnet)


def test_local_normalization_is_the_one_of_the_paper():
    x = 200 * torch.randn(2, 9, 3, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(local_response_norm()(x), local_norm(x))
