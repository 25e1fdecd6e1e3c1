"""What is looked for among a person's favorites."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cache

from bot.db.favorites_queries import Wanted
from bot.errors import BotError
from bot.text import clean
from poetry_model.form import FORMS
from poetry_model.script import is_han, normalise, traditional_forms

LONGEST_START = 7
"""Characters of a line, at most."""

LONGEST_TEXT = 14
"""Characters looked for inside the lines, the spaces between phrases counted: two lines of seven, without."""

_READ_LENGTH = 200
"""Characters of what was typed that are looked at."""

_APART = frozenset("PSZC")
"""Categories of Unicode that stand between phrases: punctuation, symbols, spaces, control characters."""

_DAY = re.compile(r"([0-9]{4})(?:\D{1,3}([0-9]{1,2})(?:\D{1,3}([0-9]{1,2}))?)?\D?", re.ASCII)
"""2026, 2026-1, 2026/01/31, 2026年1月31日."""


_YEARS = range(2000, 2200)
"""Before them there was nothing to keep."""


class Sort(StrEnum):
    """The order of favorites."""

    NEWEST = "newest"
    OLDEST = "oldest"
    START = "start"
    """By the first character, as traditional ones stand in Unicode, the newest first among equals."""
    FORM = "form"
    """Lines of five before lines of seven, likewise."""


class Recently(StrEnum):
    """Ways to say since when."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"

    @property
    def time(self) -> timedelta:
        """How long it is."""
        return timedelta(days={"week": 7, "month": 30, "year": 365}[self])


@dataclass(frozen=True, slots=True)
class Selection:
    """Which favorites, and in what order. Made by `checked`."""

    form: int | None = None
    start: str = ""
    """Characters that the poem begins with."""
    text: str = ""
    """Phrases, a space between two, each of which stands in a line."""
    since: datetime | None = None
    """From then on; in whole hours."""
    until: datetime | None = None
    """Before then; in whole hours."""
    sort: Sort = Sort.NEWEST

    @classmethod
    def checked(
        cls,
        form: int | None = None,
        start: str = "",
        text: str = "",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Sort = Sort.NEWEST,
    ) -> "Selection":
        """What was typed, in either script; `BotError` for what no poem can hold."""
        if form is not None and form not in FORMS:
            raise BotError("error.options")
        start, text = "".join(_phrases(start)), " ".join(_phrases(text))
        if _units(start) > LONGEST_START:
            raise BotError("favorites.start_too_long", maximum=LONGEST_START)
        if _units(text) > LONGEST_TEXT:
            raise BotError("favorites.text_too_long", maximum=LONGEST_TEXT)
        return cls(form, start, text, since and _hour(since), until and _hour(until), sort)

    @property
    def is_everything(self) -> bool:
        """Whether all favorites are wanted, in whatever order."""
        return not (self.form or self.start or self.text or self.since or self.until)

    def wanted(self) -> Wanted:
        """For the database; the first time anything is looked for by its characters, this takes a tenth of a second."""
        patterns = [_pattern(self.start) + "*"] if self.start else []
        patterns += [f"*{_pattern(phrase)}*" for phrase in self.text.split()]
        return Wanted(self.form, tuple(patterns), self.since, self.until, self.sort)


EVERYTHING = Selection()
"""All favorites, newest first."""


def read_days(text: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """When a day, a month or a year begins in `zone`, and when it is over; `BotError` when it is none."""
    found = _DAY.fullmatch(unicodedata.normalize("NFKC", clean(text, _READ_LENGTH)))
    if not found or int(found[1]) not in _YEARS:
        raise BotError("favorites.not_a_day", text=text)
    month, day = (int(part) if part else None for part in found.groups()[1:])
    try:
        first = date(int(found[1]), 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        raise BotError("favorites.not_a_day", text=text) from None
    # As many days on from the first of a month, or of a year, is within the next.
    after = first + timedelta(days=1 if day else 31 if month else 366)
    if not day:
        after = after.replace(day=1) if month else after.replace(month=1, day=1)
    return _midnight(first, zone), _midnight(after, zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _phrases(text: str) -> list[str]:
    """The rows of Chinese characters in what was typed; `BotError` when it holds anything else to be read."""
    typed = normalise(clean(text, _READ_LENGTH))
    spaced = "".join(" " if unicodedata.category(character)[0] in _APART else character for character in typed)
    if foreign := next((character for character in spaced if character != " " and not is_han(character)), None):
        raise BotError("favorites.not_han", character=foreign)
    return spaced.split()


def _units(text: str) -> int:
    """Its length as JavaScript counts it: rare characters count twice."""
    return len(text.encode("utf-16-le")) // 2


@cache
def _forms() -> Mapping[str, tuple[str, ...]]:
    blocks = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000))
    return traditional_forms(chr(code) for block in blocks for code in block)


def _pattern(phrase: str) -> str:
    """A GLOB pattern for the phrase in each form that its characters have in traditional script (后: 后, 後).

    There are Chinese characters alone in a phrase, so nothing in it means anything to GLOB.
    """
    forms = (sorted({character, *_forms().get(character, ())}) for character in phrase)
    return "".join(f"[{''.join(each)}]" if len(each) > 1 else each[0] for each in forms)
