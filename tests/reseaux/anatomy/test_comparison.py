"""Les tableaux de comparaison, contre les métadonnées de torchvision et les articles."""

import math

import pytest
from torchvision import models

from reseaux import published
from reseaux.anatomy import comparison, zoo
from reseaux.architectures import NETWORKS
from reseaux.architectures.vgg import CONFIGURATIONS, weight_layers


def test_every_torchvision_model_is_there():
    weights = zoo.torchvision_weights()
    assert {w.model for w in weights} == set(models.list_models(module=models))
    assert not any(math.isnan(w.top1) for w in weights)


def test_torchvision_figures_are_the_metadata():
    for w in zoo.torchvision_weights():
        meta = models.get_model_weights(w.model)[w.weights].meta
        assert (w.params, w.gmacs) == (meta["num_params"], meta["_ops"])
        assert (w.top1, w.top5) == tuple(meta["_metrics"]["ImageNet-1K"].values())


def test_families_share_out_the_models():
    members = [model for family in zoo.families() for model in family.members]
    assert sorted(members) == sorted(models.list_models(module=models))
    for family in zoo.families():
        group = [w for w in zoo.torchvision_weights() if w.model in family.members]
        assert {w.family for w in group} == {family.name}
        assert family.best == max(w.top1 for w in group)
        assert family.params == (min(w.params for w in group), max(w.params for w in group))


def test_families_have_their_paper():
    papers = {f.name: (f.year, f.paper) for f in zoo.families()}
    assert papers["squeezenet"][0] == 2016  # son titre contient « < »
    assert all(year and paper for year, paper in papers.values())


@pytest.mark.parametrize(
    ("ours", "theirs"), [("vgg-a", "vgg11"), ("vgg-d", "vgg16"), ("resnet-18", "resnet18")]
)
def test_counts_agree_with_torchvision(ours, theirs):
    summary = comparison.summary_of(ours)
    w = next(w for w in zoo.torchvision_weights() if w.model == theirs)
    assert summary.params == w.params
    assert summary.macs / 1e9 == pytest.approx(w.gmacs, rel=0.001)
    # Le fichier garde aussi les moyennes et variances des normalisations de lot.
    assert summary.weight_bytes / 2**20 == pytest.approx(w.file_mb, rel=0.005)


def test_vgg_table_is_table_1_of_the_paper():
    table = comparison.vgg_table()
    columns = dict(zip(table.columns[1:], list(zip(*table.rows, strict=True))[1:], strict=True))
    layers = [cell for cell in columns["A"] if cell and cell.startswith("conv")]
    # Simonyan et Zisserman 2014, table 1, colonne A.
    assert layers == ["conv3-64", "conv3-128", *["conv3-256"] * 2, *["conv3-512"] * 4]
    assert [cell for cell in columns["C"] if cell and cell.startswith("conv1")] == [
        "conv1-256",
        "conv1-512",
        "conv1-512",
    ]
    assert columns["A-LRN"].count("LRN") == 1
    assert [columns[c.upper()].count("maxpool") for c in CONFIGURATIONS] == [5] * 6


def test_vgg_parameter_table_adds_up():
    for _, convolutions, connected, total, millions, _ in comparison.vgg_params_table().rows:
        assert convolutions + connected == total
        assert round(total / 1e6) == millions


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


def test_the_models_table_has_each_model_once_with_its_default_weights():
    table = zoo.models_table()
    assert [row[0] for row in table.rows] == models.list_models(module=models)
    for name, params, gmacs, size, top1, top5 in table.rows:
        meta = models.get_model_weights(name).DEFAULT.meta
        assert (params * 1e6, gmacs) == pytest.approx((meta["num_params"], meta["_ops"]))
        assert size == meta["_file_size"]
        assert (top1, top5) == tuple(meta["_metrics"]["ImageNet-1K"].values())
    assert table.sortable


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
    assert set(found) <= set(NETWORKS)  # un article ne donne pas toujours d'erreur sur ILSVRC
    for name, errors in published.SINGLE_NETWORK.items():
        assert errors.source == NETWORKS[name].paper


def test_networks_table_holds_every_network_and_its_errors():
    table = comparison.networks_table()
    columns = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    assert list(columns["réseau"]) == [network.title for network in NETWORKS.values()]
    assert (
        dict(zip(NETWORKS, zip(columns["top-1"], columns["top-5"], strict=True), strict=True))
        == dict.fromkeys(NETWORKS, (None, None)) | SINGLE
    )
    depths = dict(zip(NETWORKS, columns["couches"], strict=True))
    assert all(depths[f"vgg-{c}"] == weight_layers(c) for c in CONFIGURATIONS)
    # Quatre octets par paramètre.
    for millions, weights in zip(columns["M"], columns["poids"], strict=True):
        assert weights == pytest.approx(4 * millions)
