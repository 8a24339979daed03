"""La langue des branches : ce qu'une description construit, et les formes qu'elle annonce."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reseaux.architectures.branches import (
    AVERAGE,
    MAX,
    BranchedNetwork,
    Chain,
    Conv,
    Parallel,
    halve,
    split,
)

SIDES = st.sampled_from([1, 3, 7])
CONVS = st.tuples(st.integers(1, 5), SIDES, SIDES).map(lambda row: Conv(*row))
BRANCHES = st.recursive(
    st.lists(st.one_of(CONVS, st.just(AVERAGE)), min_size=1, max_size=3).map(tuple),
    lambda branch: st.lists(branch, min_size=1, max_size=3).map(lambda made: (tuple(made),)),
    max_leaves=4,
)


def channels_after(before, branch):
    """Compte les cartes en lisant la description, sans rien construire."""
    for step in branch:
        if isinstance(step, Conv):
            before = step.filters
        elif not callable(step):
            before = sum(channels_after(before, inner) for inner in step)
    return before


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), BRANCHES)
def test_a_padded_branch_keeps_the_size_and_announces_its_maps(before, branch):
    with torch.device("meta"):
        chain = Chain(before, branch)
        y = chain(torch.empty(2, before, 9, 11))
    assert tuple(y.shape) == (2, channels_after(before, branch), 9, 11)
    assert y.shape[1] == chain.out_channels


@torch.no_grad()
def test_branches_are_joined_in_order():
    both = Parallel(2, ((Conv(3),), (AVERAGE,))).eval()
    x = torch.randn(1, 2, 5, 5)
    torch.testing.assert_close(both(x), torch.cat([both.branches[0](x), AVERAGE()(x)], dim=1))
    assert both.out_channels == 5


@pytest.mark.parametrize("side", [7, 8, 35])
def test_halving_steps_have_no_margin(side):
    x = torch.empty(1, 2, side, side)
    for step in (halve(4).build(2), MAX()):
        assert step(x).shape[-1] == (side - 3) // 2 + 1


def test_a_step_is_a_convolution_its_normalization_and_its_relu():
    convolution, norm, relu = Conv(4, 1, 7).build(2)
    assert (convolution.kernel_size, convolution.padding, convolution.bias) == (
        (1, 7),
        (0, 3),
        None,
    )
    assert (norm.eps, type(relu)) == (0.001, nn.ReLU)  # l'epsilon des modèles de Google
    assert [c.build(2)[0].kernel_size for (c,) in split(3)] == [(1, 3), (3, 1)]


@pytest.mark.parametrize("dropout", [0, 0.3])
def test_a_network_has_a_stem_modules_and_a_head(dropout):
    net = BranchedNetwork(Chain(3, (Conv(4),)), {"a": ((Conv(5),), (AVERAGE,))}, dropout, 6)
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [dropout] * bool(dropout)
    x = torch.randn(2, 3, 8, 8)
    expected = net.head[-1](net.blocks["a"](net.eval().stem(x)).mean(dim=(2, 3)))
    torch.testing.assert_close(net(x), expected)
