"""Servers as Discord tells a bot of them that has neither the members' nor the messages' intent."""

from collections.abc import Iterator
from typing import Any

from benchmarks.standin import payloads
from benchmarks.standin.payloads import Json

_FIRST = 2_000_000_000_000_000_000
_INSIDE = 1_500_000_000_000_000_000
"""Of ids within a server; they need to differ within one alone."""

_NAMES = ("general", "introductions", "announcements", "off-topic-and-memes", "poetry-corner", "voice-chat-text")
_HASH = "0123456789abcdef0123456789abcdef"


def servers(first: int, count: int, *, channels: int, roles: int, emojis: int) -> Iterator[Json]:
    """`count` servers, numbered from `first`, each with so many channels, roles and emojis, and the bot in it.

    Every fifth channel is a category, every fourth of the others for voice; each has two overwrites of permissions.
    """
    # What is told of each is read anew by the bot; here it need be made once only.
    made: dict[str, Any] = {
        "channels": [_channel(number) for number in range(channels)],
        "emojis": [_emoji(number) for number in range(emojis)],
    }
    inner_roles = [_role(_INSIDE + 2000 + number, f"role number {number}", number + 1) for number in range(roles)]
    for number in range(first, first + count):
        server = _FIRST + number
        yield {
            **payloads.guild(),
            "id": str(server),
            "name": f"A server of people, {number}",
            "icon": _HASH,
            "description": None,
            "features": ["COMMUNITY", "NEWS"],
            "preferred_locale": "en-US",
            "premium_tier": 1,
            "verification_level": 2,
            "member_count": 200,
            "roles": [_role(server, "@everyone", 0), *inner_roles],
            **made,
        }


def _channel(number: int) -> Json:
    kind = 4 if number % 5 == 0 else 2 if number % 4 == 0 else 0
    overwrites = [
        {"id": str(_INSIDE + 2000 + role), "type": 0, "allow": "1024", "deny": "2048"} for role in (number, number + 1)
    ]
    return {
        "id": str(_INSIDE + number),
        "type": kind,
        "name": f"{_NAMES[number % len(_NAMES)]}-{number}",
        "topic": "What this channel is for, in a line or so." if kind == 0 else None,
        "position": number,
        "permission_overwrites": overwrites,
        "nsfw": False,
        "parent_id": None if kind == 4 else str(_INSIDE + number - number % 5),  # noqa: PLR2004 # a category
        "last_message_id": str(_INSIDE + 9000 + number),
        "rate_limit_per_user": 0,
        "bitrate": 64000,
        "user_limit": 0,
        "flags": 0,
    }


def _role(number: int, name: str, position: int) -> Json:
    return {
        "id": str(number),
        "name": name,
        "permissions": "1071698660929",
        "position": position,
        "color": 0x1ABC9C,
        "colors": {"primary_color": 0x1ABC9C, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": True,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def _emoji(number: int) -> Json:
    flags = {"require_colons": True, "managed": False, "animated": False, "available": True}
    return {"id": str(_INSIDE + 5000 + number), "name": f"emoji_{number}", "roles": [], **flags}
