"""Le résumé par couche, comparé aux compteurs de PyTorch."""

import math

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

import reseaux
from reseaux.anatomy import comparison
from reseaux.anatomy.tracing import times


def flops(net, size):
    """Compte les opérations avec l'outil de PyTorch : deux par multiplication-addition."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.empty(1, *size, device="meta"))
    return counter.get_total_flops()


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
    size = (3, 299, 299) if name == "inception_v3" else (3, 224, 224)
    # Les RegNet calculent leur plan avec des tenseurs : ils se construisent avec des valeurs.
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        net = models.get_model(name, weights=None).to("meta")
    summary = reseaux.summarize(net, size)
    assert summary.params == sum(p.numel() for p in net.parameters())
    assert 2 * summary.macs == flops(net, size)


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnetv2_50", "mixer_s32_224"])
def test_timm_classifiers_too(name):
    with torch.device("meta"):
        net = timm.create_model(name, pretrained=False)
    summary = reseaux.summarize(net)
    assert summary.params == sum(p.numel() for p in net.parameters())
    assert 2 * summary.macs == flops(net, (3, 224, 224))


# Champs réceptifs de la dernière couche qui a encore une place dans l'image. Araujo, Norris et Sim
# 2019, « Computing receptive fields of convolutional neural networks ».
FIELDS = {"alexnet": 195, "vgg-d": 212, "resnet-50": 483, "resnet-101": 1027, "resnet-152": 1507}
FIELDS |= {"inception-v3": 1311, "inception-v4": 2071}


@pytest.mark.parametrize(("name", "published"), FIELDS.items())
def test_receptive_fields_are_the_published_ones(name, published):
    network = reseaux.NETWORKS[name]
    rows = reseaux.summarize(reseaux.build(name, device="meta"), network.input_size).rows
    last = [row for row in rows if len(row.output) == 3 and row.output[1] > 1][-1]
    assert last.receptive_field == (published, published)


def seen_pixels(net, size):
    """Mesure un champ réceptif : les pixels dont le gradient d'une sortie du milieu dépend."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
    x = torch.zeros(1, *size, dtype=torch.float64, requires_grad=True)
    y = net.double()(x)
    y[0, :, y.shape[2] // 2, y.shape[3] // 2].sum().backward()
    # De la première à la dernière : un pas plus grand que le noyau saute des pixels.
    return tuple(int(indices.max() - indices.min()) + 1 for indices in x.grad[0, 0].nonzero().T)


sides = st.tuples(st.integers(1, 4), st.integers(1, 4))
strides = st.tuples(st.integers(1, 2), st.integers(1, 2))
layers = st.tuples(st.sampled_from(["conv", "moyenne", "dilatée"]), sides, strides)


@settings(max_examples=40, deadline=None)
@given(st.lists(layers, min_size=1, max_size=3), st.booleans())
def test_receptive_field_is_what_the_gradient_sees(plan, shortcut):
    net, dilation = nn.Sequential(), {"dilatée": 2}
    for kind, sides, stride in plan:
        if kind == "moyenne":
            net.append(nn.AvgPool2d(sides, stride))
        else:
            net.append(nn.Conv2d(1, 1, sides, stride, dilation=dilation.get(kind, 1)))
    if shortcut:  # deux chemins : le plus large des deux l'emporte
        net.append(Branches(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 1)))
    size = (1, 120, 120)
    assert reseaux.summarize(net, size).rows[-1].receptive_field == seen_pixels(net, size)


class Branches(nn.Module):
    """Des chemins parallèles, réunis par une concaténation ou par une somme."""

    def __init__(self, *branches, concatenate=False):
        super().__init__()
        self.branches, self.concatenate = nn.ModuleList(branches), concatenate

    def forward(self, x):
        outputs = [branch(x) for branch in self.branches]
        return torch.cat(outputs, 1) if self.concatenate else sum(outputs[1:], outputs[0])


