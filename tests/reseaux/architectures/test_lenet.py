"""LeNet-5, comparé à son article."""

import torch
from torch.nn import functional as F

import reseaux
from formulas import assert_recomputed
from twins import count

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


def squash(a):
    return 1.7159 * torch.tanh(2 / 3 * a)  # [LeCun98, équation 6 et annexe A]


def lenet(x, weights):
    x = squash(F.conv2d(x, *weights.take(2)))
    x = squash(F.conv2d(4 * F.avg_pool2d(x, 2), *weights.take(2), groups=6))
    maps = [[row[c3] == "X" for row in LENET_TABLE] for c3 in range(16)]
    x = squash(torch.cat([F.conv2d(x[:, seen], *weights.take(2)) for seen in maps], dim=1))
    x = squash(F.conv2d(4 * F.avg_pool2d(x, 2), *weights.take(2), groups=16))
    x = squash(weights.linear(squash(F.conv2d(x, *weights.take(2))).flatten(1)))
    return -((x[:, None] - weights.take(1)[0]) ** 2).sum(dim=2)


def test_lenet_is_the_one_of_the_paper():
    assert_recomputed("lenet-5", lenet, scale=1)
