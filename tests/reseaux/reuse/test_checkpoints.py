"""Sauvegarder et reprendre : un pickle hostile, une reprise bit pour bit."""

import copy
import math
import os
import pickle
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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

    # La même sauvegarde sert deux fois : le premier entraînement ne l'a pas changée.
    again = checkpoint.build({"small": small})
    tools = kit(again)
    training.train(
        again, *task, epochs=4, batch_size=8, first_epoch=checkpoint.restore(**tools), **tools
    )
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.state_dict().values(), straight.state_dict().values(), strict=True)
    )


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
    with pytest.raises(ReseauxError, match="manquent : optimizer"):
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


class Odd(NamedTuple):
    """Une retouche : le chemin d'une entrée, et ce qui la remplace ; rien pour l'effacer."""

    keys: tuple[Any, ...]
    value: Any


ABSENT = "(effacée)"
VALUES: tuple[Any, ...] = (
    *(ABSENT, None, True, 0, -1, 2**70, 1.5, float("nan"), float("inf"), "", "a", b"a"),
    *([], [[]], [1, "a"], (), {}, {1: 2}, {"a": {}}, set(), range(3)),
    *(torch.zeros(()), torch.zeros(0), torch.zeros(2, 3, dtype=torch.cfloat), torch.eye(2) / 0),
    *(torch.zeros(3, dtype=torch.uint8), torch.eye(2).to_sparse(), torch.zeros(2, device="meta")),
)


