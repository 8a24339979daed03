"""Les notebooks de référence, pour les tests qui les lisent."""

import nbformat
import pytest

from livre.expected_outputs import reference_path


def read_reference(chapter):
    """Lit la référence d'une page ; si elle manque, le test échoue et dit quoi lancer."""
    path = reference_path(chapter)
    if not path.is_file():
        pytest.fail(
            f"{chapter.name} n'a pas de notebook de référence. "
            f'Lancez « make references CHAPITRES="{chapter.stem}" ».',
            pytrace=False,
        )
    return nbformat.read(path, as_version=4)
