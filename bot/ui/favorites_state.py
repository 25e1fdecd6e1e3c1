"""What a page of favorites shows, as its buttons carry it: as short as the id of a component must be."""

import re
from datetime import UTC, datetime

from bot.errors import BotError
from bot.services.favorites_search import LONGEST_START, LONGEST_TEXT, Selection, Sort

_SORTS = {Sort.NEWEST: "n", Sort.OLDEST: "o", Sort.START: "s", Sort.FORM: "f"}
_SORTS_BY_LETTER = {letter: sort for sort, letter in _SORTS.items()}

_ANY_FORM = "0"
_SPACE = "_"
_HOUR = 3600
"""Seconds. Of a time, its hours since 1970 are written."""

_TIME = "[0-9]{0,7}"
_HAN = r"\u0080-\U0010ffff"
"""In a set of a regular expression: what is not ASCII; `Selection.checked` tells the rest."""

_START = f"[{_HAN}]{{0,{LONGEST_START}}}"
_TEXT = f"[{_SPACE}{_HAN}]{{0,{LONGEST_TEXT}}}"
_WRITTEN = f"[{''.join(_SORTS_BY_LETTER)}][057]:{_TIME}:{_TIME}:{_START}:{_TEXT}"

STATE = f"(?P<state>{_WRITTEN})"
"""For the template of a component; at most 41 characters."""


def write_state(selection: Selection) -> str:
    """The selection in a few characters."""
    return ":".join(
        (
            _SORTS[selection.sort] + (_ANY_FORM if selection.form is None else str(selection.form)),
            _write_time(selection.since),
            _write_time(selection.until),
            selection.start,
            selection.text.replace(" ", _SPACE),
        )
    )


def read_state(state: str) -> Selection:
    """The selection that is written so; `BotError` when none is, which Discord's own clients do not send."""
    if not re.fullmatch(_WRITTEN, state):
        raise BotError("error.component")
    sort, form = state[0], state[1]
    since, until, start, text = state[3:].split(":")
    try:
        selection = Selection.checked(
            None if form == _ANY_FORM else int(form),
            start,
            text.replace(_SPACE, " "),
            since=_read_time(since),
            until=_read_time(until),
            sort=_SORTS_BY_LETTER[sort],
        )
    except BotError:
        raise BotError("error.component") from None
    # One selection has one way to be written.
    if write_state(selection) != state:
        raise BotError("error.component")
    return selection


def _write_time(moment: datetime | None) -> str:
    return "" if moment is None else str(int(moment.timestamp()) // _HOUR)


def _read_time(written: str) -> datetime | None:
    return datetime.fromtimestamp(int(written) * _HOUR, UTC) if written else None
