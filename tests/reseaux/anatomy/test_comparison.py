"""Les tableaux de comparaison, contre les métadonnées de torchvision et les articles."""

import math

import pytest

from reseaux import published
from reseaux.anatomy import comparison, zoo
from reseaux.architectures import NETWORKS
from reseaux.architectures.vgg import CONFIGURATIONS, weight_layers
from reseaux.errors import ReseauxError
from reseaux.formatting import percent


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
    stages = [row[1] for row in table.rows if row[0].startswith("étage")]
    assert stages == ["conv3-64", "conv3-128", "conv3-256", "conv3-512", "conv3-512"]
    assert columns["A-LRN"].count("LRN") == 1
    ends = {cells[-4:] for cells in columns.values()}
    assert ends == {("FC-4096", "FC-4096", "FC-1000", "softmax")}
    assert [columns[c.upper()].count("maxpool") for c in CONFIGURATIONS] == [5] * 6


def test_vgg_parameter_table_adds_up():
    for _, convolutions, connected, total, millions, part in comparison.vgg_params_table().rows:
        assert convolutions + connected == total
        assert round(total / 1e6) == millions
        assert part == percent(connected / total)


def test_networks_table_holds_every_network_and_its_errors():
    table = comparison.networks_table()
    columns = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    assert list(columns["réseau"]) == [network.title for network in NETWORKS.values()]
    for name, *errors in zip(NETWORKS, columns["top-1"], columns["top-5"], strict=True):
        stated = published.SINGLE_NETWORK.get(name)  # un réseau sans erreur publiée a deux vides
        assert errors == ([stated.top1, stated.top5] if stated else [None, None])
    depths = dict(zip(NETWORKS, columns["couches"], strict=True))
    assert all(depths[f"vgg-{c}"] == weight_layers(c) for c in CONFIGURATIONS)
    w = {w.model: w for w in zoo.torchvision_weights()}
    for ours, theirs in (("vgg-a", "vgg11"), ("vgg-d", "vgg16"), ("resnet-18", "resnet18")):
        gigas = dict(zip(NETWORKS, columns["G"], strict=True))[ours]
        assert gigas == pytest.approx(w[theirs].gmacs, rel=0.001)
    # Quatre octets par paramètre, et par nombre de chaque sortie.
    for millions, weights in zip(columns["M"], columns["poids"], strict=True):
        assert weights == pytest.approx(4 * millions)
    rows = comparison.summary_of("alexnet").rows
    outputs = sum(math.prod(row.output) for row in rows if row.output)
    assert dict(zip(NETWORKS, columns["sorties"], strict=True))["alexnet"] == 4 * outputs / 1e6


@pytest.mark.parametrize("names", [["vgg-z"], "vgg-d", [1], None, [["vgg-d"]]])
def test_an_unknown_network_is_refused(names):
    with pytest.raises(ReseauxError, match=r"vgg-z|« names » vaut"):
        comparison.networks_table(names)


def test_other_names_of_a_network_are_known():
    assert comparison.summary_of("vgg16").rows == comparison.summary_of("vgg-d").rows
    with pytest.raises(ReseauxError, match="« name » vaut"):
        comparison.summary_of(["vgg-d"])
