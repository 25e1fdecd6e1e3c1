import pytest

from bot.services.dictionary import _dictionary, meaning_of


def senses_of(word: str, pinyin: tuple[str, ...]) -> tuple[str, ...]:
    meaning = meaning_of(word, pinyin)
    return meaning.senses if meaning else ()


def test_a_word_has_its_senses() -> None:
    assert senses_of("霜", ("shuang1",))[0] == "frost"
    assert senses_of("琵琶", ("pi2", "pa2"))[0].startswith("pipa, Chinese lute")


def test_of_words_that_are_written_alike_the_one_that_is_read_so_is_meant() -> None:
    assert senses_of("還", ("hai2",))[0] == "still"
    assert senses_of("還", ("huan2",))[0] == "to pay back"
    assert senses_of("長", ("chang2",))[0] == "length"
    assert "chief" in senses_of("長", ("zhang3",))


def test_a_reading_that_the_dictionary_does_not_have_is_no_reason_to_be_silent() -> None:
    assert senses_of("琵琶", ("pi2", "ba1")) == senses_of("琵琶", ("pi2", "pa2"))


def test_a_word_of_several_characters_says_how_they_are_read() -> None:
    for word, known, pinyin in (
        ("往還", ("wang3", "hai2"), ("wang3", "huan2")),
        ("琵琶", ("pi2", "pa2"), ("pi2", "pa2")),  # pi2 pa5 in the dictionary
        ("還", ("hai2",), ("hai2",)),
    ):
        meaning = meaning_of(word, known)
        assert meaning is not None
        assert meaning.pinyin == pinyin


def test_names_come_where_there_is_nothing_else() -> None:
    assert not any("surname" in sense or "county" in sense for sense in senses_of("江山", ("jiang1", "shan1")))
    assert senses_of("長安", ("chang2", "an1"))[0].startswith("Chang'an")


def test_a_surname_is_what_no_verse_means() -> None:
    assert "to cross" in senses_of("過", ("guo1",))
    assert senses_of("百里", ("bai3", "li3")) == ()
    assert senses_of("劉", ("liu2",)) != ()


def test_another_way_to_write_a_word_has_that_word_s_senses() -> None:
    assert senses_of("鴈", ("yan4",)) == senses_of("雁", ("yan4",)) == ("wild goose",)
    assert "sword" in senses_of("劒", ("jian4",))[0]


def test_the_vowel_that_is_written_with_a_colon_is_understood() -> None:
    assert senses_of("綠", ("lv4",))[0].startswith("green")


def test_what_says_nothing_of_the_meaning_is_left_out() -> None:
    for word in "山月啼花馬":
        for sense in senses_of(word, ()):
            assert "CL:" not in sense
            assert "[" not in sense
            assert not sense.startswith(("(bound form)", "surname", "Taiwan pr."))


def test_a_word_that_the_dictionary_lacks_has_none() -> None:
    assert senses_of("月山", ("yue4", "shan1")) == ()
    assert senses_of("𠮷", ("ji2",)) == ()


@pytest.mark.parametrize("word", ["%", "#", "CC-CEDICT", "", "a b"])
def test_what_is_no_chinese_word_has_none_or_its_own(word: str) -> None:
    assert "CC-CEDICT" not in "".join(senses_of(word, ()))


def test_every_entry_can_be_read() -> None:
    known = list(_dictionary())
    assert len(known) > 80_000
    for word in known[:: len(known) // 3000]:
        assert all(senses_of(word, ())), word
