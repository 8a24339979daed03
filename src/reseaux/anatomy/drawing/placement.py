"""La mise en place d'un dessin : la mesure des blocs, les voies, les flèches, les lignes.

Les longueurs sont en unités du SVG : un pixel CSS, ou un peu moins quand la place manque. L'axe est
la droite horizontale que suit le calcul ; les ordonnées d'une unité se comptent depuis lui, vers le
bas.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from reseaux.anatomy.drawing.blocks import Block
from reseaux.anatomy.drawing.layout import Group
from reseaux.anatomy.kinds import Kind
from reseaux.formatting import dimensions, integer

WIDTH = 760  # d'une ligne de blocs : à peine plus que la colonne du livre
FONT, LINE = 12, 14.5  # taille du texte, interligne
MARGIN, GAP = 20, 18  # bords du dessin ; entre deux blocs, la place d'une flèche
PAD, HEAD = 8, 20  # dans un cadre : ses bords, son titre
TRACK = 12  # entre deux raccourcis qui passent l'un au-dessus de l'autre
STRIP = 6  # le liseré d'une normalisation
SLANT = (0.3, 0.18)  # la fuyante : part de la largeur d'une carte, vers la droite et vers le haut
CARD = 4  # entre deux feuilles de la pile d'un bloc répété

Item = TypeVar("Item")

HEIGHT_STEP, THICKNESS_STEP = 10, 5  # ce qu'ajoute un doublement
HEIGHT_BASE, THICKNESS_BASE = 6, 4  # ce que mesure 1


def height(size: int) -> float:
    """La hauteur d'un bloc dont les cartes ont ``size`` pixels de haut."""
    return HEIGHT_BASE + HEIGHT_STEP * math.log2(max(size, 1))


def thickness(channels: int) -> float:
    """L'épaisseur d'un bloc de ``channels`` canaux."""
    return THICKNESS_BASE + THICKNESS_STEP * math.log2(max(channels, 1))


# Les textes -------------------------------------------------------------------------------------


def stride_text(block: Block) -> str:
    """Le pas : « pas 2 » ; vide s'il est de 1."""
    if not block.stride or set(block.stride) == {1}:
        return ""
    return f"pas {block.stride[0] if len(set(block.stride)) == 1 else dimensions(block.stride)}"


def label(block: Block) -> list[tuple[str, str]]:
    """Les lignes de texte sous un bloc : la classe et le texte de chacune."""
    if block.kind is Kind.MODULE:
        own = block.name.rpartition(".")[2]
        name = block.name if len(block.name) <= 16 or own == block.name else f"…{own}"
        first = [("genre", name), *(("dedans", line) for line in block.inside)]
    else:
        kind = f"{block.kind.short} {dimensions(block.kernel)}".strip()
        first = [("genre", kind), ("pas", stride_text(block))]
    params = integer(block.params) if block.params else ""
    lines = [*first, ("forme", dimensions(block.output)), ("params", params)]
    return [(name, text) for name, text in lines if text]


def text_width(text: str) -> float:
    """Estime la largeur d'un texte."""
    narrow, wide = "\u202f iljtf.,:;'’()", "mwMW—…"
    return FONT * sum(0.3 if c in narrow else 0.86 if c in wide else 0.57 for c in text)


# Les blocs d'une unité --------------------------------------------------------------------------


class PlacedBlock:
    """La place d'un bloc : ses mesures, et le centre (x, y) de sa face avant dans son unité."""

    def __init__(self, block: Block, repeated: int) -> None:
        channels, rows, columns = block.size
        self.block, self.repeated, self.lines = block, repeated, label(block)
        self.h, self.t = height(rows), thickness(channels)
        self.face = self.t + STRIP * block.normalized
        self.dx, self.dy = (part * height(columns) for part in SLANT)
        self.cards = 2 * CARD if repeated > 1 else 0
        text = max(text_width(text) for _, text in self.lines)
        self.width = max(self.face + self.dx + self.cards, text)
        self.up = self.h / 2 + self.dy + self.cards + (LINE + 2) * (repeated > 1)
        self.down = self.h / 2 + LINE * len(self.lines) + 4
        self.x = self.y = 0.0
        self.column, self.lane = 0, -1  # la voie −1 est l'axe

    @property
    def left(self) -> float:
        """Le bord gauche de la face avant."""
        return self.x - self.face / 2

    @property
    def center(self) -> float:
        """Le milieu de ce qu'on voit du bloc, où se centrent ses textes."""
        return self.x + (self.dx + self.cards) / 2