def places(content: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Le chemin de chaque entrée d'une sauvegarde ; d'une longue liste, le début suffit."""
    if isinstance(content, dict | list):
        inside = content.items() if isinstance(content, dict) else enumerate(content[:3])
        for key, value in inside:
            yield (*keys, key)
            yield from places(value, (*keys, key))


def trained() -> dict[str, Any]:
    """Les entrées d'une sauvegarde faite après un pas : l'optimiseur a un état."""
    torch.manual_seed(0)
    model = small()
    tools = kit(model)
    model(torch.randn(4, 1, 4, 4)).sum().backward()
    tools["optimizer"].step()
    tools["scheduler"].step()
    with tempfile.TemporaryDirectory() as folder:
        path = checkpoints.save(
            Path(folder, "c.pt"), model, architecture="small", arguments={"width": 4}, epoch=1,
            **tools,
        )  # fmt: skip
        return dict(torch.load(path, weights_only=True))


VALID = trained()
PLACES = list(places(VALID))


@st.composite
def retouched(draw: st.DrawFn) -> tuple[Odd, dict[str, Any]]:
    """Une sauvegarde juste, dont une entrée est changée, effacée ou ajoutée."""
    odd = Odd(draw(st.sampled_from(PLACES)), draw(st.sampled_from(VALUES)))
    content = inside = copy.deepcopy(VALID)
    for key in odd.keys[:-1]:
        inside = inside[key]
    if isinstance(inside, dict) and draw(st.integers(0, 9)) == 0:  # une de plus, d'un drôle de nom
        odd = Odd((*odd.keys[:-1], draw(st.sampled_from([1, "", "é", None, (1,)]))), odd.value)
    if odd.value is ABSENT:
        inside.pop(odd.keys[-1], None) if isinstance(inside, dict) else inside.pop(odd.keys[-1])
    else:
        inside[odd.keys[-1]] = odd.value
    return odd, content


@settings(max_examples=200, deadline=None)
@given(retouched())
def test_an_odd_state_is_refused_or_can_be_resumed(given: tuple[Odd, dict[str, Any]]) -> None:
    model, refusal, done = small(), "", 0
    tools = kit(model)
    before = copy.deepcopy([tool.state_dict() for tool in list(tools.values())[:2]])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.pt")
        torch.save(given[1], path)
        try:
            checkpoint = checkpoints.load(path)
            model.load_state_dict(checkpoint.build({"small": small}).state_dict())
            random_before = torch.get_rng_state()
            done = checkpoint.restore(**tools)
        except ReseauxError as error:
            refusal = str(error)
    if refusal:
        assert "c.pt" in refusal
        assert before == [tool.state_dict() for tool in list(tools.values())[:2]]
        assert "ne se reprend pas" not in refusal or same_random(random_before)
    else:
        images, labels = torch.randn(8, 1, 4, 4), torch.arange(8) % 3
        done = min(done, 2**60)
        training.train(model, images, labels, epochs=done + 1, first_epoch=done, **tools)
        assert all(bool(value.isfinite().all()) for value in model.state_dict().values())


def same_random(before: torch.Tensor) -> bool:
    return torch.equal(torch.get_rng_state(), before)


def rewritten(path: Path, **entries: Any) -> Path:
    """Une sauvegarde juste, dont quelques entrées sont remplacées."""
    torch.save({**VALID, **entries}, path)
    return path


def test_a_later_format_says_so(tmp_path: Path) -> None:
    later = rewritten(tmp_path / "c.pt", format=checkpoints.FORMAT + 1, nouveau=3)
    with pytest.raises(ReseauxError, match=r"« c\.pt » est au format 2.*lit le format 1\. Mettez"):
        checkpoints.load(later)
    with pytest.raises(ReseauxError, match=r"« format » vaut 0"):
        checkpoints.load(rewritten(later, format=0))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("0.weight", lambda t: t.index_fill(0, torch.tensor(1), torch.nan), r"infinies ou indéf"),
        ("5.bias", lambda t: t.index_fill(0, torch.tensor(2), -torch.inf), r"infinies ou indéf"),
        ("5.bias", lambda t: t.double() + 1e300, "infinies ou indéfinies"),
        ("5.bias", lambda t: t.long(), r"de type torch\.int64, et ce réseau attend torch\.float32"),
        ("5.bias", lambda t: t.bool(), "de type torch.bool"),
        ("5.bias", lambda t: t.cfloat(), "de type torch.complex64"),
        ("1.num_batches_tracked", lambda t: t.float(), "torch.float32, .* attend torch.int64"),
        ("1.running_var", lambda t: t - 2, "variance négative"),
        ("5.bias", lambda t: t.to_sparse(), "n'est pas un tenseur ordinaire"),
        ("5.bias", lambda t: t.to("meta"), "n'est pas un tenseur ordinaire"),
        ("5.bias", lambda t: t[:2], r"est de forme \(2,\), et ce réseau attend \(3,\)"),
    ],
)
def test_weights_that_no_network_can_use(
    tmp_path: Path, name: str, change: Callable[[torch.Tensor], torch.Tensor], message: str
) -> None:
    model = small()
    before = copy.deepcopy(model.state_dict())
    torch.save({**before, name: change(before[name])}, tmp_path / "p.pt")
    with pytest.raises(ReseauxError, match=f"« p.pt » : « {name} » .*{message}"):
        checkpoints.load_weights(model, tmp_path / "p.pt")
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_another_precision_is_converted(tmp_path: Path, dtype: torch.dtype) -> None:
    source, target = small(), small()
    checkpoints.save_weights(source.to(dtype), tmp_path / "p.safetensors")
    checkpoints.load_weights(target, tmp_path / "p.safetensors")
    for ours, theirs in zip(
        target.state_dict().values(), source.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs.to(ours.dtype))


def test_weights_in_excess_are_named(tmp_path: Path) -> None:
    state = {**small().state_dict(), 3: torch.zeros(1), "6.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "p.pt")
    with pytest.raises(ReseauxError, match=r"manquent : rien ; en trop : 3, 6\.weight\."):
        checkpoints.load_weights(small(), tmp_path / "p.pt")


@pytest.mark.parametrize(
    ("entry", "odd"),
    [
        ("arguments", {"width": np.float64(4)}),
        ("arguments", {"folder": Path("a")}),
        ("arguments", {"kind": small}),
        ("arguments", {"kind": lambda: None}),
        ("optimizer", torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=np.float64(0.1))),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path: Path, entry: str, odd: Any) -> None:
    path = saved(tmp_path / "c.pt")
    before, model = path.read_bytes(), small()
    options = {"optimizer": kit(model)["optimizer"], "arguments": {}, entry: odd}
    with pytest.raises(ReseauxError, match=rf"« c\.pt » n'a pas été écrite.* : {entry} contient"):
        checkpoints.save(path, model, architecture="small", epoch=2, **options)
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="le système n'a pas de limite de taille")
def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    """Le système refuse les octets de trop : la limite de taille d'un fichier est de 1 000."""
    program = """
import resource, signal, sys
from test_checkpoints import checkpoints, saved, small
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for name in sys.argv[1:]:
    try:
        saved(name) if name == "c.pt" else checkpoints.save_weights(small(), name)
    except checkpoints.ReseauxError as error:
        print(error)
"""
    names = ["c.pt", "p.pt", "p.safetensors"]
    for name in names:
        (tmp_path / name).write_bytes(b"ancien")
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    shown = subprocess.run(
        [sys.executable, "-c", program, *names], capture_output=True, text=True, check=True,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths},
    ).stdout.splitlines()  # fmt: skip
    assert [line.split(".")[0] for line in shown] == ["« c", "« p", "« p"]
    assert all("ne peut pas être écrit : le fichier serait trop grand" in line for line in shown)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == dict.fromkeys(
        names, b"ancien"
    )


