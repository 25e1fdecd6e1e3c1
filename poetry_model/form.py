"""The outer form of a poem: how many lines of how many characters, and the punctuation laid on them."""

from collections.abc import Sequence

FORMS = (5, 7)
"""Characters in a line: 五言 and 七言."""

MAX_LINES = 16
"""The longest poem the poet is asked for, in lines."""


def punctuate(lines: Sequence[str], *, separator: str = "\n") -> str:
    """Lay ， after odd lines and 。 after even lines and the last one, and join the lines with `separator`."""
    last = len(lines) - 1
    return separator.join(line + ("。" if number % 2 or number == last else "，") for number, line in enumerate(lines))
