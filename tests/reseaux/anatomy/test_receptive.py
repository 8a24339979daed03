"""Les champs réceptifs, contre les articles et contre le gradient."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torchvision import models

import reseaux
from counting import Branches
from reseaux.anatomy.kinds import Kind
from reseaux.anatomy.receptive import Field, layer_window, operation_field

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


WINDOWS = {  # noyau, marge : tous rendent une carte moitié moindre d'une entrée paire
    "3×3, marge 1": lambda: nn.Conv2d(1, 1, 3, 2, 1),
    "3×3 au plafond": lambda: nn.AvgPool2d(3, 2, ceil_mode=True),
    "1×1": lambda: nn.Conv2d(1, 1, 1, 2),
    "2×2": lambda: nn.AvgPool2d(2),
    "5×5, marge 2": lambda: nn.Conv2d(1, 1, 5, 2, 2),
    "écarté, marge 1": lambda: nn.Conv2d(1, 1, 2, 2, 1, dilation=2),
}


class Function(nn.Module):
    """Une couche dont l'appel se fait sans la couche."""

    def __init__(self, layer):
        super().__init__()
        self.kept = [layer]  # hors des sous-modules
        self.weight = getattr(layer, "weight", None)

    def forward(self, x):
        layer = self.kept[0]
        if self.weight is None:
            return F.avg_pool2d(x, layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
        weight = torch.ones_like(self.weight) if not x.is_meta else self.weight
        return F.conv2d(x, weight, None, layer.stride, layer.padding, layer.dilation)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(WINDOWS, 2)])
def test_two_paths_with_other_margins_see_their_union(one, other, bare):
    """Un champ commence plus tôt, l'autre finit plus tard : le gradient voit les deux."""
    paths = [WINDOWS[name]() for name in (one, other)]
    if bare:
        paths = [Function(path) for path in paths]
    net = nn.Sequential(nn.Conv2d(1, 1, 3, 1, 1), Branches(*paths), nn.Conv2d(1, 1, 3, 2, 1))
    size = (1, 64, 64)
    assert reseaux.summarize(net, size).rows[-1].receptive_field == seen_pixels(net, size)


class Excited(nn.Module):
    """Une carte multipliée par une moyenne de toute la carte, puis une convolution."""

    def __init__(self, before, pool, after, swapped):
        super().__init__()
        self.before, self.after, self.swapped = before, after, swapped
        self.scale = nn.Sequential(pool, nn.Conv2d(1, 1, 1), nn.Sigmoid())

    def forward(self, x):
        x = self.before(x)
        scale = self.scale(x)
        return self.after(scale * x if self.swapped else x * scale)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3), keepdim=True)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(sides, strides), min_size=1, max_size=3),
    st.tuples(sides, strides),
    st.sampled_from([nn.AdaptiveAvgPool2d(1), Mean()]),
    st.booleans(),
)
def test_fields_after_a_squeeze_and_excitation(plan, last, pool, swapped):
    """Formule fermée : le produit voit toute la carte ; ce qui suit avance du pas de la carte."""
    before = nn.Sequential(*(nn.Conv2d(1, 1, kernel, stride) for kernel, stride in plan))
    size = (60, 45)
    rows = reseaux.summarize(
        Excited(before, pool, nn.Conv2d(1, 1, *last), swapped), (1, *size)
    ).rows
    expected, after = [], []
    for axis in (0, 1):
        field, step, places = 1, 1, size[axis]
        for kernel, stride in plan:
            field += (kernel[axis] - 1) * step
            step *= stride[axis]
            places = (places - kernel[axis]) // stride[axis] + 1
        expected.append(field + (places - 1) * step)
        after.append(expected[axis] + (last[0][axis] - 1) * step)
    product = next(row for row in rows if row.kind is Kind.MULTIPLICATION)
    assert product.receptive_field == tuple(expected)
    assert rows[-1].receptive_field == tuple(after)


def test_a_real_squeeze_and_excitation_sees_what_the_gradient_sees():
    """Toute l'image, marges comprises : le champ calculé ne peut être plus petit que le mesuré."""
    rows = reseaux.summarize(models.mobilenet_v3_small(), (3, 96, 160)).rows
    products = [row for row in rows if row.kind is Kind.MULTIPLICATION]
    assert len(products) == 9
    for row in products:
        assert all(seen >= n for seen, n in zip(row.receptive_field, (96, 160), strict=True))
    # Le premier : une convolution 3×3 de pas 2, une autre, puis 24×40 positions au pas de 4.
    assert products[0].receptive_field == (7 + 23 * 4, 7 + 39 * 4)


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


