"""Les mots des options, qui sont aussi ceux des fichiers déjà écrits : ils ne changent pas."""

from photos.request import MODEL, SIZES, TRAINING, Method


def test_the_words_of_files_already_written() -> None:
    assert {method.name: method.value for method in Method} == {
        "LINEAR_PROBE": "sonde",
        "FINE_TUNING": "reglage-fin",
    }
    assert (MODEL, TRAINING) == ("modele.safetensors", "entrainement.pt")


def test_a_side_allowed_once_is_allowed_for_ever() -> None:
    """Un modèle déjà écrit se relit ; 32 est aussi la réduction totale d'un réseau d'ImageNet."""
    assert SIZES == (32, 1024)
