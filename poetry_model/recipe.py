"""What a model is made of, from a TOML file and the command line: its network, its training, its composing."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from poetry_model.composing import Composing
from poetry_model.errors import TrainingError
from poetry_model.network import NetworkConfig
from poetry_model.reading import shown
from poetry_model.training_config import TrainingConfig

FINE_TUNING = TrainingConfig(epochs=2, learning_rate=1e-4)
"""A trained network is moved gently, or it forgets more than it learns."""

_UNTIL_TIME_IS_UP = 1000
"""Epochs of a run that was given its time alone."""

_BY_HAND = TrainingConfig(engine="numpy", optimizer="adagrad", learning_rate=0.05, schedule="halve_on_rise")
_BY_HAND_NETWORK = {"tied": False, "dropout": 0.0, "conditions": False}
"""What the LSTM by hand is, when nothing else is said."""

_SECTIONS: dict[str, type[Any]] = {"network": NetworkConfig, "training": TrainingConfig, "composing": Composing}

SETTINGS: dict[str, str] = {
    field.name: section for section, kind in _SECTIONS.items() for field in fields(kind) if field.name != "vocabulary"
}
"""Every setting → its section; no two sections share a name."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A valid recipe."""

    network: Mapping[str, Any]
    """The named fields of `NetworkConfig`; `conditions` only where nothing is to be told: empty then."""
    training: TrainingConfig
    composing: Composing


def read_settings(file: Path) -> dict[str, Any]:
    """Setting → value of a recipe in TOML, whose tables are `network`, `training` and `composing`.

    Raises `TrainingError` for a file that cannot be read or holds anything else; values are not looked at yet.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"The recipe {file} cannot be read ({error.strerror}); name another.") from error
    except ValueError as error:
        raise TrainingError(f"The recipe {file} is not valid TOML ({error!s:.200}).") from error
    except RecursionError as error:
        raise TrainingError(f"The recipe {file} is not valid TOML (it nests too deep).") from error
    settings: dict[str, Any] = {}
    for section, table in tables.items():
        if section not in _SECTIONS or not isinstance(table, dict):
            known = ", ".join(f"[{one}]" for one in _SECTIONS)
            raise TrainingError(f"{file}: there is no table {shown(section)}; use {known}.")
        for name, value in table.items():
            if SETTINGS.get(name) != section:
                known = ", ".join(sorted(setting for setting in SETTINGS if SETTINGS[setting] == section))
                raise TrainingError(f"{file}: [{section}] has no {shown(name)}; it has {known}.")
            settings[name] = value
    return settings


def make_recipe(settings: Mapping[str, Any], *, fine_tuning: bool = False) -> Recipe:
    """A recipe of the named settings and the defaults of that kind of run.

    Raises `TrainingError`, in one sentence, for what cannot be.
    """
    tables: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    for name, value in settings.items():
        tables[SETTINGS[name]][name] = value
    by_hand = settings.get("engine") == "numpy"
    defaults = _BY_HAND if by_hand else FINE_TUNING if fine_tuning else TrainingConfig()
    composing = _valid("composing", tables["composing"])
    network = (_BY_HAND_NETWORK if by_hand and not fine_tuning else {}) | tables["network"]
    if composing.format == "sampled":
        network = {"conditions": False} | network
        if network["conditions"]:
            raise TrainingError("A model that samples its line ends is told nothing; set conditions to false.")
    told = network.pop("conditions", True)
    valid = _valid("network", {"vocabulary": 2} | network)
    network = {name: getattr(valid, name) for name in network}
    if not isinstance(told, bool):
        raise TrainingError(f"conditions cannot be {shown(told)}: give true or false.")
    training = _valid("training", tables["training"])
    if training.minutes and "epochs" not in settings:
        defaults = replace(defaults, epochs=_UNTIL_TIME_IS_UP)
    return Recipe(
        network if told else network | {"conditions": {}},
        replace(defaults, **{name: getattr(training, name) for name in tables["training"]}),
        composing,
    )


def _valid(section: str, table: Mapping[str, Any]) -> Any:
    # Composing needs no recipe, and should not wait for the import.
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    try:
        return TypeAdapter(_SECTIONS[section]).validate_python(dict(table))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"][0].lower() + first["msg"][1:]
        raise TrainingError(f"{name} cannot be {shown(first['input'])}: {message}.") from None
