"""What a person typed, made fit to be shown: nothing in it that cannot be seen, nothing that Discord would act on.

`clean` where a text enters, and again where it leaves a place that may hold older ones; `escape` once, where it is put
among markdown. Titles of choices and footers of embeds know no markdown: there `clean` is enough.
"""

import re
import unicodedata
from collections.abc import Iterator

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Categories of Unicode: control, format (bidirectional and zero-width ones are), surrogate, private, unassigned."""

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Joiners, fillers and Braille's blank: letters, marks and symbols by category, nothing to the eye."""

_VARIANT = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variation selectors: ❤ is drawn in red and 葛 in its other shape by one."""

_JOINER = "\u200d"
"""Makes one emoji of several."""

_SYMBOLS = frozenset({"So", "Sk"})
"""Categories of emoji and of their colours of skin."""

_MARKUP = re.compile(r"[\\*_~|`<>\[\]()#+.:-]")
"""Whatever begins emphasis, a spoiler, code, a quotation, a list, a heading, a link, a mention, an emoji or a time."""

_APART = "@\u200b"
"""An @ that nobody answers to: Discord's server looks for @everyone before any backslash is read."""


def clean(text: str, limit: int) -> str:
    """The visible part of a text, in one line of at most `limit` (from 1) characters, … for what is cut off.

    Of what is invisible these stay: one variation selector after a character, and a joiner between two emoji.
    Unassigned is what this Python's Unicode does not know. Cleaning twice is cleaning once.
    """
    cleaned = " ".join("".join(_visible(text)).split())
    if len(cleaned) <= limit:
        return cleaned
    return cleaned[: limit - 1].rstrip(f" {_JOINER}") + "…"


def escape(text: str) -> str:
    """The text so that Discord's markdown shows it as it is: no format, no link, and nobody mentioned.

    `discord.utils` would leave links, numbered lists, mentions of channels, custom emoji and times as they are. Grows
    by one character for each that could mean something.
    """
    return _MARKUP.sub(r"\\\g<0>", text).replace("@", _APART)


def quote(text: str, limit: int) -> str:
    """What was typed, cleaned and escaped, for a sentence that says it back; where nothing of it can be seen, its code.

    `limit` as for `clean`, before it is escaped.
    """
    return escape(clean(text, limit)) or (f"U+{ord(text[0]):04X}" if text else "…")


def _visible(text: str) -> Iterator[str]:
    before = " "
    for place, character in enumerate(text):
        if _is_visible(character, before, text[place + 1 : place + 2]):
            yield character
            before = character


def _is_visible(character: str, before: str, after: str) -> bool:
    """Whether `character` is something to the eye, between what was kept `before` and what comes `after`."""
    if character.isspace():
        return True
    if _VARIANT.match(character):
        return not (before.isspace() or before == _JOINER or _VARIANT.match(before))
    if character == _JOINER:
        joins = unicodedata.category(before) in _SYMBOLS or _VARIANT.match(before)
        return bool(joins and after) and unicodedata.category(after) in _SYMBOLS
    return unicodedata.category(character) not in _INVISIBLE and character not in _BLANK
