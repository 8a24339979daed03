"""Les images étiquetées : ce qu'elles refusent, et les parties qu'on en tire."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from reseaux import data
from reseaux.errors import ReseauxError


@pytest.mark.parametrize(
    "read",
    [
        data.digits,
        data.mnist,
        lambda: data.fragments(8, 1)[0],
        lambda: data.glyphs("latin", 8)[0],
        lambda: data.solar_cells(12),
    ],
)
def test_changing_data_does_not_change_the_next_reading(read):
    first, before = read(), read().images.sum()
    first.images[:] = 7
    first.labels[:] = 0
    assert read().images.sum() == before
    assert read().labels.any()


@pytest.mark.parametrize(
    ("labels", "names"), [([0, 1, 0], "ab"), ([0, 2], "ab"), ([0, -1], "ab"), ([0.5, 1], "ab")]
)
def test_labels_that_are_not_those_of_the_images_are_refused(labels, names):
    with pytest.raises(ReseauxError, match="étiquette par image, de 0 à 1"):
        data.LabeledImages(np.zeros((2, 3, 3)), np.array(labels), tuple(names))


@pytest.mark.parametrize("indices", [[0, 1797], [0, -1], [0.5], ["a"], [[0], [1, 2]]])
def test_a_subset_of_other_images_is_refused(indices):
    with pytest.raises(ReseauxError, match="de 0 à 1796"):
        data.digits().subset(indices)


@settings(max_examples=25, deadline=None)
@given(per_class=st.integers(1, 174), seed=st.integers(0, 10**6))
def test_a_draw_is_balanced_and_splits_the_set(per_class, seed):
    digits = data.digits()
    drawn, rest = digits.sample(per_class, seed)
    assert np.bincount(drawn.labels).tolist() == [per_class] * 10
    assert len(drawn) + len(rest) == len(digits)
    together = np.concatenate([drawn.images, rest.images]).reshape(len(digits), -1)
    everything = digits.images.reshape(len(digits), -1)
    assert np.allclose(np.sort(together @ WEIGHTS), np.sort(everything @ WEIGHTS), atol=1e-5)


WEIGHTS = np.random.default_rng(0).normal(size=64)


def test_a_draw_repeats_and_depends_on_its_seed():
    a, b, c = (data.digits().sample(3, seed)[0].images for seed in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_small_draw_is_the_start_of_a_larger_one():
    digits = data.digits()
    small, large = digits.sample(2, 5)[0], digits.sample(4, 5)[0]
    for k in range(10):
        assert np.array_equal(small.images[small.labels == k], large.images[large.labels == k][:2])


@pytest.mark.parametrize("per_class", [0, -1, 175])
def test_an_impossible_draw_is_refused(per_class):
    with pytest.raises(ReseauxError, match="« 8 » en a 174"):
        data.digits().sample(per_class, 0)


def test_a_subset_keeps_the_order_asked():
    chosen = data.digits().subset([7, 3, 7])
    assert chosen.labels.tolist() == load_digits().target[[7, 3, 7]].tolist()


def test_the_rest_keeps_the_order_of_the_draw() -> None:
    pool, order = data.digits(), np.random.default_rng(5).permutation(1797)
    chosen = pool.sample_indices(3, seed=5)
    _, rest = pool.sample(3, seed=5)
    left = [k for k in order if k not in chosen]
    np.testing.assert_array_equal(rest.images, pool.images[left])


def test_sampled_indices_are_those_of_the_sample() -> None:
    pool = data.digits()
    chosen = pool.sample_indices(4, seed=3)
    np.testing.assert_array_equal(pool.images[chosen], pool.sample(4, seed=3)[0].images)
