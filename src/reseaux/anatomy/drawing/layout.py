"""Des lignes d'un résumé aux blocs d'un dessin : ce qui se fusionne, se replie et se répète.

Trois simplifications, qui ne perdent aucun paramètre :

- une ligne qui ne change que les valeurs (ReLU, dropout, mise à plat) n'est pas un bloc, et la
  normalisation qui suit une convolution s'ajoute au bloc de celle-ci ;
- une suite de blocs identiques n'est dessinée qu'une fois, avec le nombre de répétitions ;
- s'il reste trop de blocs, les modules sont repliés, chacun en un bloc, des plus profonds aux plus
  larges, jusqu'à ce que le dessin tienne.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from reseaux.anatomy.summary import Summary
from reseaux.anatomy.tracing import ADDITION, CONCATENATION, CONNECTING, MATMUL, MULTIPLICATION, Row

MAX_BLOCKS = 44  # blocs d'un dessin lisible, et d'un fichier de moins de 60 ko
MAX_UNIT = 14  # blocs côte à côte et l'un sur l'autre, entre deux étranglements

ENTRY, MODULE, UNUSED = "entrée", "module", "autres paramètres"
CONVOLUTION, POOLING, CONNECTED = "convolution", "pooling", "couche connectée"
NORMALISATION, OTHER = "normalisation", "autre couche"
WHOLE = "réseau entier"  # le dernier repli
PASSIVE = ("ReLU", "dropout", "mise à plat", "identité")


@dataclass(frozen=True)
class Block:
    """Un bloc du dessin : une couche, ou un module replié.

    Attributes:
        name: le nom de la couche ou du module.
        kind: son genre, tel que le résumé l'écrit.
        output: sa forme de sortie, sans la dimension du lot.
        params: ses paramètres, ceux de la normalisation fusionnée compris.
        inputs: les numéros des blocs qui entrent ici.
        kernel: le noyau, s'il y en a un.
        stride: le pas.
        normalized: une normalisation suit la convolution, dans le même bloc.
        last: les canaux sont la dernière dimension (attention, couches connectées).
        inside: pour un module replié, ce qu'il contient.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    params: int = 0
    inputs: tuple[int, ...] = ()
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    normalized: bool = False
    last: bool = False
    inside: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """Son genre dans la légende : une couleur et une hachure."""
        return family(self.kind)

    @property
    def size(self) -> tuple[int, int, int]:
        """Canaux, hauteur, largeur ; 1 pour ce qui manque (les positions d'un texte : hauteur)."""
        places = self.output[:-1] if self.kind != MATMUL else self.output[-2::-1]
        sizes = self.output[-1:] + places if self.last else self.output
        c, h, w = (*sizes, 1, 1, 1)[:3]
        return c, h, w


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
    """Ce qu'il y a à dessiner.

    Attributes:
        blocks: tous les blocs, répétés compris ; le premier est l'entrée.
        groups: les groupes, dans l'ordre du calcul.
        note: dit ce qui a été replié ; vide sinon.
    """

    blocks: tuple[Block, ...]
    groups: tuple[Group, ...]
    note: str

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
    flat = _blocks(summary)
    for key, note in _levels(flat, depth):
        blocks = _fold(flat, key) if key else flat
        groups = _framed(blocks, list(_groups(blocks)))
        layout = Layout(tuple(blocks), tuple(groups), note if blocks != flat else "")
        if layout.drawn <= MAX_BLOCKS:
            break
    return layout


def family(kind: str) -> str:
    """Range un genre de couche dans une famille de la légende."""
    if kind in (ENTRY, MODULE, UNUSED, CONCATENATION, ADDITION, MULTIPLICATION, MATMUL):
        return kind
    for words, name in (
        (("normalisation", "Norm"), NORMALISATION),
        (("pooling", "moyenne", "Pool"), POOLING),
        (("convolution", "Conv"), CONVOLUTION),
        (("connectée", "Linear"), CONNECTED),
    ):
        if any(word in kind for word in words):
            return name
    return OTHER


# Des lignes aux blocs ---------------------------------------------------------------------------


