from datetime import UTC, datetime

import pytest

from bot.services.poems import ShownPoem
from bot.services.reading import Line, read_poem
from poetry_model.poem import Style
from poetry_model.script import Script


def read(*lines: str, script: Script = Script.SIMPLIFIED, pattern: str | None = None) -> tuple[Line, ...]:
    return read_poem(
        ShownPoem(
            id=1,
            user_id=1,
            guild_id=None,
            start=lines[0][0],
            form=len(lines[0]),
            traditional=lines,
            script=script,
            style=Style.REGULATED if pattern else Style.FREE,
            pattern=pattern,
            model="m",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )


def words(line: Line) -> list[str]:
    return [word.text for word in line.words]


@pytest.mark.parametrize(
    ("line", "pinyin"),
    [
        ("長安一片月", "cháng ān yī piàn yuè"),  # zhǎng by itself, and as pypinyin has it of traditional characters
        ("往還逢長者", "wǎng huán féng zhǎng zhě"),  # hái by itself
        ("琵琶月下聞", "pí pá yuè xià wén"),  # pípa today
        ("山花了無人", "shān huā liǎo wú rén"),
        ("銀行在水邊", "yín háng zài shuǐ biān"),
        ("綠水青山白雲行", "lǜ shuǐ qīng shān bái yún xíng"),
    ],
)
def test_characters_are_read_as_their_neighbours_say_with_the_marks_of_tones(line: str, pinyin: str) -> None:
    [read_line] = read(line)
    assert " ".join(read_line.pinyin) == pinyin


def test_a_character_of_two_tones_is_read_as_its_place_in_the_pattern_wants_it() -> None:
    # 平起首句不入韻: the second place is level, the fourth oblique.
    [line, _] = read("月看山看水", "月看山看水", pattern="平起首句不入韻")
    assert line.pinyin[1::2] == ("kān", "kàn")
    [line] = read("月看山看水")
    assert line.pinyin[1::2] == ("kàn", "kàn")


def test_there_is_a_syllable_for_each_character_even_one_that_nobody_can_read() -> None:
    [line] = read("月𠮷𠮷山水")
    assert len(line.pinyin) == 5
    assert (line.pinyin[0], line.pinyin[-1]) == ("yuè", "shuǐ")


def test_words_do_not_go_over_the_pause_in_a_line() -> None:
    # 水中 and 月下 are words elsewhere: the pause is after the second character, and in long lines after the fourth.
    assert words(read("風水中山月")[0])[0] == "风水"
    [line] = read("清風明月下山人")
    assert words(line)[:2] == ["清风", "明月"]
    assert sum(map(len, words(line))) == 7


def test_what_the_dictionary_lacks_has_no_senses_and_is_not_left_out() -> None:
    [line] = read("月𠮷山水雲")
    assert [word.senses for word in line.words if "𠮷" in word.text] == [()]
    assert "".join(words(line)) == line.text


def test_the_words_stand_in_the_script_of_the_reader() -> None:
    [simplified], [traditional] = read("長安風雨夜"), read("長安風雨夜", script=Script.TRADITIONAL)
    assert (simplified.words[0].text, traditional.words[0].text) == ("长安", "長安")
    assert simplified.words[0].senses == traditional.words[0].senses
    assert simplified.pinyin == traditional.pinyin
