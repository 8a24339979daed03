"""Une grappe dask sur cette machine mesure les mêmes lignes que deux processus."""

import sys
import time
from collections.abc import Iterator
from typing import Any

import dask.distributed
import pytest
from dask.distributed import Client, LocalCluster
from distributed import comm

from experiments import __main__ as command
from experiments import results, running
from experiments.cluster import PATIENCE, connected
from reseaux.errors import ReseauxError
from toy_study import PLAN, STUDY

pytestmark = pytest.mark.usefixtures("toy")


def grown(threads: int, **options: Any) -> LocalCluster:
    return LocalCluster(
        n_workers=2,
        threads_per_worker=threads,
        dashboard_address="127.0.0.1:0",
        **options,
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with grown(1, host="127.0.0.1") as cluster:
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


def test_a_cluster_verifies_too(cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--grappe", cluster]) == 0
    assert command.main(["--grappe", cluster, "--verifier", "3"]) == 0
    assert capsys.readouterr().out.count(": même résultat") == 3


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "n'importe quoi", "ftp://a:1", "tcp://"]
)
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
    with pytest.raises(ReseauxError, match="Pas de grappe"), connected("tcp://a:1"):
        pass
    assert asked == [("tcp://a:1", 5)] * 2


def test_workers_of_several_threads_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with grown(2, processes=False, protocol="tcp://") as cluster:
        assert command.main(["--grappe", cluster.scheduler_address]) == 1
    assert "des travailleurs d'un seul fil" in capsys.readouterr().err


def test_without_dask_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(ReseauxError, match=r"pip install 'dask\[distributed\]'"):
        running.run(STUDY, cluster="tcp://127.0.0.1:8786")
