"""Han characters and the two scripts they are written in.

The network reads and writes traditional characters, because the corpus does; people see the script they chose.
Conversion is OpenCC's (https://github.com/BYVoid/OpenCC).
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache

import opencc


class Script(StrEnum):
    """The script a reader sees."""

    SIMPLIFIED = "simplified"
    TRADITIONAL = "traditional"


def is_han(character: str) -> bool:
    """Whether `character` is one Han character (a unified ideograph, or 〇)."""
    return character == "〇" or unicodedata.name(character, "").startswith("CJK UNIFIED IDEOGRAPH")


def normalise(text: str) -> str:
    """NFC, without surrounding white space: compatibility ideographs become the unified ones.

    Text with combining characters stays as it is: to order a row of them takes time by the square of its length, and no
    Chinese character has one.
    """
    if any(map(unicodedata.combining, text)):
        return text.strip()
    return unicodedata.normalize("NFC", text).strip()


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@cache
def _traditionaliser() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")


def simplify(text: str) -> str:
    """Traditional to simplified, character for character (the length stays)."""
    return str(_converter().convert(text))


def is_simplified_standard(character: str) -> bool:
    """Whether `character` belongs to GB 2312, the character set of simplified Chinese."""
    return _is_in(character, "gb2312")


def _is_in(character: str, character_set: str) -> bool:
    try:
        character.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True


def told_script(text: str) -> Script | None:
    """The script that `text` is written in, where its characters tell: 红 does and 紅 does, 月 and 后 do not.

    A character tells where the other script's character set (GB 2312, Big5) lacks it and has another for it. None where
    none tells, and where one contradicts another.
    """
    told = {_told_by(character) for character in text if is_han(character)} - {None}
    return told.pop() if len(told) == 1 else None


def _told_by(character: str) -> Script | None:
    if is_simplified_standard(character):
        is_shared = _is_in(character, "big5") or _traditionaliser().convert(character) == character
        return None if is_shared else Script.SIMPLIFIED
    return None if simplify(character) == character else Script.TRADITIONAL


def traditional_forms(vocabulary: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """For each simplified character, the characters of `vocabulary` that are simplified to it (后: 后, 後)."""
    characters = list(vocabulary)
    forms: dict[str, list[str]] = defaultdict(list)
    # One call with a line a character: phrases cannot reach across lines.
    for traditional, simplified in zip(characters, simplify("\n".join(characters)).split("\n"), strict=True):
        forms[simplified].append(traditional)
    return {simplified: tuple(found) for simplified, found in forms.items()}
