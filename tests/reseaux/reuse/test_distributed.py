"""Deux vrais processus : la moyenne des gradients est le gradient du lot entier."""

import pytest
import torch

from reseaux.errors import ReseauxError
from reseaux.reuse import distributed
from reseaux.reuse.distributed import Case


@pytest.fixture(scope="module")
def results() -> list[list[distributed.Result]]:
    return distributed.run(Case((12, 12)), Case((18, 6)), Case((12, 12), "normalise"), steps=3)


@pytest.fixture(scope="module")
def alone() -> torch.Tensor:
    return distributed.gradient(distributed.network(), *distributed.batch(24))


def test_averaged_gradient_is_the_single_process_gradient(
    results: list[list[distributed.Result]], alone: torch.Tensor
) -> None:
    first, second = results[0]
    assert first.pid != second.pid
    assert (first.rank, second.rank) == (0, 1)
    assert torch.equal(first.averaged, second.averaged)
    assert distributed.gap(first.averaged, alone) < 1e-5
    assert distributed.gap(first.local, alone) > 0.1
    assert distributed.gap(second.local, alone) > 0.1


def test_ddp_agrees(results: list[list[distributed.Result]]) -> None:
    for case in results:
        assert distributed.gap(case[0].averaged, case[0].ddp) < 1e-5


def test_local_gradients_are_those_of_each_shard(
    results: list[list[distributed.Result]],
) -> None:
    images, labels = distributed.batch(24)
    first = distributed.gradient(distributed.network(), images[:18], labels[:18])
    second = distributed.gradient(distributed.network(), images[18:], labels[18:])
    assert distributed.gap(results[1][0].local, first) < 1e-5
    assert distributed.gap(results[1][1].local, second) < 1e-5


def test_copies_stay_identical_and_follow_one_process(
    results: list[list[distributed.Result]],
) -> None:
    first, second = results[0]
    assert torch.equal(first.final, second.final)
    model = distributed.network()
    start = distributed.parameters(model)
    for _ in range(3):
        distributed.step(model, distributed.gradient(model, *distributed.batch(24)))
    assert distributed.gap(first.final, distributed.parameters(model)) < 1e-5
    assert distributed.gap(first.final, start) > 1e-3


def test_uneven_shards_and_batch_norm_differ(
    results: list[list[distributed.Result]], alone: torch.Tensor
) -> None:
    assert distributed.gap(results[1][0].averaged, alone) > 1e-2
    normed = distributed.gradient(distributed.network("normalise"), *distributed.batch(24))
    assert distributed.gap(results[2][0].averaged, normed) > 1e-2


def test_step_is_sgd() -> None:
    """Oracle : l'optimiseur SGD de PyTorch."""
    ours, theirs = distributed.network(), distributed.network()
    vector = distributed.gradient(ours, *distributed.batch(8))
    distributed.gradient(theirs, *distributed.batch(8))
    distributed.step(ours, vector, 0.1)
    torch.optim.SGD(theirs.parameters(), lr=0.1).step()
    torch.testing.assert_close(distributed.parameters(ours), distributed.parameters(theirs))


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ((), "au moins un cas"),
        ((Case((1, 1)), Case((1,))), "même nombre de parts"),
        ((Case((0, 4)),), "au moins une image par part"),
        ((Case((1797, 1)),), "au plus"),
        ((Case((1, 1), "simpl"),), "Vouliez-vous dire « simple »"),
    ],
)
def test_impossible_cases_are_refused(cases: tuple[Case, ...], message: str) -> None:
    with pytest.raises(ReseauxError, match=message):
        distributed.run(*cases)


def test_a_failing_worker_is_reported_and_none_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    real = distributed.subprocess.Popen

    def broken(command: list[str], **options: object) -> object:
        # Le second processus échoue ; le premier attendrait le rendez-vous pour toujours.
        program = "raise SystemExit('panne')" if started else "import time; time.sleep(600)"
        started.append(real([command[0], "-c", program], **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(distributed.subprocess, "Popen", broken)
    with pytest.raises(ReseauxError, match=r"processus 1 a échoué \(code 1\) : panne"):
        distributed.run(Case((1, 1)), timeout=25)
    assert all(process.poll() is not None for process in started)


def test_too_slow_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    real = distributed.subprocess.Popen

    def slow(command: list[str], **options: object) -> object:
        return real([command[0], "-c", "import time; time.sleep(60)"], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(distributed.subprocess, "Popen", slow)
    with pytest.raises(ReseauxError, match="n'ont pas fini en 1 s"):
        distributed.run(Case((1, 1)), timeout=1)
