"""Poids, fichiers, téléchargements : n'importe quel argument donne un résultat ou un refus."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from PIL import Image
from torch import nn

from odd_values import odd_calls, public_functions, quiet, result_or_refusal
from reseaux.errors import ReseauxError
from reseaux.reuse import (
    checkpoints,
    distributed,
    download,
    hub,
    imagenet,
    packaged,
    random_state,
    rehearsal,
    tensor_files,
    weights,
)

LAYER = nn.Linear(2, 2)
STATE = LAYER.state_dict()
PHOTO = Image.new("RGB", (8, 8))


class Flat(nn.Module):
    """Un classifieur de mille classes, sans rien à charger."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1000))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.mean((1, 2, 3))[:, None] + self.bias


PRETRAINED = weights.Pretrained(
    "essai", Flat(), lambda _: torch.zeros(3, 8, 8), imagenet.categories(), imagenet.categories_fr()
)
ANSWERS = PRETRAINED.predict([PHOTO], top=2)


def saved(**changes: Any) -> Path:
    """Écrit un point de reprise ; le chemin, lui, n'est pas changé."""
    options = {
        "model": LAYER, "optimizer": torch.optim.SGD(LAYER.parameters(), lr=0.1),
        "architecture": "a", "arguments": {"in_features": 2, "out_features": 2}, "epoch": 1,
        "scheduler": None, "generator": None, **changes,
    }  # fmt: skip
    return checkpoints.save("c.pt", **options)


def build(builders: Any) -> nn.Module:
    return checkpoints.load(saved()).build(builders)


def restore(**states: Any) -> int:
    return checkpoints.load(saved()).restore(**states)


def safetensors(**arguments: Any) -> None:
    Path("s.safetensors").write_bytes(tensor_files.to_safetensors(**arguments))
    tensor_files.read(Path("s.safetensors"))


CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "reuse.checkpoints.save": (saved, {"model": LAYER, "architecture": "a", "arguments": {},
                                       "epoch": 1, "scheduler": None, "generator": None}),
    "reuse.checkpoints.save_weights": (
        lambda model: checkpoints.save_weights(model, "p.pt"), {"model": LAYER},
    ),
    "reuse.checkpoints.load": (checkpoints.load, {"path": "bon.pt"}),
    "reuse.checkpoints.load_weights": (
        checkpoints.load_weights, {"model": LAYER, "path": Path("poids.pt")},
    ),
    "reuse.checkpoints.fill": (
        checkpoints.fill, {"model": LAYER, "state": STATE, "path": Path("c.pt")},
    ),
    "build": (build, {"builders": {"a": nn.Linear}}),
    "restore": (restore, {"optimizer": torch.optim.SGD(LAYER.parameters(), lr=0.1),
                          "scheduler": None, "generator": None}),
    "reuse.random_state.put_back": (random_state.put_back, {"state": random_state.get()}),
    "reuse.tensor_files.to_safetensors": (safetensors, {"tensors": STATE, "metadata": {"a": "b"}}),
    "reuse.tensor_files.read": (tensor_files.read, {"path": Path("poids.pt"), "sha256": ""}),
    "reuse.hub.resolve": (hub.resolve, {"name": "resnet50", "others": ("a",)}),
    "reuse.hub.cached": (hub.cached, {"address": "http://127.0.0.1:9/r-01234567.pth"}),
    "reuse.hub.hash_prefix": (hub.hash_prefix, {"name": "r-01234567.pth"}),
    "reuse.weights.architecture": (weights.architecture, {"name": "mobilenet_v3_small"}),
    "reuse.weights.load": (weights.load, {"name": "efficientnet-lite0", "file": None,
                                          "fallback": False, "url": None, "progress": False}),
    "predict": (PRETRAINED.predict, {"images": [PHOTO], "top": 2}),
    "decode": (PRETRAINED.decode, {"batch": torch.zeros(1, 3, 8, 8), "top": 2}),
    "reuse.weights.draw_predictions": (
        weights.draw_predictions, {"images": [PHOTO], "rows": ANSWERS, "titles": ["a"]},
    ),
}  # fmt: skip
# Ce qui n'a pas sa ligne, et pourquoi.
ELSEWHERE = {
    "reuse.random_state.get": "sans argument",
    "reuse.random_state.seeded": "un bloc « with » : « fine_tune » l'appelle",
    "reuse.imagenet.categories": "sans argument",
    "reuse.imagenet.categories_fr": "sans argument",
    "reuse.rehearsal.rehearse": "« restore » l'appelle, avec des arguments vérifiés",
    "reuse.tensor_files.to_torch": "écrit tout ce que torch sait écrire",
    "reuse.tensor_files.detached": "« to_safetensors » et « save_weights » l'appellent",
    "reuse.tensor_files.check": "« fill » et « save » l'appellent, avec des arguments vérifiés",
    "reuse.tensor_files.write": "écrit : les chemins sont essayés plus bas",
    "reuse.download.download": "télécharge : test_download.py essaie ses adresses",
    "reuse.download.split_address": "test_download.py essaie ses adresses",
    "reuse.download.has_hash": "« download » l'appelle, avec des arguments vérifiés",
    "reuse.hub.fetch": "télécharge : « weights.load » l'appelle",
    "reuse.hub.build_network": "« weights.load » et « weights.architecture » l'appellent",
    "reuse.packaged.build": "« weights.load » et « weights.architecture » l'appellent",
    "reuse.packaged.find_file": "« weights.load » l'appelle",
    "reuse.distributed.torchrun": "lance des processus : voir plus bas",
    "reuse.distributed.joined": "test_distributed.py ; un processus seul ne joint rien",
    "reuse.distributed.wait": "ne fait rien pour un processus seul",
}
ROOMS = (
    *(checkpoints, distributed, download, hub, imagenet),
    *(packaged, random_state, rehearsal, tensor_files, weights),
)


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Un dossier vide où écrire, un cache vide, et deux fichiers justes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    saved().rename("bon.pt")
    checkpoints.save_weights(LAYER, "poids.pt")


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


@pytest.mark.parametrize("path", [3, None, b"a", "", ".", "a\0b", "boucle/a.pt", "bon.pt/a.pt"])
def test_an_odd_path_is_refused_everywhere(path: Any) -> None:
    Path("boucle").symlink_to("boucle")
    for function in (
        checkpoints.load,
        lambda path: checkpoints.load_weights(LAYER, path),
        lambda path: checkpoints.save_weights(LAYER, path),
        lambda path: checkpoints.save(
            path, LAYER, torch.optim.SGD(LAYER.parameters()), architecture="a", arguments={},
            epoch=1,
        ),
        lambda path: download.download("http://127.0.0.1:9/x", path, "01234567"),
    ):  # fmt: skip
        with pytest.raises(ReseauxError):
            function(path)
    if path:
        with pytest.raises(ReseauxError):
            weights.load(file=path)


@pytest.mark.parametrize("file", ["x.pth", Path("x.pth"), "."])
@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet50"])
def test_weights_that_are_not_there(name: str, file: Any) -> None:
    with pytest.raises(ReseauxError, match=r"n'existe pas|c'est un dossier"):
        weights.load(name, file=file)
    with pytest.raises(ReseauxError, match=r"« name » vaut \[1\]"):
        weights.load([1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "odd", [{"processes": 0}, {"processes": 1.5}, {"timeout": -1}, {"folder": 3}]
)
def test_odd_processes_are_refused_before_any_starts(odd: dict[str, Any]) -> None:
    with pytest.raises(ReseauxError, match=f"« {next(iter(odd))} » vaut"):
        distributed.torchrun("absent.py", **odd)
