"""Les altérations d'un module : ce qu'une main distraite pourrait y écrire, une à la fois.

Le texte du module n'est récrit qu'à l'endroit altéré. Ni docstrings, ni messages d'erreur, ni
annotations de type (hors bornes : ``Annotated[int, at_least(1)]``), ni ``if TYPE_CHECKING``.
"""

import ast
import itertools
import random
import re
from collections.abc import Iterator
from typing import NamedTuple

# Ce qu'on confond : une borne comprise ou non, un sens, un signe.
COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
# Un mot clé dont l'absence ne se voit pas d'un test : le texte de l'aide, l'encodage (celui du
# système est le même), « strict », que ruff exige, ce qui protège une dataclass de son auteur, ce
# qui ne change que la mémoire prise.
SILENT_KEYWORDS = {
    "help", "metavar", "encoding", "strict", "stacklevel", "frozen", "slots", "inplace",
}  # fmt: skip
# Une clé, un nom : pas une phrase.
NAME = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
CONTEXT = 40


class Mutant(NamedTuple):
    """Une altération : où, laquelle, et le texte du module altéré."""

    module: str
    line: int
    operator: str
    before: str
    after: str
    text: str


class _Change(NamedTuple):
    """Un nœud à remplacer par un autre, dans un champ de son parent."""

    operator: str
    parent: ast.AST
    field: str
    index: int | None
    new: ast.AST


def _copy(node: ast.AST, **fields: object) -> ast.AST:
    """Le même nœud, quelques champs changés."""
    return ast.copy_location(type(node)(**{**dict(ast.iter_fields(node)), **fields}), node)


def _constants(value: object) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(value, bool):
        yield "booléen", ast.Constant(not value)
    elif isinstance(value, int | float):
        near = (value + 1, value - 1) if isinstance(value, int) else (value / 2,)
        for other in dict.fromkeys((*near, value * 2, 0)):
            if other != value:
                yield "nombre", ast.Constant(other)
    elif isinstance(value, str) and NAME.fullmatch(value):
        yield "nom", ast.Constant(f"{value}x")


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Ce qu'on peut écrire à la place d'un nœud."""
    match node:
        case ast.Constant(value=value):
            yield from _constants(value)
        case ast.Compare(ops=ops):
            for k, op in enumerate(ops):
                for other in COMPARISONS[type(op)]:
                    yield "comparaison", _copy(node, ops=[*ops[:k], other(), *ops[k + 1 :]])
        case ast.BoolOp(op=op):
            yield "et, ou", _copy(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "négation ôtée", operand
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in ARITHMETIC:
            yield "opération", _copy(node, op=ARITHMETIC[type(op)]())
        case ast.Call(func=ast.Name(id="cast" | "TypeVar" | "isinstance" | "issubclass")):
            return  # échanger leurs arguments est une faute que tout voit
        case ast.Call(func=func, args=args, keywords=keywords):
            for k, keyword in enumerate(keywords):
                if keyword.arg and keyword.arg not in SILENT_KEYWORDS:
                    rest = [*keywords[:k], *keywords[k + 1 :]]
                    yield "mot clé ôté", _copy(node, keywords=rest)
            if isinstance(func, ast.Name) and func.id in ("min", "max"):
                return  # l'ordre n'y change rien
            for k, (one, two) in enumerate(itertools.pairwise(args)):
                if not isinstance(one, ast.Starred) and not isinstance(two, ast.Starred):
                    swapped = [*args[:k], two, one, *args[k + 2 :]]
                    yield "arguments échangés", _copy(node, args=swapped)
    match node:
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Break() | ast.Continue():
            yield "instruction ôtée", ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "instruction ôtée", ast.Pass()
        case ast.AugAssign():
            yield "instruction ôtée", ast.Pass()


def _forced(parent: ast.AST, field: str) -> tuple[bool, ...]:
    """Ce qu'on peut mettre à la place d'une condition ; une boucle sans fin n'apprend rien."""
    match parent, field:
        case (ast.If() | ast.IfExp(), "test"):
            return True, False
        case (ast.comprehension(), "ifs"):
            return (True,)
        case (ast.While(), "test"):
            return (False,)
    return ()


