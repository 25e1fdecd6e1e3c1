from datetime import UTC, date, datetime

import pytest

from bot.services.poems import ShownPoem
from bot.ui.card import draw
from bot.ui.card_paper import Paper
from bot.ui.fonts import find_fonts
from bot.ui.poem_card import card_of, chinese_date
from poetry_model.metre_view import view_metre
from poetry_model.poem import Style
from poetry_model.prosody import Prosody, RhymeClass, Tone
from poetry_model.script import Script

PROSODY = Prosody(
    {**dict.fromkeys("山風雲空紅", 1.0), **dict.fromkeys("月水雨", 0.0)}, [RhymeClass(Tone.LEVEL, "風空紅", "", 1.0)]
)
LINES = ("月月風風水", "山山月月風", "山山山月雨", "水水水風紅")


def shown(script: Script = Script.SIMPLIFIED, pattern: str | None = "仄起首句不入韻") -> ShownPoem:
    return ShownPoem(
        id=1,
        user_id=1,
        guild_id=None,
        start="月",
        form=5,
        traditional=LINES,
        script=script,
        style=Style.REGULATED if pattern else Style.FREE,
        pattern=pattern,
        model="m",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


DAY = date(2026, 1, 1)


def test_a_card_speaks_the_script_of_its_poem() -> None:
    simplified, traditional = (card_of(shown(script), DAY) for script in (Script.SIMPLIFIED, Script.TRADITIONAL))
    assert (simplified.lines[0], simplified.notes, simplified.seal) == ("月月风风水", ("五言绝句",), "诗人")
    assert (traditional.lines[0], traditional.notes, traditional.seal) == (LINES[0], ("五言絕句",), "詩人")
    assert simplified.traditional == LINES
    assert simplified.title == "月"
    assert simplified.metre is None


def test_a_card_with_its_metre_names_the_pattern_and_marks_rhymes_and_breaches() -> None:
    lines = (*LINES[:3], "水水水水紅")
    card = card_of(shown(), DAY, view_metre(lines, PROSODY), Paper.DARK)
    assert card.notes == ("五言绝句", "仄起首句不入韵")
    assert card.paper is Paper.DARK
    assert card.metre is not None
    assert card.metre.tones[1] == (Tone.LEVEL, Tone.LEVEL, Tone.OBLIQUE, Tone.OBLIQUE, Tone.LEVEL)
    assert card.metre.rhyming == {1, 3}
    assert card.metre.broken == {(3, 3)}


def test_free_verse_names_no_pattern() -> None:
    card = card_of(shown(pattern=None), DAY, view_metre(LINES, PROSODY, regulated=False))
    assert card.notes == ("五言古体",)


def test_a_card_of_a_shown_poem_can_be_drawn() -> None:
    fonts = find_fonts(folders=[])
    assert fonts is not None
    assert draw(card_of(shown(), DAY, view_metre(LINES, PROSODY)), fonts).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("day", "parts"),
    [
        (date(2026, 1, 1), ("二〇二六年", "一月一日")),
        (date(2026, 10, 10), ("二〇二六年", "十月十日")),
        (date(2030, 11, 20), ("二〇三〇年", "十一月二十日")),
        (date(2031, 12, 31), ("二〇三一年", "十二月三十一日")),
    ],
)
def test_a_date_is_written_as_it_is_read(day: date, parts: tuple[str, str]) -> None:
    assert chinese_date(day) == parts
