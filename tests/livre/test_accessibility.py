"""Ce que le thème ne dit pas aux lecteurs d'écran, et que le livre corrige."""


def test_bibliography_is_a_list_of_items(pages):
    entries = pages["a/bib"].select("div.citation")
    assert len(entries) == 3
    assert {entry["role"] for entry in entries} == {"listitem"}
    assert all(entry.find_parent(attrs={"role": "list"}) for entry in entries)


def test_code_scrolls_with_the_keyboard(pages):
    blocks = pages["a/un"].select("div.highlight pre")
    assert len(blocks) == 2  # une cellule, un programme
    assert all(block["tabindex"] == "0" for block in blocks)


def test_folded_cell_says_what_it_hides(pages):
    told = {
        "a/un": [["Afficher le code de la figure", "Masquer le code de la figure"]],
        "a/deux": [
            ["Afficher le code et son résultat", "Masquer le code et son résultat"],
            ["Vérification", "Masquer la vérification"],
        ],
    }
    for page, expected in told.items():
        folded = pages[page].select("details.hide")
        assert [[p.get_text() for p in cell.select("summary p")] for cell in folded] == expected
        assert all(cell.get("aria-label") is None for cell in folded)


def test_a_table_scrolls_in_a_named_frame(pages):
    (frame,) = pages["a/un"].select(".pst-scrollable-table-container")
    assert (frame["role"], frame["tabindex"]) == ("region", "0")
    assert frame["aria-label"] == "Des nombres."
    (frame,) = pages["a/trois"].select(".pst-scrollable-table-container")
    assert frame["aria-label"] == "Sans légende d’un & autre"
