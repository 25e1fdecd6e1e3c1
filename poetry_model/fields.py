"""Tables of JSON back into dataclasses, held to what their annotations say.

pydantic does this for what people write; a bundle is read for every poem on the command line, which should not wait for
the import.
"""

import math
from collections.abc import Mapping
from dataclasses import fields
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from poetry_model.reading import shown

_Made = TypeVar("_Made")


def from_table(kind: type[_Made], table: object) -> _Made:
    """The dataclass `kind` of what its `asdict` gave.

    A field may be `bool`, `int`, `float` (a whole number will do, NaN will not), `str`, `None`, `Any`, a `Literal`, a
    `list` or a mapping of those, a union, and `Annotated` with limits. Raises `ValueError` that names the field.
    """
    if not isinstance(table, dict):
        raise ValueError(f"{shown(table)} is no table")  # noqa: TRY004 # a file is wrong, not a program
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type] # a dataclass, as the docstring says
    if unknown := [name for name in table if name not in known]:
        raise ValueError(f"{shown(unknown[0])} is not known here")
    hints = get_type_hints(kind, include_extras=True)
    for name, value in table.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} cannot be {shown(value)}")
    try:
        return kind(**table)
    except TypeError as error:
        raise ValueError("a field is missing") from error


def _fits(value: object, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        base, *limits = arguments
        return _fits(value, base) and all(_keeps(value, limit) for limit in limits)
    if origin is UnionType:
        return any(_fits(value, one) for one in arguments)
    if origin in (list, dict, Mapping):
        items = list(value.values()) if isinstance(value, dict) else value
        kind = list if origin is list else dict
        told = _telling(items) if isinstance(value, kind) and isinstance(items, list) else None
        return told is not None and all(_fits(item, arguments[-1]) for item in told)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if hint is float:
        return _is_number(value)
    return hint is Any or type(value) is hint  # True is no 1


def _telling(items: list[Any]) -> list[Any]:
    """Those of `items` that speak for all: of thousands of numbers the least and the greatest."""
    if set(map(type, items)) != {float} or any(map(math.isnan, items)):
        return items
    return [min(items), max(items)]


def _is_number(value: object) -> bool:
    try:
        return type(value) in (int, float) and not math.isnan(value)  # type: ignore[arg-type] # a number, just seen
    except OverflowError:
        return False  # a whole number beyond all floats


def _keeps(value: Any, limit: object) -> bool:
    match limit:
        case Ge(ge=least):
            return bool(value >= least)
        case Gt(gt=below):
            return bool(value > below)
        case Le(le=most):
            return bool(value <= most)
        case Lt(lt=above):
            return bool(value < above)
    raise TypeError(limit)
