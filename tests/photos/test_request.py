"""Les mots des options, qui sont aussi ceux des fichiers déjà écrits : ils ne changent pas."""

from photos.request import MODEL, Method


def test_the_words_of_files_already_written() -> None:
    assert {method.name: method.value for method in Method} == {
        "LINEAR_PROBE": "sonde",
        "FINE_TUNING": "reglage-fin",
    }
    assert MODEL == "modele.safetensors"
