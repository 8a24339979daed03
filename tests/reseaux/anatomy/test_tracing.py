"""La traversée : les lignes, leurs entrées, ce qu'un échec dit, et l'état du module après."""

import inspect

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models

import reseaux
from counting import Branches
from reseaux.anatomy import known
from reseaux.anatomy.kinds import Kind


@pytest.mark.parametrize(
    ("concatenate", "kind", "channels"), [(True, Kind.CONCATENATION, 9), (False, Kind.ADDITION, 3)]
)
def test_joined_paths_have_a_row_and_their_inputs(concatenate, kind, channels):
    block = Branches(*(nn.Conv2d(3, 3, 1) for _ in range(3)), concatenate=concatenate)
    net = nn.Sequential(nn.ReLU(), block, nn.Flatten())
    rows = reseaux.summarize(net, (3, 4, 4)).rows
    joined = [row for row in rows if row.kind is kind]
    assert [row.name for row in joined] == ["1"] * len(joined)
    assert joined[-1].output == (channels, 4, 4)
    assert [row.inputs for row in rows[:4]] == [(-1,), (0,), (0,), (0,)]
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
    assert [row.kind for row in rows] == [
        Kind.CONVOLUTION,
        Kind.RELU,
        Kind.CONVOLUTION,
        Kind.ADDITION,
    ]
    assert rows[-1].inputs == (2, 0)


class Wired(nn.Module):
    """Une couche, et ce qu'un ``forward`` en fait avec l'entrée."""

    def __init__(self, wire):
        super().__init__()
        self.layer, self.wire = nn.Conv2d(3, 3, 1), wire

    def forward(self, x):
        return self.wire(x, self.layer(x))


@pytest.mark.parametrize(
    ("wire", "inputs"),
    [
        (lambda x, y: y + y, (0,)),
        (lambda x, y: y * y, (0,)),
        (lambda x, y: torch.cat([y, y], 1), (0,)),
        (lambda x, y: x + x, (-1,)),
        (lambda x, y: x + y, (-1, 0)),
        (lambda x, y: torch.cat([y, x, y], 1), (0, -1)),
        (lambda x, y: y.add_(x), (0, -1)),
    ],
)
def test_a_joining_row_names_what_it_reads_and_the_entry(wire, inputs):
    assert reseaux.summarize(Wired(wire), (3, 4, 4)).rows[-1].inputs == inputs


def test_a_layer_takes_its_input_by_name():
    """Les arguments nommés sont ceux de PyTorch, que le raccourci connaisse la couche ou non."""
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    layers += [nn.LayerNorm(36), nn.Linear(36, 4), nn.Dropout(), nn.Softmax(1)]

    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(layers)

        def forward(self, x):
            for layer in self.layers:
                x = layer(input=x)
            return x

    named, listed = Named().eval(), nn.Sequential(*layers)
    assert named(torch.zeros(1, 3, 8, 8)).shape == (1, 4)
    rows = reseaux.summarize(named, (3, 8, 8)).rows
    assert [row[1:] for row in rows] == [
        row[1:] for row in reseaux.summarize(listed, (3, 8, 8)).rows
    ]


def test_every_known_layer_calls_its_input_the_same():
    for forward in known.KNOWN:
        assert [*inspect.signature(forward).parameters] == ["self", "input"]


@pytest.mark.parametrize(
    ("wire", "last"),
    [
        (
            lambda x, y: F.layer_norm(y.permute(0, 2, 3, 1), (3,)).mul(2) + x.permute(0, 2, 3, 1),
            True,
        ),
        (lambda x, y: F.layer_norm(y.permute(0, 2, 3, 1), (3,)).permute(0, 3, 1, 2) + x, False),
        (lambda x, y: y.permute(0, 1, 3, 2) + x, False),
        (lambda x, y: y.permute(0, 2, 1, 3).transpose(1, 2) + x, False),
        (lambda x, y: torch.cat([x.transpose(1, -1), y.transpose(-1, 1)]), True),
        (lambda x, y: y.transpose(1, 3).transpose(1, 2) + x.transpose(1, 3), True),
        (lambda x, y: y.transpose(1, 3).transpose(-3, -1) + x, False),
        (lambda x, y: F.layer_norm(y, y.shape[1:]) + x, False),
        (lambda x, y: y.flatten(2) @ torch.ones(16, 5), True),
        (lambda x, y: F.conv2d(y.transpose(1, 3).reshape(x.shape), torch.ones(2, 3, 1, 1)), False),
        (lambda x, y: F.conv_transpose2d(y, torch.ones(3, 2, 2, 2)), False),
    ],
)
def test_a_row_says_where_its_channels_are(wire, last):
    assert reseaux.summarize(Wired(wire), (3, 4, 4)).rows[-1].channels_last is last