@pytest.mark.parametrize(
    ("concatenate", "kind", "channels"), [(True, "concaténation", 9), (False, "addition", 3)]
)
def test_joined_paths_have_a_row_and_their_inputs(concatenate, kind, channels):
    block = Branches(*(nn.Conv2d(3, 3, 1) for _ in range(3)), concatenate=concatenate)
    net = nn.Sequential(nn.ReLU(), block, nn.Flatten())
    rows = reseaux.summarize(net, (3, 4, 4)).rows
    joined = [row for row in rows if row.kind == kind]
    assert [row.name for row in joined] == ["1"] * len(joined)
    assert joined[-1].output == (channels, 4, 4)
    assert [row.inputs for row in rows[:4]] == [(), (0,), (0,), (0,)]
    expected = [(1, 2, 3)] if concatenate else [(1, 2), (4, 3)]
    assert [row.inputs for row in joined] == expected
    assert rows[-1].inputs == (len(rows) - 2,)


def test_a_shortcut_does_not_come_out_of_the_activation():
    """ReLU ne change pas la forme ; elle doit pourtant rendre un autre tenseur."""

    class PreActivation(nn.Module):
        def __init__(self):
            super().__init__()
            self.start, self.relu, self.conv = nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 3, 1)

        def forward(self, x):
            x = self.start(x)
            return self.conv(self.relu(x)) + x

    rows = reseaux.summarize(PreActivation(), (3, 4, 4)).rows
    assert [row.kind for row in rows] == ["convolution", "ReLU", "convolution", "addition"]
    assert rows[-1].inputs == (2, 0)


def test_squeeze_and_excitation_sees_the_whole_image():
    rows = reseaux.summarize(models.mobilenet_v3_small(), (3, 224, 224)).rows
    product = next(row for row in rows if row.kind == "multiplication")
    assert product.receptive_field[0] >= 224


def test_fields_stop_where_places_are_lost():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 8, 2, 2), nn.Linear(8, 5)

        def forward(self, x):
            return self.head(self.conv(x).flatten(2).transpose(1, 2))

    conv, head = reseaux.summarize(Tokens(), (3, 6, 6)).rows
    assert (conv.receptive_field, head.receptive_field) == ((2, 2), None)
    assert (head.output, head.macs) == ((9, 5), 9 * 8 * 5)


def test_fields_stop_at_a_layer_that_mixes_columns():
    rows = reseaux.summarize(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(6, 5)), (3, 8, 8)).rows
    assert [row.receptive_field for row in rows] == [(3, 3), None]


def test_fields_stop_when_channels_move():
    class ChannelsLast(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.tanh = nn.Conv2d(3, 8, 2, 2), nn.Tanh()

        def forward(self, x):
            return self.tanh(self.conv(x).permute(0, 2, 3, 1))

    rows = reseaux.summarize(ChannelsLast(), (3, 6, 6)).rows
    assert [row.receptive_field for row in rows] == [(2, 2), None]


@pytest.mark.parametrize("arguments", [(3, 2), (3, 2, 0, 2), (3, 2, 1)])
def test_a_pooling_without_a_layer_has_its_window(arguments):
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3)

        def forward(self, x):
            return self.conv(F.max_pool2d(x, *arguments))

    written = reseaux.summarize(Pooled(), (3, 20, 20)).rows
    layers = nn.Sequential(nn.MaxPool2d(*arguments), nn.Conv2d(3, 3, 3))
    expected = reseaux.summarize(layers, (3, 20, 20)).rows
    assert [(r.stride, r.receptive_field) for r in written] == [
        (r.stride, r.receptive_field) for r in expected
    ]


def test_a_sum_with_a_lost_field_is_lost():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            lost = x.flatten(2).transpose(1, 2).transpose(1, 2).reshape(x.shape)
            return self.conv(x) + lost

    assert reseaux.summarize(Mixed(), (3, 4, 4)).rows[-1].receptive_field is None


def test_a_matrix_product_shows_its_whole_shape():
    rows = reseaux.summarize(models.vit_b_32(), (3, 224, 224)).rows
    products = [row.output for row in rows if row.kind == "produit de matrices"][:2]
    assert products == [(50, 3 * 768), (12, 50, 50)]  # 49 morceaux et un jeton de classe


