"""La prose des pages, sans le code, les formules ni les directives."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "chapters").rglob("*.md"))

# Ce qui n'est pas de la prose, dans l'ordre où on l'ôte.
NOT_PROSE = re.compile(
    r"""
    \A---\n.*?\n---\n                          # l'en-tête
    | ^```\{code-cell\}.*?^```$ | ^```\w*\n.*?^```$ | ^```\{bibliography\}.*?^```$
    | ^\$\$.*?^\$\$.*?$ | \$[^$\n]*\$          # les formules
    | \{[a-z:]+\}`[^`]*` | `[^`]*`             # les rôles, le code
    | \]\([^)\n]*\) | <[^>\n]*> | https?://\S+
    | ^:[a-z]+:.*?$ | ^[:`]{3,}\{[\w-]+\}      # les directives et leurs options
    | ^\([\w-]+\)=$                            # les étiquettes
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def prose(text: str) -> str:
    """Le texte que l'on lit, chaque morceau ôté laissant une espace."""
    return NOT_PROSE.sub(" ", text)
