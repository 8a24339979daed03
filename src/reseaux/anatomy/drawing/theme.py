"""Les couleurs d'un dessin : celles du thème dans le livre, les nôtres dans un fichier seul.

Celles des familles de blocs sont dans ``kinds.Family``.
"""

from collections.abc import Iterable

from reseaux.anatomy.drawing.placement import FONT
from reseaux.anatomy.kinds import Family

# Texte, fond, traits, fond d'un cadre ; dans le livre, les couleurs du thème l'emportent.
THEME = ("text-base", "background", "text-muted", "surface")
COLORS = {
    "clair": ("#222832", "#ffffff", "#48566b", "#f3f4f5"),
    "sombre": ("#ced6dd", "#14181e", "#9ca4af", "#29313d"),
}
RULES = {
    " text": "fill:var(--texte);text-anchor:middle;stroke:none",
    " .g": "text-anchor:start",
    " .titre": "text-anchor:start;font-size:16px;font-weight:700",
    " .params": "font-weight:700",
    " .fond": "fill:var(--fond)",
    " .cadre": "fill:var(--cadre);stroke:var(--trait);stroke-dasharray:4 3",
    " .bloc": "stroke:var(--trait);stroke-width:1",
    " .liens path": "fill:none;stroke:var(--trait);stroke-width:1.5;marker-end:url(#{id}-f)",
    " .liens .suite": "stroke-opacity:.6;marker-end:none",
    " marker path": "fill:var(--trait);stroke:none",
    " .feuille": "fill:var(--fond)",
    " .regle": "fill:none;stroke:var(--texte)",
}


def css(id_: str) -> str:
    """Les règles d'un dessin, qui ne débordent pas sur les autres de la page."""
    rules = {"": f"{_variables('clair')}font:{FONT}px Arial,Helvetica,sans-serif", **RULES}
    written = "".join(f"#{id_}{name}{{{rule}}}" for name, rule in rules.items())
    dark = f"@media(prefers-color-scheme:dark){{#{id_}{{{_variables('sombre')}}}}}"
    return written.replace("{id}", id_) + dark


def _variables(mode: str) -> str:
    names = ("texte", "fond", "trait", "cadre")
    return "".join(
        f"--{name}:var(--pst-color-{theme},{color});"
        for name, theme, color in zip(names, THEME, COLORS[mode], strict=True)
    )


def definitions(id_: str, families: Iterable[Family]) -> str:
    """La pointe des flèches et les hachures."""
    marker = (
        f'<marker id="{id_}-f" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 1L8 4L0 7z"/></marker>'
    )
    return marker + "".join(
        f'<pattern id="{_pattern(id_, family)}" width="8" height="8" '
        f'patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="{family.color}"/>'
        f'<path d="{family.pattern}" fill="none" stroke="{family.ink}" stroke-opacity=".6" '
        f'stroke-width="{family.stroke}" stroke-linecap="round"/></pattern>'
        for family in families
    )


def _pattern(id_: str, family: Family) -> str:
    return f"{id_}-h{list(Family).index(family)}"


def hatched(id_: str, family: Family) -> str:
    """De quoi remplir une face hachurée ; l'entrée n'a ni couleur ni hachure."""
    return f'fill="url(#{_pattern(id_, family)})"' if family.color else 'class="feuille"'


def flat(family: Family, light: float) -> str:
    """De quoi remplir une face unie : la couleur éclaircie (``light`` positif) ou assombrie."""
    if not family.color:
        return 'class="feuille"'
    goal = 255 if light > 0 else 0
    parts = (int(family.color[i : i + 2], 16) for i in (1, 3, 5))
    mixed = "".join(f"{round(part + (goal - part) * abs(light)):02x}" for part in parts)
    return f'fill="#{mixed}"'
