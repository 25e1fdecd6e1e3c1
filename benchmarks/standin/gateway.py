"""The gateway: a WebSocket that tells the bot what happens."""

import asyncio
import contextlib
import json
import time
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from aiohttp import WSMsgType, web

from benchmarks.standin import payloads
from benchmarks.standin.payloads import Json

_REPLAYED = 5000
"""Events that a session keeps for a bot that resumes."""

_MOST_SENDS = (120, 60.0)
"""What a bot may send, in so many seconds."""

_LARGEST_SEND = 4096
"""Bytes."""

_IDENTIFY_EVERY = 5.0
"""Seconds between two sessions that start."""

_SLACK = 1.5
"""Intervals without a heartbeat after which the bot is given up."""


_GOODBYES = frozenset({1000, 1001})
"""Closing with these, a bot does not mean to come back to its session."""


class _Op(IntEnum):
    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class _Close(IntEnum):
    UNKNOWN_OPCODE = 4001
    TOO_LARGE = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    RATE_LIMITED = 4008
    TIMED_OUT = 4009


@dataclass(slots=True)
class _Session:
    id: str
    shard: list[int]
    sequence: int = 0
    sent: deque[Json] = field(default_factory=lambda: deque(maxlen=_REPLAYED))
    line: "_Line | None" = None


