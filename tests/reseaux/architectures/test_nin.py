"""Network in Network, comparé à la forme fermée."""

from torch import nn

import reseaux
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
