"""Les alphabets mathématiques : face à la normalisation d'Unicode, et aux lettres à part."""

import string
import unicodedata

import pytest

from livre.alphabets import STYLES, styled


@pytest.mark.parametrize("style", STYLES)
def test_unicode_knows_the_plain_letter(style: str) -> None:
    """NFKC rend la lettre ordinaire de chaque lettre mathématique."""
    text = string.ascii_letters
    written = styled(text, style)
    assert unicodedata.normalize("NFKC", written) == text
    assert not set(written) & set(text)


@pytest.mark.parametrize(
    ("text", "style", "shown"),
    [
        ("H", "script", "ℋ"),
        ("R", "double-struck", "ℝ"),
        ("C", "fraktur", "ℭ"),
        ("h", "italic", "ℎ"),
        ("θ", "bold", "𝛉"),
        ("1", "double-struck", "𝟙"),
        ("1", "bold-italic", "𝟏"),
    ],
)
def test_letters_with_a_name_of_their_own(text: str, style: str, shown: str) -> None:
    assert styled(text, style) == shown


def test_styled_leaves_what_has_no_style() -> None:
    assert styled("é+", "bold") == "é+"
    assert styled("a", "inconnu") == "a"
