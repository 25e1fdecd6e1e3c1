"""Discord's JSON: people, the server, and what happens in it. Pure functions of ids and numbers."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

APPLICATION = 1_000_000_000_000_000_001
"""Of the bot, and of its user."""

GUILD = 1_000_000_000_000_000_002
CHANNEL = 1_000_000_000_000_000_003
_PEOPLE = 1_000_000_000_000_100_000
_DIRECT = 1_000_000_000_000_900_000

OWNER = 0
"""The person that the application belongs to."""

_EPOCH = 1_420_070_400_000
"""Discord's, in milliseconds: the start of 2015."""

_EVERYTHING = (1 << 50) - 1
_EVERYBODY = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 31
"""Read, write, embed, attach, look back, use commands."""

_COMMAND = 2
"""The kind of an interaction that is a command."""

_EPHEMERAL = 1 << 6
_LOADING = 1 << 7

_numbers = itertools.count()


def snowflake() -> int:
    """A new id that carries the time, as Discord's do."""
    return (time.time_ns() // 1_000_000 - _EPOCH) << 22 | (next(_numbers) & 0x3FFFFF)


def person_id(person: int) -> int:
    """Id of the person with that number."""
    return _PEOPLE + person


def direct_channel(person: int) -> int:
    """Id of the channel between the person with that number and the bot."""
    return _DIRECT + person


def user(person: int) -> Json:
    """A person."""
    return _user(person_id(person), "owner" if person == OWNER else f"person{person}")


def bot_user() -> Json:
    """The bot."""
    return {**_user(APPLICATION, "Shiren"), "bot": True, "verified": True, "mfa_enabled": False}


def application() -> Json:
    """The application, as its owner may see it."""
    return {
        "id": str(APPLICATION),
        "name": "Shiren",
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "",
        "flags": 0,
        "owner": user(OWNER),
        "team": None,
    }


def is_of_shard(guild: int, shard: Sequence[int]) -> bool:
    """Whether a server, 0 for direct messages, belongs to a shard, which is its number and of how many."""
    number, count = shard
    return (guild >> 22) % count == number


def ready(session: str, gateway: str, shard: Sequence[int]) -> Json:
    """What a new session is told first."""
    return {
        "v": 10,
        "user": bot_user(),
        "guilds": [{"id": str(GUILD), "unavailable": True}] if is_of_shard(GUILD, shard) else [],
        "session_id": session,
        "resume_gateway_url": gateway,
        "shard": list(shard),
        "application": {"id": str(APPLICATION), "flags": 0},
    }


def guild() -> Json:
    """The one server, with the one channel and the bot in it."""
    role = {"id": str(GUILD), "name": "@everyone", "permissions": str(_EVERYBODY), "position": 0, "color": 0}
    flags = {"hoist": False, "managed": False, "mentionable": False, "flags": 0}
    return {
        "id": str(GUILD),
        "name": "Load",
        "owner_id": str(person_id(OWNER)),
        "roles": [role | flags],
        "channels": [_channel()],
        "members": [{**_member(bot_user()), "permissions": str(_EVERYBODY)}],
        "threads": [],
        "member_count": 2,
        "unavailable": False,
        "joined_at": _now(),
        "large": False,
    }


def interaction(number: int, kind: int, token: str, person: int, data: Json, *, direct: bool = False) -> Json:
    """An interaction of a person, in the server or in direct messages."""
    everywhere = {
        "id": str(number),
        "application_id": str(APPLICATION),
        "type": kind,
        "token": token,
        "version": 1,
        "data": data,
        "locale": "en-US",
        "entitlements": [],
        "attachment_size_limit": 10 * 2**20,
        "app_permissions": str(_EVERYBODY),
    }
    if direct:
        channel = {"id": str(direct_channel(person)), "type": 1, "recipients": [user(person)]}
        owners = {"0": "0"}
        place: Json = {"context": 1, "channel": channel, "user": user(person)}
    else:
        permissions = _EVERYTHING if person == OWNER else _EVERYBODY
        member = {**_member(user(person)), "permissions": str(permissions)}
        owners = {"0": str(GUILD)}
        place = {"context": 0, "channel": _channel(), "guild_id": str(GUILD), "guild": _partial(), "member": member}
        place["guild_locale"] = "en-US"
    channel_id = place["channel"]["id"]
    return {**everywhere, **place, "channel_id": channel_id, "authorizing_integration_owners": owners}


def message(
    number: int, channel: int, body: Json, *, ephemeral: bool, loading: bool, answers: tuple[int, int, int] | None
) -> Json:
    """A message of the bot's; `body` is what it sent of content, embeds, components and attachments.

    `answers` are the id, the kind and the person of the interaction it answers.
    """
    flags = int(body.get("flags") or 0) & ~(_EPHEMERAL | _LOADING)
    made = {
        "id": str(number),
        "type": 20 if answers and answers[1] == _COMMAND else 0,
        "channel_id": str(channel),
        "author": bot_user(),
        "content": body.get("content") or "",
        "embeds": [{"type": "rich", **embed} for embed in body.get("embeds") or []],
        "components": body.get("components") or [],
        "attachments": body.get("attachments") or [],
        "flags": flags | (_EPHEMERAL if ephemeral else 0) | (_LOADING if loading else 0),
        "timestamp": _now(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "pinned": False,
        "webhook_id": str(APPLICATION),
        "application_id": str(APPLICATION),
    }
    if answers:
        interaction_id, kind, person = answers
        origin = {"id": str(interaction_id), "type": kind, "user": user(person), "authorizing_integration_owners": {}}
        made["interaction_metadata"] = origin
    return made


def is_ephemeral(body: Json) -> bool:
    """Whether a message is asked to be for one person alone."""
    return bool(int(body.get("flags") or 0) & _EPHEMERAL)


def _user(number: int, name: str) -> Json:
    return {
        "id": str(number),
        "username": name,
        "discriminator": "0",
        "global_name": name,
        "avatar": None,
        "public_flags": 0,
        "flags": 0,
    }


def _member(who: Json) -> Json:
    return {
        "user": who,
        "roles": [],
        "joined_at": "2024-01-01T00:00:00+00:00",
        "deaf": False,
        "mute": False,
        "flags": 0,
    }


def _channel() -> Json:
    return {
        "id": str(CHANNEL),
        "guild_id": str(GUILD),
        "type": 0,
        "name": "verse",
        "position": 0,
        "permission_overwrites": [],
        "permissions": str(_EVERYBODY),
        "nsfw": False,
        "parent_id": None,
    }


def _partial() -> Json:
    return {"id": str(GUILD), "locale": "en-US", "features": []}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
