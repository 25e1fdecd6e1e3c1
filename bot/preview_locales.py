"""Which language each person's Discord is in, where SimCord 3.2.1 stands in for Discord and says en-US for everyone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord
import simcord

_FROM_COMMANDS = frozenset(
    {
        discord.InteractionType.application_command.value,
        discord.InteractionType.autocomplete.value,
    }
)


class Locales:
    """Everyone's language; en-US until it is `set`.

    As Discord does: people see the commands in their language, and the bot is told that language, and of every command
    the one name that it gave it. SimCord has no say in it, hence its two methods are replaced: what shows the commands
    to a person, and what tells the bot of an interaction.
    """

    def __init__(self, env: simcord.Env) -> None:
        self._locales: dict[int, discord.Locale] = {}
        self._commands = env.backend.commands
        self._visible = env.backend.visible_commands
        self._emit = env.backend.emit
        # The instance's, so that they go with it.
        env.backend.visible_commands = self._shown  # type: ignore[method-assign] # see above
        env.backend.emit = self._told  # type: ignore[method-assign] # see above

    def set(self, user_id: int, locale: discord.Locale) -> None:
        """From now on the person's Discord is in `locale`."""
        self._locales[user_id] = locale

    def _of(self, user_id: int) -> str:
        return self._locales.get(user_id, discord.Locale.american_english).value

    def _shown(self, *, user_id: int, **where: Any) -> list[dict[str, Any]]:
        """The commands that a person may use, in their language."""
        return [_in(self._of(user_id), command) for command in self._visible(user_id=user_id, **where)]

    def _told(self, event: str, payload: Mapping[str, Any]) -> None:
        """What happened, as the bot learns it."""
        if event == "INTERACTION_CREATE":
            person = payload.get("member", payload)["user"]
            payload = {**payload, "locale": self._of(int(person["id"]))}
            if payload["type"] in _FROM_COMMANDS:
                payload["data"] = self._named(payload["data"], payload["locale"])
        self._emit(event, payload)

    def _named(self, data: Mapping[str, Any], locale: str) -> dict[str, Any]:
        """What somebody sent, with the bot's own names of the command and its options."""
        for scope in self._commands.values():
            for command in scope.values():
                if command["id"] == data["id"]:
                    return {**data, "name": command["name"], "options": _options(command, data, locale)}
        return dict(data)


def _in(locale: str, shown: Mapping[str, Any]) -> dict[str, Any]:
    """A command, an option or a choice, and all that is inside, with the names and descriptions of `locale`."""
    said = dict(shown)
    for part in ("name", "description"):
        said[part] = (shown.get(f"{part}_localizations") or {}).get(locale, shown.get(part, ""))
    for inner in ("options", "choices"):
        if inner in shown:
            said[inner] = [_in(locale, each) for each in shown[inner] or []]
    return said


def _options(command: Mapping[str, Any], sent: Mapping[str, Any], locale: str) -> list[dict[str, Any]]:
    """The options that somebody sent, with the names that the bot gave them."""
    known: Sequence[Mapping[str, Any]] = command.get("options") or []
    options = []
    for option in sent.get("options") or []:
        named = next((each for each in known if option["name"] in _names(each, locale)), {"name": option["name"]})
        options.append({**option, "name": named["name"]})
        if "options" in option:
            options[-1]["options"] = _options(named, option, locale)
    return options


def _names(option: Mapping[str, Any], locale: str) -> Iterator[str]:
    yield option["name"]
    yield from [name for said, name in (option.get("name_localizations") or {}).items() if said == locale]
