"""Les réseaux du registre, comparés à torchvision et aux articles."""

import subprocess
import sys

import pytest
import torch
from torchvision import models

import reseaux
from reseaux.architectures.vgg import CONFIGURATIONS, weight_layers
from reseaux.published import VGG_MILLIONS

TWINS = {
    "vgg-a": (models.vgg11, {}),
    "vgg-b": (models.vgg13, {}),
    "vgg-d": (models.vgg16, {}),
    "vgg-e": (models.vgg19, {}),
    "resnet-18": (models.resnet18, {}),
    "resnet-34": (models.resnet34, {}),
    "resnet-50": (models.resnet50, {"v1_5": True}),
    "resnet-101": (models.resnet101, {"v1_5": True}),
    "resnet-152": (models.resnet152, {"v1_5": True}),
}


def copy_in_order(source, target):
    """Copie les tenseurs d'un réseau dans un autre : mêmes couches, dans le même ordre."""
    values = list(source.state_dict().values())
    names = list(target.state_dict())
    assert len(values) == len(names)
    target.load_state_dict(dict(zip(names, values, strict=True)))


@pytest.mark.parametrize("name", TWINS)
def test_same_logits_as_torchvision(name):
    builder, options = TWINS[name]
    torch.manual_seed(0)
    theirs = builder(weights=None, num_classes=10).eval()
    for buffer_name, buffer in theirs.named_buffers():
        if "running" in buffer_name:
            buffer.uniform_(0.5, 1.5)
    ours = reseaux.build(name, num_classes=10, **options).eval()
    copy_in_order(theirs, ours)
    # VGG met à plat des cartes 7×7 : il lui faut la taille de l'article.
    size = 224 if name.startswith("vgg") else 64
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        expected = theirs(x)
        scale = expected.abs().max()
        torch.testing.assert_close(ours(x) / scale, expected / scale, atol=1e-5, rtol=0)


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
    net = reseaux.build("vgg-c", device="meta")
    assert sum(p.numel() for p in net.parameters()) == expected


def test_vgg_depths_match_the_paper():
    assert [weight_layers(c) for c in CONFIGURATIONS] == [11, 11, 13, 16, 16, 19]


def test_alexnet_first_layer_has_shared_weights():
    rows = reseaux.summarize(reseaux.build("alexnet", device="meta"), (3, 227, 227)).rows
    assert rows[0].params == 96 * (11 * 11 * 3 + 1)
    assert rows[0].output == (96, 55, 55)  # 290 400 neurones [Krizhevsky12, §3.5]


# Paramètres de la table 1 de GoogLeNet [Szegedy14], en « K » de 1024. Les lignes 4c (463) et 5a
# (1072) manquent : elles contredisent les nombres de filtres de la même table, que tous suivent.
GOOGLENET_K = {"3a": 159, "3b": 380, "4a": 364, "4b": 437, "4d": 580, "4e": 840, "5b": 1388}


@pytest.mark.parametrize(("block", "published"), GOOGLENET_K.items())
def test_googlenet_blocks_match_the_paper(block, published):
    net = reseaux.build("googlenet", device="meta")
    params = sum(p.numel() for p in net.blocks[block].parameters())
    assert params / 1024 == pytest.approx(published, rel=0.02)


def test_googlenet_has_torchvision_filters():
    def filters(net):
        return [m.out_channels for m in net.modules() if isinstance(m, torch.nn.Conv2d)]

    with torch.device("meta"):
        theirs = models.GoogLeNet(aux_logits=False, init_weights=False)
    assert filters(reseaux.build("googlenet", device="meta")) == filters(theirs)


def test_googlenet_returns_auxiliary_scores_only_in_training():
    net = reseaux.build("googlenet", num_classes=7, aux_heads=True)
    x = torch.randn(2, 3, 224, 224)
    assert [tuple(scores.shape) for scores in net.train()(x)] == [(2, 7)] * 3
    assert tuple(net.eval()(x).shape) == (2, 7)


def test_nin_has_no_linear_layer():
    net = reseaux.build("nin", device="meta")
    assert not [m for m in net.modules() if isinstance(m, torch.nn.Linear)]


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_every_network_gives_one_score_per_class(name):
    network = reseaux.NETWORKS[name]
    net = reseaux.build(name, num_classes=3, device="meta").eval()
    assert all(p.is_meta for p in net.parameters())
    assert tuple(net(torch.empty(2, *network.input_size, device="meta")).shape) == (2, 3)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("vgg16", "vgg-d"), ("VGG_19", "vgg-e"), ("resnet50", "resnet-50"), ("Alex-Net", "alexnet")],
)
def test_unknown_name_suggests_the_nearest(given, nearest):
    with pytest.raises(reseaux.ReseauxError, match=f"Vouliez-vous dire « {nearest} »"):
        reseaux.build(given)


@pytest.mark.parametrize("num_classes", [0, -1, 2.5, "dix"])
def test_number_of_classes_must_be_positive(num_classes):
    with pytest.raises(reseaux.ReseauxError, match="num_classes"):
        reseaux.build("alexnet", num_classes=num_classes)


def test_unknown_option_is_named():
    with pytest.raises(reseaux.ReseauxError, match="bidule"):
        reseaux.build("alexnet", bidule=1)


def test_import_loads_neither_torch_nor_torchvision():
    code = (
        "import sys, reseaux; list(reseaux.NETWORKS); "
        "print([m for m in ('torch', 'torchvision', 'matplotlib', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
