"""The card of a poem that was shown."""

from datetime import date

from bot.services.poems import ShownPoem
from bot.ui.card import Card, Metre
from bot.ui.card_paper import Paper
from poetry_model.metre_view import MetreView, kind_name
from poetry_model.script import Script, simplify

_SEAL = "詩人"
"""The bot's name."""

_DIGITS = "〇一二三四五六七八九"
_TEN = 10


def card_of(poem: ShownPoem, day: date, view: MetreView | None = None, paper: Paper = Paper.LIGHT) -> Card:
    """The poem's card.

    day: when it was written, where its reader is; view: its metre, to be shown beside the characters.
    """
    kind = kind_name(poem.form, len(poem.traditional), regulated=poem.pattern is not None)
    notes = [kind] if view is None or view.pattern is None else [kind, view.pattern.name]
    return Card(
        lines=poem.lines,
        title=poem.start,
        notes=tuple(_in_script(note, poem.script) for note in notes),
        date=chinese_date(day),
        seal=_in_script(_SEAL, poem.script),
        script=poem.script,
        traditional=poem.traditional,
        paper=paper,
        metre=None if view is None else metre_of(view),
    )


def metre_of(view: MetreView) -> Metre:
    """The signs of what `view` tells."""
    return Metre(
        tones=view.tones,
        rhyming=frozenset(line for line, rhyme in enumerate(view.rhymes) if rhyme is not None),
        broken=frozenset((fault.line, fault.place) for fault in view.faults),
    )


def chinese_date(day: date) -> tuple[str, str]:
    """Year, and month and day: 二〇二六年, 十一月二十二日. Both scripts write it so."""
    year = "".join(_DIGITS[int(digit)] for digit in str(day.year))
    return f"{year}年", f"{_number(day.month)}月{_number(day.day)}日"


def _number(number: int) -> str:
    """From 1 to 99, as it is read."""
    tens, ones = divmod(number, _TEN)
    ten = ("" if tens == 1 else _DIGITS[tens]) + "十" if tens else ""
    return ten + (_DIGITS[ones] if ones else "")


def _in_script(text: str, script: Script) -> str:
    return simplify(text) if script is Script.SIMPLIFIED else text
