"""Les blocs, contre les lignes du résumé."""

from collections import Counter
from math import log2

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models.convnext import LayerNorm2d

import reseaux
from counting import classifier
from drawings import Read, arrows, both, every_network, module, number
from reseaux.anatomy.drawing.blocks import blocks_of
from reseaux.anatomy.drawing.placement import PlacedBlock
from reseaux.anatomy.kinds import JOINING, Family, Kind
from reseaux.formatting import dimensions

SHORT = {kind.short: kind for kind in (Kind.CONVOLUTION, Kind.MAX_POOL, Kind.LINEAR)}


@every_network
def test_the_parameters_of_the_labels_add_up(name, drawn):
    summary, made = drawn(name)
    for read in both(made):
        total = sum(number(read.label(b, "params")) * read.times(b) for b in read.blocks)
        assert total == summary.params


@every_network
def test_every_block_says_what_a_row_says(name, drawn):
    """Forme, noyau et pas de chaque bloc se trouvent ensemble dans une ligne du résumé."""
    summary, made = drawn(name)
    read = Read(made)
    times = dimensions
    rows = {
        (row.kind, times(row.kernel), times(row.stride) if row.kernel else "", times(row.output))
        for row in summary.rows
    }
    shapes = {times(row.output) for row in summary.rows}
    known = 0
    for block in read.blocks:
        kind, _, kernel = read.label(block, "genre").partition(" ")
        shape = read.label(block, "forme")
        if kind == "entrée":
            assert shape == times(summary.input_size)
        elif kind in SHORT:
            stride = read.label(block, "pas").removeprefix("pas ") or "1"
            stride = stride if "×" in stride else f"{stride}×{stride}"
            assert (SHORT[kind], kernel, stride if kernel else "", shape) in rows
            known += 1
        elif shape:
            assert shape in shapes
    assert known >= 1


@pytest.mark.parametrize("name", ["alexnet", "vgg-d", "nin", "resnet-18", "squeezenet"])
def test_a_detailed_drawing_has_every_convolution(name, drawn):
    summary, made = drawn(name)
    read = Read(made)
    shown = Counter()
    for block in read.blocks:
        if read.label(block, "genre").startswith("conv "):
            shown[read.label(block, "forme")] += read.times(block)
    expected = Counter(
        dimensions(row.output) for row in summary.rows if row.kind is Kind.CONVOLUTION
    )
    assert shown == expected


@pytest.mark.parametrize(
    ("name", "blocks", "links"),
    [("goulot", 4, 5), ("projection", 4, 5), ("fire", 4, 5), ("inception", 8, 11)],
)
def test_a_module_shows_its_branches(name, blocks, links):
    """Un bloc par couche, et une flèche par lien du résumé."""
    made = reseaux.draw(module(name))
    assert made.blocks == blocks
    assert len(arrows(made)) == links


def executed(net, size):
    """Exécute le réseau : le module qui rend chaque sortie, par nom et par forme."""
    outputs, names = {}, {layer: name for name, layer in net.named_modules()}

    def note(layer, _, made):
        made = made if isinstance(made, torch.Tensor) else made[0]
        outputs[names[layer], tuple(made.shape[1:])] = layer

    hooks = [layer.register_forward_hook(note) for layer in names]
    with torch.no_grad():
        net(torch.empty(1, *size, device="meta"))
    for hook in hooks:
        hook.remove()
    return outputs


def padded(*sizes):
    return (*sizes, 1, 1)[:3]


