"""Sauvegarder et reprendre : un pickle hostile, une reprise bit pour bit."""

import os
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, training


def small(width: int = 4, drop: float = 0.3) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(drop),
        nn.Linear(width * 16, 3),
    )


def kit(model: nn.Module) -> dict[str, Any]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    return {
        "optimizer": optimizer,
        "scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4),
        "generator": torch.Generator().manual_seed(3),
    }


@pytest.fixture
def task() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(40, 1, 4, 4, generator=generator)
    return images, torch.randint(0, 3, (40,), generator=generator)


def saved(path: Path) -> Path:
    model = small()
    return checkpoints.save(
        path, model, architecture="small", arguments={"width": 4}, epoch=2, **kit(model)
    )


def read(path: Path, whole: bool) -> object:
    return checkpoints.load(path) if whole else checkpoints.load_weights(small(), path)


@pytest.mark.parametrize("name", ["poids.pt", "poids.safetensors"])
def test_weights_come_back_identical(tmp_path: Path, name: str) -> None:
    source, target = small(), small()
    checkpoints.save_weights(source, tmp_path / name)
    checkpoints.load_weights(target, tmp_path / name)
    for a, b in zip(source.state_dict().values(), target.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_safetensors_is_read_by_the_reference_library(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model = small()
    read = load_file(checkpoints.save_weights(model, tmp_path / "p.safetensors"))
    assert all(torch.equal(read[k], v) for k, v in model.state_dict().items())


def test_shared_tensors_can_be_saved(tmp_path: Path) -> None:
    tied = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    tied["b"].weight = tied["a"].weight
    checkpoints.save_weights(tied, tmp_path / "lies.safetensors")
    checkpoints.load_weights(tied, tmp_path / "lies.safetensors")


def test_resuming_gives_the_same_bits(
    tmp_path: Path, task: tuple[torch.Tensor, torch.Tensor]
) -> None:
    path = tmp_path / "c.pt"
    torch.manual_seed(0)
    straight = small()
    tools = kit(straight)
    noise: list[tuple[float, float]] = []

    def keep(epoch: training.Epoch) -> None:
        if epoch.number == 2:
            checkpoints.save(
                path, straight, architecture="small", arguments={"width": 4}, epoch=2, **tools
            )
        if epoch.number == 4:
            noise.append((random.random(), float(np.random.rand())))

    training.train(straight, *task, epochs=4, batch_size=8, after_epoch=keep, **tools)

    torch.manual_seed(99)
    random.seed(99)
    np.random.seed(99)
    checkpoint = checkpoints.load(path)
    resumed = checkpoint.build({"small": small})
    tools = kit(resumed)
    done = checkpoint.restore(**tools)
    assert done == 2
    training.train(resumed, *task, epochs=4, batch_size=8, first_epoch=done, **tools)
    for a, b in zip(straight.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert noise == [(random.random(), float(np.random.rand()))]


class Trap:
    """Un « poids » qui, lu sans précaution, créerait un dossier."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("reader", ["load", "load_weights"])
def test_a_hostile_pickle_is_refused(tmp_path: Path, reader: str, protocol: int) -> None:
    trace, path = tmp_path / "trace", tmp_path / "piege.pt"
    if protocol == 2:
        torch.save({"model": Trap(trace)}, path)
    else:
        path.write_bytes(pickle.dumps(Trap(trace), protocol=4))
    with pytest.raises(ReseauxError, match=r"piege\.pt"):
        read(path, whole=reader == "load")
    assert not trace.exists()
    if protocol == 2:  # le piège fonctionne bien quand on le laisse faire
        torch.load(path, weights_only=False)
        assert trace.exists()


@pytest.mark.parametrize("keep", [0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["c.pt", "p.pt", "p.safetensors"])
def test_truncated_files_are_refused_by_name(tmp_path: Path, name: str, keep: float) -> None:
    path = tmp_path / name
    if name == "c.pt":
        saved(path)
    else:
        checkpoints.save_weights(small(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ReseauxError, match=f"« {name} ».*tronqué"):
        read(path, whole=name == "c.pt")


def test_other_architectures_are_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    path = checkpoints.save_weights(small(4), tmp_path / "p.pt")
    wider = small(8)
    before = {k: v.clone() for k, v in wider.state_dict().items()}
    with pytest.raises(ReseauxError, match=r"« 0\.weight » est de forme \(4, 1, 3, 3\)"):
        checkpoints.load_weights(wider, path)
    assert all(torch.equal(before[k], v) for k, v in wider.state_dict().items())
    with pytest.raises(ReseauxError, match="manquent : weight, bias"):
        checkpoints.load_weights(nn.Linear(2, 2), path)
    with pytest.raises(ReseauxError, match=r"« small ».*Vouliez-vous dire « smal »"):
        checkpoints.load(saved(tmp_path / "c.pt")).build({"smal": small, "autre": small})


def test_weights_and_checkpoints_are_not_confused(tmp_path: Path) -> None:
    weights = checkpoints.save_weights(small(), tmp_path / "p.pt")
    with pytest.raises(ReseauxError, match="load_weights"):
        checkpoints.load(weights)
    with pytest.raises(ReseauxError, match=r"checkpoints\.load"):
        checkpoints.load_weights(small(), saved(tmp_path / "c.pt"))


def test_missing_parts_are_named(tmp_path: Path) -> None:
    content = torch.load(saved(tmp_path / "c.pt"), weights_only=True)
    del content["optimizer"]
    torch.save(content, tmp_path / "d.pt")
    with pytest.raises(ReseauxError, match="il y manque optimizer"):
        checkpoints.load(tmp_path / "d.pt")
    model = small()
    bare = {k: v for k, v in kit(model).items() if k == "optimizer"}
    checkpoints.save(tmp_path / "e.pt", model, architecture="s", arguments={}, epoch=0, **bare)
    with pytest.raises(ReseauxError, match="sans « scheduler »"):
        checkpoints.load(tmp_path / "e.pt").restore(**kit(model))


def damaged(tmp_path: Path, *keys: str) -> Path:
    """Une sauvegarde dont il manque une clé, à n'importe quelle profondeur."""
    content = torch.load(saved(tmp_path / "c.pt"), weights_only=True)
    inside = content
    for key in keys[:-1]:
        inside = inside[key]
    del inside[keys[-1]]
    torch.save(content, tmp_path / "d.pt")
    return tmp_path / "d.pt"


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    path = damaged(tmp_path, "model", "5.bias")
    with pytest.raises(ReseauxError, match=r"« d\.pt ».*manquent : 5\.bias"):
        checkpoints.load(path).build({"small": small})
    torch.save({"5.bias": torch.zeros(3)}, tmp_path / "e.pt")
    with pytest.raises(ReseauxError, match=r"« e\.pt ».*manquent : 0\.weight.* et \d+ autres"):
        checkpoints.load_weights(small(), tmp_path / "e.pt")


@pytest.mark.parametrize("key", ["torch", "numpy", "python"])
def test_a_missing_random_state_is_named(tmp_path: Path, key: str) -> None:
    path = damaged(tmp_path, "rng", key)
    tools = kit(small())
    before = torch.get_rng_state()
    with pytest.raises(ReseauxError, match=rf"« d\.pt ».*« {key} »"):
        checkpoints.load(path).restore(**tools)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("content", [{}, [], 3, {"model": None}])
def test_something_else_is_not_a_checkpoint(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ReseauxError, match=r"« x\.pt » n'est pas une sauvegarde.*manque format"):
        checkpoints.load(tmp_path / "x.pt")
    with pytest.raises(ReseauxError, match=r"« x\.pt »"):
        checkpoints.load_weights(small(), tmp_path / "x.pt")


def test_arguments_of_another_architecture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match=r"« c\.pt ».*width.*« small »"):
        checkpoints.load(saved(tmp_path / "c.pt")).build({"small": lambda depth=1: small()})


def test_another_optimizer_or_scheduler_is_refused(tmp_path: Path) -> None:
    checkpoint, model = checkpoints.load(saved(tmp_path / "c.pt")), small()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ReseauxError, match=r"« c\.pt ».*un autre optimiseur.*betas"):
        checkpoint.restore(sgd)
    assert "betas" not in sgd.param_groups[0]
    tools = kit(model)
    tools["scheduler"] = torch.optim.lr_scheduler.StepLR(tools["optimizer"], 2)
    with pytest.raises(ReseauxError, match=r"« c\.pt ».*un autre planificateur.*T_max"):
        checkpoint.restore(**tools)


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    saved(tmp_path / "milieu.pt")
    with pytest.raises(ReseauxError, match=r"n'existe pas. Vouliez-vous dire « milieu\.pt »"):
        checkpoints.load(tmp_path / "millieu.pt")
