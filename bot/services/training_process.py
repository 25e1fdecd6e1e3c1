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

_NICENESS = 10
"""Composing comes first."""

_GRACE_SECONDS = 10.0
"""How long a child may take to save and leave."""

_LINE_LIMIT = 2**20


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """What the child is to do."""

    corpus: Path
    parent: Path
    """The bundle it starts from."""
    out: Path
    """Where the new bundle goes."""
    epochs: int
    threads: int
    device: str

    def command(self) -> list[str]:
        """The command line."""
        options = {
            "--corpus": self.corpus,
            "--from": self.parent,
            "--out": self.out,
            "--epochs": self.epochs,
            "--threads": self.threads,
            "--device": self.device,
            "--progress": "json",
        }
        words = [word for name, value in options.items() for word in (name, str(value))]
        return [sys.executable, "-m", "poetry_model", "train", *words]

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
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LINE_LIMIT,
                # Ctrl-C in the bot's terminal is for the bot, which then ends the child in order.
                start_new_session=True,
            )
        _lower_priority(self._process.pid)
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
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the process has not been started")
        return self._process


def _lower_priority(pid: int) -> None:
    if hasattr(os, "setpriority"):
        # Gone already, or niced beyond what this user may change.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
    # Where Linux groups processes by session, it weighs the groups first: the child's own session must be nice as well.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICENESS), encoding="ascii")
