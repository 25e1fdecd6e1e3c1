"""How a training run is told: a bar for people, JSON lines for a parent process."""

import json
import sys
import time
from dataclasses import asdict
from types import TracebackType
from typing import Protocol, Self

from rich import progress as bars
from rich.console import Console

from poetry_model.training import Progress

_JSON_INTERVAL = 0.5
"""Seconds between two `step` lines."""


class Reporter(Protocol):
    """Takes what a run says."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def progress(self, progress: Progress) -> None:
        """One piece of progress."""

    def say(self, line: str) -> None:
        """One line for people."""

    def finish(self, version: str, perplexity: float) -> None:
        """The bundle is written."""


class SilentReporter:
    """Says nothing: of several processes one speaks."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def progress(self, progress: Progress) -> None:
        """See `Reporter`."""

    def say(self, line: str) -> None:
        """See `Reporter`."""

    def finish(self, version: str, perplexity: float) -> None:
        """See `Reporter`."""


class BarReporter:
    """A progress bar on standard error, and a line an epoch."""

    def __init__(self) -> None:
        # What is said may hold brackets and be longer than the terminal is wide.
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._bar = bars.Progress(
            bars.TextColumn("epoch {task.fields[epoch]}"),
            bars.BarColumn(),
            bars.TaskProgressColumn(),
            bars.TextColumn("{task.fields[figures]}"),
            console=self._console,
            refresh_per_second=2,
        )
        self._task = self._bar.add_task("training", total=1.0, epoch="0", figures="", visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def progress(self, progress: Progress) -> None:
        """Move the bar; an epoch's end is printed above it."""
        if progress.perplexity is not None:
            when = f"Epoch {progress.epoch}" if progress.epoch else "Before training"
            self._console.print(f"{when}: held-back perplexity {progress.perplexity:.1f}")
        if progress.event == "step":
            figures = f"loss {progress.loss:.3f} · {progress.characters_per_second:,.0f} characters/s"
            if progress.seconds_left is not None:
                figures += f" · {_clock(progress.seconds_left)} left"
            self._bar.update(
                self._task,
                completed=progress.done,
                epoch=f"{progress.epoch}/{progress.epochs}",
                figures=figures,
                visible=True,
            )

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line)

    def finish(self, version: str, perplexity: float) -> None:
        """Print the result."""
        self._console.print(f"Version {version}: held-back perplexity {perplexity:.1f}")


class JsonReporter:
    """JSON lines on standard output: objects with an `event`; steps at most twice a second."""

    def __init__(self) -> None:
        self._last_step = -_JSON_INTERVAL

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def progress(self, progress: Progress) -> None:
        """One line, unless a step follows another too closely."""
        now = time.perf_counter()
        if progress.event == "step":
            if now - self._last_step < _JSON_INTERVAL:
                return
            self._last_step = now
        self._write(asdict(progress))

    def say(self, line: str) -> None:
        """A `note`."""
        self._write({"event": "note", "text": line})

    def finish(self, version: str, perplexity: float) -> None:
        """The last line: `finished`."""
        self._write({"event": "finished", "version": version, "perplexity": perplexity})

    @staticmethod
    def _write(line: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
