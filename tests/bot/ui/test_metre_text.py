import re
import unicodedata

import pytest

from bot.i18n import Strings
from bot.ui.metre_text import metre_text
from poetry_model.metre_view import view_metre
from poetry_model.prosody import Prosody, RhymeClass, Tone
from poetry_model.script import Script

PROSODY = Prosody(
    {**dict.fromkeys("平東風風鐘重", 1.0), **dict.fromkeys("仄葉", 0.0), "長": 0.5},
    [RhymeClass(Tone.LEVEL, "東風", "", 0.5), RhymeClass(Tone.LEVEL, "鐘重", "", 0.5)],
)
REGULAR = ("仄仄平平葉", "平平仄仄東", "平平長仄葉", "仄仄仄平風")


def text_of(strings: Strings, *lines: str, script: Script = Script.TRADITIONAL, regulated: bool = True) -> str:
    return metre_text(view_metre(lines, PROSODY, regulated=regulated), lines, script, PROSODY, strings)


def table(text: str) -> list[str]:
    [inside] = re.findall(r"```\n(.*)\n```", text, re.DOTALL)
    return str(inside).split("\n")


def test_a_poem_is_shown_with_its_pattern_its_signs_and_its_rhyme(strings: Strings) -> None:
    text = text_of(strings, *REGULAR)
    assert text.startswith("**五言絕句　仄起首句不入韻**\n")
    assert table(text) == [
        "１　仄仄平平葉　　　●●○○●",
        "２　平平仄仄東　東　○○●●○",
        "３　平平長仄葉　　　○○◐●●",
        "４　仄仄仄平風　東　●●●○○",
    ]
    assert "Rhyme: 東風…" in text
    assert text.endswith("Every place keeps the pattern, and the rhyme is kept.")


def test_names_come_in_the_script_of_the_reader(strings: Strings) -> None:
    text = text_of(strings, *REGULAR, script=Script.SIMPLIFIED)
    assert text.startswith("**五言绝句　仄起首句不入韵**\n")
    assert "　东　" in text
    assert "Rhyme: 东风…" in text


def test_the_table_is_as_wide_as_chinese_characters_throughout(strings: Strings) -> None:
    rows = table(text_of(strings, *REGULAR * 4))
    assert len({len(row) for row in rows}) == 1
    for row in rows:
        aligned, signs = row[:-5], row[-5:]
        assert {unicodedata.east_asian_width(character) for character in aligned} <= {"W", "F"}
        assert set(signs) <= set("○●◐")


def test_each_kind_of_breach_is_told_in_words(strings: Strings) -> None:
    for lines, told in (
        ((REGULAR[0], "平平仄平東", *REGULAR[2:]), "• Line 2, place 4: 平 is level 平, and oblique 仄 is wanted."),
        ((REGULAR[0], "仄平仄仄東", *REGULAR[2:]), "• Line 2, place 1: 仄 breaks the only level foot (孤平)."),
        ((*REGULAR[:3], "仄仄平平風"), "• Line 4 ends in three level tones (三平尾)."),
        (("仄仄仄仄葉", *REGULAR[1:]), "• Line 1 ends in three oblique tones (三仄尾)."),
        (
            (*REGULAR[:2], *REGULAR[:2]),
            "• Line 3 does not take up line 2 (失粘): its second place should be level 平.",
        ),
        (
            ("仄仄平平葉", "仄仄仄平東"),
            "• Line 2 does not oppose line 1 (失对): its second place should be level 平.",
        ),
        ((*REGULAR[:3], "仄仄仄平鐘"), "• Line 4: 鐘 rhymes with 鐘, and 東 with 東."),
        ((*REGULAR[:3], "仄仄仄平平"), "• Line 4: I know no rhyme of 平."),
        ((*REGULAR[:3], "仄仄仄平東"), "• Line 4 rhymes with 東, as another line does."),
    ):
        assert told in text_of(strings, *lines).split("\n")


def test_a_rhyme_that_is_not_known_is_a_question_mark(strings: Strings) -> None:
    text = text_of(strings, *REGULAR[:1], "平平仄仄平", *REGULAR[2:])
    assert table(text)[1] == "２　平平仄仄平　？　○○●●○"
    assert [line for line in text.split("\n") if line.startswith("• ")] == ["• Line 2: I know no rhyme of 平."]


def test_free_verse_has_no_pattern(strings: Strings) -> None:
    text = text_of(strings, *REGULAR, regulated=False)
    assert text.startswith("**五言古體**\n")
    assert text.endswith("Free verse asks for rhyme alone, and it is kept.")


@pytest.mark.parametrize("lines", [1, 2, 15, 16])
def test_however_much_is_broken_it_fits_one_message(strings: Strings, lines: int) -> None:
    text = text_of(strings, *(["平平平平平平平"] * lines))
    assert len(text) <= 2000
    assert len(table(text)) == lines
    if lines == 16:
        told = text.split("\n")
        [left] = re.findall(r"^…and (\d+) more\.$", told[-1])
        listed = sum(line.startswith("• ") for line in told)
        assert listed + int(left) == len(view_metre(["平平平平平平平"] * lines, PROSODY).faults)
        assert listed > 10
