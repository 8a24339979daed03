"""Des réseaux du registre côte à côte : les six VGG, puis tous."""

from collections.abc import Sequence
from functools import cache
from itertools import zip_longest

from reseaux.anatomy.kinds import Kind
from reseaux.anatomy.summary import Summary, summarize
from reseaux.architectures import NETWORKS, build, resolve
from reseaux.architectures.vgg import CONFIGURATIONS, FULLY_CONNECTED, weight_layers
from reseaux.arguments import checked
from reseaux.formatting import percent
from reseaux.published import SINGLE_NETWORK, VGG_MILLIONS
from reseaux.tables import Cell, Table


@checked
@cache
def summary_of(name: str) -> Summary:
    """Résume un réseau du registre, à la taille d'entrée de son article ; calculé une fois.

    Raises:
        ReseauxError: le registre ne connaît pas ce nom.
    """
    network = NETWORKS[resolve(name)]
    return summarize(build(name, device="meta"), network.input_size, network.title)


def vgg_table() -> Table:
    """Les six configurations de VGG, couche par couche [Simonyan14, table 1].

    La table est tirée de :data:`~reseaux.architectures.vgg.CONFIGURATIONS`, qui construit aussi
    les réseaux : elle ne peut pas les contredire.
    """
    rows: list[list[Cell]] = [
        ["couches à poids", *(str(weight_layers(c)) for c in CONFIGURATIONS)],
        ["entrée", *["224×224×3"] * len(CONFIGURATIONS)],
    ]
    for number, stages in enumerate(zip(*CONFIGURATIONS.values(), strict=True), start=1):
        for depth, layers in enumerate(zip_longest(*stages)):
            rows.append([f"étage {number}" if depth == 0 else "", *layers])
        rows.append(["", *["maxpool"] * len(CONFIGURATIONS)])
    for width in (*FULLY_CONNECTED, 1000):
        rows.append(["", *[f"FC-{width}"] * len(CONFIGURATIONS)])
    rows.append(["", *["softmax"] * len(CONFIGURATIONS)])
    return Table(
        "Les six configurations de VGG ; « conv3-64 » : 64 filtres 3×3 ; « FC » : couche connectée",
        ["", *(c.upper() for c in CONFIGURATIONS)],
        rows,
    )


def vgg_params_table() -> Table:
    """Les paramètres exacts des six VGG, à côté des millions que l'article imprime."""
    rows: list[list[Cell]] = []
    for configuration in CONFIGURATIONS:
        summary = summary_of(f"vgg-{configuration}")
        connected = sum(row.params for row in summary.rows if row.kind is Kind.LINEAR)
        rows.append(
            [
                configuration.upper(),
                summary.params - connected,
                connected,
                summary.params,
                VGG_MILLIONS[configuration],
                percent(connected / summary.params),
            ]
        )
    return Table(
        "Paramètres des six VGG, comptés, et total de l'article en millions",
        ["réseau", "convolutions", "connectées", "total", "article (M)", "part connectée"],
        rows,
    )


@checked
def networks_table(names: Sequence[str] = tuple(NETWORKS)) -> Table:
    """Compare des réseaux du registre : année, couches, paramètres, opérations, mémoire, erreurs.

    Les couches sont celles du plus long chemin, comme dans les noms (« ResNet-50 »). La mémoire est
    celle des poids, puis de toutes les sorties pour une image, en float32. Les erreurs sont celles
    d'un seul réseau, d'après son article (:data:`~reseaux.published.SINGLE_NETWORK`).

    Args:
        names: des noms que :func:`~reseaux.architectures.build` accepte.

    Raises:
        ReseauxError: le registre ne connaît pas un de ces noms.
    """
    rows: list[list[Cell]] = []
    for name in names:
        network, summary = NETWORKS[resolve(name)], summary_of(name)
        errors = SINGLE_NETWORK.get(name)
        rows.append(
            [
                network.title,
                str(network.year),
                summary.depth,
                summary.params / 1e6,
                summary.macs / 1e9,
                summary.weight_bytes / 1e6,
                summary.activation_bytes / 1e6,
                errors.top1 if errors else None,
                errors.top5 if errors else None,
                errors.protocol.removesuffix("s").removesuffix(" découpe") if errors else "–",
            ]
        )
    return Table(
        "Réseaux tels que leur article les décrit : paramètres (M), multiplications-additions (G), "
        "poids et sorties (Mo), erreurs publiées d'un seul réseau sur la validation d'ILSVRC (%)",
        ["réseau", "année", "couches", "M", "G", "poids", "sorties", "top-1", "top-5", "découpes"],
        rows,
        {"M": 1, "G": 2, "sorties": 1, "top-1": 1, "top-5": 1},
    )


def errors_table() -> Table:
    """Où lire les erreurs d'un seul réseau que :func:`networks_table` cite."""
    return Table(
        "Erreurs publiées d'un seul réseau, validation d'ILSVRC-2012 (%) : où les lire",
        ["réseau", "top-1", "top-5", "ce que le réseau voit d'une image", "source"],
        [
            [NETWORKS[name].title, errors.top1, errors.top5, errors.protocol, errors.reference]
            for name, errors in SINGLE_NETWORK.items()
        ],
        {"top-1": 2, "top-5": 2},
    )
