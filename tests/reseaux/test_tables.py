"""Les tableaux : texte comparé à une référence, HTML relu par BeautifulSoup."""

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from reseaux.errors import ReseauxError
from reseaux.tables import Table

TABLE = Table(
    "Réseaux <connus> & poids",
    ["Réseau", "Paramètres", "Erreur (%)", "Note"],
    [
        ["VGG-16", 138357544, 9.62, "lourd"],
        ["A < B", None, 21.0, None],
        ["LeNet-5", 61706, 100.5, "1998"],
    ],
    {"Erreur (%)": 1},
)


def test_the_text_is_the_reference():
    assert repr(TABLE) == (
        "Réseaux <connus> & poids\n"
        "Réseau    Paramètres  Erreur (%)  Note\n"
        "-------  -----------  ----------  -----\n"
        "VGG-16   138\u202f357\u202f544         9,6  lourd\n"
        "A < B                       21,0\n"
        "LeNet-5       61\u202f706       100,5  1998"
    )


def html(table: Table) -> BeautifulSoup:
    return BeautifulSoup(table._repr_html_(), "html.parser")


def test_the_html_holds_the_same_cells_as_the_text():
    page = html(TABLE)
    assert page.caption.text == TABLE.caption
    assert [th.text for th in page.thead.find_all("th")] == TABLE.columns
    cells = [[c.text for c in tr.find_all(["th", "td"])] for tr in page.tbody.find_all("tr")]
    assert cells == TABLE.text_rows()


def test_the_html_is_accessible():
    page = html(TABLE)
    assert all(th["scope"] == "col" for th in page.thead.find_all("th"))
    assert all(tr.th["scope"] == "row" for tr in page.tbody.find_all("tr"))
    frame = page.find("div")
    assert (frame["role"], frame["tabindex"]) == ("region", "0")
    assert frame["aria-label"] == TABLE.caption


def test_a_quote_in_the_caption_does_not_break_the_attribute():
    page = html(Table('Dit "profond"', ["a"], [["b"]]))
    assert page.div["aria-label"] == 'Dit "profond"'


def test_every_text_is_escaped():
    raw = Table("<c>", ["<t>", "u"], [["<r>", "<d>"]])._repr_html_()
    assert not any(tag in raw for tag in ("<c>", "<t>", "<r>", "<d>"))
    assert all(text in raw for text in ("&lt;c&gt;", "&lt;t&gt;", "&lt;r&gt;", "&lt;d&gt;"))


def test_columns_of_numbers_are_marked_and_others_not():
    marked = ["nombre" in th.get("class", []) for th in html(TABLE).thead.find_all("th")]
    assert marked == [False, True, True, False]
    first_row = html(TABLE).tbody.tr.find_all("td")
    assert ["nombre" in td.get("class", []) for td in first_row] == [True, True, False]


def test_short_texts_do_not_wrap_and_an_empty_cell_heads_nothing():
    page = html(Table("t", ["a", "b"], [["x", "y" * 16], ["", "y" * 17]]))
    assert [td.get("class") for td in page.tbody.find_all("td")] == [["court"], None, None]
    assert [th.text for th in page.tbody.find_all("th")] == ["x"]


def test_an_empty_table_keeps_its_header():
    assert repr(Table("Vide", ["a", "bc"], [])) == "Vide\na  bc\n-  --"
    assert html(Table("Vide", ["a", "bc"], [])).tbody.find("tr") is None


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["un", 1], ["deux"]], "La ligne 2 du tableau"),
        ([["un", 1, 2]], "chacune des 2 colonnes"),
        (["ab"], "« rows »"),
        ([["un", [1]]], "n'a pas la valeur d'un nombre"),
    ],
)
def test_a_table_that_cannot_be_shown_is_refused_when_made(rows, words):
    with pytest.raises(ReseauxError, match=words):
        Table("Fausse", ["a", "b"], rows)


SORTABLE = replace(TABLE, sortable=True)


def test_a_sortable_table_carries_exact_values():
    page = html(SORTABLE)
    assert page.div["class"] == ["tableau", "triable"]
    assert "data-value" not in TABLE._repr_html_()
    assert "triable" not in TABLE._repr_html_()
    values = [[td.get("data-value") for td in tr.find_all("td")] for tr in page.tbody("tr")]
    assert values == [["138357544", "9.62", None], [None, "21.0", None], ["61706", "100.5", None]]
    # Sans JavaScript, rien qui ne marche pas : les boutons viennent du script.
    assert not page.find("button")
    assert repr(SORTABLE) == repr(TABLE)


def names(table: Table) -> list[object]:
    return [row[0] for row in table.rows]


def test_sorting_keeps_empty_cells_last():
    assert names(TABLE.sorted_by("Paramètres")) == ["LeNet-5", "VGG-16", "A < B"]
    assert names(TABLE.sorted_by("Paramètres", reverse=True)) == ["VGG-16", "LeNet-5", "A < B"]
    assert names(TABLE.sorted_by("Note", reverse=True)) == ["VGG-16", "LeNet-5", "A < B"]
    assert names(TABLE) == ["VGG-16", "A < B", "LeNet-5"]


@pytest.mark.parametrize("reverse", [False, True])
def test_sorting_keeps_what_is_not_a_number_last(reverse):
    nan = float("nan")
    table = Table("t", ["n", "x"], [["a", 2.0], ["b", nan], ["c", 1.0], ["d", nan], ["e", 3.0]])
    cells = html(replace(table, sortable=True)).tbody.find_all("td")
    assert [td.get("data-value") for td in cells] == ["2.0", None, "1.0", None, "3.0"]
    assert names(table.sorted_by("x", reverse)) == [*("eac" if reverse else "cae"), "b", "d"]


def test_sorting_ignores_accents_and_capitals_and_reads_numbers():
    table = Table("t", ["n"], [["zèbre"], ["Écart"], ["eau"], ["Zoo"]])
    assert names(table.sorted_by("n")) == ["eau", "Écart", "zèbre", "Zoo"]
    table = Table("t", ["n"], [["r101"], ["r50"], ["7"], ["r"]])
    assert names(table.sorted_by("n")) == ["7", "r", "r50", "r101"]


def test_an_unknown_column_is_refused():
    with pytest.raises(ReseauxError, match=r"« parametres ».*Vouliez-vous dire « Paramètres »"):
        TABLE.sorted_by("parametres")


def test_a_text_of_sixteen_characters_stays_on_its_line():
    shown = Table("t", ["a", "b", "c"], [["x", "b" * 16, "c" * 17]])._repr_html_()
    assert f'<td class="court">{"b" * 16}</td>' in shown
    assert f"<td>{'c' * 17}</td>" in shown


def test_huge_numbers_and_long_digits_are_sorted():
    rows = [("1" * 5000, 10**400), ("a", 3), ("2" * 5000, 7.5)]
    table = Table("t", ("a", "b"), rows)
    assert [row[1] for row in table.sorted_by("b").rows] == [3, 7.5, 10**400]
    assert [row[0][0] for row in table.sorted_by("a").rows] == ["1", "2", "a"]


@pytest.mark.parametrize("odd", [2, 2**64, {}, "oui"])
def test_sortable_is_true_or_false(odd):
    with pytest.raises(ReseauxError, match="sortable"):
        Table("t", ("a",), [], sortable=odd)
