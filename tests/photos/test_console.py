"""Parler : un tableau en CSV et en JSON, un nombre et son nom, un seul processus qui parle."""

import csv
import io
import json

import pytest

from photos import console
from reseaux.tables import Table

COLUMNS = ("nom", "part")
ROWS = [('été ; « 5 " »', 0.25), ("a\nb", None)]


def test_csv_is_read_back_by_a_spreadsheet() -> None:
    read = list(csv.reader(io.StringIO(console.as_csv(COLUMNS, ROWS)), delimiter=";"))
    assert read == [["nom", "part"], ['été ; « 5 " »', "0,2500"], ["a\nb", ""]]


def test_json_keeps_numbers_and_accents() -> None:
    text = console.as_json(COLUMNS, ROWS)
    assert json.loads(text) == [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
    assert "été" in text


def test_plural() -> None:
    assert [console.plural(n, "image") for n in (0, 1, 2)] == ["0 image", "1 image", "2 images"]


def test_a_long_table_is_cut() -> None:
    table = Table("t", ("n",), [(str(k),) for k in range(25)])
    assert console.shown(table).endswith("\n19\n… et 5 de plus.")
    assert "plus" not in console.shown(Table("t", ("n",), table.rows[:20]))


def test_only_the_first_process_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    console.complain("non")
    monkeypatch.setenv("RANK", "0")
    console.complain("oui")
    assert capsys.readouterr().err == "oui\n"