@pytest.mark.parametrize("content", [{}, [], 3, {"model": None}])
def test_something_else_is_not_a_checkpoint(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(
        ReseauxError, match=r"« x\.pt » n'est pas une sauvegarde.*manquent : format"
    ):
        checkpoints.load(tmp_path / "x.pt")
    with pytest.raises(ReseauxError, match=r"« x\.pt »"):
        checkpoints.load_weights(small(), tmp_path / "x.pt")


def test_arguments_of_another_architecture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match=r"« c\.pt ».*width.*« small »"):
        checkpoints.load(saved(tmp_path / "c.pt")).build({"small": lambda depth=1: small()})


def test_another_optimizer_or_scheduler_is_refused(tmp_path: Path) -> None:
    checkpoint, model = checkpoints.load(saved(tmp_path / "c.pt")), small()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ReseauxError, match=r"« c\.pt ».*un autre optimiseur"):
        checkpoint.restore(sgd)
    assert "betas" not in sgd.param_groups[0]
    tools = kit(model)
    tools["scheduler"] = torch.optim.lr_scheduler.StepLR(tools["optimizer"], 2)
    with pytest.raises(ReseauxError, match=r"« c\.pt ».*un autre planificateur"):
        checkpoint.restore(**tools)


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    saved(tmp_path / "milieu.pt")
    with pytest.raises(ReseauxError, match=r"n'existe pas. Vouliez-vous dire « milieu\.pt »"):
        checkpoints.load(tmp_path / "millieu.pt")


@pytest.mark.parametrize(
    ("missing", "said"),
    [(4, r"a0, a1, a2, a3 ; en trop : rien\."), (5, "a0, a1, a2 et 2 autres ;")],
)
def test_a_few_missing_names_are_all_said(tmp_path: Path, missing: int, said: str) -> None:
    model = nn.ParameterDict({f"a{i}": torch.zeros(1) for i in range(missing)})
    with pytest.raises(ReseauxError, match=f"manquent : {said}"):
        checkpoints.fill(model, {}, tmp_path / "vide.pt")


@pytest.mark.parametrize("name", ["p.safetensors", "p.pt", "c.pt"])
@pytest.mark.parametrize(("tensor", "value"), [("weight", math.nan), ("running_var", -1)])
def test_what_could_not_be_given_back_does_not_replace_the_old_file(
    name: str, tensor: str, value: float, tmp_path: Path
) -> None:
    """Un entraînement diverge : la sauvegarde d'avant est la seule qui vaille."""
    path, model = tmp_path / name, nn.BatchNorm2d(2)

    def save() -> None:
        if name == "c.pt":
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            checkpoints.save(path, model, optimizer, architecture="n", arguments={}, epoch=0)
        else:
            checkpoints.save_weights(model, path)

    save()
    before = path.read_bytes()
    model.state_dict()[tensor][1] = value
    with pytest.raises(ReseauxError, match=f"« {name} » n'a pas été écrite? : « {tensor} »"):
        save()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Noted(nn.Linear):
    """Garde un état qui n'est pas un tenseur."""

    def get_extra_state(self) -> object:
        return {"note": 1}

    def set_extra_state(self, state: object) -> None:
        pass


def test_a_state_that_load_refuses_is_not_saved(tmp_path: Path) -> None:
    model = Noted(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ReseauxError, match="« model »"):
        checkpoints.save(
            tmp_path / "c.pt", model, optimizer, architecture="n", arguments={}, epoch=0
        )
    assert list(tmp_path.iterdir()) == []