def test_functional_calls_have_a_row_or_a_note():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 3, 3, 3))

        def forward(self, x):
            x = F.max_pool2d(torch.tanh(F.conv2d(x, self.weight)), 2)
            return F.relu(x.flatten(1)) @ torch.ones(36, 2) + 1

    summary = reseaux.summarize(Functional(), (3, 8, 8))
    kinds = [(row.kind, row.kernel, row.macs) for row in summary.rows[:3]]
    assert kinds == [
        ("convolution", (3, 3), 36 * 4 * 27),
        ("max pooling", (2, 2), 0),
        ("produit de matrices", None, 36 * 2),
    ]
    assert summary.unlisted == (("add", 1), ("relu", 1), ("tanh", 1))
    assert "tanh (1 fois)" in repr(summary)
    assert summary.params == 4 * 27
    assert summary.rows[-1].output == ()  # le poids n'est dans aucune couche appelée


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
    with pytest.raises(reseaux.ReseauxError, match="un type par entrée"):
        reseaux.summarize(Two(), sizes, dtypes=[torch.long])


def test_a_called_again_module_counts_its_weights_once_and_its_work_twice():
    layer = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())
    summary = reseaux.summarize(nn.Sequential(layer, nn.Sequential(layer, nn.Flatten())), (3, 5, 5))
    assert [row.params for row in summary.rows] == [84, 6, 0, 0, 0, 0, 0]
    assert summary.macs == 2 * 25 * 81


def test_the_path_is_that_of_evaluation():
    net = reseaux.build("googlenet", device="meta", aux_heads=True).train()
    rows = reseaux.summarize(net).rows
    assert [row.output for row in rows if row.name == "aux.4a.1.0"] == [()]


def test_a_redefined_forward_is_run():
    class Doubled(nn.Linear):
        def forward(self, x):
            return super().forward(super().forward(x))

    rows = reseaux.summarize(nn.Sequential(Doubled(4, 4)), (4,)).rows
    assert [(row.name, row.kind, row.macs) for row in rows] == [("0", "connectée", 32)]


def test_inputs_have_the_type_of_the_weights():
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append(x.dtype)
            return x

    reseaux.summarize(nn.Sequential(Spy(), nn.Conv2d(3, 4, 3), Spy()).half(), (3, 8, 8))
    assert seen == [torch.float16, torch.float16]


def test_half_precision_networks():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.weight = nn.Conv2d(3, 4, 3), nn.Parameter(torch.zeros(144, 2))

        def forward(self, x):
            return self.conv(x).flatten(1) @ self.weight  # deux types différents : une erreur

    assert reseaux.summarize(Half().half(), (3, 8, 8)).rows[1].macs == 288


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


