"""Le fichier de résultats : relu tel qu'écrit, repris s'il est coupé, refusé s'il a vieilli."""

import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments import results, study
from experiments.results import StaleResults, appending, drop_stale, load, missing, read
from experiments.study import Study
from reseaux.errors import ReseauxError
from toy_study import PLAN, STUDY

pytestmark = pytest.mark.usefixtures("toy")


def row(cell: study.Cell, **changes: Any) -> dict[str, Any]:
    told = {"score": 0.5, "label": 'un, « deux " »', "seconds": 0.25, "threads": 1}
    return {**cell, **told, "versions": "torch 2", "plan": STUDY.fingerprint, **changes}


@pytest.fixture
def three() -> Path:
    """Un fichier de trois lignes."""
    with appending(STUDY) as writer:
        for cell in PLAN[:3]:
            writer.add(row(cell))
    return STUDY.path


def test_rows_are_read_as_they_were_written(three: Path) -> None:
    assert read(STUDY) == [{k: str(v) for k, v in row(cell).items()} for cell in PLAN[:3]]
    assert missing(STUDY, read(STUDY)) == PLAN[3:]
    with appending(STUDY) as writer:
        writer.add(row(PLAN[7]))
    assert [r["draw"] for r in read(STUDY)] == ["0", "1", "2", "3"]
    assert three.read_bytes().count(b"name,size,draw") == 1
    assert missing(STUDY, read(STUDY)) == [*PLAN[3:7], *PLAN[8:]]


def test_no_file_is_no_row() -> None:
    assert read(STUDY) == []
    assert missing(STUDY, []) == PLAN
    assert drop_stale(STUDY) == 0
    with pytest.raises(ReseauxError, match="Mesurez-les : « make experiences ETUDES=jouet »"):
        load(STUDY)


def test_each_row_is_on_the_disk_before_the_next() -> None:
    with appending(STUDY) as writer:
        for count, cell in enumerate(PLAN[:4]):
            assert len(read(STUDY)) == count
            writer.add(row(cell))


def test_the_table_has_numbers_and_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Study, "fingerprint", "1234567890e1")
    with appending(STUDY) as writer:
        for cell in PLAN[:3]:
            writer.add(row(cell, plan="1234567890e1", label="12"))
    table = load(STUDY)
    assert table["score"].sum() == 1.5
    assert table["draw"].tolist() == [0, 1, 2]
    assert table["plan"].tolist() == ["1234567890e1"] * 3
    assert table["name"].tolist() == [PLAN[0]["name"]] * 3


@pytest.mark.parametrize("end", [1, 2, 40, "«"])
def test_a_torn_last_line_is_not_read_and_goes_away(three: Path, end: int | str) -> None:
    whole = three.read_bytes()
    cut = -end if isinstance(end, int) else whole.rfind(end.encode()) + 1  # au milieu du caractère
    three.write_bytes(whole[:cut])
    assert len(read(STUDY)) == 2
    with appending(STUDY) as writer:
        assert len(read(STUDY)) == 2
        writer.add(row(PLAN[2]))
    assert three.read_bytes() == whole


@pytest.mark.parametrize("kept", [0, 7])
def test_a_torn_title_is_written_again(toy: Path, kept: int) -> None:
    toy.mkdir()
    STUDY.path.write_bytes(b"name,size"[:kept])
    with appending(STUDY) as writer:
        writer.add(row(PLAN[0]))
    assert len(read(STUDY)) == 1


def _edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(change(path.read_text("utf-8").splitlines(True))), "utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda ls: [*ls, ls[1]], "ligne 5 : la case à la fin, « tôt », 1, 0 y est deux fois"),
        (lambda ls: [*ls[:2], "b,1\n", *ls[2:]], "ligne 3 : il faut 10 colonnes"),
        (lambda ls: [*ls[:2], "\n", *ls[2:]], "ligne 3 : il faut 10 colonnes"),
        (lambda ls: [*ls[:3], ls[3][:-1] + ",1\n"], "ligne 4 : il faut 10 colonnes"),
        (
            lambda ls: [*ls[:3], ls[3].replace(",0.25,", ",vite,")],
            "ligne 4 : une valeur n'est plus",
        ),
        (
            lambda ls: [*ls[:2], ls[2].replace(",0.5,", ",0.6,"), ls[3]],
            "ligne 3 : une valeur n'est",
        ),
        (lambda ls: [*ls[:2], ls[2].replace("torch 2", "torch 3"), ls[3]], "ligne 3 : une valeur"),
        (lambda ls: ['"', *ls], "« jouet.csv » ne se lit pas : ce n'est pas un CSV en UTF-8"),
    ],
)
def test_an_edited_file_is_refused(
    three: Path, change: Callable[[list[str]], list[str]], said: str
) -> None:
    _edit(three, change)
    for use in (read, load):
        with pytest.raises(ReseauxError, match=said) as raised:
            use(STUDY)
        assert not isinstance(raised.value, StaleResults)
    assert "reprenez celui du dépôt" in str(raised.value) or "CSV" in said


