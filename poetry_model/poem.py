"""What is asked of the poet, and what comes back."""

import hashlib
import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from poetry_model.errors import RequestError
from poetry_model.form import FORMS, MAX_LINES, punctuate
from poetry_model.metre import Breach
from poetry_model.mood import CANDIDATES, TEMPERATURE, Mood
from poetry_model.script import Script, is_han, is_simplified_standard, normalise, simplify

MAX_TEMPERATURE = 2.0
MAX_CANDIDATES = 16
MAX_SEED = 2**53 - 1
"""The largest integer that JSON readers of every language keep exactly."""

_DRAWN_SEEDS = 10**9
"""So many are drawn from where none is given: few enough digits to be read and typed again."""

_SHORTEST_ACROSTIC = 2

_LONGEST_NUMBER = len(str(MAX_SEED))


class Style(StrEnum):
    """近體 keeps tones and rhyme, 古體 rhyme alone."""

    REGULATED = "regulated"
    FREE = "free"


@dataclass(frozen=True)
class PoemRequest:
    """A poem wanted. Made by `checked`, `acrostic`, `continued` or `resumed`.

    They raise `RequestError` for what cannot be written.
    """

    start: str
    """The first characters: at most a line, or all that is written of a poem that is `resumed`."""
    form: int = 5
    """Characters a line."""
    lines: int = 4
    seed: int = 0
    temperature: float = TEMPERATURE
    script: Script = Script.SIMPLIFIED
    """The reader's."""
    style: Style = Style.REGULATED
    rhyme: str = ""
    """A character to rhyme with; empty: the poet chooses."""
    candidates: int = CANDIDATES
    """Poems composed, of which the best is kept."""
    heads: str = ""
    """The first character of every line, in an acrostic."""
    settled: int = 0
    """How many of the first characters are traditional ones, whatever the reader's script."""
    mood: Mood = Mood.LIVELY
    """Where temperature and candidates come from when nothing is said of them, and the nucleus."""

    @property
    def given(self) -> dict[int, str]:
        """The characters that are given, by place."""
        if self.heads:
            return {line * self.form: head for line, head in enumerate(self.heads)}
        return dict(enumerate(self.start))

    def script_at(self, place: int) -> Script:
        """The script that a given character is to be understood in."""
        return Script.TRADITIONAL if place < self.settled else self.script

    def random(self, purpose: str) -> random.Random:
        """A generator for one purpose. It depends on the opening too, or one seed would give every poem one rhyme."""
        return random.Random(f"{self.seed}/{self.heads or self.start}/{self.form}/{self.lines}/{purpose}")

    @classmethod
    def checked(  # noqa: PLR0913 # what can be asked of a poem
        cls,
        start: str,
        form: int = 5,
        lines: int = 4,
        *,
        seed: int | None = None,
        temperature: float | None = None,
        script: Script = Script.SIMPLIFIED,
        style: Style = Style.REGULATED,
        rhyme: str = "",
        candidates: int | None = None,
        mood: Mood = Mood.LIVELY,
    ) -> "PoemRequest":
        """A request that can be answered; without a seed, one is drawn."""
        start, rhyme = normalise(start), normalise(rhyme)
        _check_shape(form, lines)
        _check_start(start)
        if len(start) > form:
            raise RequestError(
                "start_too_long",
                f"The start is at most one line, {form} characters here; it has {len(start)}.",
                form=form,
                length=len(start),
            )
        if rhyme and not (len(rhyme) == 1 and is_han(rhyme)):
            raise RequestError("rhyme", f"Give one Chinese character to rhyme with, not {rhyme!r}.", rhyme=rhyme)
        temperature = mood.temperature if temperature is None else temperature
        candidates = mood.candidates if candidates is None else candidates
        _check_sampling(seed, temperature, candidates)
        return cls(
            start=start,
            form=form,
            lines=lines,
            seed=draw_seed() if seed is None else seed,
            temperature=temperature,
            script=script,
            style=style,
            rhyme=rhyme,
            candidates=candidates,
            mood=mood,
        )

    @classmethod
    def continued(cls, line: str, lines: int = 4, **sampling: Any) -> "PoemRequest":
        """A poem that goes on from its first line, in the line's own form; `sampling` as for `checked`.

        Punctuation and white space in `line` do not count.
        """
        line = bare(line)
        _check_start(line)
        if len(line) not in FORMS:
            raise RequestError(
                "line", f"A first line has 5 or 7 characters; this one has {len(line)}.", length=len(line)
            )
        return cls.checked(line, len(line), lines, **sampling)

    @classmethod
    def resumed(cls, written: Sequence[str], line: str, form: int, lines: int, **sampling: Any) -> "PoemRequest":
        """A poem of `lines` lines that goes on from those `written` and one more; `sampling` as for `checked`.

        `written`: in traditional characters, all of `form` characters and fewer than `lines`, perhaps none. `line`: as
        it was typed, in either script; as for `continued`.
        """
        line = bare(line)
        if foreign := next((character for character in line if not is_han(character)), None):
            raise RequestError(
                "line_not_han", f"A line is of Chinese characters and {foreign!r} is none.", character=foreign
            )
        if len(line) != form:
            raise RequestError(
                "line_length",
                f"A line of this poem has {form} characters; this one has {len(line)}.",
                form=form,
                length=len(line),
            )
        before = "".join(written)
        return replace(cls.checked(line, form, lines, **sampling), start=before + line, settled=len(before))

    @classmethod
    def acrostic(cls, heads: str, form: int = 5, **sampling: Any) -> "PoemRequest":
        """A poem (藏頭詩) whose lines begin with the characters of `heads`; `sampling` as for `checked`."""
        heads = normalise(heads)
        _check_start(heads)
        if not _SHORTEST_ACROSTIC <= len(heads) <= MAX_LINES:
            raise RequestError(
                "heads",
                f"An acrostic has {_SHORTEST_ACROSTIC} to {MAX_LINES} characters, not {len(heads)}.",
                length=len(heads),
                maximum=MAX_LINES,
            )
        return replace(cls.checked(heads[0], form, len(heads), **sampling), heads=heads)


