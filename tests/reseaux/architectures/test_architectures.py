"""Les réseaux du registre, comparés à torchvision, à timm et aux articles."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
import timm
import torch
from torch import nn
from torchvision import models

import reseaux
from reseaux.architectures.vgg import CONFIGURATIONS, weight_layers
from reseaux.published import VGG_MILLIONS


class Twin(NamedTuple):
    """Le même réseau dans une autre bibliothèque."""

    builder: Callable[..., nn.Module]
    size: int  # côté de l'image d'essai
    theirs: Mapping[str, Any] = {}
    ours: Mapping[str, Any] = {}


def timm_model(name):
    return lambda weights, num_classes: timm.create_model(name, num_classes=num_classes)


# VGG met à plat des cartes 7×7 : il lui faut la taille de l'article.
TWINS = {
    "vgg-a": Twin(models.vgg11, 224),
    "vgg-b": Twin(models.vgg13, 224),
    "vgg-d": Twin(models.vgg16, 224),
    "vgg-e": Twin(models.vgg19, 224),
    "inception-v3": Twin(models.inception_v3, 139, {"aux_logits": False, "init_weights": False}),
    "inception-v4": Twin(timm_model("inception_v4"), 139),
    "xception": Twin(timm_model("legacy_xception"), 96),
    "resnet-18": Twin(models.resnet18, 64),
    "resnet-34": Twin(models.resnet34, 64),
    "resnet-50": Twin(models.resnet50, 64, ours={"v1_5": True}),
    "resnet-101": Twin(models.resnet101, 64, ours={"v1_5": True}),
    "resnet-152": Twin(models.resnet152, 64, ours={"v1_5": True}),
    "squeezenet": Twin(models.squeezenet1_0, 96),
}


def count(module):
    return sum(p.numel() for p in module.parameters())


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
@pytest.mark.parametrize("name", TWINS)
def test_same_scores_as_another_library(name):
    twin = TWINS[name]
    torch.manual_seed(0)
    x = torch.randn(2, 3, twin.size, twin.size)
    theirs = randomize(twin.builder(weights=None, num_classes=10, **twin.theirs), x)
    ours = reseaux.build(name, num_classes=10, **twin.ours).eval()
    copy_in_order(theirs, ours)
    assert_same_scores(ours(x), theirs(x))


@torch.no_grad()
def test_inception_v3_auxiliary_head_is_the_one_of_torchvision():
    torch.manual_seed(0)
    x = torch.randn(2, 768, 17, 17)
    theirs = randomize(models.inception.InceptionAux(768, 10), x)
    ours = reseaux.build("inception-v3", num_classes=10, aux_heads=True).aux["b4"].eval()
    copy_in_order(theirs, ours)
    assert_same_scores(ours(x), theirs(x))


def test_paper_resnet_has_same_parameters_but_fewer_operations():
    paper = reseaux.summarize(reseaux.build("resnet-50", device="meta"))
    v1_5 = reseaux.summarize(reseaux.build("resnet-50", device="meta", v1_5=True))
    assert paper.params == v1_5.params
    assert paper.macs < v1_5.macs


@pytest.mark.parametrize(("configuration", "published"), VGG_MILLIONS.items())
def test_vgg_counts_match_the_paper(configuration, published):
    summary = reseaux.summarize(reseaux.build(f"vgg-{configuration}", device="meta"))
    assert round(summary.params / 1e6) == published


# Simonyan et Zisserman 2014, table 1, colonne C, que torchvision n'a pas : (noyau, filtres).
VGG_C = [(3, 64)] * 2 + [(3, 128)] * 2 + [(3, 256)] * 2 + [(1, 256)]
VGG_C += [(3, 512), (3, 512), (1, 512)] * 2


def test_vgg_c_matches_the_closed_form():
    expected, channels = 0, 3
    for kernel, filters in VGG_C:
        expected += filters * (channels * kernel**2 + 1)
        channels = filters
    expected += 4096 * (512 * 7 * 7 + 1) + 4096 * (4096 + 1) + 1000 * (4096 + 1)
    assert count(reseaux.build("vgg-c", device="meta")) == expected


def test_vgg_a_lrn_is_a_with_one_normalization():
    with_lrn, without = (reseaux.build(f"vgg-{c}", device="meta") for c in ("a-lrn", "a"))
    kinds = [type(layer) for layer in with_lrn.modules()]
    kinds.remove(nn.LocalResponseNorm)
    assert kinds == [type(layer) for layer in without.modules()]
    assert count(with_lrn) == count(without)


def test_vgg_depths_match_the_paper():
    assert [weight_layers(c) for c in CONFIGURATIONS] == [11, 11, 13, 16, 16, 19]


def test_alexnet_first_layer_has_shared_weights():
    rows = reseaux.summarize(reseaux.build("alexnet", device="meta"), (3, 227, 227)).rows
    assert rows[0].params == 96 * (11 * 11 * 3 + 1)
    assert rows[0].output == (96, 55, 55)  # 290 400 neurones [Krizhevsky12, §3.5]


def weights_by_layer(net):
    """Compte les paramètres de chaque convolution et couche connectée."""
    return [count(layer) for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def test_alexnet_layers_match_the_closed_form():
    # (entrées d'un neurone, neurones) [Krizhevsky12, §3.5] : 5×5×48 quand il voit un seul GPU.
    layers = [(11 * 11 * 3, 96), (5 * 5 * 48, 256), (3 * 3 * 256, 384), (3 * 3 * 192, 384)]
    layers += [(3 * 3 * 192, 256), (6 * 6 * 256, 4096), (4096, 4096), (4096, 1000)]
    net = reseaux.build("alexnet", device="meta")
    assert weights_by_layer(net) == [(inputs + 1) * units for inputs, units in layers]


def test_nin_layers_match_the_closed_form():
    layers = [(11 * 11 * 3, 96), (96, 96), (96, 96), (5 * 5 * 96, 256), (256, 256), (256, 256)]
    layers += [(3 * 3 * 256, 384), (384, 384), (384, 384), (3 * 3 * 384, 1024), (1024, 1024)]
    layers += [(1024, 1000)]
    net = reseaux.build("nin", device="meta")
    assert weights_by_layer(net) == [(inputs + 1) * filters for inputs, filters in layers]


# Paramètres de la table 1 de GoogLeNet [Szegedy14], en « K » de 1024. Les lignes 4c (463) et 5a
# (1072) manquent : elles contredisent les nombres de filtres de la même table, que tous suivent.
GOOGLENET_K = {"3a": 159, "3b": 380, "4a": 364, "4b": 437, "4d": 580, "4e": 840, "5b": 1388}


@pytest.mark.parametrize(("block", "published"), GOOGLENET_K.items())
def test_googlenet_blocks_match_the_paper(block, published):
    net = reseaux.build("googlenet", device="meta")
    assert count(net.blocks[block]) / 1024 == pytest.approx(published, rel=0.02)


# Colonne « ops » de la même table, en millions. La ligne 5a (54) manque, pour la même raison.
GOOGLENET_OPS = {
    "3a": 128,
    "3b": 304,
    "4a": 73,
    "4b": 88,
    "4c": 100,
    "4d": 119,
    "4e": 170,
    "5b": 71,
}


@pytest.mark.parametrize(("block", "published"), GOOGLENET_OPS.items())
def test_googlenet_operations_match_the_paper(block, published):
    params = count(reseaux.build("googlenet", device="meta").blocks[block])
    _, height, width = block_shapes("googlenet")[block]
    assert params * height * width / 1e6 == pytest.approx(published, rel=0.02)


def test_googlenet_has_torchvision_filters():
    def filters(net):
        return [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]

    with torch.device("meta"):
        theirs = models.GoogLeNet(aux_logits=False, init_weights=False)
    assert filters(reseaux.build("googlenet", device="meta")) == filters(theirs)


@pytest.mark.parametrize(("name", "heads"), [("googlenet", 2), ("inception-v3", 1)])
def test_auxiliary_scores_only_in_training(name, heads):
    net = reseaux.build(name, num_classes=7, device="meta", aux_heads=True)
    x = torch.empty(2, *reseaux.NETWORKS[name].input_size, device="meta")
    assert [tuple(scores.shape) for scores in net.train()(x)] == [(2, 7)] * (1 + heads)
    assert tuple(net.eval()(x).shape) == (2, 7)


def test_nin_has_no_linear_layer():
    net = reseaux.build("nin", device="meta")
    assert not [m for m in net.modules() if isinstance(m, nn.Linear)]


# Cartes × hauteur × largeur à la sortie d'un module, lues dans les articles.
OUTPUTS = {
    "googlenet": {"3b": (480, 28, 28), "4e": (832, 14, 14), "5b": (1024, 7, 7)},
    # Pour 3c et 4e, de pas 2, la table écrit la taille d'entrée : la sortie est celle de 4a et 5a.
    "bn-inception": {
        "3a": (256, 28, 28),
        "3b": (320, 28, 28),
        "3c": (576, 14, 14),
        **dict.fromkeys(("4a", "4b", "4c", "4d"), (576, 14, 14)),
        **dict.fromkeys(("4e", "5a", "5b"), (1024, 7, 7)),
    },
    "inception-v3": {"a3": (288, 35, 35), "b4": (768, 17, 17), "c2": (2048, 8, 8)},
    "inception-v4": {"a4": (384, 35, 35), "b7": (1024, 17, 17), "c3": (1536, 8, 8)},
    "xception": {"entry3": (728, 19, 19), "middle8": (728, 19, 19), "exit": (1024, 10, 10)},
    "squeezenet": {
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
    },
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_blocks_have_the_output_size_of_the_paper(name):
    shapes = block_shapes(name)
    assert {block: shapes[block] for block in OUTPUTS[name]} == OUTPUTS[name]


# Ioffe et Szegedy 2015, figure 5 : cartes en entrée, puis colonnes #1×1, #3×3 reduce, #3×3,
# double #3×3 reduce, double #3×3, pooling et projection. 4c et 4d : 96 au lieu de 128 imprimé.
BN_INCEPTION = {
    "3a": (192, 64, 64, 64, 64, 96, "avg", 32),
    "3b": (256, 64, 64, 96, 64, 96, "avg", 64),
    "3c": (320, 0, 128, 160, 64, 96, "max", 0),
    "4a": (576, 224, 64, 96, 96, 128, "avg", 128),
    "4b": (576, 192, 96, 128, 96, 128, "avg", 128),
    "4c": (576, 160, 128, 160, 128, 160, "avg", 96),
    "4d": (576, 96, 128, 192, 160, 192, "avg", 96),
    "4e": (576, 0, 128, 192, 192, 256, "max", 0),
    "5a": (1024, 352, 192, 320, 160, 224, "avg", 128),
    "5b": (1024, 352, 192, 320, 192, 224, "max", 128),
}


@pytest.mark.parametrize("block", BN_INCEPTION)
def test_bn_inception_blocks_match_the_closed_form(block):
    inputs, conv1, reduce3, conv3, reduce_double, double3, pool, proj = BN_INCEPTION[block]
    weights = inputs * (conv1 + reduce3 + reduce_double + proj)
    weights += 9 * (reduce3 * conv3 + reduce_double * double3 + double3 * double3)
    filters = conv1 + reduce3 + conv3 + reduce_double + 2 * double3 + proj
    built = reseaux.build("bn-inception", device="meta").blocks[block]
    assert count(built) == weights + 2 * filters  # γ et β de chaque filtre, pas de biais
    kinds = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}
    assert [type(layer) for layer in built.modules() if "Pool" in type(layer).__name__] == [
        kinds[pool]
    ]


@pytest.mark.parametrize("block", ["3c", "4e"])
def test_bn_inception_halves_the_size_at_the_end_of_each_branch(block):
    built = reseaux.build("bn-inception", device="meta").blocks[block]
    assert [layer.stride for layer in built.modules() if isinstance(layer, nn.Conv2d)] == [
        *[(1, 1), (2, 2)],
        *[(1, 1), (1, 1), (2, 2)],
    ]


def test_bn_inception_outside_of_blocks_matches_the_closed_form():
    net = reseaux.build("bn-inception", device="meta")
    separable = 7 * 7 * 3 * 8 + 3 * 8 * 64
    assert count(net.stem) == separable + 64 * 64 + 9 * 64 * 192 + 2 * (64 + 64 + 192)
    assert count(net.head) == (1024 + 1) * 1000


def test_xception_has_the_parameters_of_the_paper():
    assert count(reseaux.build("xception", device="meta")) == 22_855_952  # [Chollet16, table 3]


def test_xception_has_the_activations_of_timm():
    def activations(net):
        return sum(isinstance(layer, nn.ReLU) for layer in net.modules())

    with torch.device("meta"):
        theirs = timm.create_model("legacy_xception")
    assert activations(reseaux.build("xception", device="meta")) == activations(theirs)


# Iandola et coll. 2016, table 1 : paramètres avant élagage.
SQUEEZENET = {"fire2": 11_920, "fire3": 12_432, "fire4": 45_344, "fire5": 49_440}
SQUEEZENET |= {"fire6": 104_880, "fire7": 111_024, "fire8": 188_992, "fire9": 197_184}


def test_squeezenet_rows_match_the_paper():
    net = reseaux.build("squeezenet", device="meta")
    fires = {name: count(block) for name, block in net.blocks.items() if name.startswith("fire")}
    assert fires == SQUEEZENET
    assert (count(net.stem), count(net.head), count(net)) == (14_208, 513_000, 1_248_424)


# LeCun et coll. 1998, §II.B : paramètres appris, connexions (biais compris), forme de sortie.
LENET = {
    "c1": (156, 122_304, (6, 28, 28)),
    "s2": (12, 5_880, (6, 14, 14)),
    "c3": (1_516, 151_600, (16, 10, 10)),
    "s4": (32, 2_000, (16, 5, 5)),
    "c5": (48_120, 48_120, (120,)),
    "f6": (10_164, 10_164, (84,)),
}


def test_lenet_rows_match_the_paper():
    net = reseaux.build("lenet-5", num_classes=10, device="meta")
    x = torch.empty(1, 1, 32, 32, device="meta")
    for name, (params, connections, output) in LENET.items():
        layer = getattr(net, name)
        x = layer(x)
        assert tuple(x.shape[1:]) == output
        assert count(layer) == params
        # Une unité de S2 ou de S4 a quatre entrées, qui partagent un coefficient, et un biais.
        per_unit = 5 / 2 if name in ("s2", "s4") else 1
        assert params * per_unit * x[0, 0].numel() == connections
    assert count(net) == 60_000


# La table 1 : une ligne par carte de S2, une colonne par carte de C3.
LENET_TABLE = [
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
]


@torch.no_grad()
def test_lenet_c3_is_connected_as_in_the_paper():
    c3 = reseaux.build("lenet-5").c3
    zeros = torch.zeros(1, 6, 14, 14)
    for s2_map, expected in enumerate(LENET_TABLE):
        x = zeros.clone()
        x[0, s2_map] = 1
        changed = (c3(x) != c3(zeros)).flatten(2).any(dim=2)[0]
        assert "".join(".X"[c] for c in changed) == expected


@torch.no_grad()
def test_lenet_subsampling_sums_four_pixels():
    s2 = reseaux.build("lenet-5").s2
    coefficient, bias = (p.flatten()[3] for p in s2.parameters())
    x = torch.randn(1, 6, 2, 2)
    expected = 1.7159 * torch.tanh(2 / 3 * (coefficient * x[0, 3].sum() + bias))
    torch.testing.assert_close(s2(x)[0, 3, 0, 0], expected)


@torch.no_grad()
def test_lenet_scores_are_opposite_squared_distances_to_fixed_codes():
    output = reseaux.build("lenet-5", num_classes=10).output
    codes = output.codes
    assert set(codes.unique().tolist()) == {-1, 1}
    assert len(codes.unique(dim=0)) == 10
    assert torch.equal(codes, reseaux.build("lenet-5", num_classes=10).output.codes)
    x = torch.randn(2, 84)
    torch.testing.assert_close(output(x), -(torch.cdist(x, codes) ** 2), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_every_network_gives_one_score_per_class(name):
    network = reseaux.NETWORKS[name]
    net = reseaux.build(name, num_classes=3, device="meta").eval()
    assert all(tensor.is_meta for tensor in net.state_dict().values())
    assert tuple(net(torch.empty(2, *network.input_size, device="meta")).shape) == (2, 3)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("vgg16", "vgg-d"),
        ("VGG_19", "vgg-e"),
        ("resnet50", "resnet-50"),
        ("Alex-Net", "alexnet"),
        ("LeNet", "lenet-5"),
        ("lenet5", "lenet-5"),
        ("Inception-v1", "googlenet"),
        ("bninception", "bn-inception"),
        ("inceptionv3", "inception-v3"),
        ("inception_v3", "inception-v3"),
        ("inception_v4", "inception-v4"),
        ("legacy_xception", "xception"),
        ("squeezenet1_0", "squeezenet"),
    ],
)
def test_unknown_name_suggests_the_nearest(given, nearest):
    with pytest.raises(reseaux.ReseauxError, match=f"Vouliez-vous dire « {nearest} »"):
        reseaux.build(given)


@pytest.mark.parametrize("num_classes", [0, -1, 2.5, "dix"])
def test_number_of_classes_must_be_positive(num_classes):
    with pytest.raises(reseaux.ReseauxError, match="num_classes"):
        reseaux.build("alexnet", num_classes=num_classes)


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_unknown_option_is_named(name):
    with pytest.raises(reseaux.ReseauxError, match="bidule"):
        reseaux.build(name, bidule=1)


def test_registry_is_in_order():
    resnets = [f"resnet-{depth}" for depth in (18, 34, 50, 101, 152)]
    vggs = [f"vgg-{letter}" for letter in ("a", "a-lrn", "b", "c", "d", "e")]
    inceptions = ["googlenet", "bn-inception", "inception-v3", "inception-v4", "xception"]
    expected = ["lenet-5", "alexnet", *vggs, "nin", *inceptions, *resnets, "squeezenet"]
    assert list(reseaux.NETWORKS) == expected


def test_import_loads_neither_torch_nor_torchvision():
    code = (
        "import sys, reseaux; list(reseaux.NETWORKS); "
        "print([m for m in ('torch', 'torchvision', 'matplotlib', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