def _blocks(summary: Summary) -> list[Block]:
    """Un bloc par ligne qui compte, l'entrée en tête."""
    blocks = [Block(ENTRY, ENTRY, summary.input_size)]
    sources: list[tuple[int, ...]] = []  # pour chaque ligne, les blocs d'où vient sa sortie
    used = Counter(i for row in summary.rows for i in row.inputs)
    owner: dict[int, int] = {}  # ligne de convolution -> son bloc
    uncalled: list[Row] = []
    for i, row in enumerate(summary.rows):
        before = tuple(dict.fromkeys(b for j in row.inputs for b in sources[j])) or (0,)
        if before != (0,) and _reads_entry(row, summary):
            before = (0, *(b for b in before if b))
        if not row.output and not row.inputs:
            uncalled.append(row)
        elif _is_passive(row, [blocks[b].output for b in before]):
            pass
        elif _completes(row, summary.rows, used) and row.inputs[0] in owner:
            before = (owner[row.inputs[0]],)
            block = blocks[before[0]]
            blocks[before[0]] = replace(block, params=block.params + row.params, normalized=True)
        else:
            last = _channels_last(row, blocks[before[0]])
            blocks.append(
                Block(
                    *(row.name, row.kind, row.output, row.params, before),
                    *(row.kernel, row.stride, False, last),
                )
            )
            before = (len(blocks) - 1,)
            if family(row.kind) == CONVOLUTION:
                owner[i] = before[0]
        sources.append(before)
    return _attach(blocks, uncalled)


def _is_passive(row: Row, inputs: Sequence[tuple[int, ...]]) -> bool:
    """Dit si une ligne ne fait que changer les valeurs : elle n'est pas dessinée."""
    if row.params or row.macs or row.kernel or row.kind in CONNECTING:
        return False
    same = any(math.prod(row.output) == math.prod(shape) for shape in inputs)
    return row.kind in PASSIVE or (family(row.kind) == OTHER and same)


def _reads_entry(row: Row, summary: Summary) -> bool:
    """Dit si une opération réunit une ligne et l'entrée du réseau, que le résumé ne nomme pas.

    Les tailles le disent : une addition a celle de l'entrée, une concaténation compte ses valeurs.
    """
    size, entry = math.prod(row.output), math.prod(summary.input_size)
    if row.kind == ADDITION:
        return len(row.inputs) == 1 and size == entry
    given = sum(math.prod(summary.rows[j].output) for j in row.inputs)
    return row.kind == CONCATENATION and size == given + entry


def _completes(row: Row, rows: Sequence[Row], used: Counter[int]) -> bool:
    """Dit si une normalisation est la seule à lire la convolution qui la précède."""
    return (
        family(row.kind) == NORMALISATION
        and len(row.inputs) == 1
        and used[row.inputs[0]] == 1
        and row.output == rows[row.inputs[0]].output
    )


def _channels_last(row: Row, before: Block) -> bool:
    """Devine l'ordre des dimensions ; une addition garde celui de ce qu'elle lit."""
    if len(row.output) == 1 or family(row.kind) in (CONVOLUTION, POOLING):
        return False
    if family(row.kind) in (CONNECTED, MATMUL) or row.kind == "normalisation de couche":
        return True
    return before.last


def _attach(blocks: list[Block], uncalled: Sequence[Row]) -> list[Block]:
    """Donne les paramètres qu'aucune couche appelée ne porte à l'opération du même module.

    Les poids d'une attention vont ainsi à ses produits de matrices. Le reste (un classifieur
    auxiliaire, inutile en évaluation) va dans un dernier bloc, « autres paramètres ».
    """
    left = 0
    for row in uncalled:
        parent = row.name.rpartition(".")[0]
        own = [i for i, block in enumerate(blocks) if i and block.name == row.name]
        near = [i for i, block in enumerate(blocks) if i and parent and block.name == parent]
        if own or near:
            i = own[0] if own else near[-1]
            blocks[i] = replace(blocks[i], params=blocks[i].params + row.params)
        else:
            left += row.params
    return [*blocks, Block(UNUSED, UNUSED, (), left)] if left else blocks


# Replier ----------------------------------------------------------------------------------------

Key = Callable[[Block], str | None]  # le module où replier un bloc ; ``None`` : le laisser