@pytest.mark.parametrize(
    ("function", "layer", "arguments"),
    [
        *((F.max_pool2d, nn.MaxPool2d, given) for given in [(3, 2), (3, 2, 0, 2), (3, 2, 1), (3,)]),
        *((F.avg_pool2d, nn.AvgPool2d, given) for given in [(3, 2), (3,), ((2, 3), (1, 2))]),
        (lambda x, size: x.mean((2, 3), keepdim=True), nn.AvgPool2d, ((20, 16),)),
        (lambda x, size: x.mean((-1, -2), keepdim=True), nn.AvgPool2d, ((20, 16),)),
        (lambda x, size: F.adaptive_avg_pool2d(x, 1), nn.AvgPool2d, ((20, 16),)),
    ],
)
def test_a_pooling_without_a_layer_has_its_window(function, layer, arguments):
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return self.conv(function(x, *arguments))

    written = reseaux.summarize(Pooled(), (3, 20, 16)).rows
    layers = nn.Sequential(layer(*arguments), nn.Conv2d(3, 3, 3, padding=1))
    expected = reseaux.summarize(layers, (3, 20, 16)).rows
    assert [(r.kernel, r.stride, r.receptive_field) for r in written] == [
        (r.kernel, r.stride, r.receptive_field) for r in expected
    ]


def test_a_flattened_map_is_seen_whole_by_what_follows():
    layers = (nn.Conv2d(3, 4, (3, 2)), nn.Flatten(), nn.Linear(168, 5), nn.ReLU(), nn.Linear(5, 2))
    rows = reseaux.summarize(nn.Sequential(*layers), (3, 8, 8)).rows
    assert [row.receptive_field for row in rows] == [(3, 2), *[(8, 8)] * 4]


def test_a_dilated_convolution_without_a_layer_sees_as_far_as_the_layer():
    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 3, 3, 3))

        def forward(self, x):
            return F.conv2d(x, self.weight, dilation=2)

    written = reseaux.summarize(Written(), (3, 20, 20)).rows[0]
    layer = reseaux.summarize(nn.Conv2d(3, 4, 3, dilation=2, bias=False), (3, 20, 20)).rows[0]
    assert written.receptive_field == layer.receptive_field == (5, 5)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.booleans(), st.booleans())
