import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import clean, escape, quote

ANY = st.text(st.characters(exclude_categories=()))
"""Everything that Python can hold in a string, surrogates included."""

HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            ["@everyone", "<@1>", "\u202e", "\u200d", "\ufe0f", "❤", "👩", "🏽", "🚀", " ", "\n", "a", "e\u0301"]
        ),
        st.characters(exclude_categories=()),
    )
).map("".join)


class TestClean:
    @pytest.mark.parametrize(
        "invisible",
        [
            pytest.param("\x00\x07\x1b\x7f", id="control"),
            pytest.param(
                "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c", id="bidirectional"
            ),
            pytest.param("\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e", id="of no width"),
            pytest.param("\ue000\U000f0000\U0010fffd", id="private"),
            pytest.param("\ud800\udfff", id="surrogates"),
            pytest.param("\ufffe\uffff\U0010ffff\u0378", id="unassigned"),
            pytest.param("\U000e0001\U000e0041\ufff9", id="tags and annotations"),
            pytest.param("\u2800\u3164\uffa0\u115f\u1160\u034f", id="fillers"),
        ],
    )
    def test_what_cannot_be_seen_is_taken_out(self, invisible: str) -> None:
        assert clean(f"春{invisible}江", 100) == "春江"
        assert clean(invisible, 100) == ""

    def test_white_space_becomes_one_space_and_stands_at_neither_end(self) -> None:
        assert clean("\u3000 春\r\n\t江\u2028\u2029\u00a0\x1c花\v\f ", 100) == "春 江 花"

    def test_lines_become_one(self) -> None:
        assert clean("a\n# b\n> c", 100) == "a # b > c"

    @pytest.mark.parametrize(
        "text", ["❤️", "👩‍🚀", "👩🏽‍🚀", "❤️‍🔥", "🏳️‍🌈", "1️⃣", "葛\U000e0100城", "שלום", "e\u0301", "नमस्ते"]
    )
    def test_what_people_write_stays(self, text: str) -> None:
        assert clean(text, 100) == text

    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("a\u200db", "ab"),
            ("🚀\u200d", "🚀"),
            ("\u200d🚀", "🚀"),
            ("🚀\u200d\u200d🚀", "🚀\u200d🚀"),
            ("🚀\u200d\u202e🚀", "🚀🚀"),
            ("a" + "\ufe0f" * 50 + "b", "a\ufe0fb"),
            ("\ufe0f", ""),
            (" \ufe0f\U000e0100 ", ""),
        ],
    )
    def test_joiners_and_variants_that_change_nothing_to_the_eye_do_not(self, text: str, left: str) -> None:
        assert clean(text, 100) == left

    def test_what_is_too_long_ends_in_three_dots(self) -> None:
        assert clean("春江花月夜", 5) == "春江花月夜"
        assert clean("春江花月夜", 4) == "春江花…"
        assert clean("春江 花月", 4) == "春江…"
        assert clean("🚀🚀👩\u200d🚀🚀", 5) == "🚀🚀👩…"
        assert clean("春江", 1) == "…"

    def test_a_million_characters_are_no_more_than_the_limit(self) -> None:
        assert len(clean("長 " * 500_000, 200)) == 200

    @given(HOSTILE, st.integers(1, 40))
    def test_any_text_is_short_visible_and_of_one_line(self, text: str, limit: int) -> None:
        cleaned = clean(text, limit)
        assert len(cleaned) <= limit
        assert cleaned == " ".join(cleaned.split())
        assert {unicodedata.category(sign) for sign in cleaned if sign != "\u200d"}.isdisjoint(
            {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        )
        cleaned.encode()

    @given(HOSTILE, st.integers(1, 40))
    def test_cleaning_twice_is_cleaning_once(self, text: str, limit: int) -> None:
        cleaned = clean(text, limit)
        assert clean(cleaned, limit) == cleaned


LIVE = re.compile(
    r"@everyone|@here|<@[!&]?\d+>|<#\d+>|<a?:\w+:\d+>|<t:-?\d+(?::\w)?>|</[^>]+:\d+>|<id:\w+>|<https?:|https?://|"
    r"discord\.gg|\]\("
)
"""What Discord acts on wherever it stands."""

UNESCAPED = re.compile(r"(?<!\\)(?:\\\\)*[*_~|`<>\[\]()#]")
"""A sign of Discord's markdown without a backslash that is its own."""


class TestEscape:
    @pytest.mark.parametrize(
        ("text", "escaped"),
        [
            ("**bold** _it_ ~~no~~ ||s||", r"\*\*bold\*\* \_it\_ \~\~no\~\~ \|\|s\|\|"),
            ("`code`", r"\`code\`"),
            ("# big", r"\# big"),
            ("-# small", r"\-\# small"),
            ("- one", r"\- one"),
            ("* one", r"\* one"),
            ("1. one", r"1\. one"),
            ("> said", r"\> said"),
            (">>> said", r"\>\>\> said"),
            ("[a](https://b.c)", r"\[a\]\(https\://b\.c\)"),
            ("https://b.c/d_e", r"https\://b\.c/d\_e"),
            ("discord.gg/x", r"discord\.gg/x"),
            ("<@1> <@!1> <@&1>", "\\<@\u200b1\\> \\<@\u200b!1\\> \\<@\u200b&1\\>"),
            ("<#1>", r"\<\#1\>"),
            ("<:x:1> <a:x:1>", r"\<\:x\:1\> \<a\:x\:1\>"),
            ("<t:1:R>", r"\<t\:1\:R\>"),
            ("</poem:1>", r"\</poem\:1\>"),
            ("<id:browse>", r"\<id\:browse\>"),
            ("@everyone @here", "@\u200beveryone @\u200bhere"),
            ("\\", "\\\\"),
            ("\\*x*", r"\\\*x\*"),
            ("春江花月夜", "春江花月夜"),
            ("what is this", "what is this"),
        ],
    )
    def test_what_discord_would_act_on_is_shown_as_it_is(self, text: str, escaped: str) -> None:
        assert escape(text) == escaped

    @given(
        st.lists(
            st.one_of(
                st.sampled_from([*"*_~|`<>[]()#-+.:@\\ \n1", "@everyone", "<@1>", "<t:1:R>", "https://a.b", "[a](b)"]),
                ANY,
            )
        ).map("".join)
    )
    def test_no_text_is_acted_on(self, text: str) -> None:
        escaped = escape(text)
        assert not LIVE.search(escaped)
        assert not UNESCAPED.search(escaped)
        assert re.sub(r"\\(.)", r"\1", escaped.replace("@\u200b", "@"), flags=re.DOTALL) == text

    @given(ANY)
    def test_a_text_grows_to_at_most_twice_its_length(self, text: str) -> None:
        assert len(escape(text)) <= 2 * len(text)


class TestQuote:
    @pytest.mark.parametrize(
        ("text", "quoted"),
        [
            ("*x*", r"\*x\*"),
            (" ", "U+0020"),
            ("\u202e", "U+202E"),
            ("\ud800", "U+D800"),
            ("\U000e0041b", "b"),
            ("", "…"),
        ],
    )
    def test_what_was_typed_is_said_back_so_that_it_can_be_seen(self, text: str, quoted: str) -> None:
        assert quote(text, 100) == quoted

    @given(ANY)
    def test_something_is_always_said(self, text: str) -> None:
        assert quote(text, 20).strip()
