"""Replier un module : remplacer ses blocs par un seul."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

from reseaux.anatomy.drawing.blocks import Block
from reseaux.anatomy.kinds import JOINING, Family, Kind

Key = Callable[[Block], str | None]  # le module où replier un bloc ; ``None`` : le laisser


def level_key(level: int, modules: set[tuple[str, ...]]) -> Key:
    """Trouve, pour un bloc, le module dont le nom a ``level`` parties."""

    def key(block: Block) -> str | None:
        name = tuple(block.name.split("."))[:level]
        return ".".join(name) if name in modules else None

    return key


def modules_of(blocks: Sequence[Block]) -> set[tuple[str, ...]]:
    """Les modules qui contiennent des couches, chacun par les parties de son nom."""
    names = [tuple(block.name.split(".")) for block in blocks]
    return {name[:n] for name in names for n in range(1, len(name))}


def joining_key(blocks: Sequence[Block]) -> Key:
    """Trouve les modules où des chemins se rejoignent, et les modules de même rang qu'eux."""
    modules = modules_of(blocks)
    joins = {tuple(b.name.split(".")) for b in blocks if b.kind in JOINING} & modules
    parents = {name[:-1] for name in joins} - {()}

    def key(block: Block) -> str | None:
        name = tuple(block.name.split("."))
        for n in range(1, len(name) + 1):
            if name[:n] in joins or (name[:n] in modules and name[: n - 1] in parents):
                return ".".join(name[:n])
        return None

    return key


def fold(blocks: Sequence[Block], key: Key) -> list[Block]:
    """Remplace chaque suite de blocs d'un même module par un seul bloc."""
    folded: list[Block] = []
    place: dict[int, int] = {}  # ancien numéro -> nouveau
    plain = (Kind.INPUT, Kind.UNUSED)
    keyed = [(i, None if block.kind in plain else key(block)) for i, block in enumerate(blocks)]
    for name, run in groupby(keyed, key=lambda pair: pair[1] or pair[0]):
        indices = [i for i, _ in run]
        members = [blocks[i] for i in indices]
        outside = [j for block in members for j in block.inputs if j not in indices]
        inputs = tuple(dict.fromkeys(place[j] for j in outside))
        place |= dict.fromkeys(indices, len(folded))
        if len(members) == 1:
            folded.append(replace(members[0], inputs=inputs))
        else:
            end, params = members[-1], sum(block.params for block in members)
            shown = (str(name), Kind.MODULE, end.output, params, inputs)
            inside = _inside(members, indices[0])
            folded.append(Block(*shown, last=end.last, inside=inside))
    return folded


def _inside(members: Sequence[Block], first: int) -> tuple[str, ...]:
    """Dit en deux lignes ce qu'un module contient : ses couches, ses chemins."""
    counts = Counter(block.family for block in members)
    lines = [f"{counts[f]} {f.short}" for f in Family if f.short and counts[f]]
    fed = [block for block in members if any(i < first for i in block.inputs)]
    joins = [block for block in fed if block.kind in JOINING]
    paths = max([len(fed), *(len(b.inputs) for b in members if b.kind is Kind.CONCATENATION)])
    if any(block.kind is Kind.ADDITION for block in joins):
        paths_text = "raccourci"
    elif len(joins) > 1 or any(max(block.inputs) < first for block in joins):
        paths_text = "liens denses"
    elif any(block.kind in JOINING for block in members) and paths > 1:
        paths_text = f"{paths} branches"
    else:
        paths_text = ""
    return tuple(line for line in (", ".join(lines[:2]), paths_text) if line)
