"""What the network is told of the place it writes next, beside the characters so far.

Each condition is a small category; a poem's conditions are a table with a row a character and a column a condition.
"""

from functools import cache

from poetry_model.corpus import Dynasty
from poetry_model.form import FORMS, MAX_LINES
from poetry_model.prosody import Tone

SIZES: dict[str, int] = {"form": len(FORMS), "place": max(FORMS), "lines_left": MAX_LINES}
"""Condition → number of categories, in column order: what the form alone tells."""


def sizes_with_controls(rhyme_classes: int) -> dict[str, int]:
    """`SIZES`, the controls and the dynasty.

    The controls are the tone wanted at the place, and the rhyme class; category 0 is "not given".
    """
    return {**SIZES, "tone": len(Tone), "rhyme": rhyme_classes + 1, "dynasty": len(Dynasty)}


@cache
def conditions(form: int, lines: int) -> tuple[tuple[int, ...], ...]:
    """The conditions of each place of a poem, shape (form * lines, len(SIZES)).

    `form`: index of the form; `place`: of the place in its line; `lines_left`: of the lines that remain, with the
    present one. Poems longer than `MAX_LINES` keep telling odd from even until the end comes near.
    """
    return tuple(
        (FORMS.index(form), place, _lines_left(lines - line)) for line in range(lines) for place in range(form)
    )


def _lines_left(left: int) -> int:
    return left - 1 if left <= MAX_LINES else MAX_LINES - 1 - left % 2