def _ignored(parent: ast.AST, field: str, node: ast.AST) -> bool:
    """Ce qui ne change pas ce que fait le module, ou que personne ne lit comme du code."""
    match parent:
        case ast.JoinedStr():
            return not isinstance(node, ast.FormattedValue)
        case ast.Raise():
            return True
        case ast.keyword(arg=name):
            return name in SILENT_KEYWORDS
        case ast.Call(func=ast.Name(id="cast" | "TypeVar")):
            return True
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return field != "orelse"
    return isinstance(parent, ast.Expr) and isinstance(node, ast.Constant)  # une docstring


def _changes(parent: ast.AST, noted: bool = False) -> Iterator[_Change]:
    for field, value in ast.iter_fields(parent):
        # Dans une annotation, seul un appel est du code : une borne.
        annotation = noted or field in ("annotation", "returns")
        for k, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _ignored(parent, field, node):
                continue
            typed = annotation and not isinstance(node, ast.Call)
            here = [] if typed else list(_replacements(node))
            here += [
                ("condition forcée", ast.Constant(forced)) for forced in _forced(parent, field)
            ]
            for operator, new in here:
                if ast.dump(node) != ast.dump(new):
                    index = k if isinstance(value, list) else None
                    yield _Change(operator, parent, field, index, new)
            yield from _changes(node, typed)


def _put(change: _Change, node: ast.AST) -> ast.AST:
    """Met un nœud à la place que dit l'altération ; rend celui qui y était."""
    where = getattr(change.parent, change.field)
    if change.index is None:
        setattr(change.parent, change.field, node)
        return where
    old, where[change.index] = where[change.index], node
    return old


def _shown(node: ast.AST) -> str:
    """Une instruction telle qu'on la montre : de celle qui en contient d'autres, l'en-tête."""
    if isinstance(node, ast.stmt) and hasattr(node, "body"):
        empty = {name: [] for name in ("body", "orelse", "finalbody") if hasattr(node, name)}
        node = _copy(node, **empty)
    return ast.unparse(node)


def _common(one: str, two: str) -> int:
    """La longueur du début commun."""
    pairs = zip(one, two, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _trimmed(before: str, after: str) -> tuple[str, str]:
    """Ce qui diffère, avec un peu de texte autour."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    left, right = max(0, start - CONTEXT), max(0, end - CONTEXT)
    one, two = (" ".join(text[left : len(text) - right].split()) for text in (before, after))
    return one, two


def _sample(made: list[_Change], size: int | None, draw: random.Random) -> list[_Change]:
    """Les opérateurs à tour de rôle : un module plein de nombres n'est pas que des nombres."""
    turns: dict[str, int] = {}
    ranked = []
    for change in draw.sample(made, len(made)):
        turns[change.operator] = turns.get(change.operator, -1) + 1
        ranked.append((turns[change.operator], change))
    ranked.sort(key=lambda pair: pair[0])
    return [change for _, change in ranked[:size]]


def mutants(module: str, text: str, size: int | None = None, seed: int = 0) -> Iterator[Mutant]:
    """Les altérations d'un module : ``size`` d'entre elles, tirées par ``seed``, ou toutes."""
    tree = ast.parse(text)
    # Pour chaque nœud, l'instruction qui le contient, et la chaîne « f"…" » s'il est dedans :
    # Python 3.11 ne sait pas où y commence un nœud, on récrit donc la chaîne entière.
    statement: dict[ast.AST, ast.AST] = {}
    string: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            statement[child] = child if isinstance(child, ast.stmt) else statement.get(node, child)
            if isinstance(node, ast.JoinedStr) or node in string:
                string[child] = string.get(node, node)
    lines = text.encode().splitlines(keepends=True)
    for change in _sample(list(_changes(tree)), size, random.Random(f"{seed}:{module}")):
        old = _put(change, change.new)
        anchor, around = string.get(old, old), statement[old]
        written = ast.unparse(change.new if anchor is old else anchor)
        after = _shown(change.new if around is old else around)
        _put(change, old)
        if not isinstance(anchor, ast.stmt):
            written = f"({written})"
        head, tail = lines[: anchor.lineno], lines[anchor.end_lineno - 1 :]
        head[-1] = head[-1][: anchor.col_offset]
        tail[0] = tail[0][anchor.end_col_offset :]
        altered = b"".join([*head, written.encode(), *tail]).decode()
        before = _shown(around)
        if isinstance(old, ast.Break | ast.Continue):  # un mot ne dit pas lequel
            before, after = (f"{_shown(change.parent)} {word}" for word in (before, after))
        yield Mutant(module, old.lineno, change.operator, *_trimmed(before, after), altered)
