"""Starts the stand-in and speaks with it."""

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord.gateway
import discord.http
import yarl

from benchmarks.standin.payloads import Json

_ROOT = Path(__file__).parents[2]

_LONGEST_LINE = 2**24


@dataclass(frozen=True, slots=True)
class Record:
    """What became of an interaction."""

    id: int
    name: str
    """The command, or the component's id."""
    person: int
    acknowledged: float | None
    """Seconds until the first answer."""
    answered: float | None
    """Seconds until something that can be read."""
    refused: list[int]
    """Codes of the errors that the bot's answers drew."""
    messages: list[Json]
    """The answers, as Discord shows them."""

    @property
    def texts(self) -> list[str]:
        """What the answers say outside embeds."""
        return [message["content"] for message in self.messages if message["content"]]


@dataclass(frozen=True, slots=True)
class Stats:
    """What the stand-in counted."""

    breaches: dict[str, int]
    requests: dict[str, int]
    gateway: dict[str, int]


def point_discord_at(port: int) -> None:
    """Let the discord.py of this process find the stand-in instead of Discord."""
    discord.http.Route.BASE = f"http://127.0.0.1:{port}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://127.0.0.1:{port}/gateway")


class StandIn:
    """The stand-in, from outside its process. Raises `RuntimeError` with what it says went wrong."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.port = port

    @classmethod
    @asynccontextmanager
    async def start(cls, *arguments: str) -> AsyncIterator["StandIn"]:
        """A stand-in in a process of its own, ended with the block; `arguments` are its command line's."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.standin",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
            limit=_LONGEST_LINE,
        )
        assert process.stdin is not None  # noqa: S101 # asked for above
        assert process.stdout is not None  # noqa: S101 # likewise
        started = await process.stdout.readline()
        if not started:
            raise RuntimeError(f"The stand-in did not start: exit code {await process.wait()}.")
        made = cls(process, json.loads(started)["port"])
        listening = asyncio.create_task(made._listen(process.stdout))
        try:
            yield made
        finally:
            # It ends with its stdin, and so does not outlive whoever started it.
            process.stdin.close()
            await process.wait()
            await listening

    async def ready(self, timeout: float = 60.0) -> None:  # noqa: ASYNC109 # kept by the other process
        """Wait for a bot that listens and has registered its commands."""
        await self._ask("ready", timeout=timeout)

    async def slash(self, person: int, command: str, /, *, direct: bool = False, **options: str | int) -> int:
        """Let a person use a command, in the server or in direct messages; the id of the interaction."""
        number: int = await self._ask("slash", person=person, command=command, options=options, direct=direct)
        return number

    async def click(
        self, person: int, message: int, custom_id: str, values: list[str] | None = None, *, direct: bool = False
    ) -> int:
        """Let a person press a button, or with `values` choose from a menu; the id of the interaction."""
        number: int = await self._ask(
            "click", person=person, message=message, custom_id=custom_id, values=values, direct=direct
        )
        return number

    async def wait(self, interaction: int, timeout: float = 30.0) -> Record:  # noqa: ASYNC109 # likewise
        """What became of an interaction when it is answered or never will be, or after `timeout` seconds."""
        return Record(**await self._ask("wait", interaction=interaction, timeout=timeout))

    async def fault(self, route: str, **how: float | bool | None) -> None:
        """Let the next requests of a route (`handlers.py`) go wrong; `how` are the fields of `faults.Fault`."""
        await self._ask("fault", route=route, **how)

    async def disturb(self, how: str, *, resumable: bool = True) -> None:
        """Disturb the gateway: "close", "abort", "reconnect" or "invalidate"."""
        await self._ask("disturb", how=how, resumable=resumable)

    async def grow(self, first: int, count: int, *, channels: int, roles: int, emojis: int) -> None:
        """Let the bot join `count` servers, numbered from `first` (`servers.py`)."""
        await self._ask("grow", first=first, count=count, channels=channels, roles=roles, emojis=emojis)

    async def messages(self) -> list[Json]:
        """What all can see in the channel, oldest first."""
        messages: list[Json] = await self._ask("messages")
        return messages

    async def stats(self) -> Stats:
        """What was counted until now."""
        return Stats(**await self._ask("stats"))

    async def _ask(self, action: str, **words: Any) -> Any:
        assert self._process.stdin is not None  # noqa: S101 # as in start
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": number, "do": action, **words}).encode() + b"\n")
        return await future

    async def _listen(self, said: asyncio.StreamReader) -> None:
        while line := await said.readline():
            answer = json.loads(line)
            future = self._waiting.pop(answer["id"])
            if future.cancelled():
                continue
            if "error" in answer:
                future.set_exception(RuntimeError(f"The stand-in says {answer['error']}."))
            else:
                future.set_result(answer["result"])
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(RuntimeError("The stand-in has ended."))
