"""N'importe quels arguments donnent un résultat ou un refus en français, rien d'autre."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from odd_values import odd_calls, public_functions, quiet, result_or_refusal
from reseaux import architectures, atomic, data, formatting, measures, published, style, tables
from reseaux import settings as reglages

DIGITS = data.digits().subset(range(40))
PICTURES = [np.zeros((3, 3)), np.ones((3, 3))]


def table(**fields: Any) -> str:
    made = tables.Table(**fields)
    return repr(made) + made._repr_html_()


def sort(**arguments: Any) -> tables.Table:
    return tables.Table("t", ("a", "b"), [("x", 2), ("y", None)]).sorted_by(**arguments)


def panels(**arguments: Any) -> None:
    with style.panels(**arguments):
        pass


def french_axis(digits: Any, axis: Any = None) -> None:
    with style.panels(1, 1, (1, 1)) as (_, axes):
        style.french_axis(axes[0, 0].xaxis if axis is None else axis, digits)


def draw_confusion(ax: Any, **arguments: Any) -> None:
    with style.panels(1, 1, (1, 1)) as (_, axes):
        measures.draw_confusion(axes[0, 0] if ax is None else ax, **arguments)


def interval(**bounds: Any) -> str:
    return str(measures.Interval(**bounds))


def build_resnet(v1_5: Any) -> None:
    architectures.build("resnet-18", device="meta", v1_5=v1_5)


def build_googlenet(aux_heads: Any) -> None:
    architectures.build("googlenet", device="meta", aux_heads=aux_heads)


NUMBER = {"value": 1.5, "digits": 1}
TRUTH = np.array([0, 1, 1])
CALLS = {
    "formatting.integer": (formatting.integer, {"value": 1}),
    "formatting.decimal": (formatting.decimal, NUMBER),
    "formatting.percent": (formatting.percent, {"fraction": 0.5, "digits": 1}),
    "formatting.millions": (formatting.millions, NUMBER),
    "formatting.megabytes": (formatting.megabytes, {"n_bytes": 3, "digits": 1}),
    "formatting.mebibytes": (formatting.mebibytes, {"n_bytes": 3, "digits": 1}),
    "formatting.dimensions": (formatting.dimensions, {"sizes": (1, 2)}),
    "measures.wilson": (measures.wilson, {"successes": 1, "total": 3, "confidence": 0.9}),
    "measures.mean_interval": (measures.mean_interval, {"values": [1, 2], "confidence": 0.9}),
    "measures.draw_confusion": (
        draw_confusion,
        {"ax": None, "truth": TRUTH, "answers": TRUTH, "names": ("a", "b")},
    ),
    "measures.Interval": (interval, {"mean": 0.5, "low": 0.4, "high": 0.6}),
    "published.key_year": (published.key_year, {"key": "He15"}),
    "published.spell_key": (published.spell_key, {"key": "He15"}),
    "data.photos.photo": (data.photo, {"name": "coffee"}),
    "data.photos.fragments": (
        data.fragments,
        {"size": 8, "per_photo": 1, "seed": 0, "color": True},
    ),
    "data.solar.solar_cells": (data.solar_cells, {"size": 8}),
    "data.letters.glyphs": (data.glyphs, {"alphabet": "latin", "size": 8}),
    "data.LabeledImages": (
        data.LabeledImages,
        {"images": np.zeros((2, 3, 3)), "labels": np.array([0, 1]), "names": ("a", "b")},
    ),
    "data.subset": (DIGITS.subset, {"indices": [0, 1]}),
    "data.sample": (DIGITS.sample, {"per_class": 1, "seed": 0}),
    "data.sample_indices": (DIGITS.sample_indices, {"per_class": 1, "seed": 0}),
    "settings.current": (reglages.current, {"environment": {}}),
    "style.panels": (panels, {"rows": 1, "columns": 1, "size": (1, 1), "images": True, "dpi": 50}),
    "style.french_axis": (french_axis, {"axis": None, "digits": 1}),
    "style.show_images": (
        style.show_images,
        {"images": PICTURES, "titles": ["a", "b"], "columns": 2, "width": 1.0},
    ),
    "tables.Table": (
        table,
        {
            "caption": "t",
            "columns": ["a", "b"],
            "rows": [["x", 2]],
            "digits": {"b": 1},
            "sortable": True,
        },
    ),
    "tables.sorted_by": (sort, {"column": "b", "reverse": True}),
    "architectures.resolve": (architectures.resolve, {"name": "vgg16"}),
    "architectures.network_module": (architectures.network_module, {"name": "lenet-5"}),
    "architectures.build": (
        architectures.build,
        {"name": "lenet-5", "num_classes": 3, "device": "meta"},
    ),
    "architectures.build v1_5": (build_resnet, {"v1_5": True}),
    "architectures.build aux_heads": (build_googlenet, {"aux_heads": True}),
}
# Ce qui n'a pas sa ligne, et pourquoi.
ELSEWHERE = {
    "style.apply": "sans argument",
    "data.handwriting.digits": "sans argument",
    "data.handwriting.mnist": "sans argument",
    "data.letters.fonts": "sans argument",
    "data.labeled.read_once": "un décorateur",
    "data.online.torchvision_images": "lit un dossier, télécharge : test_online.py",
    "atomic.temporaries": "« atomic_write » et « forget » l'appellent, sur un vrai chemin",
    "atomic.forget": "efface : test_atomic.py",
    "atomic.atomic_write": "écrit : test_atomic.py essaie ses noms",
}
ROOMS = (
    *(architectures, atomic, formatting, measures, published, reglages, style, tables),
    *(data.handwriting, data.labeled, data.letters, data.online, data.photos, data.solar),
)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(odd_calls(CALLS))
def test_an_odd_argument_gives_a_result_or_a_refusal(call: Any) -> None:
    _, function, arguments = call
    with quiet():
        result_or_refusal(function, arguments)


@pytest.mark.parametrize("name", CALLS)
def test_the_arguments_before_the_change_are_right(name: str) -> None:
    function, arguments = CALLS[name]
    function(**arguments)
    plt.close("all")


def test_every_public_function_is_tried() -> None:
    public = set(public_functions(*ROOMS))
    assert public <= CALLS.keys() | ELSEWHERE.keys()
    assert ELSEWHERE.keys() <= public