class _Line:
    """One connection; what is said goes out in order, compressed when the bot asked for that."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, *, compressed: bool) -> None:
        self.socket = socket
        self.transport = transport
        self.session: _Session | None = None
        self.beaten = time.monotonic()
        self._deflate = zlib.compressobj() if compressed else None
        self._waiting: asyncio.Queue[Json] = asyncio.Queue()
        self._sends: deque[float] = deque()

    def say(self, payload: Json) -> None:
        self._waiting.put_nowait(payload)

    async def write(self) -> None:
        """Send what is said, until the connection ends."""
        while True:
            text = json.dumps(await self._waiting.get(), ensure_ascii=False)
            if self._deflate is None:
                await self.socket.send_str(text)
            else:
                data = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                await self.socket.send_bytes(data)

    def is_too_fast(self) -> bool:
        """Count something the bot sent."""
        most, per = _MOST_SENDS
        now = time.monotonic()
        self._sends.append(now)
        while self._sends[0] < now - per:
            self._sends.popleft()
        return len(self._sends) > most


class Gateway:
    """Sessions, and the connections they run over."""

    def __init__(self, token: str, breaches: Counter[str], *, heartbeat: float = 41.25) -> None:
        self._token = token
        self._breaches = breaches
        self._heartbeat = heartbeat
        self._sessions: dict[str, _Session] = {}
        self._current: _Session | None = None
        self._identified = -_IDENTIFY_EVERY
        self._listened_to = asyncio.Event()
        self.counts: Counter[str] = Counter()
        self.address = ""

    async def ready(self) -> None:
        """Wait for a bot that listens; it has registered its commands before."""
        await self._listened_to.wait()

    def dispatch(self, event: str, data: Json) -> None:
        """Tell the process of the bot that has the shard; one that is away hears of it when it resumes."""
        guild = int(data.get("guild_id", 0))
        for session in self._sessions.values():
            if payloads.is_of_shard(guild, session.shard):
                self._tell(session, event, data)

    @staticmethod
    def _tell(session: _Session, event: str, data: Json) -> None:
        session.sequence += 1
        payload = {"op": _Op.DISPATCH, "s": session.sequence, "t": event, "d": data}
        session.sent.append(payload)
        if session.line is not None:
            session.line.say(payload)

    async def disturb(self, how: Literal["close", "abort", "reconnect", "invalidate"], *, resumable: bool) -> None:
        """Close the connection, cut it, ask for another, or declare the session invalid."""
        line = self._current.line if self._current else None
        if line is None:
            return
        match how:
            case "close":
                await line.socket.close(code=4000)
            case "abort":
                if line.transport is not None:
                    line.transport.abort()
            case "reconnect":
                line.say({"op": _Op.RECONNECT, "d": None})
            case "invalidate":
                if not resumable:
                    self._forget(line.session)
                line.say({"op": _Op.INVALID_SESSION, "d": resumable})

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One connection from hello to its end."""
        compression = request.query.get("compress")
        if compression not in {None, "zlib-stream"}:
            raise web.HTTPBadRequest(reason="This stand-in speaks JSON, plain or as a zlib-stream.")
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        line = _Line(socket, request.transport, compressed=compression is not None)
        self.counts["connections"] += 1
        writing = asyncio.create_task(line.write())
        line.say({"op": _Op.HELLO, "d": {"heartbeat_interval": int(self._heartbeat * 1000)}})
        try:
            await self._listen(line)
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writing
            self._hang_up(line)
        return socket

    async def _listen(self, line: _Line) -> None:
        while not line.socket.closed:
            patience = line.beaten + _SLACK * self._heartbeat - time.monotonic()
            try:
                received = await line.socket.receive(timeout=max(patience, 0.001))
            except TimeoutError:
                self._breaches["gateway: no heartbeat"] += 1
                await line.socket.close(code=_Close.TIMED_OUT)
                return
            if received.type is WSMsgType.CLOSE and received.data in _GOODBYES:
                self._forget(line.session)
            if received.type is not WSMsgType.TEXT:
                return
            code = self._hear(line, received.data)
            if code is not None:
                self._breaches[f"gateway: {code.name.lower().replace('_', ' ')}"] += 1
                await line.socket.close(code=code)

    def _hear(self, line: _Line, text: str) -> _Close | None:
        """Act on what the bot said; a code closes the connection."""
        if len(text.encode()) > _LARGEST_SEND:
            return _Close.TOO_LARGE
        if line.is_too_fast():
            return _Close.RATE_LIMITED
        said = json.loads(text)
        match said["op"]:
            case _Op.HEARTBEAT:
                self.counts["heartbeats"] += 1
                line.beaten = time.monotonic()
                line.say({"op": _Op.HEARTBEAT_ACK})
            case _Op.IDENTIFY:
                return self._identify(line, said["d"])
            case _Op.RESUME:
                return self._resume(line, said["d"])
            case _:
                return _Close.UNKNOWN_OPCODE if line.session else _Close.NOT_AUTHENTICATED
        return None

    def _identify(self, line: _Line, said: Json) -> _Close | None:
        if said["token"] != self._token:
            return _Close.AUTHENTICATION_FAILED
        self.counts["identifies"] += 1
        now = time.monotonic()
        if now - self._identified < _IDENTIFY_EVERY:
            self._breaches["gateway: identified too soon"] += 1
            line.say({"op": _Op.INVALID_SESSION, "d": False})
            return None
        self._identified = now
        session = _Session(f"session{self.counts['identifies']}", list(said.get("shard") or (0, 1)))
        self._sessions = {other.id: other for other in self._sessions.values() if other.shard != session.shard}
        self._sessions[session.id] = session
        self._take(line, session)
        self._tell(session, "READY", payloads.ready(session.id, self.address, session.shard))
        if payloads.is_of_shard(payloads.GUILD, session.shard):
            self._tell(session, "GUILD_CREATE", payloads.guild())
        return None

    def _resume(self, line: _Line, said: Json) -> _Close | None:
        if said["token"] != self._token:
            return _Close.AUTHENTICATION_FAILED
        session = self._sessions.get(said["session_id"])
        missed = said["seq"]
        if session is None or missed is None or missed + len(session.sent) < session.sequence:
            line.say({"op": _Op.INVALID_SESSION, "d": False})
            return None
        self.counts["resumes"] += 1
        for payload in session.sent:
            if payload["s"] > missed:
                line.say(payload)
        self._take(line, session)
        self._tell(session, "RESUMED", {})
        return None

    def _take(self, line: _Line, session: _Session) -> None:
        line.session, session.line, self._current = session, line, session
        self._listened_to.set()

    def _hang_up(self, line: _Line) -> None:
        session = line.session
        if session is None:
            return
        if session.line is line:
            session.line = None
            if not any(other.line for other in self._sessions.values()):
                self._listened_to.clear()

    def _forget(self, session: _Session | None) -> None:
        if session is not None:
            self._sessions.pop(session.id, None)
