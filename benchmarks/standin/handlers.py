"""What each route of REST does."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from benchmarks.standin import payloads
from benchmarks.standin.interactions import Ledger
from benchmarks.standin.payloads import Json

_BASE = "/api/v10"
_COMMANDS = _BASE + "/applications/{application}/commands"
_GUILD_COMMANDS = _BASE + "/applications/{application}/guilds/{guild}/commands"
_CALLBACK = _BASE + "/interactions/{interaction}/{token}/callback"
_WEBHOOK = _BASE + "/webhooks/{application}/{token}"
_ANSWER = _WEBHOOK + "/messages/{which}"
_MESSAGES = _BASE + "/channels/{channel}/messages"
_MESSAGE = _MESSAGES + "/{message}"


@dataclass(frozen=True, slots=True)
class Route:
    """One of Discord's."""

    name: str
    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[Any]]
    """Gives the JSON of the answer, None for an empty one; raises `Refusal`."""
    major: str | None = None
    """The part of the path that has windows of its own."""
    limit: int | None = 50
    """Requests in a window; None: as many as one likes."""
    per: float = 1.0
    """Seconds of a window."""
    by_bot: bool = True
    """The bot says its token, and is held to the limit of all such requests together."""


class Handlers:
    """The routes a bot needs, over the interactions and messages of a `Ledger`."""

    def __init__(self, ledger: Ledger, gateway_address: Callable[[], str]) -> None:
        self._ledger = ledger
        self._gateway_address = gateway_address
        self.commands: dict[str, Json] = {}
        """Those registered, by name."""

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("me", "GET", _BASE + "/users/@me", self._me),
            Route("application", "GET", _BASE + "/oauth2/applications/@me", self._application),
            Route("gateway", "GET", _BASE + "/gateway/bot", self._gateway),
            Route("commands", "GET", _COMMANDS, self._commands),
            Route("put_commands", "PUT", _COMMANDS, self._put_commands),
            Route("commands", "GET", _GUILD_COMMANDS, self._commands),
            Route("put_commands", "PUT", _GUILD_COMMANDS, self._put_commands),
            Route("direct", "POST", _BASE + "/users/@me/channels", self._direct),
            Route("send", "POST", _MESSAGES, self._send, "channel", 5, 5.0),
            Route("message", "GET", _MESSAGE, self._message, "channel", 5, 1.0),
            Route("edit", "PATCH", _MESSAGE, self._edit, "channel", 5, 5.0),
            Route("delete", "DELETE", _MESSAGE, self._delete, "channel", 5, 1.0),
            Route("callback", "POST", _CALLBACK, self._callback, limit=None, by_bot=False),
            Route("follow_up", "POST", _WEBHOOK, self._follow_up, "token", 5, 2.0, by_bot=False),
            Route("answer", "GET", _ANSWER, self._answer, "token", 5, 2.0, by_bot=False),
            Route("edit_answer", "PATCH", _ANSWER, self._edit_answer, "token", 5, 2.0, by_bot=False),
            Route("delete_answer", "DELETE", _ANSWER, self._delete_answer, "token", 5, 2.0, by_bot=False),
        ]

    async def _me(self, _: web.Request) -> Json:
        return payloads.bot_user()

    async def _application(self, _: web.Request) -> Json:
        return payloads.application()

    async def _gateway(self, _: web.Request) -> Json:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return {"url": self._gateway_address(), "shards": 1, "session_start_limit": limit}

    async def _commands(self, request: web.Request) -> list[Json]:
        guild = request.match_info.get("guild")
        return [command for command in self.commands.values() if command.get("guild_id") == guild]

    async def _put_commands(self, request: web.Request) -> list[Json]:
        guild = request.match_info.get("guild")
        place = {"guild_id": guild} if guild else {}
        kept = {name: command for name, command in self.commands.items() if command.get("guild_id") != guild}
        made = {
            command["name"]: {
                # A menu of messages has none, and Discord says so.
                "description": "",
                **command,
                **place,
                "id": str(payloads.snowflake()),
                "application_id": str(payloads.APPLICATION),
                "version": "1",
            }
            for command in await request.json()
        }
        self.commands = kept | made
        return list(made.values())

    async def _direct(self, request: web.Request) -> Json:
        person = int((await request.json())["recipient_id"]) - payloads.person_id(0)
        return {"id": str(payloads.direct_channel(person)), "type": 1, "recipients": [payloads.user(person)]}

    async def _send(self, request: web.Request) -> Json:
        return self._ledger.send(int(request.match_info["channel"]), await _body(request)).as_json()

    async def _message(self, request: web.Request) -> Json:
        path = request.match_info
        return self._ledger.channel_message(int(path["channel"]), int(path["message"])).as_json()

    async def _edit(self, request: web.Request) -> Json:
        path = request.match_info
        message = self._ledger.channel_message(int(path["channel"]), int(path["message"]))
        message.fill(await _body(request))
        return message.as_json()

    async def _delete(self, request: web.Request) -> None:
        path = request.match_info
        self._ledger.channel_message(int(path["channel"]), int(path["message"])).deleted = True

    async def _callback(self, request: web.Request) -> Json:
        path = request.match_info
        body = await _body(request)
        return self._ledger.answer_first(int(path["interaction"]), path["token"], request["arrived"], body)

    async def _follow_up(self, request: web.Request) -> Json:
        return self._ledger.follow_up(request.match_info["token"], await _body(request)).as_json()

    async def _answer(self, request: web.Request) -> Json:
        return self._ledger.answer_message(request.match_info["token"], request.match_info["which"]).as_json()

    async def _edit_answer(self, request: web.Request) -> Json:
        path = request.match_info
        return self._ledger.edit_answer(path["token"], path["which"], await _body(request)).as_json()

    async def _delete_answer(self, request: web.Request) -> None:
        self._ledger.delete_answer(request.match_info["token"], request.match_info["which"])


async def _body(request: web.Request) -> Json:
    """JSON, alone or with files; files become attachments of the message."""
    if not request.content_type.startswith("multipart/"):
        body: Json = await request.json()
        return body
    body, files = {}, {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)  # noqa: S101 # parts within parts are not Discord's
        data = await part.read()
        if part.name == "payload_json":
            body = json.loads(data)
        else:
            files[part.name or ""] = (part.filename, len(data))
    message = body.get("data") or body
    message["attachments"] = [
        {
            **attachment,
            "id": str(payloads.snowflake()),
            "filename": files[f"files[{attachment['id']}]"][0],
            "size": files[f"files[{attachment['id']}]"][1],
            "url": "",
            "proxy_url": "",
        }
        if f"files[{attachment['id']}]" in files
        else attachment
        for attachment in message.get("attachments") or []
    ]
    return body
