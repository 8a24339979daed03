"""Le résumé par couche, comparé aux compteurs de PyTorch."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

import reseaux
from reseaux.summary import times


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


# Des familles sans attention : ses produits de matrices ne sont pas dans des couches.
@pytest.mark.parametrize(
    "name",
    ["alexnet", "vgg11_bn", "googlenet", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x0_5"],
)
def test_torchvision_networks_too(name):
    with torch.device("meta"):
        net = models.get_model(name, weights=None)
    summary = reseaux.summarize(net.eval())
    assert summary.params == sum(p.numel() for p in net.parameters())
    assert 2 * summary.macs == flops(net, (3, 224, 224))


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
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


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


@pytest.mark.parametrize("size", [(), (3, 0, 5), (3, -1, 5), (3, 2.5, 5), "abc"])
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


def test_the_table_shows_every_count_and_the_total():
    summary = reseaux.summarize(reseaux.build("alexnet", device="meta"), (3, 227, 227), "AlexNet")
    text, html = repr(summary), summary._repr_html_()
    for expected in ("34\u202f944", "60\u202f965\u202f224", "100,0", "96×55×55"):
        assert expected in text
        assert expected in html
    assert html.count("<tr>") == 1 + 11 + 1
    assert math.isclose(summary.weight_bytes, 4 * 60_965_224)


def test_times():
    assert times((3, 224, 224)) == "3×224×224"
    assert times(None) == ""