@dataclass(frozen=True)
class Poem:
    """A poem as the network wrote it, in traditional characters, and what can be said of it."""

    request: PoemRequest
    traditional: tuple[str, ...]
    """The lines; a character the network does not know stands as typed."""
    model: str
    """Version of the bundle."""
    likelihood: float
    """Mean log-probability of a character at the temperature, in nats.

    Of a given one that among all characters, of one that was drawn that among those that could have been.
    """
    pattern: str | None = None
    """Name of the regulated pattern; None in free verse."""
    rhyme: str | None = None
    """The rhyme class, by its commonest character; None without one."""
    tones: tuple[str, ...] = ()
    """Each character's tone, line by line: 平 level, 仄 oblique, ○ either or not known."""
    breaches: tuple[Breach, ...] = ()
    """Where pattern and rhyme are not kept."""

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines in the reader's script."""
        return in_script(self.traditional, self.request.given, self.request.script)

    @property
    def text(self) -> str:
        """The lines in the reader's script with punctuation, a line each."""
        return punctuate(self.lines)

    def text_in(self, script: Script) -> str:
        """The same for a reader of `script`."""
        return punctuate(in_script(self.traditional, self.request.given, script))


def bare(line: str) -> str:
    """A line as it was typed, without its punctuation and white space."""
    kinds = ((each, unicodedata.category(each)) for each in normalise(line))
    return "".join(each for each, kind in kinds if kind[0] not in "PZ" and kind not in {"Cc", "Cf"})


def draw_seed() -> int:
    """A seed for one who gives none."""
    return random.randrange(_DRAWN_SEEDS)


def seed_of(text: str) -> int:
    """The seed that a number or a word stands for: the number itself, or one that is always the word's.

    White space around it and the case of letters do not count. Any text will do.
    """
    text = text.strip().casefold()
    if text.isdecimal() and len(text) <= _LONGEST_NUMBER and (number := int(text)) <= MAX_SEED:
        return number
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % _DRAWN_SEEDS


def in_script(traditional: tuple[str, ...], given: dict[int, str], script: Script) -> tuple[str, ...]:
    """Lines of traditional characters in `script`, with the `given` ones as they were typed where that script has them.

    乾 is simplified to 干, but whoever typed 乾 keeps it: simplified Chinese has both.
    """
    if script is Script.TRADITIONAL:
        return traditional
    lines = [list(line) for line in simplify("\n".join(traditional)).split("\n")]
    for place, typed in given.items():
        line, column = divmod(place, len(lines[0]))
        lines[line][column] = typed if is_simplified_standard(typed) else simplify(typed)
    return tuple("".join(line) for line in lines)


def _check_shape(form: int, lines: int) -> None:
    if form not in FORMS:
        raise RequestError("form", f"A line has 5 or 7 characters, not {form}.", form=form)
    if not 1 <= lines <= MAX_LINES:
        raise RequestError("lines", f"A poem has 1 to {MAX_LINES} lines, not {lines}.", lines=lines, maximum=MAX_LINES)


def _check_start(start: str) -> None:
    if not start:
        raise RequestError("start_empty", "Give the Chinese character the poem begins with, for example 月.")
    if foreign := next((character for character in start if not is_han(character)), None):
        raise RequestError(
            "start_not_han",
            f"A poem begins with Chinese characters and {foreign!r} is none; try 月.",
            character=foreign,
        )


def _check_sampling(seed: int | None, temperature: float | None, candidates: int) -> None:
    if temperature is not None and not 0 < temperature <= MAX_TEMPERATURE:
        raise RequestError(
            "temperature",
            f"The temperature is above 0 and at most {MAX_TEMPERATURE:g}, not {temperature:g}.",
            temperature=temperature,
            maximum=MAX_TEMPERATURE,
        )
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise RequestError("seed", f"A seed is from 0 to {MAX_SEED}, not {seed}.", seed=seed, maximum=MAX_SEED)
    if not 1 <= candidates <= MAX_CANDIDATES:
        raise RequestError(
            "candidates",
            f"The poet composes 1 to {MAX_CANDIDATES} candidates, not {candidates}.",
            candidates=candidates,
            maximum=MAX_CANDIDATES,
        )