def right_sizes(block, layer, read):
    """Dit si un bloc a les canaux, la hauteur et la largeur de sa couche, ou de ce qu'il lit."""
    if isinstance(layer, nn.Linear | nn.LayerNorm) and not isinstance(layer, LayerNorm2d):
        return block.size == padded(block.output[-1], *block.output[:-1])
    attention = ".attn" in block.name or block.kind.family is Family.OTHER
    if attention or block.kind is Kind.MATMUL:
        return block.size[0] == block.output[-1]
    if block.kind in (Kind.ADDITION, Kind.MULTIPLICATION):
        return block.size in [other.size for other in read]
    if block.kind is Kind.CONCATENATION:  # Swin réunit quatre positions voisines
        places = [other.size[1:] for other in read]
        return block.size[1:] in [*places, *((-(-h // 2), -(-w // 2)) for h, w in places)]
    assert layer is not None or block.kind.family is Family.POOLING, block
    return block.size == padded(*block.output)


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("name", models.list_models(module=models))
def test_every_block_of_every_classifier_has_the_sizes_of_its_row(name):
    """Ceux de l'exécution, pour une image carrée, puis pour une image allongée."""
    net, size = classifier(name)
    one_size = name.startswith(("vit_", "maxvit_"))
    for given in [size] if one_size else [size, (3, size[1], size[1] + 96)]:
        summary, outputs = reseaux.summarize(net, given), executed(net, given)
        blocks = blocks_of(summary)
        assert blocks[0].size == given
        for block in blocks[1:]:
            layer = outputs.get((block.name, block.output))
            if block.kind is not Kind.UNUSED:
                assert right_sizes(block, layer, [blocks[j] for j in block.inputs]), block
                channels, rows, columns = (log2(n) for n in block.size)
                placed = PlacedBlock(block, 1)
                assert placed.t == pytest.approx(4 + 5 * channels)
                assert placed.h == pytest.approx(6 + 10 * rows)
                assert placed.dx == pytest.approx(0.3 * (6 + 10 * columns))
                assert placed.dy == pytest.approx(0.18 * (6 + 10 * columns))
        for kind in (Kind.CONVOLUTION, Kind.LINEAR, Kind.MATMUL, *JOINING):
            called = sum(row.kind is kind and row.output != () for row in summary.rows)
            assert sum(block.kind is kind for block in blocks) == called


@pytest.mark.parametrize(
    ("join", "links"), [(lambda x, y: y + y, 2), (lambda x, y: y * y, 2), (lambda x, y: x + y, 3)]
)
def test_a_sum_reads_what_it_adds_and_nothing_else(join, links):
    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return join(x, self.conv(x))

    assert len(arrows(reseaux.draw(reseaux.summarize(Joined(), (3, 8, 8))))) == links


def test_a_normalization_has_its_block_if_the_convolution_is_read_elsewhere():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x):
            y = self.conv(x)
            return self.norm(y) + y

    made = reseaux.draw(reseaux.summarize(Both(), (3, 8, 8)))
    assert (made.blocks, len(arrows(made))) == (3, 4)
    alone = reseaux.draw(reseaux.summarize(nn.Sequential(*Both().children()), (3, 8, 8)))
    assert (alone.blocks, len(arrows(alone))) == (1, 1)


def test_the_weights_of_an_attention_go_to_the_product_that_uses_them():
    net = nn.Sequential(nn.Linear(8, 8), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))
    blocks = blocks_of(reseaux.summarize(net, (5, 8)))
    products = [block for block in blocks if block.kind is Kind.MATMUL]
    assert [(b.output, b.params) for b in products] == [
        ((5, 24), 3 * 8 * 8 + 3 * 8),  # les trois projections d'un coup
        ((2, 5, 5), 0),
        ((2, 5, 4), 0),
        ((5, 8), 8 * 8 + 8),
    ]


def test_a_shortcut_from_the_entry_is_drawn():
    with torch.device("meta"):
        basic = models.resnet18(weights=None).layer1[0]
    assert len(arrows(reseaux.draw(reseaux.summarize(basic, (64, 56, 56))))) == 4


def test_what_is_never_called_is_counted_in_a_last_block():
    """Les classifieurs auxiliaires de GoogLeNet ne servent qu'à l'apprentissage."""
    with torch.device("meta"):
        net = models.googlenet(weights=None, init_weights=False).eval()
    made = blocks_of(reseaux.summarize(net))
    aside = sum(p.numel() for part in (net.aux1, net.aux2) for p in part.parameters())
    assert [block.kind for block in made if not block.output] == [Kind.UNUSED]
    assert (made[-1].kind, made[-1].params) == (Kind.UNUSED, aside)


def test_a_convolution_and_its_normalization_are_one_block():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.ReLU())
    _, first, second = blocks_of(reseaux.summarize(net, (3, 8, 8)))
    assert (first.normalized, first.params) == (True, 3 * 4 * 9 + 4 + 2 * 4)
    assert (second.normalized, second.params) == (False, 4 * 4 * 9 + 4)


def test_the_weights_of_an_attention_go_to_its_products():
    """Ceux de l'entrée au premier, ceux de la sortie au dernier ; aucun n'est à part."""

    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x)[0]

    _, *products = blocks_of(reseaux.summarize(Attending(), (5, 8)))
    assert {block.kind for block in products} == {Kind.MATMUL}
    assert [block.params for block in products] == [3 * 8 * (8 + 1), 0, 0, 8 * (8 + 1)]