def _levels(blocks: Sequence[Block], depth: int | None) -> Iterator[tuple[Key | None, str]]:
    """Les façons de replier, de la plus détaillée à la plus grossière, et comment le dire."""
    modules = _modules(blocks)
    if depth is None:
        crowded = max(map(len, _units(blocks))) > MAX_UNIT
        if not (crowded and any(map(_joining(blocks), blocks))):
            yield None, ""
        yield (
            _joining(blocks),
            (
                "Un module à plusieurs chemins est dessiné d'un bloc : dessinez-le seul pour en "
                "voir l'intérieur."
            ),
        )
    deepest = max(map(len, modules), default=0)
    for level in range(min(depth or deepest, deepest), 0, -1):
        yield (
            _prefix(level, modules),
            ("Chaque module est replié en un bloc : dessinez-le seul pour en voir l'intérieur."),
        )
    yield (
        lambda block: f"cartes de {'×'.join(map(str, block.size[1:]))}",
        "Trop de couches pour un dessin : celles d'une même taille de carte font un seul bloc.",
    )
    yield lambda block: WHOLE, "Trop de couches pour un dessin : un seul bloc."


def _prefix(level: int, modules: set[tuple[str, ...]]) -> Key:
    def key(block: Block) -> str | None:
        name = tuple(block.name.split("."))[:level]
        return ".".join(name) if name in modules else None

    return key


def _modules(blocks: Sequence[Block]) -> set[tuple[str, ...]]:
    """Les modules qui contiennent des couches, chacun par les parties de son nom."""
    names = [tuple(block.name.split(".")) for block in blocks]
    return {name[:n] for name in names for n in range(1, len(name))}


def _joining(blocks: Sequence[Block]) -> Key:
    """Trouve les modules où des chemins se rejoignent, et les modules de même rang qu'eux."""
    modules = _modules(blocks)
    joins = {tuple(b.name.split(".")) for b in blocks if b.kind in CONNECTING} & modules
    parents = {name[:-1] for name in joins} - {()}

    def key(block: Block) -> str | None:
        name = tuple(block.name.split("."))
        for n in range(1, len(name) + 1):
            if name[:n] in joins or (name[:n] in modules and name[: n - 1] in parents):
                return ".".join(name[:n])
        return None

    return key


def _fold(blocks: Sequence[Block], key: Key) -> list[Block]:
    """Remplace chaque suite de blocs d'un même module par un seul bloc."""
    folded: list[Block] = []
    place: dict[int, int] = {}  # ancien numéro -> nouveau
    plain = (ENTRY, UNUSED)
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
            exit_ = members[-1]
            params = sum(block.params for block in members)
            inside = _inside(members, indices[0])
            folded.append(
                Block(
                    str(name), MODULE, exit_.output, params, inputs, last=exit_.last, inside=inside
                )
            )
    return folded


SHORT = {CONVOLUTION: "conv", POOLING: "pool", CONNECTED: "conn.", MATMUL: "produits"}


def _inside(members: Sequence[Block], first: int) -> tuple[str, ...]:
    """Dit en deux lignes ce qu'un module contient : ses couches, ses chemins."""
    counts = Counter(block.family for block in members)
    lines = [f"{counts[name]} {short}" for name, short in SHORT.items() if counts[name]]
    fed = [block for block in members if any(i < first for i in block.inputs)]
    joins = [block for block in fed if block.kind in CONNECTING]
    paths = max([len(fed), *(len(b.inputs) for b in members if b.kind == CONCATENATION)])
    if any(block.kind == ADDITION for block in joins):
        paths_text = "raccourci"
    elif len(joins) > 1 or any(max(block.inputs) < first for block in joins):
        paths_text = "liens denses"
    elif any(block.kind in CONNECTING for block in members) and paths > 1:
        paths_text = f"{paths} branches"
    else:
        paths_text = ""
    return tuple(line for line in (", ".join(lines[:2]), paths_text) if line)


# Répéter ----------------------------------------------------------------------------------------


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
    module = _joining(blocks)

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
        replace(blocks[i], name="", inputs=tuple(max(j, unit[0] - 1) - i for j in blocks[i].inputs))
        for i in unit
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
