"""Vérifier les arguments d'une fonction publique, d'après ses annotations.

Une mauvaise valeur est refusée à l'entrée, en français, avant tout calcul :

>>> @checked
... def sample(ways: Annotated[int, at_least(2)]) -> None: ...
>>> sample("x")
Traceback (most recent call last):
...
reseaux.errors.ReseauxError: « ways » vaut 'x' ; il faut un entier, au moins 2.

Un nombre de NumPy est pris comme celui de Python. Les dimensions d'un tenseur, et ce qui lie deux
arguments, se vérifient dans la fonction.
"""

import inspect
import math
import operator
import reprlib
import sys
from collections import abc
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from numbers import Real
from os import PathLike, fsencode, fspath
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from reseaux.errors import ReseauxError

P = ParamSpec("P")
R = TypeVar("R")


class Range(NamedTuple):
    """Les nombres permis ; une borne ouverte n'est pas permise elle-même."""

    low: float
    high: float = math.inf
    open: bool = False

    def holds(self, number: float) -> bool:
        """Dit si un nombre convient ; l'infini et NaN ne conviennent jamais."""
        inside = self.low < number < self.high if self.open else self.low <= number <= self.high
        return inside and number < math.inf

    def __str__(self) -> str:
        """Écrit les bornes : « de 0 à 1 », « au moins 2 »."""
        if self.high == math.inf:
            return f"plus grand que {self.low:g}" if self.open else f"au moins {self.low:g}"
        return f"de {self.low:g} à {self.high:g}{', exclus' if self.open else ''}"


def at_least(low: float) -> Range:
    """Un nombre fini, au moins ``low``."""
    return Range(low)


def above(low: float) -> Range:
    """Un nombre fini, plus grand que ``low``."""
    return Range(low, open=True)


def between(low: float, high: float, open: bool = False) -> Range:
    """Un nombre de ``low`` à ``high`` ; ``open`` exclut les deux bornes."""
    return Range(low, high, open)


Count = Annotated[int, at_least(1)]
Seed = Annotated[int, between(0, 2**32 - 1)]
Positive = Annotated[float, above(0)]
Fraction = Annotated[float, between(0, 1)]


