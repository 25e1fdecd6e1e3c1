from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.composing import Composing
from poetry_model.fields import from_table
from poetry_model.network import NetworkConfig
from tests.poetry_model import hostile


@dataclass
class _Kind:
    whole: Annotated[int, Ge(1), Le(9)]
    share: Annotated[float, Gt(0), Lt(1)] = 0.5
    name: str = "x"
    sign: Literal["a", "b"] = "a"
    yes: bool = True
    maybe: float | None = None
    items: list[int] | None = None
    table: Mapping[str, int] | None = None
    any: Any = None


@pytest.mark.parametrize(
    "table",
    [
        {"whole": 1},
        {"whole": 9, "share": 0.999, "name": "", "sign": "b", "yes": False, "maybe": 1, "items": [], "table": {}},
        {"whole": 5, "maybe": float("inf"), "items": [1, 2], "table": {"a": 3}, "any": [{}]},
    ],
)
def test_what_fits_is_taken(table: dict[str, Any]) -> None:
    made = from_table(_Kind, table)
    assert asdict(made) == asdict(_Kind(**table))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([], r"\[\] is no table"),
        ({}, "a field is missing"),
        ({"whole": 1, "more": 2}, "'more' is not known here"),
        ({"whole": 0}, "whole cannot be 0"),
        ({"whole": 10}, "whole cannot be 10"),
        ({"whole": 1.0}, "whole cannot be 1.0"),
        ({"whole": True}, "whole cannot be True"),
        ({"whole": "1"}, "whole cannot be '1'"),
        ({"whole": 1, "share": 0}, "share cannot be 0"),
        ({"whole": 1, "share": 1}, "share cannot be 1"),
        ({"whole": 1, "share": float("nan")}, "share cannot be nan"),
        ({"whole": 1, "share": 10**400}, "share cannot be 1000"),
        ({"whole": 1, "name": None}, "name cannot be None"),
        ({"whole": 1, "sign": "c"}, "sign cannot be 'c'"),
        ({"whole": 1, "sign": ["a"]}, "sign cannot be"),
        ({"whole": 1, "yes": 1}, "yes cannot be 1"),
        ({"whole": 1, "maybe": "x"}, "maybe cannot be 'x'"),
        ({"whole": 1, "items": [1, "x"]}, "items cannot be"),
        ({"whole": 1, "items": {"a": 1}}, "items cannot be"),
        ({"whole": 1, "table": [1]}, "table cannot be"),
        ({"whole": 1, "table": {"a": None}}, "table cannot be"),
    ],
)
def test_what_does_not_fit_is_named(table: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_table(_Kind, table)


@pytest.mark.parametrize("made", [Composing(), NetworkConfig(7, cell="gru", conditions={"form": 2}), NetworkConfig(2)])
def test_what_a_bundle_keeps_comes_back(made: Composing | NetworkConfig) -> None:
    assert from_table(type(made), made.as_dict()) == made


@given(name=st.sampled_from(list(NetworkConfig(2).as_dict())), value=hostile.VALUES)
def test_any_other_value_is_a_value_error_or_nothing(name: str, value: object) -> None:
    try:
        made = from_table(NetworkConfig, NetworkConfig(2).as_dict() | {name: value})
    except ValueError:
        return
    assert 1 <= made.hidden <= 2048
    assert 1 <= made.layers <= 8
    assert 0 <= made.dropout < 1
