"""Parler : un tableau en CSV et en JSON, un nombre et son nom, un seul processus qui parle."""

import csv
import io
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photos import console
from reseaux.tables import Table

BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
COLUMNS = ("nom", "part")
ROWS = [('été ; « 5 " »', 0.25), ("a\nb", None)]


def cells(text: str) -> list[list[str]]:
    """Les cellules, telles qu'un tableur français les lit : marque de l'UTF-8, « ; »."""
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:]), delimiter=";"))


def test_csv_is_read_back_by_a_spreadsheet() -> None:
    read = cells(console.FORMATS["csv"](COLUMNS, ROWS))
    assert read == [["nom", "part"], ['été ; « 5 " »', "0,2500"], ["a\\nb", ""]]


@given(st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers())
def test_a_number_stays_a_number_in_a_french_spreadsheet(value: float) -> None:
    """Chiffres, une virgule, un tiret : ni espace entre les milliers, ni « − », ni apostrophe."""
    [_, [cell]] = cells(console.as_csv(("n",), [(value,)]))
    assert re.fullmatch(r"-?\d+(,\d{4})?", cell)
    assert float(cell.replace(",", ".")) == pytest.approx(value, abs=1e-4)


@given(st.text(max_size=4), st.sampled_from("=+-@\t\r＝＋－＠"))
def test_a_text_is_never_a_formula(rest: str, first: str) -> None:
    text = f"{first}{rest}"
    [_, [formula, plain]] = cells(console.as_csv(("a", "b"), [(text, f"x{rest}")]))
    assert formula == f"'{console.readable(text)}"
    assert plain == console.readable(f"x{rest}")


def test_data_are_in_utf8_whatever_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="cp1252"))
    console.output(console.as_csv(COLUMNS, [("猫", 1)]))
    console.sys.stdout.flush()
    assert written.getvalue().decode("utf-8-sig") == "nom;part\n猫;1\n"


def test_data_go_where_a_notebook_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """La sortie d'un notebook n'a pas de codage à régler."""
    monkeypatch.setattr("sys.stdout", io.StringIO())
    console.output("猫;1\n")
    assert console.sys.stdout.getvalue() == "猫;1\n"


@given(st.text(st.characters(exclude_categories=()), max_size=9))
def test_nothing_shown_acts_on_a_terminal(text: str) -> None:
    shown = console.readable(text)
    shown.encode()  # plus d'octet hors de l'UTF-8
    kinds = {unicodedata.category(c) for c in shown}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in shown} & BIDI
    assert console.readable(shown) == shown
    assert console.printable(text).count("\n") == text.count("\n")


@given(*[st.text(st.sampled_from("a\\nx\n\x1b\x85\udc85\udce8\udcc3é"), max_size=6)] * 2)
def test_two_names_whose_backslashes_are_doubled_stay_two(one: str, two: str) -> None:
    doubled = [console.readable(name.replace("\\", "\\\\")) for name in (one, two)]
    assert (doubled[0] == doubled[1]) == (one == two)


def test_what_is_escaped() -> None:
    assert console.readable("a\n\x1b[1m\x7f\u202e\udce8\x85é👩‍🌾") == (
        r"a\n\x1b[1m\x7f\u202e\xe8\u0085é👩‍🌾"
    )


def test_json_keeps_numbers_and_accents() -> None:
    text = console.FORMATS["json"](COLUMNS, ROWS)
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
