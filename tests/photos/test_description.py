"""La description d'un fichier venu d'ailleurs : acceptée telle qu'on l'écrit, ou refusée."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from photos import classifier
from photos.description import FORMAT, Description, from_json
from photos.request import MODEL, Method
from reseaux.errors import ReseauxError
from reseaux.reuse import backbone, tensor_files, weights

FILE = Path("dossier") / MODEL
DEPTH = 2
VALID: dict[str, Any] = {
    "format": FORMAT,
    "method": "sonde",
    "network": "efficientnet-lite0",
    "names": ["été", "hiver"],
    "size": 32,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "depth": DEPTH,
}
HOSTILE = [
    ("size", 20000), ("size", True), ("size", 160.0), ("size", "160"),
    ("depth", 10**9), ("depth", None), ("depth", 1.0),
    ("std", [0, 0, 0]), ("std", [0.5, 0.5, -0.5]), ("std", [math.nan] * 3), ("std", [1e-30] * 3),
    ("std", 0.5), ("mean", [math.inf, 0, 0]), ("mean", ["0", 0, 0]),
    ("mean", [10**400, 0, 0]), ("mean", {"a": 1}), ("mean", [True, 0, 0]),
    ("names", ["a", "a", "b"]), ("names", ["a", "a"]),
    ("names", []), ("names", ["a", ""]),
    ("names", ["a", 1]), ("names", "ab"), ("names", ["a\x1b[31m", "b"]), ("names", ["a\nb", "b"]),
    ("names", ["a\u202eb", "b"]), ("names", ["a", "b" * 10_000]), ("names", ["\ud800", "b"]),
    ("network", 3), ("network", ""), ("network", "a\nb"), ("network", ["resnet50"]),
    ("method", "magie"), ("method", ["sonde"]), ("method", None),
    ("format", "1"), ("format", True), ("format", 0), ("format", None), ("format", [1]),
    ("inconnu", 1),
]  # fmt: skip


LIMITS = [
    ("size", [32, 1024], [31, 1025]),
    ("depth", [0, 1000], [-1, 1001]),
    ("mean", [[-1000, 0, 1000.0]], [[0, 0, 1000.1], [-1000.1, 0, 0], [0, 0], [0] * 4]),
    ("std", [[1e-4, 1, 1000]], [[1, 1, 1000.1], [9e-5, 1, 1], [1, 1], [1] * 4]),
    ("network", ["a", "a" * 100], ["", "a" * 101]),
    ("names", [["a", "b" * 1100]], [["a", "b" * 1101], ["a"]]),
]


@pytest.mark.parametrize(("name", "allowed", "refused"), LIMITS, ids=[row[0] for row in LIMITS])
def test_each_field_is_allowed_up_to_its_limits(name: str, allowed: list, refused: list) -> None:
    for value in allowed:
        from_json(json.dumps({**VALID, name: value}), FILE)
    for value in refused:
        with pytest.raises(ReseauxError, match=f"n'est pas un modèle .*« {name} »"):
            from_json(json.dumps({**VALID, name: value}), FILE)


def test_what_is_written_is_read_back() -> None:
    description = Description(
        Method.FINE_TUNING, "resnet18:IMAGENET1K_V1", ("a\\xe8", "猫 \u202f é"), 1024, (0.1, 0, 1),
        (0.2, 1, 2), 7,
    )  # fmt: skip
    assert from_json(description.to_json(), FILE) == description
    assert from_json(json.dumps(VALID), FILE).names == ("été", "hiver")


@pytest.mark.parametrize(("name", "value"), HOSTILE, ids=lambda v: repr(v)[:20])
def test_each_odd_field_is_refused(name: str, value: object) -> None:
    with pytest.raises(ReseauxError, match="n'est pas un modèle écrit par"):
        from_json(json.dumps({**VALID, name: value}), FILE)


@pytest.mark.parametrize("name", VALID)
def test_each_field_is_needed(name: str) -> None:
    rest = {key: value for key, value in VALID.items() if key != name}
    with pytest.raises(ReseauxError, match="n'est pas un modèle écrit par"):
        from_json(json.dumps(rest), FILE)


@pytest.mark.parametrize(
    "text",
    ["", "rien", "[]", "1", "null", '"sonde"', "[" * 200_000, '{"a":' * 200_000, "1" * 5000],
    ids=lambda text: text[:9],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ReseauxError, match="n'est pas un modèle écrit par"):
        from_json(text, FILE)


def test_a_later_format_says_so() -> None:
    with pytest.raises(ReseauxError, match="est au format 2 ; cette version lit le format 1"):
        from_json(json.dumps({**VALID, "format": FORMAT + 1, "nouveau": 0}), FILE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=5), inside),
    max_leaves=6,
)
NETWORKS = st.sampled_from(
    ["resnet50", "vit_h_14:IMAGENET1K_SWAG_E2E_V1", "efficientnet_v2_s:", "../../x", "resnet18:x"]
)


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Une sonde de deux classes, que l'on va décrire de travers."""
    path = tmp_path_factory.mktemp("sonde") / MODEL
    network = weights.load().model
    with torch.inference_mode():
        width = backbone.Backbone(network, DEPTH)(torch.zeros(1, 3, 32, 32)).shape[1]
    head = torch.nn.Linear(width, 2)
    described = from_json(json.dumps(VALID), path)
    classifier.save(classifier.assemble(described, network, head), path)
    return path


@given(st.sampled_from([*VALID, "nouveau"]), JSON | NETWORKS)
@example("network", "resnet50")
@example("depth", DEPTH + 1)
@example("names", ["a", "b", "c"])
@example("method", "reglage-fin")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_one_field_altered_gives_an_error_or_an_answer(
    probe: Path, tmp_path_factory: pytest.TempPathFactory, name: str, value: object
) -> None:
    """Jamais une autre exception, jamais un téléchargement ; ce qui est accepté répond."""
    tensors, _ = tensor_files.read(probe)
    path = tmp_path_factory.mktemp("autre") / MODEL
    text = json.dumps({**VALID, name: value})
    path.write_bytes(tensor_files.to_safetensors(tensors, {"reseaux": text}))

    def cut(*_: object, **__: object) -> None:
        raise AssertionError("rien à télécharger")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.socket.connect", cut)
        patch.setattr("reseaux.reuse.download.download", cut)
        patch.setattr("reseaux.reuse.hub.download", cut)
        try:
            loaded = classifier.load(path)
            size = loaded.description.size
            answers = loaded.probabilities(np.zeros((1, size, size, 3), np.uint8))
        except ReseauxError:
            return
    assert len(answers[0]) == 2
    assert answers[0].sum() == pytest.approx(1)