def test_layers_say_where_their_channels_are():
    layers = [nn.Conv2d(3, 4, 1), nn.LayerNorm((4, 6, 8)), nn.LayerNorm(8), nn.Linear(8, 5)]
    rows = reseaux.summarize(nn.Sequential(*layers, nn.ReLU()), (3, 6, 8)).rows
    assert [row.channels_last for row in rows] == [False, False, True, True, True]
    words = nn.Sequential(nn.Embedding(9, 4), nn.Tanh())
    rows = reseaux.summarize(words, (7,), dtypes=[torch.long]).rows
    assert [row.channels_last for row in rows] == [True, True]


@pytest.mark.parametrize(
    ("function", "size", "kernel"),
    [
        (F.conv1d, (3, 9), (2,)),
        (F.conv3d, (3, 5, 6, 7), (2, 2, 2)),
        (F.conv_transpose2d, (3, 5, 5), (2, 2)),
    ],
)
def test_any_convolution_without_a_layer_is_one(function, size, kernel):
    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3, 3, *kernel))

        def forward(self, x):
            return function(x, self.weight)

    row = reseaux.summarize(Written(), size).rows[0]
    assert (row.kind, row.output) == (Kind.CONVOLUTION, Written()(torch.ones(1, *size)).shape[1:])


def test_a_matrix_product_shows_its_whole_shape():
    rows = reseaux.summarize(models.vit_b_32(), (3, 224, 224)).rows
    products = [row.output for row in rows if row.kind is Kind.MATMUL][:2]
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
        (Kind.CONVOLUTION, (3, 3), 36 * 4 * 27),
        (Kind.MAX_POOL, (2, 2), 0),
        (Kind.MATMUL, None, 36 * 2),
    ]
    assert summary.unlisted == (("add", 1), ("relu", 1), ("tanh", 1))
    assert "tanh (1 fois)" in repr(summary)
    assert summary.params == 4 * 27
    assert summary.rows[-1].output == ()  # le poids n'est dans aucune couche appelée


@pytest.mark.parametrize(
    "move",
    [
        torch.clone,
        lambda x: x.permute(0, 2, 3, 1).contiguous(),
        lambda x: x.transpose(1, 3).reshape(1, -1),
        lambda x: x.double(),
        lambda x: torch.empty_like(x).copy_(x),
        lambda x: torch.cat([x]),
        lambda x: x[:, :2].unsqueeze(0).expand(2, -1, -1, -1, -1),
    ],
)
def test_what_only_moves_values_is_not_mentioned(move):
    class Moved(nn.Module):
        def forward(self, x):
            return move(x)

    assert reseaux.summarize(Moved(), (3, 8, 8)).unlisted == ()


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
    assert [(row.name, row.kind, row.macs) for row in rows] == [("0", Kind.LINEAR, 32)]


def test_the_module_is_left_as_it_was():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    reseaux.summarize(net, (3, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(m.training for m in net.modules())
    assert not any("forward" in vars(m) for m in net.modules())


class Remembering(nn.Module):
    """Garde ce qu'elle a vu : un attribut, un tampon, une case d'un dictionnaire."""

    def __init__(self):
        super().__init__()
        self.conv, self.cache = nn.Conv2d(3, 4, 3), {}
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x):
        made = self.conv(x)
        self.last = self.cache[tuple(x.shape)] = made
        self.mean = made.mean((0, 2, 3))
        return made + self.mean.view(-1, 1, 1)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    "wrap",
    [
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        lambda layer: nn.Sequential(layer, Remembering()),
    ],
)
@pytest.mark.parametrize("size", [(3, 8, 8), (3, 1, 1)])
def test_a_module_keeps_nothing_of_what_it_computed(wrap, size):
    net = wrap(nn.Conv2d(3, 3, 3))
    x = torch.rand(1, 3, 8, 8)
    before, state = net.eval()(x), [(vars(m), {**vars(m)}) for m in net.modules()]
    copies = [{k: {**v} for k, v in own.items() if isinstance(v, dict)} for own, _ in state]
    try:
        reseaux.summarize(net, size)
    except reseaux.ReseauxError:
        assert size == (3, 1, 1)
    for (own, expected), dicts in zip(state, copies, strict=True):
        assert own.keys() == expected.keys()
        assert all(own[key] is value for key, value in expected.items())
        assert {k: {**v} for k, v in own.items() if isinstance(v, dict)}.keys() == dicts.keys()
        for key, value in dicts.items():
            assert [*own[key]] == [*value]
            assert all(own[key][name] is item for name, item in value.items())
    assert torch.equal(net(x), before)


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
    else:  # ses marges suffisent, jusqu'à une image d'un pixel
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
