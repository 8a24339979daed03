"""Les valeurs publiées, contre une fiche relue à part."""

import re

import pytest
from torchvision import models

from reseaux import published
from reseaux.architectures import NETWORKS
from reseaux.errors import ReseauxError

# La fiche de contrôle : ce que disent les articles et le bilan des organisateurs, relu une fois
# pour toutes. Une faute de frappe dans published.py se voit ici.
WINNERS = {
    2010: ("NEC-UIUC", "–", 28.2, "Russakovsky15"),
    2011: ("XRCE", "–", 25.8, "Russakovsky15"),
    2012: ("SuperVision", "AlexNet", 16.4, "Russakovsky15"),
    2013: ("Clarifai", "Clarifai", 11.7, "Russakovsky15"),
    2014: ("GoogLeNet", "Inception v1", 6.66, "Russakovsky15"),
    2015: ("MSRA", "ResNet", 3.57, "He15"),
    2016: ("Trimps-Soushen", "ensemble", 2.99, "ILSVRC16"),
    2017: ("WMW", "SENet", 2.25, "Hu18"),
}
ERRORS = {
    "alexnet-1": (18.2, "Krizhevsky 2012, table 2", "un réseau, validation"),
    "alexnet-5": (16.4, "Krizhevsky 2012, table 2", "cinq réseaux, test"),
    "alexnet-7-val": (15.4, "Krizhevsky 2012, table 2", "sept réseaux.*validation"),
    "alexnet-7": (15.3, "Krizhevsky 2012, table 2", "sept réseaux.*test"),
    "vgg-7": (7.3, "Simonyan 2014, table 7", "sept réseaux, test"),
    "vgg-2": (6.8, "Simonyan 2014, table 7", "deux réseaux, test"),
    "googlenet-7": (6.67, "Szegedy 2014, table 2", "sept réseaux, 144 découpes, test"),
    "googlenet-1": (10.07, "Szegedy 2014, table 3", "un réseau, une découpe, validation"),
    "resnet-152-1": (4.49, "He 2015, table 4", "un réseau, validation"),
    "resnet-6": (3.57, "He 2015, table 5", "six réseaux.*test"),
}
SIZES = {
    "HUMAN": (5.1, "§6.4.1"),
    "IMAGENET_IMAGES": (14_197_122, "§1"),
    "IMAGENET_CLASSES": (21_841, "§1"),
    "ILSVRC_TRAIN": (1_281_167, "§3.1"),
    "ILSVRC_VALIDATION": (50_000, "§3.1"),
    "ILSVRC_TEST": (100_000, "§3.1"),
    "ILSVRC_CLASSES": (1_000, "§3.1"),
}


def test_published_winners():
    found = {w.year: (w.team, w.network, w.error, w.source) for w in published.WINNERS}
    assert found == WINNERS
    second = published.RUNNER_UP_2014
    assert (second.year, second.team, second.error) == (2014, "VGG", 7.33)
    assert second.source == "Russakovsky15"
    # Chaque année, l'erreur baisse.
    errors = [w.error for w in published.WINNERS]
    assert errors == sorted(errors, reverse=True)


def test_published_errors():
    found = {name: (e.value, e.reference) for name, e in published.ERRORS.items()}
    assert found == {name: figures[:2] for name, figures in ERRORS.items()}
    for name, (*_, words) in ERRORS.items():
        assert re.search(words, published.ERRORS[name].what), name


def test_published_degradation():
    found = {name: (e.value, e.reference) for name, e in published.DEGRADATION.items()}
    table = {"plain-18": 27.94, "plain-34": 28.54, "resnet-18": 27.88, "resnet-34": 25.03}
    assert found == {name: (error, "He 2015, table 2") for name, error in table.items()}
    assert found["resnet-18"][0] == published.SINGLE_NETWORK["resnet-18"].top1


def test_published_sizes():
    found = {name: getattr(published, name) for name in SIZES}
    assert {name: (f.value, f.where) for name, f in found.items()} == SIZES
    assert {f.source for f in found.values()} == {"Russakovsky15"}
    assert published.ILSVRC_CLASSES.value == len(models.AlexNet_Weights.DEFAULT.meta["categories"])


