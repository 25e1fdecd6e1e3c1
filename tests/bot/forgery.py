"""Interactions as Discord would not pass them on: SimCord checks none of this, so that the bot's own checks must."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import discord
import simcord
from discord import app_commands
from simcord.actors import _dispatch_actor_interaction
from simcord.backend import serializers
from simcord.builders import ChannelHandle
from simcord.enums import ComponentType, InteractionType, OptionType
from simcord.interactions import store_interaction_attachment

from tests.bot.world import Actor, World

_TYPES = {str: OptionType.STRING, int: OptionType.INTEGER, bool: OptionType.BOOLEAN, float: OptionType.NUMBER}


class Forged(NamedTuple):
    """An option that claims to be of a type."""

    type: int
    value: object


class File(NamedTuple):
    """An option that is a file."""

    name: str
    content: bytes


def leaves(world: World) -> Iterator[app_commands.Command[Any, ..., Any]]:
    """Every command there is, those of groups one by one."""
    for command in world.bot.tree.walk_commands():
        if isinstance(command, app_commands.Command):
            yield command


async def forge_command(
    world: World,
    who: Actor,
    name: str,
    options: Mapping[str, object] | None = None,
    *,
    typing: str | None = None,
    **more: object,
) -> simcord.InteractionResult:
    """Send a command with options of any type and value; `typing` is the option that is being completed."""
    resolved: dict[str, Any] = {}
    channel = _channel(world, who)
    wire = [_wire(world, channel, option, value, resolved) for option, value in (options or {}).items()]
    for option in wire:
        if option["name"] == typing:
            option["focused"] = True
    # The name of a menu may have spaces; that of a command follows those of its groups.
    *parents, last = name.split() if more.get("type", 1) == 1 else [name]
    data: dict[str, Any] = {"name": last, "options": wire}
    for parent in reversed(parents):
        data = {"name": parent, "options": [{**data, "type": OptionType.SUBCOMMAND}]}
    data |= {"id": "1", "type": 1, "resolved": resolved} | more
    kind = InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE if typing else InteractionType.APPLICATION_COMMAND
    return await _dispatch_actor_interaction(who, kind, channel, data)


async def forge_press(
    world: World,
    who: Actor,
    message: simcord.ResponseMessage | discord.Message,
    custom_id: str,
    values: Sequence[str] | None = None,
    *,
    is_planted: bool = True,
) -> simcord.InteractionResult:
    """Press a button, or choose `values` from a menu, that the bot did not put there.

    `is_planted`: the message is forged too, and carries it.
    """
    kind = ComponentType.BUTTON if values is None else ComponentType.STRING_SELECT
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": kind}
    if values is not None:
        data["values"] = list(values)
    channel = message.channel_id if isinstance(message, simcord.ResponseMessage) else message.channel.id
    stored = world.env.backend.get_message(channel, message.id)
    payload: dict[str, Any] = dict(serializers.message_payload(world.env.backend, stored))
    if is_planted:
        planted = {"type": kind, "custom_id": custom_id, "style": 2, "label": "x", "options": [], "disabled": False}
        payload["components"] = [{"type": ComponentType.ACTION_ROW, "components": [planted]}]
    place = ChannelHandle(world.env, getattr(who, "guild", None), world.env.backend.get_channel(channel))
    return await _dispatch_actor_interaction(
        who,
        InteractionType.MESSAGE_COMPONENT,
        place,
        data,
        extra={"message": payload},
        source_message_id=stored.id,
    )


async def forge_form(world: World, who: Actor, custom_id: str) -> simcord.InteractionResult:
    """Hand in a form that nobody was shown."""
    data = {"custom_id": custom_id, "components": []}
    return await _dispatch_actor_interaction(who, InteractionType.MODAL_SUBMIT, _channel(world, who), data)


def _channel(world: World, who: Actor) -> ChannelHandle:
    return world.channel if isinstance(who, simcord.MemberActor) else who.dm_channel


def _wire(world: World, channel: ChannelHandle, name: str, value: object, resolved: dict[str, Any]) -> dict[str, Any]:
    """An option as the gateway carries it."""
    if isinstance(value, File):
        kind, sent = (
            int(OptionType.ATTACHMENT),
            store_interaction_attachment(world.env.backend, channel.id, value.name, value.content, resolved),
        )
        return {"name": name, "type": kind, "value": sent}
    if isinstance(value, Forged):
        return {"name": name, "type": int(value.type), "value": value.value}
    return {"name": name, "type": int(_TYPES[type(value)]), "value": value}