def test_an_unreadable_file_is_refused(toy: Path) -> None:
    STUDY.path.mkdir(parents=True)
    with pytest.raises(ReseauxError, match="ne se lit pas : c'est un dossier"):
        read(STUDY)
    with pytest.raises(ReseauxError, match="ne s'écrit pas : c'est un dossier"), appending(STUDY):
        pass
    STUDY.path.rmdir()
    STUDY.path.write_bytes(b"name,\xff\n")
    for use in (read, drop_stale):
        with pytest.raises(ReseauxError, match="ce n'est pas un CSV en UTF-8"):
            use(STUDY)


CHANGED = {
    "constants": replace(STUDY, constants={"epochs": 3}),
    "measures": replace(STUDY, measures={"score": 0, "label": 0, "loss": 0}),
    "columns": replace(STUDY, plan=[{**cell, "rate": 1} for cell in PLAN]),
    "plan": replace(STUDY, plan=[cell for cell in PLAN if cell["draw"] != 1]),
}


@pytest.mark.parametrize(("what", "left"), [*zip(CHANGED, (0, 0, 0, 2), strict=True)])
def test_rows_of_another_plan_are_refused_until_dropped(three: Path, what: str, left: int) -> None:
    changed = CHANGED[what]
    with pytest.raises(StaleResults, match="make experiences ETUDES=jouet REFAIRE=oui"):
        read(changed)
    assert drop_stale(changed) == 3 - left
    assert len(read(changed)) == left
    assert three.read_text("utf-8").splitlines()[0] == ",".join([*changed.header, "checksum"])
    with appending(changed) as writer:
        writer.add(row(PLAN[4], loss=1, rate=1, plan=changed.fingerprint))
    assert len(read(changed)) == left + 1


def test_a_title_alone_can_be_stale() -> None:
    with appending(STUDY):
        pass
    assert read(STUDY) == []
    with pytest.raises(StaleResults, match="colonnes"):
        read(CHANGED["columns"])
    assert drop_stale(CHANGED["columns"]) == 0
    assert read(CHANGED["columns"]) == []


def test_a_tighter_tolerance_or_another_order_keeps_the_rows(three: Path) -> None:
    same = replace(STUDY, plan=[*reversed(PLAN)], measures={"score": 0.5, "label": 0}, title="t")
    before = three.stat()
    assert len(read(same)) == 3
    assert drop_stale(same) == 0
    assert three.stat().st_mtime_ns == before.st_mtime_ns
    assert three.stat().st_ino == before.st_ino  # rien à ôter : le fichier n'est pas récrit


def test_dropping_is_all_or_nothing(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = three.read_bytes()

    def full(lines: object) -> bytes:
        raise OSError(28, "disque plein")

    with monkeypatch.context() as patch:
        patch.setattr(results, "_as_csv", full)
        with pytest.raises(ReseauxError, match="le disque est plein"):
            drop_stale(CHANGED["plan"])
    assert three.read_bytes() == before
    assert not list(three.parent.glob("*.tmp"))
    inode = three.stat().st_ino
    drop_stale(CHANGED["plan"])
    assert three.stat().st_ino != inode  # un autre fichier a pris son nom, d'un coup


def test_two_writers_at_once_are_refused(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("attend son tour"))
    with appending(STUDY) as first:
        for second in (lambda: appending(STUDY).__enter__(), lambda: drop_stale(STUDY)):
            with pytest.raises(ReseauxError, match="Un autre programme mesure déjà « jouet »"):
                second()
        first.add(row(PLAN[3]))
    with appending(STUDY) as writer:
        writer.add(row(PLAN[4]))
    assert len(read(STUDY)) == 5


def test_a_folder_that_refuses_is_told(toy: Path) -> None:
    toy.write_text("un fichier, là où l'on attend un dossier")
    with (
        pytest.raises(ReseauxError, match="un fichier porte le nom d'un dossier"),
        appending(STUDY),
    ):
        pass


def test_a_full_disk_is_told_and_the_rows_stay(three: Path) -> None:
    size, limits = three.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    with appending(STUDY) as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
        try:
            with pytest.raises(ReseauxError, match="ne s'écrit pas : le fichier serait trop grand"):
                writer.add(row(PLAN[3]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert three.stat().st_size == size + 10  # une ligne coupée
    assert len(read(STUDY)) == 3
    with appending(STUDY) as writer:
        writer.add(row(PLAN[3]))
    assert len(read(STUDY)) == 4
