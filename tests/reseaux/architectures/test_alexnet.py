"""AlexNet, comparé à la forme fermée de l'article."""

import reseaux
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
