"""The child process that trains: `python -m poetry_model train`, talking in JSON lines."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bot.config import SECRET_VARIABLES

_GRACE_SECONDS = 10.0
"""How long a child may take to save and leave."""

_LINE_LIMIT = 2**20


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """What the child is to do."""

    corpus: Path
    out: Path
    """Where the new bundle goes."""
    parent: Path | None
    """The bundle it starts from; None: random weights."""
    epochs: int
    threads: int
    device: str
    niceness: int = 10
    """Composing comes first."""
    rival: Path | None = None
    """A bundle to measure on the same held-back side, where it is not the parent."""
    judge: Path | None = None
    """A folder of verse whose held-back side judges the run; None: that of the corpus."""
    minutes: float | None = None
    learning_rate: float | None = None
    favorites: Path | None = None
    favorites_share: float | None = None
    resume: bool = False

    def command(self) -> list[str]:
        """The command line."""
        options = {
            "--corpus": self.corpus,
            "--out": self.out,
            "--from": self.parent,
            "--compare-with": self.rival,
            "--judge-by": self.judge,
            "--epochs": self.epochs,
            "--minutes": self.minutes,
            "--learning-rate": self.learning_rate,
            "--favorites": self.favorites,
            "--favorites-share": self.favorites_share,
            "--threads": self.threads,
            "--device": self.device,
            "--progress": "json",
        }
        words = [word for name, value in options.items() if value is not None for word in (name, str(value))]
        # Its standard input stays open as long as the bot lives, however the bot ends.
        flags = ["--stop-on-eof"] + ["--resume"] * self.resume
        return [sys.executable, "-m", "poetry_model", "train", *words, *flags]

    @property
    def log(self) -> Path:
        """Where the child's standard error goes."""
        return self.out.with_name(self.out.name + ".log")


class TrainingProcess:
    """One child; leave the context and it is gone."""

    def __init__(self, order: TrainingOrder) -> None:
        self._order = order
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._order.out.parent.mkdir(parents=True, exist_ok=True)
        with self._order.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._order.command(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LINE_LIMIT,
                # It reads what people sent, and has no business on Discord or in the database.
                env={name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES},
                # Ctrl-C in the bot's terminal is for the bot, which then ends the child in order.
                start_new_session=True,
            )
        _lower_priority(self._process.pid, self._order.niceness)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What the child says, until it says no more."""
        process = self._running()
        assert process.stdout is not None  # noqa: S101 # asked for above
        async for line in process.stdout:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event

    async def wait(self) -> int:
        """Its exit code."""
        return await self._running().wait()

    def interrupt(self) -> None:
        """Ask it to stop; it ends after the batch under way."""
        with contextlib.suppress(ProcessLookupError):
            self._running().send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once; what it saved last stays whole."""
        with contextlib.suppress(ProcessLookupError):
            self._running().kill()

    async def stop(self) -> None:
        """End it, gently first."""
        process = self._running()
        if process.returncode is not None:
            return
        self.interrupt()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the process has not been started")
        return self._process


def _lower_priority(pid: int, niceness: int) -> None:
    if hasattr(os, "setpriority"):
        # Gone already, or niced beyond what this user may change.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, niceness)
    # Where Linux groups processes by session, it weighs the groups first: the child's own session must be nice as well.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")
