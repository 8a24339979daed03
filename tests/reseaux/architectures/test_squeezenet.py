"""SqueezeNet, comparé à torchvision et à la table 1 de son article."""

from torchvision import models

import reseaux
from twins import assert_twins, block_shapes, count

# Cartes × hauteur × largeur à la sortie des modules [Iandola16, table 1].
OUTPUTS = {
    "fire2": (128, 55, 55),
    "fire3": (128, 55, 55),
    "fire4": (256, 55, 55),
    "maxpool4": (256, 27, 27),
    "fire5": (256, 27, 27),
    "fire6": (384, 27, 27),
    "fire7": (384, 27, 27),
    "fire8": (512, 27, 27),
    "maxpool8": (512, 13, 13),
    "fire9": (512, 13, 13),
}


def test_same_scores_as_torchvision():
    ours = reseaux.build("squeezenet", 10)
    assert_twins(ours, lambda: models.squeezenet1_0(weights=None, num_classes=10), 96)


def test_blocks_have_the_output_size_of_the_paper():
    assert block_shapes("squeezenet") == OUTPUTS


# Iandola et coll. 2016, table 1 : paramètres avant élagage.
SQUEEZENET = {"fire2": 11_920, "fire3": 12_432, "fire4": 45_344, "fire5": 49_440}
SQUEEZENET |= {"fire6": 104_880, "fire7": 111_024, "fire8": 188_992, "fire9": 197_184}


def test_squeezenet_rows_match_the_paper():
    net = reseaux.build("squeezenet", device="meta")
    fires = {name: count(block) for name, block in net.blocks.items() if name.startswith("fire")}
    assert fires == SQUEEZENET
    assert (count(net.stem), count(net.head), count(net)) == (14_208, 513_000, 1_248_424)
