"""Les miniatures : leurs formes, leurs couches, leurs calculs égaux, leurs poids reproduits."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from experiments import ideas
from experiments.miniatures import NETWORKS, Pair, stack, started
from reseaux.anatomy.summary import summarize
from reseaux.errors import ReseauxError


def counted(model: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(part, kind) for part in model.modules())


@pytest.mark.parametrize("depth", [8, 20, 56])
@pytest.mark.parametrize("normalized", [True, False])
def test_a_stack_has_its_depth_and_shortcuts_are_free(depth: int, normalized: bool) -> None:
    plain, residual = (stack(depth, shortcut, normalized, 10) for shortcut in (False, True))
    for model in (plain, residual):
        assert counted(model, nn.Conv2d) + counted(model, nn.Linear) == depth
        assert counted(model, nn.BatchNorm2d) == normalized * (depth - 1)
    sizes = [[p.shape for p in model.parameters()] for model in (plain, residual)]
    assert sizes[0] == sizes[1]


def test_a_stack_has_the_widths_and_sizes_of_the_article() -> None:
    """He 2015, §4.2 : 2n + 1 couches à 32×32, 2n à 16×16, 2n à 8×8 ; 16, 32 et 64 filtres."""
    summary = summarize(stack(20, True, True, 10, width=16), (1, 32, 32))
    outputs = [row.output for row in summary.rows if row.kernel == (3, 3)]
    assert outputs == [(16, 32, 32)] * 7 + [(32, 16, 16)] * 6 + [(64, 8, 8)] * 6


@pytest.mark.parametrize("depth", [2, 7, 18, 21])
def test_a_depth_of_another_family_is_refused(depth: int) -> None:
    with pytest.raises(ReseauxError, match=f"Profondeur {depth} : il faut 6n"):
        stack(depth, True, True, 10)


@pytest.mark.parametrize(("inputs", "outputs", "side"), [(4, 4, 6), (4, 8, 6), (4, 8, 7)])
def test_with_nothing_learned_a_pair_gives_its_input_back(
    inputs: int, outputs: int, side: int
) -> None:
    x = torch.randn(2, inputs, side, side, generator=torch.Generator().manual_seed(0))
    pair = Pair(inputs, outputs, True, True)
    nn.init.zeros_(pair.residual[-1].weight)
    given = F.relu(x if inputs == outputs else x[:, :, ::2, ::2])
    found = pair(x)
    assert torch.equal(found[:, :inputs], given)
    assert not found[:, inputs:].any()
    bare = Pair(inputs, outputs, False, True)
    bare.load_state_dict(pair.state_dict())
    assert not bare(x).any()


@pytest.mark.parametrize("source", ideas.SIDES)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_networks_compute_as_much(source: str, network: str) -> None:
    side, classes = ideas.SIDES[source], ideas.CLASSES[source]
    changes = ideas.CHANGES.values() if network == "vgg" else [{}]
    for change in changes:
        model = NETWORKS[network](classes, side, **change)
        macs = summarize(model, (1, side, side)).macs
        assert abs(macs / ideas.MACS[source] - 1) < 0.05, (change, macs)
        with FlopCounterMode(display=False) as counter:  # oracle : deux opérations par MAC
            assert model(torch.zeros(2, 1, side, side)).shape == (2, classes)
        assert counter.get_total_flops() == 2 * 2 * macs


def test_weights_follow_their_seed_and_leave_chance_alone() -> None:
    before = torch.get_rng_state()
    models = [NETWORKS["vgg"](10, 28, normalized=False) for _ in range(3)]
    torch.set_rng_state(before)
    for model, seed in zip(models, (1, 1, 2), strict=True):
        started(model, seed)
    assert torch.equal(torch.get_rng_state(), before)
    first, same, other = (nn.utils.parameters_to_vector(model.parameters()) for model in models)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    for part in models[0].modules():
        if isinstance(part, nn.Conv2d) and part.weight.numel() > 500:
            inputs = part.weight[0].numel()
            assert float(part.weight.detach().std()) == pytest.approx((2 / inputs) ** 0.5, rel=0.15)
            assert not part.bias.any()
