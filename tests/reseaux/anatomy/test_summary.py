"""Le résumé par couche, comparé aux compteurs de PyTorch."""

import math
from collections import Counter

import numpy as np
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models

import reseaux
from counting import Branches, classifier, flops
from reseaux.anatomy import comparison
from reseaux.formatting import percent


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_counts_match_pytorch(name):
    size = reseaux.NETWORKS[name].input_size
    net = reseaux.build(name, device="meta")
    summary = reseaux.summarize(net, size)
    assert summary.params == sum(p.numel() for p in net.parameters())
    assert 2 * summary.macs == flops(net, size)


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("name", models.list_models(module=models))
def test_every_torchvision_classifier_too(name):
    """Attention, opérations écrites sans couche : tout ce que PyTorch compte."""
    net, size = classifier(name)
    summary = reseaux.summarize(net, size)
    assert summary.params == sum(p.numel() for p in net.parameters())
    assert 2 * summary.macs == flops(net, size)


# Un petit réseau par famille de timm (un module de ``timm.models``), les plus rapides à construire.
TIMM = """
cait_xxs24_224 convit_tiny test_convnext cpubone_nano cs3darknet_focus_s cspnext_tiny davit_tiny
deit_tiny_patch16_224 dla34 dpn68 edgenext_xx_small efficientformer_l1 efficientformerv2_s0
test_efficientnet efficientvim_m1 efficientvit_b0 efficientvit_m0 vit_tiny_patch16_dinov3_qkvb
fasternet_t0 fastvit_t12 focalnet_tiny_srf gcvit_xxtiny ghostnet_050 hardcorenas_b hgnetv2_b0
hiera_tiny_224 hrnet_w18_small inception_next_atto inception_v3 lcnetv2_small levit_384_s8
lowformer_b0 test_mambaout test_coatnet caformer_s18 gmixer_12_224 lcnet_035 mobilevit_xxs
naflexvit_base_patch16_siglip nest_tiny nextvit_small test_nfnet pit_xs_224 pvt_v2_b0
qwen3_vit_88m rdnet_tiny regnetx_002 repghostnet_050 repvit_m1 res2net50_14w_8s resnest14d
test_resnet resnetv2_18 rexnet_100 selecsls42 legacy_seresnet18 shvit_s1 skresnet18 starnet_s050
swiftformer_xs swin_tiny_patch4_window7_224 tiny_vit_5m_224 tresnet_m vgg11 visformer_tiny
test_vit vit_tiny_r_s16_p8_224 test_vit_relpos samvit_base_patch16_224 ese_vovnet19b_slim_dw
legacy_xception xception41p
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", [*TIMM.split(), "tf_efficientnet_lite0", "resnetv2_50", "mixer_s32_224"]
)
def test_every_timm_family_too(name):
    with torch.device("meta"):
        net = timm.create_model(name, pretrained=False)
    size = net.pretrained_cfg["input_size"]
    summary = reseaux.summarize(net, size)
    assert summary.params == sum(p.numel() for p in net.parameters())
    assert 2 * summary.macs == flops(net, size)


def test_each_timm_network_is_of_another_family():
    modules = {timm.models.model_entrypoint(name).__module__ for name in TIMM.split()}
    assert len(modules) == len(TIMM.split()) >= 70


@st.composite
def small_networks(draw):
    """Tire un petit réseau de convolution et une taille d'entrée qui lui convient."""
    channels, layers = draw(st.integers(1, 4)), []
    size = (channels, draw(st.integers(12, 20)), draw(st.integers(12, 20)))
    for _ in range(draw(st.integers(1, 4))):
        kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        out = draw(st.integers(1, 5))
        layers.append(nn.Conv2d(channels, out, kernel, stride, padding=1, bias=draw(st.booleans())))
        layers.append(draw(st.sampled_from([nn.ReLU(), nn.Tanh(), nn.BatchNorm2d(out)])))
        if draw(st.booleans()):
            pool = draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))
            layers.append(pool(2, draw(st.integers(1, 3)), 1, ceil_mode=draw(st.booleans())))
        channels = out
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3)]
    return nn.Sequential(*layers), size


