"""Where each character of a poem card stands.

Lengths are in ems, the size of the poem's characters, from the upper left corner of the card. Columns run from right to
left: the heading, the poem, the date with the seal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

_EDGE = 0.6
"""From the edge of the card to the frame."""

_PADDING = 0.9
"""From the frame to what is written, above and below."""

_ROW = 1.14
"""From character to character."""

_COLUMN = 1.72
"""From column to column."""

_COLUMN_WITH_SIGNS = 1.96

_ACROSS = 0.8
"""Between the two lines of a couplet that stand in one column."""

_BESIDE = 0.2
"""How far a character with a sign beside it stands to the left, so that both together are in the middle."""

_WORTH = 1.1
"""By how much the longer side must shrink for a column to hold a couplet instead of a line."""

_SMALL = 0.46
"""Size of the heading's second part and of the date, in a small card; in a wide one they grow, to stay legible."""

_SMALL_SHARE = 0.04
"""Of the poem's width, what they have at least."""

_TITLE = 0.86
"""Size of the title, at most."""

_LEAST_TITLE = 0.55
"""Of a title above its notes."""

_SMALL_ROW = 1.12
"""From character to character in what is small, in its size."""

_SIDES = 5.2
"""What stands beside the poem, about: edges, heading, date."""

_NEXT = 1.22
"""From column to column in what is small, in its size."""

_GAP = 0.5
"""Between title and kind, and between date and seal."""

_SEAL_SIDE = 0.6
"""Size of a seal's character."""

_SEAL_BORDER = 0.16


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character and the middle of its square."""

    character: str
    x: float
    y: float
    size: float
    line: int = -1
    """Of the poem; -1: it belongs to heading, date or seal."""
    place: int = -1


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A card without its colours."""

    width: float
    height: float
    frame: Box
    rules: tuple[float, ...]
    """x of the lines between columns."""
    poem: tuple[Glyph, ...]
    small: tuple[Glyph, ...]
    seal: Box
    seal_glyphs: tuple[Glyph, ...]


def lay_out(
    lines: Sequence[str], title: str, notes: Sequence[str], date: Sequence[str], seal: str, *, signs: bool = False
) -> Layout:
    """The layout of a card.

    lines: of five or seven characters; notes: columns under the title; date: columns above the seal; signs: leave room
    beside each character.
    """
    form = len(lines[0])
    pitch = _COLUMN_WITH_SIGNS if signs else _COLUMN
    stacked = _lines_a_column(form, len(lines))
    columns, body = _body(form, len(lines), stacked)
    small = max(_SMALL, _SMALL_SHARE * columns * pitch)
    notes_width, date_width = len(notes) * small * _NEXT, len(date) * small * _NEXT
    if _title_size(title, notes, body, small):
        heading = max(notes_width, _TITLE)
    else:
        heading = notes_width + min(_TITLE, body / (len(title) * _SMALL_ROW)) + _GAP / 2
    heading, colophon = heading + 2 * _GAP, max(date_width, _SEAL_SIDE + 2 * _SEAL_BORDER) + 2 * _GAP
    heading = max(heading, colophon)
    width = 2 * _EDGE + heading + colophon + columns * pitch
    top = _EDGE + _PADDING
    height = 2 * top + body
    frame = Box(_EDGE, _EDGE, width - _EDGE, height - _EDGE)
    first = width - _EDGE - heading
    rules = tuple(first - number * pitch for number in range(columns + 1))
    poem = []
    for number, line in enumerate(lines):
        column, half = divmod(number, stacked)
        x = first - (column + 0.5) * pitch - (_BESIDE if signs else 0)
        start = top + half * (form * _ROW + _ACROSS)
        poem += [
            Glyph(character, x, start + (place + 0.5) * _ROW, 1.0, number, place)
            for place, character in enumerate(line)
        ]
    headed = _heading(title, notes, first, width - _EDGE, top, body, small)
    dated, box, carved = _colophon(date, seal, _EDGE + colophon / 2, top + body, small)
    return Layout(width, height, frame, rules, tuple(poem), (*headed, *dated), box, carved)


def _lines_a_column(form: int, lines: int) -> int:
    """One, or two where that makes the characters larger: a phone, and Discord's window, show a card in a square."""
    longer = []
    for stacked in (1, 2):
        columns, body = _body(form, lines, stacked)
        longer.append(max(columns * _COLUMN + _SIDES, body + 2 * (_EDGE + _PADDING)))
    return 2 if longer[0] > _WORTH * longer[1] else 1


def _body(form: int, lines: int, stacked: int) -> tuple[int, float]:
    """Columns of the poem, and their height, with so many lines in each."""
    return -(-lines // stacked), form * stacked * _ROW + (_ACROSS if stacked > 1 else 0)


def _title_size(title: str, notes: Sequence[str], body: float, small: float) -> float:
    """The title's size above its notes; 0 where it would have to be too small and stands beside them."""
    room = body - max((len(note) for note in notes), default=0) * small * _SMALL_ROW - _GAP
    size = min(_TITLE, room / (len(title) * _SMALL_ROW))
    return size if size >= max(_LEAST_TITLE, small) else 0


def _heading(
    title: str, notes: Sequence[str], left: float, right: float, top: float, body: float, small: float
) -> list[Glyph]:
    """Title and notes, in the middle between `left` and `right`."""
    middle = (left + right) / 2
    if size := _title_size(title, notes, body, small):
        below = top + len(title) * size * _SMALL_ROW + _GAP
        return _column(title, middle, top, size) + _columns(notes, middle, below, small)
    size = min(_TITLE, body / (len(title) * _SMALL_ROW))
    return _column(title, right - _GAP - size / 2, top, size) + _columns(notes, middle - size / 2, top, small)


def _colophon(
    date: Sequence[str], seal: str, x: float, bottom: float, small: float
) -> tuple[list[Glyph], Box, tuple[Glyph, ...]]:
    side = max(_SEAL_SIDE, 1.25 * small)
    height, width = len(seal) * side + 2 * _SEAL_BORDER, side + 2 * _SEAL_BORDER
    box = Box(x - width / 2, bottom - height, x + width / 2, bottom)
    carved = tuple(
        Glyph(character, x, box.top + _SEAL_BORDER + (place + 0.5) * side, side) for place, character in enumerate(seal)
    )
    date_height = max((len(part) for part in date), default=0) * small * _SMALL_ROW
    return _columns(date, x, box.top - _GAP - date_height, small), box, carved


def _columns(texts: Sequence[str], x: float, top: float, size: float) -> list[Glyph]:
    """Small columns side by side around `x`, the first one on the right."""
    pitch = size * _NEXT
    right = x + (len(texts) - 1) * pitch / 2
    return [
        glyph
        for number, text in zip(count(), texts, strict=False)
        for glyph in _column(text, right - number * pitch, top, size)
    ]


def _column(text: str, x: float, top: float, size: float) -> list[Glyph]:
    pitch = size * _SMALL_ROW
    return [Glyph(character, x, top + (place + 0.5) * pitch, size) for place, character in enumerate(text)]