@dataclass
class PlacedUnit:
    """Une unité mise en place : ses blocs, et ce qu'elle occupe autour de l'axe."""

    placed: dict[int, PlacedBlock]
    edges: list[tuple[int, int]]  # −1 : ce qui entre dans l'unité
    starts: list[float] = field(default_factory=list)  # les bords de chaque colonne
    ends: list[float] = field(default_factory=list)
    up: float = 0
    down: float = 0
    tracks: dict[int, float] = field(default_factory=dict)  # l'ordonnée des raccourcis, par source

    @property
    def width(self) -> float:
        """La largeur, flèche d'entrée comprise."""
        return self.ends[-1]

    @property
    def exit(self) -> PlacedBlock:
        """Le dernier bloc, par où le calcul sort."""
        return list(self.placed.values())[-1]

    def routes(self, start: float) -> list[str]:
        """Trace les flèches ; ``start`` est l'abscisse d'où vient l'axe."""
        return [rounded(self._points(j, i, start)) for j, i in self.edges]

    def _points(self, j: int, i: int, start: float) -> list[tuple[float, float]]:
        target, source = self.placed[i], self.placed.get(j)
        x, y, leave = (
            (source.x, source.y, self.ends[source.column]) if source else (start, 0.0, 0.0)
        )
        end = (target.left, target.y)
        if j in self.tracks and self.bend(j, i) is None:
            top, rise = self.tracks[j], leave + GAP / 2
            path = [(x, y), (rise, y), (rise, top)]
            if not any(c.column == target.column and c.y < target.y for c in self.placed.values()):
                above = target.x + target.dx  # rien au-dessus : arriver par le dessus
                return [*path, (above, top), (above, target.y - target.h / 2 - target.dy)]
            side = self.starts[target.column] - GAP / 2
            return [*path, (side, top), (side, target.y), end]
        turn = (self.bend(j, i) or 0.0) + GAP / 2
        return [(x, y), (turn, y), (turn, target.y), end]

    def bend(self, j: int, i: int) -> float | None:
        """Où une flèche change de voie ; ``None`` si un bloc gêne dans les deux voies."""
        source, target = self.placed.get(j), self.placed[i]
        column = source.column if source else -1
        between = range(column + 1, target.column)
        if not between or (source and self._free(source.lane, between)):
            return self.starts[target.column] - GAP
        return (self.ends[column] if source else 0.0) if self._free(target.lane, between) else None

    def _free(self, lane: int, between: range) -> bool:
        placed = self.placed.values()
        return lane >= 0 and not any(c.lane == lane and c.column in between for c in placed)


def place_unit(blocks: Sequence[Block], indices: tuple[int, ...], repeated: int) -> PlacedUnit:
    """Range les blocs d'une unité en colonnes (le calcul avance) et en voies (les branches)."""
    placed = {i: PlacedBlock(blocks[i], repeated) for i in indices}
    pairs = ((j if j in placed else -1, i) for i in indices for j in blocks[i].inputs)
    unit = PlacedUnit(placed, list(dict.fromkeys(pairs)))
    lanes: list[list[int]] = []
    for i in indices:
        before = [j for j in blocks[i].inputs if j in placed]
        placed[i].column = 1 + max((placed[j].column for j in before), default=-1)
        if i == indices[-1] and (len(before) != 1 or len(indices) == 1):
            placed[i].column = 1 + max((placed[j].column for j in indices[:-1]), default=-1)
            break  # les branches se rejoignent sur l'axe
        ending = [lane for lane in lanes if lane[-1] in before]
        if ending:
            ending[0].append(i)
        else:  # une nouvelle voie, sous celle d'où elle part
            from_ = [n for n, lane in enumerate(lanes) if before and before[0] in lane]
            lanes.insert(from_[0] + 1 if from_ else len(lanes), [i])
    _set_columns(unit)
    _set_lanes(unit, lanes)
    for j, i in unit.edges:
        if unit.bend(j, i) is None:
            unit.tracks.setdefault(j, -unit.up - TRACK * (len(unit.tracks) + 1))
    unit.up += TRACK * (len(unit.tracks) + 1) if unit.tracks else 0
    return unit


