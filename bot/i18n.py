"""Every string a person reads, by key and language."""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from typing import Self

import discord
from discord import app_commands


class Language(StrEnum):
    """The languages there are, by the name that Discord has for each."""

    ENGLISH = "en-US"
    SIMPLIFIED = "zh-CN"
    TRADITIONAL = "zh-TW"

    @classmethod
    def of_locale(cls, locale: discord.Locale) -> "Language | None":
        """The language for those whose Discord is in `locale`; None where it is none of ours."""
        return _BY_LOCALE.get(locale)


_BY_LOCALE = {
    discord.Locale.american_english: Language.ENGLISH,
    discord.Locale.british_english: Language.ENGLISH,
    discord.Locale.chinese: Language.SIMPLIFIED,
    discord.Locale.taiwan_chinese: Language.TRADITIONAL,
}

DEFAULT_LANGUAGE = Language.ENGLISH


class Strings:
    """The strings of one language."""

    def __init__(self, table: Mapping[str, object], language: Language = DEFAULT_LANGUAGE) -> None:
        self.language = language
        self._strings = dict(_flatten(table))

    @classmethod
    def load(cls, language: Language = DEFAULT_LANGUAGE) -> "Strings":
        """The strings in `bot/locales/LANGUAGE.toml`."""
        text = resources.files("bot").joinpath("locales", f"{language}.toml").read_text(encoding="utf-8")
        return cls(tomllib.loads(text), language)

    def __call__(self, key: str, **values: object) -> str:
        """The string `key`, with `values` in the places it names; `KeyError` when there is none."""
        return self._strings[key].format_map(values)

    def said(self, key: str) -> app_commands.locale_str:
        """The string `key` as a name, a description or a choice of a command: Discord shows each reader their own."""
        return app_commands.locale_str(self(key), key=key)

    def keys(self) -> frozenset[str]:
        """All keys, dots between their parts."""
        return frozenset(self._strings)

    def naming(self, ours: "Strings", theirs: "Strings") -> "Strings":
        """The same strings, in which commands and their options have the names of `theirs` instead of those of `ours`.

        `/poem form:7`, written with the names of one language, is `/诗 字数:7` to those whose Discord has another.
        """
        names = _CommandNames(ours, theirs)
        return Strings({key: names.put_into(text) for key, text in self._strings.items()}, self.language)


def _flatten(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    strings: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            strings += _flatten(value, f"{prefix}{name}.")
        else:
            strings.append((prefix + name, str(value)))
    return strings


class Languages:
    """The strings of every language, read once."""

    def __init__(self, strings: Mapping[Language, Strings]) -> None:
        """Of each language its own; every one names commands as the default language does."""
        default = strings[DEFAULT_LANGUAGE]
        self._strings = {
            (language, client): each if client is DEFAULT_LANGUAGE else each.naming(default, strings[client])
            for language, each in strings.items()
            for client in strings
        }

    @classmethod
    def load(cls) -> Self:
        """Every file of `bot/locales`."""
        return cls({language: Strings.load(language) for language in Language})

    def __call__(self, language: Language, client: Language | None = None) -> Strings:
        """The strings in `language`, in which commands have the names that a Discord in `client` shows."""
        return self._strings[language, client or DEFAULT_LANGUAGE]

    @property
    def default(self) -> Strings:
        """Those of the default language."""
        return self(DEFAULT_LANGUAGE)


class CommandTranslator(app_commands.Translator):
    """Gives Discord the names, descriptions and choices of commands in every language."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,  # noqa: ARG002 # discord.py's signature
    ) -> str | None:
        """The string in the language of `locale`; None where that is the default or none of ours, or it has no key."""
        language, key = Language.of_locale(locale), string.extras.get("key")
        if language is None or language is DEFAULT_LANGUAGE or key is None:
            return None
        return self._languages(language, language)(key)


_COMMAND = ".command."
_NAME = f"{_COMMAND}name"
_OPTION = ".option."
_DESCRIPTION = "_description"
"""Parts of keys: `model.command.name` is `/model`, and `model.command.use` names what `model.command.use_description`
describes. The name of an option is under `poem.option`.
"""


def _qualified_names(strings: Strings) -> list[str]:
    """The names of commands, each with that of its group before it, in the order of their keys."""
    names = []
    for key in sorted(strings.keys()):
        if key.endswith(_NAME):
            names.append(strings(key))
        elif _COMMAND in key and f"{key}{_DESCRIPTION}" in strings.keys():  # noqa: SIM118 # not a mapping
            group, _, _ = key.partition(_COMMAND)
            names.append(f"{strings(group + _NAME)} {strings(key)}")
    return names


class _CommandNames:
    """Replaces the names of commands in texts."""

    def __init__(self, ours: Strings, theirs: Strings) -> None:
        self._commands = dict(zip(_qualified_names(ours), _qualified_names(theirs), strict=True))
        self._options = {ours(key): theirs(key) for key in ours.keys() if _OPTION in key}  # noqa: SIM118 # not a mapping
        # The longest first: in `/model use`, `/model` alone is not the name.
        names = "|".join(re.escape(name) for name in sorted(self._commands, key=len, reverse=True))
        # Not the end of a path or an address.
        self._pattern = re.compile(rf"(?<![A-Za-z0-9_./:])/({names})(?![a-z0-9_/-])((?: [a-z]+:[^\s`]+)*)")

    def put_into(self, text: str) -> str:
        """The text with the new names."""
        return self._pattern.sub(self._renamed, text) if self._commands else text

    def _renamed(self, match: re.Match[str]) -> str:
        name, options = match.groups()
        return "/" + self._commands[name] + re.sub(r" ([a-z]+):", self._renamed_option, options)

    def _renamed_option(self, match: re.Match[str]) -> str:
        return f" {self._options.get(match[1], match[1])}:"
