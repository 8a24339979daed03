"""Ce qu'un dessin montre d'un résumé : des blocs, ceux qu'on replie, ceux qui se répètent.

Une suite de blocs identiques n'est dessinée qu'une fois, avec le nombre de répétitions. S'il reste
trop de blocs, les modules sont repliés, chacun en un bloc, des plus profonds aux plus larges,
jusqu'à ce que le dessin tienne.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from reseaux.anatomy.drawing.blocks import Block, blocks_of
from reseaux.anatomy.drawing.folding import Key, fold, joining_key, level_key, modules_of
from reseaux.anatomy.summary import Summary
from reseaux.formatting import dimensions

MAX_BLOCKS = 44  # blocs d'un dessin lisible, et d'un fichier de moins de 60 ko
MAX_UNIT = 14  # blocs côte à côte et l'un sur l'autre, entre deux étranglements
WHOLE = "réseau entier"  # le dernier repli
ALONE = " : dessinez-le seul pour en voir l'intérieur."


@dataclass(frozen=True)
class Group:
    """Des unités qui se suivent, et le nombre de fois que leur suite se répète.

    Une unité est l'ensemble des blocs entre deux étranglements : des blocs que tout calcul
    traverse. Le dernier bloc d'une unité est un étranglement.
    """

    units: tuple[tuple[int, ...], ...]
    times: int
    name: str  # le module commun à tous les blocs ; vide s'il n'y en a pas

    @property
    def blocks(self) -> tuple[int, ...]:
        """Les numéros des blocs dessinés."""
        return tuple(i for unit in self.units for i in unit)


@dataclass(frozen=True)
class Layout:
    """Ce qu'il y a à dessiner, dans l'ordre du calcul."""

    blocks: tuple[Block, ...]  # répétés compris ; le premier est l'entrée
    groups: tuple[Group, ...]
    note: str  # dit ce qui a été replié ; vide sinon

    @property
    def drawn(self) -> int:
        """Nombre de blocs dessinés, l'entrée à part."""
        return sum(len(group.blocks) for group in self.groups) - 1


def arrange(summary: Summary, depth: int | None = None) -> Layout:
    """Choisit les blocs d'un dessin, le plus détaillé qui reste lisible.

    Args:
        summary: le résumé.
        depth: replier chaque module dont le nom a ``depth`` parties (« blocks.3a » en a deux).
    """
    flat = blocks_of(summary)
    for key, note in _levels(flat, depth):
        blocks = fold(flat, key) if key else flat
        groups = _framed(blocks, list(_groups(blocks)))
        layout = Layout(tuple(blocks), tuple(groups), note if blocks != flat else "")
        if layout.drawn <= MAX_BLOCKS:
            break
    return layout


def _levels(blocks: Sequence[Block], depth: int | None) -> Iterator[tuple[Key | None, str]]:
    """Les façons de replier, de la plus détaillée à la plus grossière, et comment le dire."""
    modules = modules_of(blocks)
    if depth is None:
        joining = joining_key(blocks)
        crowded = max(map(len, _units(blocks))) > MAX_UNIT
        if not (crowded and any(map(joining, blocks))):
            yield None, ""
        yield joining, f"Un module à plusieurs chemins est dessiné d'un bloc{ALONE}"
    deepest = max(map(len, modules), default=0)
    for level in range(min(depth or deepest, deepest), 0, -1):
        yield level_key(level, modules), f"Chaque module est replié en un bloc{ALONE}"
    yield (
        lambda block: f"cartes de {dimensions(block.size[1:])}",
        "Trop de couches pour un dessin : celles d'une même taille de carte font un seul bloc.",
    )
    yield lambda block: WHOLE, "Trop de couches pour un dessin : un seul bloc."


def _groups(blocks: Sequence[Block]) -> Iterator[Group]:
    """Coupe aux étranglements, puis réunit les suites d'unités identiques."""
    units = list(_units(blocks))
    signatures = [_signature(blocks, unit) for unit in units]
    i = 0
    while i < len(units):
        period, times = 1, 1
        for p in range(1, (len(units) - i) // 2 + 1):
            n = 1
            while signatures[i : i + p] == signatures[i + n * p : i + (n + 1) * p]:
                n += 1
            if n > 1 and n * p > times * period:
                period, times = p, n
        end = i + period * times
        name = _common([blocks[j].name for unit in units[i : i + period] for j in unit])
        last = _common([blocks[j].name for unit in units[end - period : end] for j in unit])
        name = f"{name} … {last}" if times > 1 and name != last else name
        yield Group(tuple(units[i : i + period]), times, name)
        i = end


def _framed(blocks: Sequence[Block], groups: Sequence[Group]) -> Iterator[Group]:
    """Réunit dans un cadre les groupes qui se suivent dans un même module à plusieurs chemins."""
    module = joining_key(blocks)

    def key(pair: tuple[int, Group]) -> str | int:
        number, group = pair
        names = {module(blocks[i]) for i in group.blocks}
        return (names.pop() if len(names) == 1 and group.times == 1 else None) or number

    for name, run in groupby(enumerate(groups), key):
        members = [group for _, group in run]
        units = tuple(unit for group in members for unit in group.units)
        yield members[0] if len(members) == 1 else Group(units, 1, str(name))


def _units(blocks: Sequence[Block]) -> Iterator[tuple[int, ...]]:
    reach = list(range(len(blocks)))  # le dernier bloc qui lit chaque bloc
    for i, block in enumerate(blocks):
        for j in block.inputs:
            reach[j] = i
    start, farthest = 0, 0
    for i in range(len(blocks)):
        if farthest <= i:
            yield tuple(range(start, i + 1))
            start = i + 1
        farthest = max(farthest, reach[i])


def _signature(blocks: Sequence[Block], unit: tuple[int, ...]) -> tuple[object, ...]:
    """Tout ce que le dessin montre d'une unité, sauf les noms."""
    return tuple(
        replace(blocks[i], name="", inputs=tuple(j - i for j in blocks[i].inputs)) for i in unit
    )


def _common(names: Sequence[str]) -> str:
    """Le module commun à des couches ; vide s'il n'y en a pas."""
    if len(names) == 1:
        return names[0]
    shared = []
    for parts in zip(*(name.split(".") for name in names), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return ".".join(shared)
