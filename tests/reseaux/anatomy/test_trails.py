"""Les marques que portent les tenseurs."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from reseaux.anatomy import trails
from reseaux.anatomy.receptive import Field


def marked(*sources):
    x = torch.zeros(2)
    trails.set_trail(x, trails.Trail(sources, Field((3, 3), (1, 1))))
    return x


def test_a_tensor_keeps_its_own_trail():
    x, weight = marked(4), torch.zeros(2)
    assert trails.has_trail(x)
    assert trails.trail_of(x) == ((4,), Field((3, 3), (1, 1)), False)
    assert not trails.has_trail(weight)
    assert trails.trail_of(weight) == ((), None, False)


def test_sources_are_joined_once_each_and_in_order():
    assert trails.common_sources([marked(3, 1), torch.zeros(1), marked(1, 0)]) == (3, 1, 0)


nested = st.recursive(
    st.just(0), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=2), x)
)


@given(nested)
def test_tensors_are_found_in_lists_and_dictionaries(shape):
    placed = []

    def fill(value):
        if isinstance(value, list):
            return tuple(fill(item) for item in value)
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()} | {"autre": "texte"}
        placed.append(torch.zeros(1))
        return placed[-1]

    found = list(trails.tensors_in([fill(shape), None, 3]))
    assert [id(x) for x in found] == [id(x) for x in placed]


def test_a_weight_becomes_a_tensor_without_values():
    weight, kept = torch.ones(2, 3), torch.empty(1, device="meta")
    made = trails.to_meta([weight, (kept, "mean", None)])
    assert (made[0].is_meta, made[0].shape) == (True, weight.shape)
    assert made[1][0] is kept
    assert made[1][1:] == ("mean", None)


def test_a_blank_keeps_the_order_of_the_places_and_takes_no_trail():
    like = torch.empty(2, 3, 4, dtype=torch.float16, device="meta").transpose(1, 2)
    trails.set_trail(like, trails.Trail((1,), None))
    for made in (
        trails.blank(like, (2, 4, 3)),
        trails.blank(like, (5,)),
        trails.blank(torch.ones(2).half(), (2,)),
    ):
        assert made.is_meta
        assert made.dtype is torch.float16
        assert not trails.has_trail(made)
    assert trails.blank(like, (2, 4, 3)).stride() == like.stride()
