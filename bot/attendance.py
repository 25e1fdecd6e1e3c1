"""What is being answered just now: the interaction that a line of the log, or a count, belongs to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Attendance:
    """One interaction, from when the bot took it up."""

    interaction: int
    """Discord's id of it: the one thing that Discord, the person and the log can all name."""
    command: str
    """The command's name, or that of the component or form; one of few."""
    began: float = field(default_factory=time.perf_counter)
    acknowledged: float | None = None
    """Seconds until Discord had a first answer."""

    @property
    def seconds(self) -> float:
        """Since it was taken up."""
        return time.perf_counter() - self.began


_current: ContextVar[Attendance | None] = ContextVar("attendance", default=None)


def attendance() -> Attendance | None:
    """What this task is answering; None where it answers nobody."""
    return _current.get()


@contextmanager
def attending(interaction: int, command: str) -> Iterator[Attendance]:
    """Around what answers an interaction; within it, also in tasks and threads that it starts, `attendance` is this."""
    made = Attendance(interaction, command)
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)


def note_acknowledged() -> None:
    """Remember that the interaction has had its first answer."""
    current = _current.get()
    if current is not None and current.acknowledged is None:
        current.acknowledged = current.seconds