class _Unfit(Exception):
    """La valeur ne convient pas à l'annotation."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Décore une fonction publique : ses arguments sont vérifiés d'après leurs annotations.

    Sont compris : nombres, bornes (``Annotated[int, at_least(1)]``), textes, chemins, ``Literal``,
    unions, suites et dictionnaires, fonctions, et toute classe. Ce qui n'est pas compris, ou dont
    le module n'est pas encore chargé, passe sans contrôle. Un itérateur n'est pas parcouru.
    """
    parameters = inspect.signature(function).parameters
    named = {
        p.name: p for p in parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    in_order = [name for name, p in named.items() if p.kind != p.KEYWORD_ONLY]

    def fitted(name: str, value: Any) -> Any:
        parameter = named.get(name)
        if parameter is None or value is parameter.default:
            return value
        hint = _resolved(parameter.annotation, function.__module__)
        return value if hint is None else fit(name, value, hint)

    @wraps(function)
    def check_then_call(*args: P.args, **kwargs: P.kwargs) -> R:
        # Un argument absent, en trop ou donné deux fois : l'appel lui-même le dira.
        first = [fitted(name, value) for name, value in zip(in_order, args, strict=False)]
        others = {name: fitted(name, value) for name, value in kwargs.items()}
        return function(*first, *args[len(first) :], **others)  # type: ignore[arg-type]

    return check_then_call


def fit(name: str, value: Any, hint: Any) -> Any:
    """La valeur d'un argument, convertie au type annoncé.

    Raises:
        ReseauxError: elle ne convient pas.
    """
    try:
        return _fit(value, hint)
    except _Unfit:
        raise ReseauxError(
            f"« {name} » vaut {_short(value)} ; il faut {' ou '.join(_words(hint))}."
        ) from None


def _resolved(annotation: Any, module: str) -> Any:
    """L'annotation elle-même, ou ``None`` si elle est absente ou son module pas encore chargé."""
    if isinstance(annotation, str):
        try:
            return eval(annotation, vars(sys.modules[module]))
        except (NameError, AttributeError):
            return None
    return None if annotation in (inspect.Parameter.empty, Any, object) else annotation


def _fit(value: Any, hint: Any) -> Any:
    """La valeur, convertie au type annoncé ; ou lève ``_Unfit``."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is Annotated:
        value = _fit(value, inside[0])
        numbers = value if isinstance(value, abc.Iterable) else (value,)
        for limits in (extra for extra in inside[1:] if isinstance(extra, Range)):
            _require(value is None or all(limits.holds(number) for number in numbers))
        return value
    if origin in (Union, UnionType):
        _require(not (Path in inside and isinstance(value, str)) or _is_file_name(value))
        return _first_fit(value, inside)
    if origin is Literal:
        _require(any(type(value) is type(given) and value == given for given in inside))
    elif hint in _PLAIN:
        return _PLAIN[hint](value)
    elif origin is abc.Callable or hint is abc.Callable:
        _require(callable(value))
    elif isinstance(origin, type) and issubclass(origin, abc.Iterable):
        return _fit_collection(value, origin, inside)
    elif isinstance(hint, type) and not getattr(hint, "_is_protocol", False):
        _require(isinstance(value, hint))
    return value


def _fit_collection(value: Any, origin: type, inside: tuple[Any, ...]) -> Any:
    """Une suite ou un dictionnaire, dont chaque élément convient ; un texte n'est pas une suite."""
    _require(isinstance(value, origin) and not isinstance(value, str | bytes))
    _require(getattr(value, "ndim", 1) > 0)  # un tableau sans dimension ne se parcourt pas
    if issubclass(origin, abc.Mapping):
        for key, item in value.items():
            _fit(key, inside[0])
            _fit(item, inside[1])
    elif origin is tuple and inside[-1:] != (...,):
        _require(len(value) == len(inside))
        return tuple(_fit(item, hint) for item, hint in zip(value, inside, strict=True))
    elif inside and issubclass(origin, abc.Sequence):
        for item in value:
            _fit(item, inside[0])
    return value


def _first_fit(value: Any, hints: Iterable[Any]) -> Any:
    for hint in hints:
        try:
            return _fit(value, hint)
        except _Unfit:
            continue
    raise _Unfit


def _require(condition: bool) -> None:
    if not condition:
        raise _Unfit


def _integer(value: Any) -> int:
    _require(not isinstance(value, bool) and getattr(value, "ndim", 0) == 0)
    try:
        number = operator.index(value)
    except (TypeError, RuntimeError):  # un tenseur « meta » n'a pas de valeur
        raise _Unfit from None
    _require(number.bit_length() < 64)  # au-delà, ni torch ni numpy ne le liraient
    return number


def _number(value: Any) -> float:
    _require(isinstance(value, Real) and not isinstance(value, bool))
    try:
        number = float(value)
    except OverflowError:  # un entier immense
        raise _Unfit from None
    return value if type(value) is int else number


def _boolean(value: Any) -> bool:
    _require(isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"))
    return bool(value)


def _text(value: Any) -> str:
    _require(isinstance(value, str))
    return str(value)


def _is_file_name(text: str | bytes) -> bool:
    """Dit si le système peut écrire ce nom ; sinon, Python le refuserait en anglais."""
    try:
        return b"\0" not in fsencode(text)
    except UnicodeEncodeError:  # une moitié de caractère, « \ud800 »
        return False


def _path(value: Any) -> Path:
    name = fspath(value) if isinstance(value, PathLike) else None
    _require(isinstance(name, str) and _is_file_name(name))
    return Path(value)


def _nothing(value: Any) -> None:
    _require(value is None)


# Chaque type simple, et ce qui le lit.
_PLAIN: Mapping[Any, Callable[[Any], Any]] = {
    int: _integer, float: _number, bool: _boolean, str: _text, Path: _path,
    None: _nothing, NoneType: _nothing,
}  # fmt: skip

_NAMES = {
    int: "un entier", float: "un nombre", bool: "True ou False", str: "un texte",
    Path: "un chemin", NoneType: "None",
}  # fmt: skip

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def _words(hint: Any) -> list[str]:
    """Ce que l'annotation permet, en français."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        limits = [str(extra) for extra in inside[1:] if isinstance(extra, Range)]
        return [", ".join([" ou ".join(_words(inside[0])), *limits])]
    if origin in (Union, UnionType):
        return list(dict.fromkeys(word for part in inside for word in _words(part)))
    if origin is Literal:
        return [repr(given) for given in inside]
    if hint in _NAMES:
        return [_NAMES[hint]]
    if origin is abc.Callable or hint is abc.Callable:
        return ["une fonction"]
    if origin is not None and origin in (dict, abc.Mapping):
        return ["un dictionnaire"]
    if origin in (list, tuple, set, abc.Sequence, abc.Iterable, abc.Iterator):
        items = [item for item in inside if item is not ...]
        return [f"une suite ({', '.join(' ou '.join(_words(item)) for item in items)})"]
    return [f"un objet « {getattr(origin or hint, '__name__', hint)} »"]


def _short(value: Any) -> str:
    """La valeur en peu de mots, et sur une ligne ; un tenseur ou un tableau par sa forme."""
    if isinstance(value, int) and value.bit_length() > 63:
        return "un entier de plus de 64 bits"
    try:
        shape = getattr(value, "shape", None)
        if shape is not None and getattr(value, "dtype", None) is not None and len(shape):
            return f"un « {type(value).__name__} » de forme {tuple(shape)} et de type {value.dtype}"
        return " ".join(_SHORT.repr(value).split())
    except Exception:  # un objet peut refuser de s'écrire de toutes les façons
        return f"un « {type(value).__name__} »"