def test_the_module_is_left_as_it_was():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    reseaux.summarize(net, (3, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(m.training for m in net.modules())
    assert not any("forward" in vars(m) for m in net.modules())


def test_a_failure_leaves_the_module_as_it_was():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(7, 7)).train()
    net[1].forward = forward = net[1].forward  # posé sur l'instance par son auteur
    with pytest.raises(reseaux.ReseauxError):
        reseaux.summarize(net, (3, 8, 8))
    assert all(m.training for m in net.modules())
    assert vars(net[1])["forward"] is forward
    assert "forward" not in vars(net[0])


def test_shared_weights_count_once():
    layer = nn.Linear(5, 5)
    summary = reseaux.summarize(nn.Sequential(layer, nn.ReLU(), layer), (5,))
    assert [row.params for row in summary.rows] == [30, 0, 0]
    assert summary.macs == 2 * 25


def test_uncalled_parameters_have_a_row():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(4, 4), nn.Linear(4, 9)

        def forward(self, x):
            return self.used(x)

    summary = reseaux.summarize(Lazy(), (4,))
    assert summary.rows[-1].name == "unused"
    assert summary.rows[-1].output == ()
    assert summary.params == 20 + 45


@pytest.mark.parametrize(
    "size", [(), (3, 0, 5), (3, -1, 5), (3, 2.5, 5), "abc", 224, None, [(3, 4), ()], (True, 4, 4)]
)
def test_bad_sizes_are_refused(size):
    with pytest.raises(reseaux.ReseauxError, match="entiers positifs"):
        reseaux.summarize(nn.Identity(), size)


@pytest.mark.parametrize(
    ("size", "layer", "shape"),
    [((3, 20, 20), "features.7", "256×1×1"), ((1, 227, 227), "features.0", "1×227×227")],
)
def test_failure_names_the_layer_and_the_shape(size, layer, shape):
    with pytest.raises(reseaux.ReseauxError, match=f"{layer} », qui a reçu {shape}"):
        reseaux.summarize(reseaux.build("alexnet", device="meta"), size)


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_too_small_an_image_or_other_channels_are_reported(name):
    net, (channels, *_) = reseaux.build(name, device="meta"), reseaux.NETWORKS[name].input_size
    with pytest.raises(reseaux.ReseauxError, match=f"qui a reçu {channels + 1}×64×64"):
        reseaux.summarize(net, (channels + 1, 64, 64))
    one_pixel = (channels, 1, 1)
    try:
        net.eval()(torch.empty(1, *one_pixel, device="meta"))
    except RuntimeError:
        pass
    else:  # selon PyTorch, ses marges suffisent, jusqu'à une image d'un pixel
        assert not name.startswith(("alexnet", "vgg", "inception", "lenet"))
        assert reseaux.summarize(net, one_pixel).rows[-1].output == (1000,)
        return
    with pytest.raises(reseaux.ReseauxError, match=r"la couche « .*donnée : .×1×1") as e:
        reseaux.summarize(net, one_pixel)
    assert "donnez une image assez grande" in str(e.value)


@pytest.mark.parametrize("error", [KeyError("clé"), ZeroDivisionError(), AssertionError("non")])
def test_any_failure_of_a_module_is_reported(error):
    class Broken(nn.Module):
        def forward(self, x):
            raise error

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU(), Broken()))
    with pytest.raises(reseaux.ReseauxError, match=r"couche « 1\.1 », qui a reçu 4×6×6") as caught:
        reseaux.summarize(net, (3, 8, 8))
    assert type(error).__name__ in str(caught.value)
    assert caught.value.__cause__ is error


def test_a_failing_operation_names_the_module_that_writes_it():
    net = nn.Sequential(nn.Identity(), Branches(nn.Conv2d(3, 2, 1), nn.Conv2d(3, 3, 1)))
    with pytest.raises(reseaux.ReseauxError, match="couche « 1 », qui a reçu 2×8×8"):
        reseaux.summarize(net, (3, 8, 8))


def test_a_failure_after_a_layer_names_the_module_that_fails():
    class Checked(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            raise ValueError(self.conv(x).shape)

    with pytest.raises(reseaux.ReseauxError, match="couche « 0 », qui a reçu 4×6×6"):
        reseaux.summarize(nn.Sequential(Checked()), (3, 8, 8))


def test_recurrent_layers_say_how_to_be_built():
    with pytest.raises(reseaux.ReseauxError, match="Construisez le réseau sans poids"):
        reseaux.summarize(nn.Sequential(nn.LSTM(8, 4)), (5, 8))
    with torch.device("meta"):
        net = nn.Sequential(nn.LSTM(8, 4))
    assert reseaux.summarize(net, (5, 8)).rows[0].output == (5, 4)


def test_something_else_than_a_module():
    with pytest.raises(reseaux.ReseauxError, match=r"attend un nn\.Module et a reçu str"):
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


@pytest.mark.parametrize(
    ("name", "depth"),
    [("alexnet", 8), ("googlenet", 22), *((f"resnet-{n}", n) for n in (18, 34, 50, 101, 152))],
)
def test_depth_is_the_one_in_the_name(name, depth):
    assert comparison.summary_of(name).depth == depth


def test_activations_are_every_output():
    summary = reseaux.summarize(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 5, 5))
    assert summary.activation_bytes == 4 * (2 * 9 + 2 * 9)


def test_times():
    assert times((3, 224, 224)) == "3×224×224"
    assert times(None) == ""