def test_an_adaptive_pooling_has_the_window_that_the_gradient_sees(out, times, more, mean, layer):
    """Sa plus grande fenêtre ; une agrégation ordinaire quand les tailles tombent juste."""

    class Written(nn.Module):
        def forward(self, x):
            pool = F.adaptive_avg_pool2d if mean else F.adaptive_max_pool2d
            return pool(x, (out, 3))

    size = (out * times, 3 + more)
    adaptive = (nn.AdaptiveAvgPool2d if mean else nn.AdaptiveMaxPool2d)((out, 3))
    row = reseaux.summarize(adaptive if layer else Written(), (1, *size)).rows[0]
    widths = []
    for place in range(3):  # le long de la largeur, où les tailles ne tombent pas juste
        x = torch.arange(math.prod(size)).double().view(1, 1, *size).requires_grad_()
        F.adaptive_avg_pool2d(x, (out, 3))[0, 0, 0, place].backward()
        widths.append(int((x.grad[0, 0, 0] != 0).sum()))
    assert row.kernel == row.receptive_field == (times, max(widths))
    assert row.stride == (times, -(-size[1] // 3))


def test_a_sum_with_a_lost_field_is_lost():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            lost = x.flatten(2).transpose(1, 2).transpose(1, 2).reshape(x.shape)
            return self.conv(x) + lost

    assert reseaux.summarize(Mixed(), (3, 4, 4)).rows[-1].receptive_field is None


def test_the_window_of_a_layer_is_its_settings():
    conv = nn.Conv2d(3, 4, (3, 5), stride=2, dilation=(1, 2), padding=(1, 0))
    assert layer_window(conv) == ((3, 5), (2, 2), (1, 2), (1, 0))
    assert layer_window(nn.Conv2d(3, 4, (3, 5), dilation=2, padding="same")).padding == (2, 4)
    assert layer_window(nn.Conv2d(3, 4, 3, padding="valid")).padding == (0, 0)
    assert layer_window(nn.MaxPool2d(3)) == ((3, 3), (3, 3), (1, 1), (0, 0))
    assert layer_window(nn.ReLU()) is None


def test_the_widest_map_gives_the_step():
    """Une carte d'une seule place, étirée sur l'autre, en voit toute l'étendue."""
    large, small = Field((5, 5), (2, 2)), Field((9, 9), (4, 4))
    inputs = [((1, 1, 8, 2), large), ((1, 1, 1, 1), small)]
    for order in (inputs, inputs[::-1]):
        assert operation_field(order, (1, 1, 8, 2), None) == Field((5 + 7 * 2, 9), (2, 2))


SIDE = 8


def moved(x):
    y = x.clone()
    y[:, :, 2:] = x[:, :, :-2]
    return y


POINTWISE = {
    "normalisation par lots": nn.BatchNorm2d(4),
    "normalisation suivie": nn.InstanceNorm2d(4, track_running_stats=True),
    "normalisation locale": nn.LocalResponseNorm(3),
    "softmax des canaux": nn.Softmax2d(),
    "PReLU": nn.PReLU(),
    "Hardswish": nn.Hardswish(),
    "moyenne des canaux": lambda x: x * x.mean(1, keepdim=True),
    "canaux battus": lambda x: x.view(1, 2, 2, SIDE, SIDE).transpose(1, 2).reshape(x.shape),
    "canaux réunis": lambda x: torch.cat([x[:, 2:], x[:, :2]], 1),
    "canaux choisis": lambda x: x[:, [3, 1, 2, 0]],
    "canaux empilés": lambda x: torch.stack([x, x], 1).sum(1),
    "carré": lambda x: x.square().sqrt(),
}
MIXING = {
    "transposée": nn.ConvTranspose2d(4, 4, 3, 1, 1),
    "connectée": nn.Linear(SIDE, SIDE),
    "par groupes": nn.GroupNorm(2, 4),
    "par image": nn.InstanceNorm2d(4),
    "de couche": nn.LayerNorm([4, SIDE, SIDE]),
    "des colonnes": nn.LayerNorm(SIDE),
    "de lot sans suivi": nn.BatchNorm2d(4, track_running_stats=False),
    "tour": nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
    "softmax": nn.Softmax(-1),
    "softmax des places": lambda x: x.flatten(2).softmax(-1).view(x.shape),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "produit": lambda x: x @ x.mT,
    "Fourier": lambda x: torch.fft.fft2(x).real,
    "roulée": lambda x: x.roll(3, 2),
    "retournée": lambda x: x.flip(2),
    "tournée": lambda x: x.mT,
    "cumulée": lambda x: x.cumsum(2),
    "déplacée": moved,
    "maximum": lambda x: x / x.max(),
    "coin": lambda x: x * F.avg_pool2d(x, 1, 100),
    "ligne": lambda x: x * x[:, :, :1],
    "deux pas": lambda x: F.avg_pool2d(x, 5, 1) + F.avg_pool2d(x, 2, 2),
    "vecteur": lambda x: x * x.mean(1).flatten(1).mean(1),
    "lignes de canaux": lambda x: x.repeat(1, 2, 1, 1)[:, :, 0].unsqueeze(1).expand(1, 4, -1, -1),
}


class Between(nn.Module):
    """Une opération entre deux convolutions."""

    def __init__(self, operation):
        super().__init__()
        self.before, self.after = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.operation = operation

    def forward(self, x):
        return self.after(self.operation(self.before(x)))


@pytest.mark.parametrize("operation", POINTWISE.values(), ids=POINTWISE)
def test_what_keeps_places_keeps_the_field(operation):
    rows = reseaux.summarize(Between(operation), (1, SIDE, SIDE)).rows
    assert rows[-1].receptive_field == (3, 3)


@pytest.mark.parametrize("name", [*POINTWISE, *MIXING])
def test_a_field_is_never_smaller_than_what_the_gradient_sees(name):
    """L'oracle : la dérivée d'une sortie, à chaque place, d'après chaque pixel."""
    torch.manual_seed(0)
    net = Between((POINTWISE | MIXING)[name]).eval()
    field = reseaux.summarize(net, (1, SIDE, SIDE)).rows[-1].receptive_field
    image = torch.randn(1, 1, SIDE, SIDE)
    slopes = torch.autograd.functional.jacobian(lambda x: net(x).sum(1), image)
    slopes, spans = slopes.squeeze(), []
    for place in itertools.product(*map(range, slopes.shape[:2])):
        # Elle-même comprise : une carte déplacée n'est plus à sa place.
        pixels = torch.cat([slopes[place].nonzero(), torch.tensor([place])])
        spans.append(pixels.amax(0) - pixels.amin(0) + 1)
    measured = torch.stack(spans).amax(0).tolist()
    assert field is None or all(a >= b for a, b in zip(field, measured, strict=True))
    assert (measured == [3, 3]) == (name in POINTWISE)


@pytest.mark.parametrize(("size", "first", "second"), [(50, 4, 5), (13, 7, 1)])
def test_uneven_adaptive_poolings_do_not_see_less_than_the_gradient(size, first, second):
    """Un pas de 13 pixels sur deux, et 12 entre les autres : le champ compte le plus grand."""
    net = nn.Sequential(nn.AdaptiveAvgPool2d((1, first)), nn.AdaptiveAvgPool2d((1, second)))
    row = reseaux.summarize(net, (1, 1, size)).rows[-1]
    x = torch.zeros(1, 1, 1, size, requires_grad=True)
    seen = [
        int((slopes := torch.autograd.grad(y, x, retain_graph=True)[0][0, 0, 0].nonzero()).max())
        - int(slopes.min())
        + 1
        for y in net(x).flatten()
    ]
    assert row.receptive_field[1] >= max(seen)
