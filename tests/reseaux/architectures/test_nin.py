"""Network in Network, comparé à la forme fermée."""

from torch import nn

import reseaux
from formulas import assert_recomputed, pool
from twins import weights_by_layer


def test_nin_layers_match_the_closed_form():
    layers = [(11 * 11 * 3, 96), (96, 96), (96, 96), (5 * 5 * 96, 256), (256, 256), (256, 256)]
    layers += [(3 * 3 * 256, 384), (384, 384), (384, 384), (3 * 3 * 384, 1024), (1024, 1024)]
    layers += [(1024, 1000)]
    net = reseaux.build("nin", device="meta")
    assert weights_by_layer(net) == [(inputs + 1) * filters for inputs, filters in layers]


def test_nin_has_no_linear_layer():
    net = reseaux.build("nin", device="meta")
    assert not [m for m in net.modules() if isinstance(m, nn.Linear)]


def nin(x, weights):
    """Le modèle de Caffe : après chaque étage, un max pooling qui arrondit vers le haut."""
    for stride, padding in ((4, 0), (1, 2), (1, 1)):
        x = pool(weights.conv(weights.conv(weights.conv(x, stride, padding))), up=True)
    return weights.conv(weights.conv(weights.conv(x, padding=1))).mean(dim=(2, 3))


def test_nin_is_the_one_of_its_authors():
    assert_recomputed("nin", nin)
