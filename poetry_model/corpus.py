"""Reading verse in chinese-poetry's layout (https://github.com/chinese-poetry/chinese-poetry) and cleaning it."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeGuard

from poetry_model.errors import CorpusError
from poetry_model.form import FORMS
from poetry_model.reading import read_file
from poetry_model.script import is_han, normalise


class Dynasty(IntEnum):
    """Whose verse it is."""

    TANG = 0
    SONG = 1

    @property
    def pattern(self) -> str:
        """The names of its files: the folder 全唐诗 holds the Song poets as well."""
        return f"poet.{self.name.lower()}.*.json"


_POETRY_FOLDER = "全唐诗"
_LARGEST_FILE = 128 * 2**20
"""Bytes: the largest of chinese-poetry's files has less than one million, all its verse in one file would have 100."""

_SOURCE = "get it with: python -m poetry_model corpus download FOLDER"

# Notes in brackets go with what they hold; they nest. 〖1〗 numbers a note, （一作某） is one.
_NOTE = re.compile("（[^（）]*）|〖[^〖〗]*〗|\\([^()]*\\)")
_DEEPEST_NOTE = 8
"""Notes within notes that are read: each level costs another pass over the poem, and people's verse has one."""

LONGEST = 4096
"""Most characters of a poem that is kept: those of one batch in training. The longest of the Song has 2,000."""

# {炙火=肉} describes a character that could not be printed: what stood there cannot be read.
_UNPRINTABLE = re.compile("\\{[^{}]*\\}")
_UNREADABLE = "□"
# Brackets around characters that are supplied, quoted or titles: the mark goes, the characters stay.
_MARK = re.compile("[\\[\\]《》〈〉「」『』·\\s0-9A-Za-z０-９Ａ-Ｚａ-ｚ]")
_LINE_END = re.compile("[，。！？；：、,.!?;:]+")


@dataclass(frozen=True, slots=True)
class Verse:
    """One regular poem: lines of one length, Han characters alone."""

    lines: tuple[str, ...]
    dynasty: Dynasty = field(default=Dynasty.TANG, compare=False)

    @property
    def form(self) -> int:
        """Characters in a line."""
        return len(self.lines[0])

    @property
    def text(self) -> str:
        """All characters, line after line, without punctuation."""
        return "".join(self.lines)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The verse of a folder and an account of what was kept and dropped."""

    verses: tuple[Verse, ...]
    files: int
    poems: int
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason → number of poems: `unreadable`, `irregular`, `too_long`, `empty`, `duplicate`."""

    @property
    def digest(self) -> str:
        """SHA-256 of the kept poems in sorted order: the same verse gives the same digest."""
        hasher = hashlib.sha256()
        for text in sorted("\n".join(verse.lines) for verse in self.verses):
            hasher.update(text.encode() + b"\n\n")
        return hasher.hexdigest()

    def summary(self) -> str:
        """One line for people: files, poems, what was kept and what was dropped."""
        characters = sum(len(verse.text) for verse in self.verses)
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.dropped.items())) or "none"
        return (
            f"{self.files:,} files, {self.poems:,} poems: kept {len(self.verses):,} "
            f"({characters:,} characters), dropped {self.dropped.total():,} ({reasons})"
        )


def read_corpus(folder: Path, dynasty: Dynasty = Dynasty.TANG) -> Corpus:
    """Read the verse of a dynasty from `folder` (or its 全唐诗), cleaned and without duplicates.

    Raises `CorpusError` when the folder or a file cannot be used, or when no poem is left.
    """
    files = corpus_files(folder, dynasty.pattern)
    dropped: Counter[str] = Counter()
    verses: dict[Verse, None] = {}
    poems = 0
    for file in files:
        for paragraphs in _read_file(file):
            poems += 1
            cleaned = clean(paragraphs, dynasty)
            if isinstance(cleaned, str):
                dropped[cleaned] += 1
            elif cleaned in verses:
                dropped["duplicate"] += 1
            else:
                verses[cleaned] = None
    if not verses:
        raise CorpusError(
            f"No poem of five- or seven-character lines is left in {folder} after cleaning; "
            "choose a folder with regular verse."
        )
    return Corpus(tuple(verses), len(files), poems, dropped)


def first_characters(verses: Iterable[Verse]) -> list[str]:
    """The first characters of `verses`, the commonest first."""
    counts = Counter(verse.text[0] for verse in verses)
    return sorted(counts, key=lambda character: (-counts[character], character))


def clean(paragraphs: Sequence[str], dynasty: Dynasty = Dynasty.TANG) -> Verse | str:
    """The verse in `paragraphs`, or the reason it is dropped: `empty`, `unreadable`, `irregular`, `too_long`.

    Takes time that grows no faster than the text, whatever the text.
    """
    text = normalise("".join(paragraphs))
    for _ in range(_DEEPEST_NOTE):
        text, replaced = _NOTE.subn("", text)
        if not replaced:
            break
    text = _MARK.sub("", _UNPRINTABLE.sub(_UNREADABLE, text))
    lines = tuple(line for line in _LINE_END.split(text) if line)
    if not lines:
        return "empty"
    if not all(is_han(character) for line in lines for character in line):
        return "unreadable"
    if {len(line) for line in lines} not in ({form} for form in FORMS):
        return "irregular"
    verse = Verse(lines, dynasty)
    return verse if len(verse.text) <= LONGEST else "too_long"


def corpus_files(folder: Path, pattern: str = Dynasty.TANG.pattern) -> list[Path]:
    """The files of `folder` (or of its 全唐诗) that match `pattern`, in order; `CorpusError` when there are none."""
    try:
        if not folder.is_dir():
            raise CorpusError(f"There is no folder {folder}; name one in chinese-poetry's layout ({_SOURCE}).")
        for place in (folder / _POETRY_FOLDER, folder):
            if found := sorted(place.glob(pattern), key=_natural):
                return found
    except OSError as error:
        raise CorpusError(f"{folder} cannot be read ({error.strerror}); check its permissions.") from error
    raise CorpusError(f"{folder} holds no {_POETRY_FOLDER}/{pattern}; name a checkout of chinese-poetry ({_SOURCE}).")


def _natural(path: Path) -> tuple[int | str, ...]:
    """Sort key that puts poet.tang.2000 before poet.tang.10000."""
    # Numbers stand between the other parts; ² counts as a digit elsewhere.
    return tuple(int(part) if at % 2 else part for at, part in enumerate(re.split("([0-9]+)", path.name)))


def load_items(file: Path) -> list[Any]:
    """The list that a file of chinese-poetry holds; `CorpusError` when it cannot be read as one."""
    try:
        content: Any = json.loads(read_file(file, _LARGEST_FILE).decode())
    except OSError as error:
        raise CorpusError(f"{file} cannot be read ({error.strerror}); check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{file} is not valid JSON ({error}); download it again.") from error
    if not isinstance(content, list):
        raise CorpusError(f"{file} does not hold a list of poems; use chinese-poetry's files as they are.")
    return content


def _read_file(file: Path) -> Iterator[list[str]]:
    """The paragraphs of each poem in `file`."""
    for number, poem in enumerate(load_items(file), start=1):
        paragraphs = poem.get("paragraphs") if isinstance(poem, dict) else None
        if not are_strings(paragraphs):
            raise CorpusError(
                f'Poem {number} of {file} has no list of strings under "paragraphs"; '
                "use chinese-poetry's files as they are."
            )
        yield paragraphs


def are_strings(value: object) -> TypeGuard[list[str]]:
    """Whether `value` is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