@settings(max_examples=30, deadline=None)
@given(small_networks())
def test_random_networks(case):
    net, size = case
    shapes = []
    hooks = [
        layer.register_forward_hook(lambda _m, _i, out: shapes.append(tuple(out.shape[1:])))
        for layer in net
    ]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train()
    summary = reseaux.summarize(net, size)
    shapes.clear()
    net.eval()(torch.randn(2, *size))
    assert [row.output for row in summary.rows] == shapes
    assert summary.params == sum(p.numel() for p in net.parameters())
    assert 2 * summary.macs == flops(net.to("meta"), size)
    for hook in hooks:
        hook.remove()
    assert before.keys() == net.state_dict().keys()


def test_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.image = nn.Embedding(10, 4), nn.Conv2d(3, 4, 1)

        def forward(self, words, image):
            return self.words(words).mean(1) + self.image(image).mean((2, 3))

    sizes, dtypes = [(5,), (3, 8, 8)], [torch.long, torch.float32]
    summary = reseaux.summarize(Two(), sizes, dtypes=dtypes)
    assert summary.input_sizes == ((5,), (3, 8, 8))
    assert [row.output for row in summary.rows] == [(5, 4), (4, 8, 8), (4,), (4,)]
    assert summary.rows[-1].inputs == (0, 2)
    assert "entrée 5 et 3×8×8" in repr(summary)
    with pytest.raises(reseaux.ReseauxError, match="2 entrées pour 1 types"):
        reseaux.summarize(Two(), sizes, dtypes=[torch.long])


def test_inputs_have_the_type_of_the_weights():
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append(x.dtype)
            return x

    reseaux.summarize(nn.Sequential(Spy(), nn.Conv2d(3, 4, 3), Spy()).half(), (3, 8, 8))
    assert seen == [torch.float16, torch.float16]


def test_an_integer_parameter_does_not_give_its_type_to_the_input():
    net = nn.Sequential(nn.Conv2d(3, 4, 3))
    net.order = nn.Parameter(torch.arange(3), requires_grad=False)
    assert next(net.parameters()) is net.order
    assert reseaux.summarize(net, (3, 8, 8)).rows[0].output == (4, 6, 6)


def test_half_precision_networks():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.weight = nn.Conv2d(3, 4, 3), nn.Parameter(torch.zeros(144, 2))

        def forward(self, x):
            return self.conv(x).flatten(1) @ self.weight  # deux types différents : une erreur

    assert reseaux.summarize(Half().half(), (3, 8, 8)).rows[1].macs == 288


@pytest.mark.parametrize(
    "size",
    [
        *[(), (3, 0, 5), (3, -1, 5), (3, 2.5, 5), "abc", 224, None, [(3, 4), ()], (True, 4, 4)],
        *[np.ones(3), torch.tensor([3, 4]), (3, torch.empty(1, device="meta"))],
    ],
    ids=str,
)
def test_bad_sizes_are_refused(size):
    with pytest.raises(reseaux.ReseauxError, match=r"input_size.*entier"):
        reseaux.summarize(nn.Identity(), size)


@pytest.mark.parametrize(
    ("size", "dtypes", "message"),
    [
        ((3, 10**18), None, "Aucun tenseur n'a la taille 3×10{18}"),
        ((3, 4), "a", "« dtypes » vaut 'a'"),
        ((3, 4), ["float32"], "« dtypes » vaut"),
        ((3, 4, 4), [torch.uint8], "couche « Conv2d », qui a reçu 3×4×4"),
    ],
)
def test_bad_types_are_refused(size, dtypes, message):
    with pytest.raises(reseaux.ReseauxError, match=message):
        reseaux.summarize(nn.Conv2d(3, 4, 1), size, dtypes=dtypes)