def test_published_correlations():
    both = published.TRANSFER_FROZEN, published.TRANSFER_TUNED
    assert [(f.value, f.reference) for f in both] == [
        (0.99, "Kornblith 2019, résumé"),
        (0.96, "Kornblith 2019, résumé"),
    ]
    assert ["gelés" in f.what for f in both] == [True, False]


def test_published_solar_cells():
    both = published.SOLAR_SVM, published.SOLAR_CNN
    assert [(f.value, f.reference) for f in both] == [
        (82.44, "Deitsch 2019, résumé"),
        (88.42, "Deitsch 2019, résumé"),
    ]
    assert ["VGG-19" in f.what for f in both] == [False, True]


def test_published_without_labels():
    found = published.DINO_NEIGHBOURS, published.CLIP_PAIRS, published.MAE_HIDDEN
    assert [(f.value, f.reference) for f in found] == [
        (78.3, "Caron 2021, résumé"),
        (400, "Radford 2021, résumé"),
        (75, "He 2021, résumé"),
    ]
    wrong = published.LABEL_ERRORS
    assert (wrong.value, wrong.reference) == (6, "Northcutt 2021, résumé")


def test_spell_key():
    assert published.spell_key("He15") == "He 2015"
    assert published.spell_key("LeCun98") == "LeCun 1998"


# (top-1, top-5, ce que voit le réseau, où le lire), relus dans la table que cite SINGLE_NETWORK.
SINGLE = {
    "alexnet": (40.7, 18.2, "10 découpes", "table 2"),
    "vgg-a": (29.6, 10.4, "dense", "table 3"),
    "vgg-a-lrn": (29.7, 10.5, "dense", "table 3"),
    "vgg-b": (28.7, 9.9, "dense", "table 3"),
    "vgg-c": (28.1, 9.4, "dense", "table 3"),
    "vgg-d": (27.0, 8.8, "dense", "table 3"),
    "vgg-e": (27.3, 9.0, "dense", "table 3"),
    "googlenet": (None, 10.07, "1 découpe", "table 3"),
    "bn-inception": (25.2, 7.82, "1 découpe", "figure 4"),
    "inception-v3": (21.2, 5.6, "1 découpe", "table 3"),
    "inception-v4": (20.0, 5.0, "1 découpe", "table 2 (arXiv)"),
    "xception": (21.0, 5.5, "1 découpe", "table 1"),
    "resnet-18": (27.88, None, "10 découpes", "table 2"),
    "resnet-34": (24.52, 7.46, "10 découpes", "table 3"),
    "resnet-50": (22.85, 6.71, "10 découpes", "table 3"),
    "resnet-101": (21.75, 6.05, "10 découpes", "table 3"),
    "resnet-152": (21.43, 5.71, "10 découpes", "table 3"),
    "squeezenet": (42.5, 19.7, "1 découpe", "table 2"),
}


def test_published_single_networks():
    found = {
        name: (e.top1, e.top5, e.protocol, e.where) for name, e in published.SINGLE_NETWORK.items()
    }
    assert found == SINGLE
    for name, errors in published.SINGLE_NETWORK.items():
        assert errors.source == NETWORKS[name].paper
        assert errors.protocol in ("dense", "1 découpe", "10 découpes")


@pytest.mark.parametrize("name", [n for n in SINGLE if n not in ("vgg-a-lrn", "vgg-c")])
def test_published_errors_are_near_those_torchvision_measured(name):
    """Oracle : ses premiers poids, à moins de trois points ; ils ne sont pas ceux de l'article."""
    theirs = {name, *NETWORKS[name].aliases} & {*models.list_models(models)}
    for model in theirs:
        meta = models.get_model_weights(model)["IMAGENET1K_V1"].meta["_metrics"]["ImageNet-1K"]
        for published_error, key in zip(SINGLE[name][:2], ("acc@1", "acc@5"), strict=True):
            if published_error is not None:
                assert abs(published_error - (100 - meta[key])) < 3


def test_a_key_says_its_year():
    years = {"He15": 2015, "LeCun98": 1998, "ILSVRC16": 2016, "Rumelhart86": 1986}
    years |= {"Turing50": 1950, "Demain49": 2049, "An00": 2000}
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
