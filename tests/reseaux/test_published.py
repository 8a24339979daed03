"""Les valeurs publiées, contre une fiche relue à part."""

import pytest

from reseaux import published
from reseaux.architectures import NETWORKS
from reseaux.errors import ReseauxError

# La fiche de contrôle : ce que disent les articles et le bilan des organisateurs, relu une fois
# pour toutes. Une faute de frappe dans published.py se voit ici.
WINNERS = {
    2010: ("NEC-UIUC", 28.2),
    2011: ("XRCE", 25.8),
    2012: ("SuperVision", 16.4),
    2013: ("Clarifai", 11.7),
    2014: ("GoogLeNet", 6.66),
    2015: ("MSRA", 3.57),
    2016: ("Trimps-Soushen", 2.99),
    2017: ("WMW", 2.25),
}
ERRORS = {
    "alexnet-1": 18.2,
    "alexnet-5": 16.4,
    "alexnet-7-val": 15.4,
    "alexnet-7": 15.3,
    "vgg-7": 7.3,
    "vgg-2": 6.8,
    "googlenet-7": 6.67,
    "googlenet-1": 10.07,
    "resnet-152-1": 4.49,
    "resnet-6": 3.57,
}


def test_published_winners():
    assert {w.year: (w.team, w.error) for w in published.WINNERS} == WINNERS
    assert published.RUNNER_UP_2014.error == 7.33
    assert published.HUMAN.value == 5.1


def test_published_errors():
    assert {name: figure.value for name, figure in published.ERRORS.items()} == ERRORS


def test_published_sizes():
    assert published.IMAGENET_IMAGES.value == 14_197_122
    assert published.IMAGENET_CLASSES.value == 21_841
    assert published.ILSVRC_TRAIN.value == 1_281_167
    assert (published.ILSVRC_VALIDATION.value, published.ILSVRC_TEST.value) == (50_000, 100_000)


def test_spell_key():
    assert published.spell_key("He15") == "He 2015"
    assert published.spell_key("LeCun98") == "LeCun 1998"


# (top-1, top-5) d'un seul réseau, relus dans la table que cite published.SINGLE_NETWORK.
SINGLE = {
    "alexnet": (40.7, 18.2),
    "vgg-a": (29.6, 10.4),
    "vgg-a-lrn": (29.7, 10.5),
    "vgg-b": (28.7, 9.9),
    "vgg-c": (28.1, 9.4),
    "vgg-d": (27.0, 8.8),
    "vgg-e": (27.3, 9.0),
    "googlenet": (None, 10.07),
    "bn-inception": (25.2, 7.82),
    "inception-v3": (21.2, 5.6),
    "inception-v4": (20.0, 5.0),
    "xception": (21.0, 5.5),
    "resnet-18": (27.88, None),
    "resnet-34": (24.52, 7.46),
    "resnet-50": (22.85, 6.71),
    "resnet-101": (21.75, 6.05),
    "resnet-152": (21.43, 5.71),
    "squeezenet": (42.5, 19.7),
}


def test_published_single_networks():
    found = {name: (e.top1, e.top5) for name, e in published.SINGLE_NETWORK.items()}
    assert found == SINGLE
    for name, errors in published.SINGLE_NETWORK.items():
        assert errors.source == NETWORKS[name].paper


def test_a_key_says_its_year():
    years = {"He15": 2015, "LeCun98": 1998, "ILSVRC16": 2016}
    assert {key: published.key_year(key) for key in years} == years


@pytest.mark.parametrize("key", ["", "He", "15He", "He1", "He²³"])
def test_a_key_without_a_year_is_refused(key):
    for read in (published.key_year, published.spell_key):
        with pytest.raises(ReseauxError, match="ne finit pas par une année"):
            read(key)


def test_references_are_readable():
    assert published.ERRORS["alexnet-1"].reference == "Krizhevsky 2012, table 2"
    assert published.WINNERS[0].reference == "Russakovsky 2015"
    assert published.SINGLE_NETWORK["resnet-34"].reference == "He 2015, table 3"
