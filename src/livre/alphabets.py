"""Les alphabets mathématiques d'Unicode : gras, cursif, ajouré…

« A » en cursif est un caractère à part entière, 𝒜. Unicode les nomme de façon régulière, sauf
quelques lettres qui existaient avant les autres (ℋ, ℝ, ℭ) : on essaie donc les deux noms.
"""

import unicodedata

# Le nom que LaTeX et MathML donnent à un style → les noms d'Unicode, dans l'ordre où les essayer.
STYLES = {
    "bold": ("MATHEMATICAL BOLD",),
    "bold-italic": ("MATHEMATICAL BOLD ITALIC", "MATHEMATICAL BOLD"),
    "italic": ("MATHEMATICAL ITALIC",),
    "script": ("MATHEMATICAL SCRIPT", "SCRIPT"),
    "bold-script": ("MATHEMATICAL BOLD SCRIPT",),
    "fraktur": ("MATHEMATICAL FRAKTUR", "BLACK-LETTER"),
    "bold-fraktur": ("MATHEMATICAL BOLD FRAKTUR",),
    "double-struck": ("MATHEMATICAL DOUBLE-STRUCK", "DOUBLE-STRUCK"),
    "sans-serif": ("MATHEMATICAL SANS-SERIF",),
    "bold-sans-serif": ("MATHEMATICAL SANS-SERIF BOLD",),
    "monospace": ("MATHEMATICAL MONOSPACE",),
}

# Seul caractère à qui Unicode donne un tout autre nom : « PLANCK CONSTANT ».
PLANCK = {("h", "italic"): "ℎ"}


def styled(text: str, style: str) -> str:
    """Récrit chaque lettre ou chiffre de ``text`` dans ``style`` ; le reste ne change pas."""
    return "".join(_styled_letter(letter, style) for letter in text)


def _styled_letter(letter: str, style: str) -> str:
    name = unicodedata.name(letter, "")
    # « LATIN SMALL LETTER A » → « SMALL A », « DIGIT ONE » → « DIGIT ONE ».
    short = name.removeprefix("LATIN ").removeprefix("GREEK ").replace(" LETTER ", " ")
    for prefix in STYLES.get(style, ()):
        try:
            return unicodedata.lookup(f"{prefix} {short}")
        except KeyError:
            continue
    return PLANCK.get((letter, style), letter)
