"""What a load did to the bot, in figures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from benchmarks.retrain_interference import percentile
from benchmarks.standin.bot import Sample
from benchmarks.standin.interactions import FIRST_ANSWER

_SHARES = (0.5, 0.95, 0.99)

_SETTLED = 5 * 60.0
"""Seconds after which a bot's memory should grow no more."""

_WINDOW = 15
"""Samples, one a second, whose median is the memory at a moment."""

MOST_GROWTH = 0.05
"""As a share, from when the memory has settled to the end."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The bot while nobody asks anything of it."""

    tasks: int
    descriptors: int
    memory: int
    """Bytes."""


@dataclass(slots=True)
class Report:
    """One load."""

    commands: int
    acknowledged: list[float] = field(default_factory=list)
    """Seconds to the first answer, of commands and hearts."""
    unacknowledged: int = 0
    answered: list[float] = field(default_factory=list)
    """Seconds to the poem or the sentence, of commands."""
    poems: int = 0
    sentences: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0
    doubled: int = 0
    """Commands that were answered with more than one message."""
    hearts: int = 0
    confirmed: int = 0
    missing: int = 0
    """Favorites that were confirmed and are not in the database."""
    breaches: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    """What the bot logged as an error."""
    seconds: float = 0.0
    """From the first command to the last answer."""
    training: str = ""
    """What became of the retraining that ran meanwhile."""
    before: Rest = field(default_factory=lambda: Rest(0, 0, 0))
    after: Rest = field(default_factory=lambda: Rest(0, 0, 0))
    samples: list[Sample] = field(default_factory=list)
    """Of the bot, one a second, while the load lasted."""

    @property
    def lags(self) -> list[float]:
        """Seconds that callbacks of the bot waited."""
        return [lag for sample in self.samples for lag in sample.lags]

    @property
    def settled(self) -> float | None:
        """Memory when it should have settled, in bytes: after five minutes, or a sixth of a shorter load."""
        if len(self.samples) <= _WINDOW:
            return None
        begin, end = self.samples[0].at, self.samples[-1].at
        moment = begin + min(_SETTLED, (end - begin) / 6)
        [first, *_] = [number for number, sample in enumerate(self.samples) if sample.at >= moment]
        return median(sample.memory for sample in self.samples[first : first + _WINDOW])

    @property
    def growth(self) -> float | None:
        """Of the memory since it should have settled, as a share of it."""
        if self.settled is None:
            return None
        return median(sample.memory for sample in self.samples[-_WINDOW:]) / self.settled - 1

    def broken(self, least_poems: float, *, is_soak: bool) -> list[str]:
        """The promises that were not kept, a sentence each; `least_poems` as a share of the commands."""
        found = {
            f"{self.unacknowledged} were not acknowledged within {FIRST_ANSWER:g} s": self.unacknowledged,
            f"fewer than {least_poems:.0%} were answered with a poem": self.poems < least_poems * self.commands,
            f"{self.unanswered} were not answered": self.unanswered,
            f"{self.doubled} were answered twice": self.doubled,
            f"{self.missing} confirmed favorites are not in the database": self.missing,
            f"{sum(self.breaches.values())} breaches of Discord's rules": self.breaches,
            f"{len(self.errors)} errors in the log": self.errors,
        }
        if is_soak:
            growth = self.growth or 0.0
            found |= {
                f"the memory grew by {growth:.1%}": growth > MOST_GROWTH,
                f"{self.after.tasks - self.before.tasks} tasks left over": self.after.tasks > self.before.tasks,
                f"{self.after.descriptors - self.before.descriptors} descriptors left open": (
                    self.after.descriptors > self.before.descriptors
                ),
            }
        return [sentence for sentence, is_so in found.items() if is_so]

    def as_markdown(self) -> str:
        """A table."""
        rows = [
            ("commands", f"{self.commands}"),
            ("acknowledged in time, hearts included", f"{len(self.acknowledged)} of {self.commands + self.hearts}"),
            ("answered with a poem", f"{self.poems}"),
            ("answered with a sentence", f"{sum(self.sentences.values())}"),
            *((f"· {sentence}", f"{count}") for sentence, count in self.sentences.items()),
            ("no answer", f"{self.unanswered}"),
            ("answered twice", f"{self.doubled}"),
            ("❤ pressed, confirmed, missing", f"{self.hearts}, {self.confirmed}, {self.missing}"),
            ("breaches", f"{sum(self.breaches.values())}"),
            *((f"· {kind}", f"{count}") for kind, count in self.breaches.items()),
            ("errors in the log", f"{len(self.errors)}"),
            ("acknowledged after, p50 / p95 / p99", _times(self.acknowledged, _SHARES)),
            ("answered after, p50 / p95 / p99", _times(self.answered, _SHARES)),
            ("lag of the event loop, p50 / p99 / max", _times(self.lags, (0.5, 0.99, 1.0))),
            ("poems a second", f"{self.poems / self.seconds:.1f}" if self.seconds else "–"),
            ("memory before, after", f"{_mebibytes(self.before.memory)}, {_mebibytes(self.after.memory)}"),
            ("growth of memory once settled", "–" if self.growth is None else f"{self.growth:+.1%}"),
            ("tasks before, after", f"{self.before.tasks}, {self.after.tasks}"),
            ("descriptors before, after", f"{self.before.descriptors}, {self.after.descriptors}"),
        ]
        if self.training:
            rows.append(("retraining meanwhile", self.training))
        return "\n".join(["| | |", "| --- | ---: |", *(f"| {name} | {value} |" for name, value in rows)])

    def as_json(self) -> dict[str, Any]:
        """Everything but the single lags and the samples: those as percentiles, and the memory over time."""
        content = asdict(self)
        begin = self.samples[0].at if self.samples else 0.0
        content["samples"] = [
            [round(sample.at - begin), sample.memory, sample.tasks, sample.descriptors] for sample in self.samples
        ]
        for name in ("acknowledged", "answered", "lags"):
            values = getattr(self, name)
            content[name] = {f"p{share * 100:g}": percentile(values, share) for share in (*_SHARES, 1.0) if values}
        return {**content, "growth": self.growth}


def _times(values: Sequence[float], shares: Sequence[float]) -> str:
    return " / ".join(_seconds(percentile(values, share)) for share in shares) if values else "–"


def _seconds(value: float) -> str:
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"


def _mebibytes(value: float) -> str:
    return f"{value / 2**20:.0f} MiB"
