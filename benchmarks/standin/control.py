"""What the stand-in is told to do, and tells: JSON lines, a request with an id, an answer with the same id."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from benchmarks.standin import payloads
from benchmarks.standin.faults import Fault, Faults
from benchmarks.standin.gateway import Gateway
from benchmarks.standin.handlers import Handlers
from benchmarks.standin.interactions import Interaction, Kind, Ledger, Message
from benchmarks.standin.payloads import Json
from benchmarks.standin.rest import Rest
from benchmarks.standin.servers import servers

_SUBCOMMANDS = frozenset({1, 2})


class Control:
    """Plays the people, and whoever pulls the plug."""

    def __init__(self, ledger: Ledger, gateway: Gateway, handlers: Handlers, rest: Rest, faults: Faults) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._handlers = handlers
        self._rest = rest
        self._faults = faults
        self._actions: dict[str, Callable[..., Awaitable[Any]]] = {
            "ready": self._ready,
            "slash": self._slash,
            "click": self._click,
            "wait": self._wait,
            "fault": self._fault,
            "disturb": self._disturb,
            "messages": self._messages,
            "stats": self._stats,
            "grow": self._grow,
        }

    async def obey(self, request: Json) -> Json:
        """Carry out one request; what goes wrong is said in `error`."""
        words = {name: value for name, value in request.items() if name not in {"id", "do"}}
        try:
            result = await self._actions[request["do"]](**words)
        except (LookupError, TypeError, ValueError, TimeoutError) as error:
            return {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
        return {"id": request["id"], "result": result}

    async def _ready(self, timeout: float) -> None:  # noqa: ASYNC109 # said by another process
        """Wait for a bot that listens."""
        async with asyncio.timeout(timeout):
            await self._gateway.ready()

    async def _slash(self, person: int, command: str, options: Json, *, direct: bool = False) -> int:
        name, *path = command.split()
        registered = self._handlers.commands[name]
        data: Json = {"id": registered["id"], "name": name, "type": 1, "options": _given(registered, path, options)}
        if "guild_id" in registered:
            data["guild_id"] = registered["guild_id"]
        return self._fire(Kind.COMMAND, command, person, data, None, direct=direct)

    async def _click(
        self, person: int, message: int, custom_id: str, values: list[str] | None = None, *, direct: bool = False
    ) -> int:
        """Use a component, whether the message has it or not: people's clients are not to be trusted."""
        kind = {"component_type": 2} if values is None else {"component_type": 3, "values": values}
        source = self._ledger.messages[message]
        return self._fire(Kind.COMPONENT, custom_id, person, {"custom_id": custom_id, **kind}, source, direct=direct)

    def _fire(self, kind: Kind, name: str, person: int, data: Json, source: Message | None, *, direct: bool) -> int:
        number, token = payloads.snowflake(), secrets.token_urlsafe(48)
        channel = payloads.direct_channel(person) if direct else payloads.CHANNEL
        payload = payloads.interaction(number, kind, token, person, data, direct=direct)
        if source is not None:
            payload["message"] = source.as_json()
        self._ledger.open(Interaction(number, token, kind, name, person, channel, source))
        self._gateway.dispatch("INTERACTION_CREATE", payload)
        return number

    async def _wait(self, interaction: int, timeout: float) -> Json:  # noqa: ASYNC109 # likewise
        """What became of an interaction, as soon as it is answered or never will be, or the time is over."""
        waited = self._ledger.interactions[interaction]
        try:
            async with asyncio.timeout(timeout):
                await waited.settled.wait()
        except TimeoutError:
            pass
        return waited.as_json()

    async def _fault(self, **words: Any) -> None:
        self._faults.add(Fault(**words))

    async def _disturb(self, how: Any, *, resumable: bool = True) -> None:
        await self._gateway.disturb(how, resumable=resumable)

    async def _messages(self) -> list[Json]:
        """Those in the channel that all can see."""
        return [
            message.as_seen()
            for message in self._ledger.messages.values()
            if message.channel == payloads.CHANNEL and not (message.ephemeral or message.deleted)
        ]

    async def _grow(self, first: int, count: int, channels: int, roles: int, emojis: int) -> None:
        """Let the bot join servers."""
        for server in servers(first, count, channels=channels, roles=roles, emojis=emojis):
            self._gateway.dispatch("GUILD_CREATE", server)
            # Others are to be heard meanwhile.
            await asyncio.sleep(0)

    async def _stats(self) -> Json:
        return {
            "breaches": dict(self._ledger.breaches),
            "requests": dict(self._rest.requests),
            "gateway": dict(self._gateway.counts),
        }


def _given(registered: Json, path: list[str], options: Json) -> list[Json]:
    """Options as Discord sends them, inside the subcommand of `path`."""
    if path:
        [inner] = [option for option in registered["options"] if option["name"] == path[0]]
        return [{"type": inner["type"], "name": path[0], "options": _given(inner, path[1:], options)}]
    return list(_typed(registered, options))


def _typed(registered: Json, options: Json) -> Iterator[Json]:
    known = {option["name"]: option for option in registered.get("options") or []}
    for name, value in options.items():
        if known[name]["type"] in _SUBCOMMANDS:
            raise ValueError(f"{name} is a subcommand, not an option")
        yield {"name": name, "type": known[name]["type"], "value": value}