def _set_columns(unit: PlacedUnit) -> None:
    x = 0.0
    placed = unit.placed.values()
    for column in range(1 + max(block.column for block in placed)):
        inside = [block for block in placed if block.column == column]
        width = max(block.width for block in inside)
        for block in inside:
            block.x = x + GAP + width / 2 - (block.dx + block.cards) / 2
        unit.starts.append(x + GAP)
        x += GAP + width
        unit.ends.append(x)


def _set_lanes(unit: PlacedUnit, lanes: Sequence[Sequence[int]]) -> None:
    """Empile les voies ; l'axe passe au milieu."""
    axes, y = [0.0] * len(lanes), 0.0
    for n, lane in enumerate(lanes):
        y += max(unit.placed[i].up for i in lane) + (10 if n else 0)
        axes[n] = y
        y += max(unit.placed[i].down for i in lane)
        for i in lane:
            unit.placed[i].lane = n
    for block in unit.placed.values():
        block.y = axes[block.lane] - (axes[0] + axes[-1]) / 2 if block.lane >= 0 else 0.0
    unit.up = max(block.up - block.y for block in unit.placed.values())
    unit.down = max(block.down + block.y for block in unit.placed.values())


def rounded(points: Sequence[tuple[float, float]], radius: float = 6) -> str:
    """Écrit une ligne brisée aux coins arrondis."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (ax, ay), (x, y), (bx, by) in zip(points, points[1:], points[2:], strict=False):
        before, after = math.hypot(x - ax, y - ay), math.hypot(bx - x, by - y)
        r = min(radius, before / 2, after / 2)
        if r < 0.5:
            continue
        path.append(
            f"L{x + (ax - x) * r / before:.1f} {y + (ay - y) * r / before:.1f}"
            f"Q{x:.1f} {y:.1f} {x + (bx - x) * r / after:.1f} {y + (by - y) * r / after:.1f}"
        )
    return "".join(path) + f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"


# Les lignes -------------------------------------------------------------------------------------


class PlacedGroup:
    """Un groupe sur une ligne, ou une partie : ses unités, et le cadre qui entoure un module.

    ``part`` compte les lignes que le groupe occupe déjà.
    """

    def __init__(self, group: Group, units: Sequence[PlacedUnit], part: int = 0) -> None:
        self.times, self.units = group.times, units
        self.name = f"{group.name} (suite)" if part else group.name
        self.framed = len(group.blocks) > 1 and bool(group.name or group.times > 1)
        self.pad = PAD if self.framed else 0
        title = text_width(f"×{group.times} {self.name}") + 2 * PAD if self.framed else 0
        self.width = max(sum(unit.width for unit in units), title) + 2 * self.pad
        self.up = max(unit.up for unit in units) + (HEAD + PAD if self.framed else 0)
        self.down = max(unit.down for unit in units) + self.pad


def place_group(group: Group, blocks: Sequence[Block], width: float) -> list[PlacedGroup]:
    """Met en place un groupe, en plusieurs parties s'il est plus large qu'une ligne."""
    repeated = group.times if len(group.blocks) == 1 else 1
    units = [place_unit(blocks, indices, repeated) for indices in group.units]
    parts = break_lines(units, lambda part: sum(unit.width for unit in part) + 2 * PAD, width)
    return [PlacedGroup(group, part, n) for n, part in enumerate(parts)]


def break_lines(
    items: Iterable[Item], measure: Callable[[list[Item]], float], width: float
) -> list[list[Item]]:
    """Coupe une suite en lignes, comme un texte ; ``measure`` donne la largeur d'une ligne."""
    lines: list[list[Item]] = [[]]
    for item in items:
        if lines[-1] and measure([*lines[-1], item]) > width:
            lines.append([])
        lines[-1].append(item)
    return lines


def wrap(text: str, width: float) -> list[str]:
    """Coupe un texte en lignes, aux espaces ordinaires."""
    words = (word for word in text.split(" ") if word)
    lines = break_lines(words, lambda line: text_width(" ".join(line)), width)
    return [" ".join(line) for line in lines]
