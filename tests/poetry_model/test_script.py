import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.script import (
    Script,
    is_han,
    is_simplified_standard,
    normalise,
    simplify,
    told_script,
    traditional_forms,
)

_han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF).filter(is_han)


@pytest.mark.parametrize("character", ["月", "汉", "漢", "〇", "㐀", "𠮷", "\U00030000"])
def test_ideographs_of_every_block_are_han(character: str) -> None:
    assert is_han(character)


@pytest.mark.parametrize("character", ["a", "1", "，", "あ", "ㄅ", "한", "⺼", "　", "🌙", "\ud800", "\x00", "\ufe00"])
def test_everything_else_is_not(character: str) -> None:
    assert not is_han(character)


def test_text_is_stripped_and_composed() -> None:
    assert normalise(" \u3000\uf9d1月\n") == "六月"


@pytest.mark.parametrize(("traditional", "simplified"), [("後來", "后来"), ("雲", "云"), ("月", "月")])
def test_traditional_becomes_simplified(traditional: str, simplified: str) -> None:
    assert simplify(traditional) == simplified


@given(text=st.text(_han))
def test_conversion_keeps_the_length_and_leaves_han(text: str) -> None:
    converted = simplify(text)
    assert len(converted) == len(text)
    assert all(map(is_han, converted))


@pytest.mark.parametrize(("character", "simplified"), [("后", True), ("月", True), ("雲", False), ("龘", False)])
def test_gb_2312_tells_what_belongs_to_simplified_chinese(character: str, simplified: bool) -> None:  # noqa: FBT001 # a value to expect
    assert is_simplified_standard(character) is simplified


def test_a_simplified_character_leads_to_every_known_traditional_one() -> None:
    forms = traditional_forms("月后雲後")
    assert forms == {"月": ("月",), "后": ("后", "後"), "云": ("雲",)}


@pytest.mark.parametrize(
    ("text", "script"),
    [
        *(("红", Script.SIMPLIFIED), ("春风", Script.SIMPLIFIED)),
        *(("紅", Script.TRADITIONAL), ("春風", Script.TRADITIONAL)),
        # Both scripts have these, though the first was made the simplified form of others.
        *(("后里云干", None), ("月", None), ("猨", None), ("红風", None)),
        *(("", None), ("abc", None), ("\ud800", None)),
    ],
)
def test_the_script_that_was_typed_is_told_where_it_can_be(text: str, script: Script | None) -> None:
    assert told_script(text) is script
