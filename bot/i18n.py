"""Every string a person reads, by key and language."""

import tomllib
from collections.abc import Mapping
from importlib import resources

DEFAULT_LANGUAGE = "en-US"


class Strings:
    """The strings of one language."""

    def __init__(self, table: Mapping[str, object]) -> None:
        self._strings = dict(_flatten(table))

    @classmethod
    def load(cls, language: str = DEFAULT_LANGUAGE) -> "Strings":
        """The strings in `bot/locales/LANGUAGE.toml`."""
        text = resources.files("bot").joinpath("locales", f"{language}.toml").read_text(encoding="utf-8")
        return cls(tomllib.loads(text))

    def __call__(self, key: str, **values: object) -> str:
        """The string `key`, with `values` in the places it names; `KeyError` when there is none."""
        return self._strings[key].format_map(values)

    def keys(self) -> frozenset[str]:
        """All keys, dots between their parts."""
        return frozenset(self._strings)


def _flatten(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    strings: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            strings += _flatten(value, f"{prefix}{name}.")
        else:
            strings.append((prefix + name, str(value)))
    return strings
