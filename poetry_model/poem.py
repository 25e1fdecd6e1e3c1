"""What is asked of the poet, and what comes back."""

import random
from dataclasses import dataclass
from functools import cached_property

from poetry_model.errors import RequestError
from poetry_model.form import FORMS, MAX_LINES, punctuate
from poetry_model.script import Script, is_han, is_simplified_standard, normalise, simplify

TEMPERATURE = 0.9
"""The default: steadier verse gives the machine away, wilder verse loses its thread."""

MAX_TEMPERATURE = 2.0
MAX_SEED = 2**53 - 1
"""The largest integer that JSON readers of every language keep exactly."""


@dataclass(frozen=True)
class PoemRequest:
    """A poem wanted. Made by `PoemRequest.checked`, which raises `RequestError` for what cannot be written."""

    start: str
    """The first characters, at most a line."""
    form: int = 5
    """Characters a line."""
    lines: int = 4
    seed: int = 0
    temperature: float = TEMPERATURE
    script: Script = Script.SIMPLIFIED
    """The reader's."""

    @classmethod
    def checked(
        cls,
        start: str,
        form: int = 5,
        lines: int = 4,
        *,
        seed: int | None = None,
        temperature: float | None = None,
        script: Script = Script.SIMPLIFIED,
    ) -> "PoemRequest":
        """A request that can be answered; without a seed, one is drawn."""
        start = normalise(start)
        if form not in FORMS:
            raise RequestError("form", f"A line has 5 or 7 characters, not {form}.", form=form)
        if not 1 <= lines <= MAX_LINES:
            raise RequestError(
                "lines", f"A poem has 1 to {MAX_LINES} lines, not {lines}.", lines=lines, maximum=MAX_LINES
            )
        if not start:
            raise RequestError("start_empty", "Give the Chinese character the poem begins with, for example 月.")
        if foreign := next((character for character in start if not is_han(character)), None):
            raise RequestError(
                "start_not_han",
                f"A poem begins with Chinese characters and {foreign!r} is none; try 月.",
                character=foreign,
            )
        if len(start) > form:
            raise RequestError(
                "start_too_long",
                f"The start is at most one line, {form} characters here; it has {len(start)}.",
                form=form,
                length=len(start),
            )
        if temperature is not None and not 0 < temperature <= MAX_TEMPERATURE:
            raise RequestError(
                "temperature",
                f"The temperature is above 0 and at most {MAX_TEMPERATURE:g}, not {temperature:g}.",
                temperature=temperature,
                maximum=MAX_TEMPERATURE,
            )
        if seed is not None and not 0 <= seed <= MAX_SEED:
            raise RequestError("seed", f"A seed is from 0 to {MAX_SEED}, not {seed}.", seed=seed, maximum=MAX_SEED)
        return cls(
            start=start,
            form=form,
            lines=lines,
            seed=random.randrange(MAX_SEED) if seed is None else seed,
            temperature=TEMPERATURE if temperature is None else temperature,
            script=script,
        )


@dataclass(frozen=True)
class Poem:
    """A poem as the network wrote it, in traditional characters."""

    start: str
    """As typed."""
    form: int
    traditional: tuple[str, ...]
    """The lines; a character the network does not know stands as typed."""
    seed: int
    model: str
    """Version of the bundle."""
    script: Script
    """The script it was asked for in."""

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines in the reader's script."""
        return in_script(self.traditional, self.start, self.script)

    @property
    def text(self) -> str:
        """The lines in the reader's script with punctuation, a line each."""
        return punctuate(self.lines)


def in_script(traditional: tuple[str, ...], start: str, script: Script) -> tuple[str, ...]:
    """Lines of traditional characters in `script`, beginning with `start` as it was typed wherever that script has it.

    乾 is simplified to 干, but whoever typed 乾 keeps it: simplified Chinese has both.
    """
    if script is Script.TRADITIONAL:
        return traditional
    first, *rest = simplify("\n".join(traditional)).split("\n")
    head = "".join(typed if is_simplified_standard(typed) else simplify(typed) for typed in start)
    return (head + first[len(head) :], *rest)
