"""What Discord's own clients do not send: options that no command has, components that no message carries.

Discord checks both before it passes an interaction on. The bot takes nobody's word for it.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import discord
from discord import AppCommandOptionType, InteractionType, app_commands

from bot.errors import BotError
from bot.ui.host import guarded

_TYPES: dict[AppCommandOptionType, tuple[type, ...]] = {
    AppCommandOptionType.string: (str,),
    AppCommandOptionType.integer: (int,),
    AppCommandOptionType.number: (int, float),
    AppCommandOptionType.boolean: (bool,),
    AppCommandOptionType.attachment: (discord.Attachment,),
    AppCommandOptionType.channel: (app_commands.AppCommandChannel, app_commands.AppCommandThread),
}
"""What arrives for an option of a command; no command asks for another kind."""


async def is_fit(interaction: discord.Interaction) -> bool:
    """Whether there is the command that was sent, and it takes such options; the person is told where not.

    Where it was not sent but is being typed, nothing can be told.
    """
    try:
        _check(interaction)
    except BotError as error:
        if interaction.type is not InteractionType.autocomplete:
            await _refuse(interaction, error)
        return False
    return True


async def refuse_strays(interaction: discord.Interaction, items: Collection[type[discord.ui.DynamicItem[Any]]]) -> None:
    """Answer a component that is none of `items`, or that its message does not carry, and a form that nobody asked for.

    discord.py passes them over without a word.
    """
    is_component = interaction.type is InteractionType.component
    if (is_component and not _is_carried(interaction, items)) or interaction.type is InteractionType.modal_submit:
        await _refuse(interaction, BotError("error.component"))


def _check(interaction: discord.Interaction) -> None:
    """`BotError` for a command that there is not, and for one whose options are not such as it declares."""
    try:
        command, given = interaction.command, dict(iter(interaction.namespace))
    except Exception:  # noqa: BLE001 # discord.py reads what Discord promises, and fails in as many ways as that is broken
        raise BotError("error.options") from None
    if isinstance(command, app_commands.ContextMenu):
        _check_menu(interaction)
        return
    if not isinstance(command, app_commands.Command):
        raise BotError("error.command")
    declared = {parameter.display_name: parameter for parameter in command.parameters}
    required = {name for name, parameter in declared.items() if parameter.required}
    if not given.keys() <= declared.keys():
        raise BotError("error.options")
    if interaction.type is InteractionType.autocomplete:
        # What is typed so far may be anything, and what is not typed yet is missing.
        data: Any = interaction.data
        focused = _focused(data.get("options", []))
        if focused not in declared or not declared[focused].autocomplete:
            raise BotError("error.options")
        return
    if not required <= given.keys() or not all(_takes(declared[name], value) for name, value in given.items()):
        raise BotError("error.options")


def _check_menu(interaction: discord.Interaction) -> None:
    """`BotError` for a choice from the menu of no message."""
    data: Any = interaction.data
    target, messages = data.get("target_id"), data.get("resolved", {}).get("messages", {})
    is_choice = interaction.type is not InteractionType.autocomplete and not data.get("options")
    if not (is_choice and isinstance(target, str) and target in messages):
        raise BotError("error.options")


def _focused(options: Iterable[Mapping[str, Any]]) -> str:
    """The name of the option that is being typed, in whichever group of options; empty where there is none."""
    for option in options:
        if name := option["name"] if option.get("focused") else _focused(option.get("options", [])):
            return str(name)
    return ""


def _takes(parameter: app_commands.Parameter, value: Any) -> bool:
    """Whether an option takes a value: its type, its choices, its range, its length."""
    types = _TYPES.get(parameter.type, ())
    # To Python, True is a number.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return False
    if parameter.choices:
        return value in {choice.value for choice in parameter.choices}
    if not isinstance(value, (str, int, float)):
        return True
    size = len(value) if isinstance(value, str) else value
    least = -math.inf if parameter.min_value is None else parameter.min_value
    most = math.inf if parameter.max_value is None else parameter.max_value
    return bool(least <= size <= most)


def _is_carried(interaction: discord.Interaction, items: Collection[type[discord.ui.DynamicItem[Any]]]) -> bool:
    """Whether the message holds the component that was used, and one of `items` answers for it."""
    data: Any = interaction.data
    custom_id, kind = data.get("custom_id"), data.get("component_type")
    rows = interaction.message.components if interaction.message else []
    return any(
        getattr(component, "custom_id", None) == custom_id and component.type.value == kind
        for row in rows
        for component in getattr(row, "children", [])
    ) and any(item.__discord_ui_compiled_template__.fullmatch(custom_id) for item in items)


@guarded
async def _refuse(_: discord.Interaction, error: BotError) -> None:
    raise error