def test_numpy_sizes_are_plain_numbers():
    summary = reseaux.summarize(nn.Linear(4, 2), (np.int64(3), np.int64(4)))
    assert {type(n) for n in (*summary.input_size, *summary.rows[0].output)} == {int}


def test_something_else_than_a_module():
    with pytest.raises(reseaux.ReseauxError, match=r"« module » vaut 'vgg-d' ; il faut .*Module"):
        reseaux.summarize("vgg-d")


def test_the_table_shows_every_count_and_the_total():
    summary = reseaux.summarize(reseaux.build("alexnet", device="meta"), (3, 227, 227), "AlexNet")
    text, html = repr(summary), summary._repr_html_()
    for expected in ("34\u202f944", "60\u202f965\u202f224", "100,0", "96×55×55"):
        assert expected in text
        assert expected in html
    assert html.count("<tr>") == 1 + 11 + 1
    table = summary.table()
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [rows[0][c] for c in ("noyau", "pas", "champ")] == ["11×11", "4", "11"]
    assert rows[-2]["champ"] == "355"
    assert rows[-4]["part"] == "61,9\u00a0%"
    oblong = reseaux.summarize(nn.Conv2d(1, 1, (1, 7), (1, 2)), (1, 9, 9)).table().rows[0]
    assert (oblong[3], oblong[8]) == ("1×2", "1×7")
    assert math.isclose(summary.weight_bytes, 4 * 60_965_224)


def test_the_table_adds_up_and_hides_only_what_has_nothing_to_count():
    net = reseaux.build("googlenet", device="meta", aux_heads=True)  # deux têtes jamais appelées
    summary = reseaux.summarize(net)
    short, whole = summary.table(), summary.table(only_main=False)
    for table in (short, whole):
        columns = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
        for name, total in (("paramètres", summary.params), ("MAC", summary.macs)):
            *cells, last = columns[name]
            assert sum(cells) == last == total
        assert [*columns["part"]] == [percent(n / summary.params) for n in columns["paramètres"]]
        assert "" in columns["sortie"][:-1]
    assert [row[0] for row in whole.rows[:-1]] == [row.name for row in summary.rows]
    hidden = Counter(row[1] for row in whole.rows) - Counter(row[1] for row in short.rows)
    assert hidden.keys() == {"ReLU", "dropout", "mise à plat", "normalisation locale"}


@pytest.mark.parametrize(
    ("name", "depth"),
    [("alexnet", 8), ("googlenet", 22), *((f"resnet-{n}", n) for n in (18, 34, 50, 101, 152))],
)
def test_depth_is_the_one_in_the_name(name, depth):
    assert comparison.summary_of(name).depth == depth


def test_depth_counts_the_products_of_an_attention():
    """Trois projections à la fois, deux produits de matrices, une projection, deux connectées."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    assert reseaux.summarize(layer, (5, 8)).depth == 6
    # Une convolution pour les morceaux, douze couches, un classifieur.
    with torch.device("meta"):
        assert reseaux.summarize(models.vit_b_16()).depth == 1 + 12 * 6 + 1


def test_depth_follows_the_longest_path():
    short, long = nn.Conv2d(3, 3, 1), nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(4)))
    for branches in ((short, long), (long, short)):
        net = nn.Sequential(nn.Conv2d(3, 3, 1), Branches(*branches), nn.ReLU(), nn.Conv2d(3, 2, 1))
        assert reseaux.summarize(net, (3, 4, 4)).depth == 1 + 4 + 1
    assert reseaux.summarize(nn.ReLU(), (3,)).depth == 0


def test_activations_are_every_output():
    summary = reseaux.summarize(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 5, 5))
    assert summary.activation_bytes == 4 * (2 * 9 + 2 * 9)


def test_a_layer_that_is_never_called_keeps_no_activation():
    plain, heads = (
        reseaux.summarize(reseaux.build("googlenet", device="meta", aux_heads=aux))
        for aux in (False, True)
    )
    assert heads.params > plain.params
    assert heads.activation_bytes == plain.activation_bytes
