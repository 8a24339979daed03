"""Les chiffres cités : leurs clés, et la façon dont ils se lisent."""

import pytest

from reseaux import published
from reseaux.architectures import NETWORKS


@pytest.mark.parametrize(
    ("key", "year", "spelled"),
    [("He15", 2015, "He 2015"), ("LeCun98", 1998, "LeCun 1998"), ("ILSVRC16", 2016, "ILSVRC 2016")],
)
def test_a_key_says_its_author_and_year(key, year, spelled):
    assert published.key_year(key) == year
    assert published.spell_key(key) == spelled


def test_references_are_readable():
    assert published.ERRORS["alexnet-1"].reference == "Krizhevsky 2012, table 2"
    assert published.WINNERS[0].reference == "Russakovsky 2015"
    assert published.SINGLE_NETWORK["resnet-34"].reference == "He 2015, table 3"


def test_single_network_errors_are_those_of_the_registry():
    for name, errors in published.SINGLE_NETWORK.items():
        assert errors.source == NETWORKS[name].paper
        assert errors.top1 or errors.top5
