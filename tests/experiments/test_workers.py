"""Une grappe dask, sur cette machine, mesure les mêmes lignes que deux processus."""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Timer
from typing import Any

import dask
import dask.distributed
import pytest
from dask.distributed import Client, LocalCluster
from distributed import comm

import toy_study
from experiments import __main__ as command
from experiments import results, running, workers
from experiments.study import Cell
from experiments.workers import PATIENCE
from reseaux.errors import ReseauxError
from toy_study import PLAN, STUDY

pytestmark = pytest.mark.usefixtures("toy")


def grown(threads: int = 1, **options: Any) -> LocalCluster:
    """Deux travailleurs sur cette machine, sauf demande."""
    local = {"n_workers": 2, "protocol": "tcp://", "dashboard_address": "127.0.0.1:0"}
    return LocalCluster(threads_per_worker=threads, **(local | options))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with grown(host="127.0.0.1") as cluster:
        yield cluster.scheduler_address


def measured(*words: str) -> list[tuple[str, ...]]:
    """Les lignes que mesure la commande, sans leur provenance."""
    assert command.main(["jouet", *words]) == 0
    rows = results.read(STUDY)
    STUDY.path.unlink()
    return sorted(tuple(row[c] for c in (*STUDY.columns, *STUDY.measures)) for row in rows)


def test_a_cluster_measures_the_same_rows(cluster: str) -> None:
    rows = measured("--grappe", cluster)
    assert len(rows) == len(PLAN)
    assert rows == measured("--processus", "2")


def test_the_cells_go_through_the_cluster(cluster: str) -> None:
    with Client(cluster) as client:
        before = sum(client.run(lambda dask_worker: dask_worker.state.executed_count).values())
        measured("--grappe", cluster)
        after = sum(client.run(lambda dask_worker: dask_worker.state.executed_count).values())
    assert after - before >= len(PLAN)


def test_a_failing_cell_lets_the_cluster_go_on(cluster: str) -> None:
    bad: Cell = {"name": "b", "size": 7, "draw": -1}
    outcome = running.run(replace(STUDY, plan=[bad, *PLAN]), cluster=cluster)
    assert (outcome.done, outcome.left) == (len(PLAN), 1)
    assert outcome.failed[0].startswith("jouet, case name = b, size = 7, draw = -1 : ZeroDivision")


def test_a_cell_that_kills_its_workers_is_named() -> None:
    deadly = replace(STUDY, plan=PLAN[:4], measure=toy_study.deadly)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        grown(n_workers=1, host="127.0.0.1") as cluster,
    ):
        outcome = running.run(deadly, cluster=cluster.scheduler_address)
    # dask soupçonne aussi la case qui attendait chez le même travailleur.
    assert 1 <= len(outcome.failed) <= 2
    assert (
        "jouet, case name = à la fin, « tôt », size = 1, draw = 0 : ReseauxError, ses travailleurs "
        "meurent, peut-être faute de mémoire." in outcome.failed
    )
    assert outcome.done == len(results.read(STUDY)) == 4 - len(outcome.failed)


def test_a_cluster_that_goes_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE", 1)
    monkeypatch.setenv(toy_study.SECONDS, "0.5")
    with grown(n_workers=1, processes=False) as cluster:
        Timer(2, cluster.close).start()
        with pytest.raises(ReseauxError, match="ne répond plus"):
            running.run(STUDY, cluster=cluster.scheduler_address)
    assert 1 <= len(results.read(STUDY)) < len(PLAN)


def test_a_cluster_verifies_too(cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--grappe", cluster]) == 0
    assert command.main(["--grappe", cluster, "--verifier", "3"]) == 0
    assert capsys.readouterr().out.count(": même résultat") == 3


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "n'importe quoi", "ftp://a:1", "tcp://"])
def test_an_unreachable_cluster_is_told_soon(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    assert command.main(["--grappe", address]) == 1
    assert time.monotonic() - started < 2 * PATIENCE
    assert f"Pas de grappe dask à l'adresse « {address} »" in capsys.readouterr().err
    assert results.read(STUDY) == []


def test_a_cluster_is_waited_for_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """À la porte, puis au client : sinon, chacun attendrait ce que règle dask."""
    asked: list[object] = []

    class Found:
        def abort(self) -> None:
            """La porte s'est ouverte."""

    async def connect(address: str, timeout: object = None) -> Found:
        asked.append((address, timeout))
        return Found()

    def client(address: str, timeout: object = None) -> None:
        asked.append((address, timeout))
        raise OSError

    monkeypatch.setattr(comm, "connect", connect)
    monkeypatch.setattr(dask.distributed, "Client", client)
    with pytest.raises(ReseauxError, match="Pas de grappe"):
        running.run(STUDY, cluster="tcp://a:1")
    assert asked == [("tcp://a:1", 5)] * 2


def test_workers_of_several_threads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with grown(2, processes=False) as cluster:
        assert command.main(["--grappe", cluster.scheduler_address]) == 1
    assert "des travailleurs d'un seul fil" in capsys.readouterr().err


def test_without_dask_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(ReseauxError, match=r"pip install 'dask\[distributed\]'"):
        running.run(STUDY, cluster="tcp://127.0.0.1:8786")
