"""A corpus that somebody sends: chinese-poetry's JSON, or plain text with a poem a paragraph.

What is sent is looked at in memory and written out anew, cleaned: neither its name nor anything in it becomes a path,
and nothing is unpacked.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bot.errors import BotError
from poetry_model.corpus import Verse, are_strings, clean
from poetry_model.form import punctuate
from poetry_model.holdout import HoldOut
from poetry_model.script import simplify

MAX_BYTES = 8 * 2**20
"""Largest file taken when nothing else is said."""

_PLACE = Path("全唐诗", "poet.tang.0.json")
"""Where a corpus of chinese-poetry has its first file."""

_ARCHIVES: tuple[bytes, ...] = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"\x1f\x9d", b"BZh", b"\xfd7zXZ"),
    *(b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"MSCF"),
)
"""First bytes of zip, gzip, compress, bzip2, xz, 7z, rar, zstd, lz4 and cab."""

_TAR, _TAR_AT = b"ustar", 257

_ARCHIVE_NAMES = (
    *(".zip", ".jar", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".lzma"),
    *(".z", ".7z", ".rar", ".zst", ".lz4", ".cab"),
)

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
"""Characters that no text holds."""

_LEAST_TRADITIONAL = 0.1
"""Share of characters that simplified Chinese writes otherwise; in Tang verse it is a third."""


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """What was kept and dropped."""

    kept: int
    """Poems."""
    characters: int
    """Of the kept poems."""
    dropped: dict[str, int]
    """Reason → poems: `empty`, `unreadable`, `irregular`, `too_long`, `duplicate`."""
    held_back: int
    """Of the kept poems, those that no training learns."""
    is_simplified: bool
    """Whether it looks like simplified Chinese, most of which a poet of traditional characters cannot learn."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Verse that was sent, cleaned and without duplicates."""

    verses: tuple[Verse, ...]
    summary: UploadSummary

    def write(self, folder: Path) -> None:
        """Write it to `folder`, which `poetry_model.corpus.read_corpus` reads as the same verses."""
        poems = [{"paragraphs": punctuate(verse.lines).split("\n")} for verse in self.verses]
        file = folder / _PLACE
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(poems, ensure_ascii=False), encoding="utf-8")

    def require_both_sides(self) -> None:
        """`BotError` when a training on nothing else would have nothing to learn, or nothing to be judged by."""
        if not 0 < self.summary.held_back < self.summary.kept:
            raise BotError("upload.too_small", kept=self.summary.kept)


def check_size(size: int, limit: int = MAX_BYTES) -> None:
    """`BotError` when a file of `size` bytes is over the limit; ask before it is fetched."""
    if size > limit:
        raise BotError("upload.too_large", size=size / 2**20, limit=limit / 2**20)


def check_upload(name: str, content: bytes, limit: int = MAX_BYTES, hold_out: HoldOut | None = None) -> Upload:
    """The verse in a file that was sent; of its `name` only the ending is looked at.

    `hold_out` is the live model's, by default the rule alone. Takes seconds for the largest file: call it in a thread.
    Raises `BotError` with a key under `upload.` when the file cannot be used.
    """
    check_size(len(content), limit)
    text = _decode(name, content)
    dropped: Counter[str] = Counter()
    kept: dict[Verse, None] = {}
    for lines in _poems(name, text):
        # The end of a line ends a line of verse, with or without punctuation.
        cleaned = clean([f"{line}，" for line in lines])
        if isinstance(cleaned, str):
            dropped[cleaned] += 1
        elif cleaned in kept:
            dropped["duplicate"] += 1
        else:
            kept[cleaned] = None
    if not kept:
        raise BotError("upload.no_verse")
    verses = tuple(kept)
    summary = UploadSummary(
        kept=len(verses),
        characters=sum(len(verse.text) for verse in verses),
        dropped=dict(dropped),
        held_back=len((hold_out or HoldOut()).split(verses).held_back),
        is_simplified=_is_simplified("".join(verse.text for verse in verses)),
    )
    return Upload(verses, summary)


def _decode(name: str, content: bytes) -> str:
    """The text of a file that is one."""
    is_tar = content[_TAR_AT:].startswith(_TAR)
    if is_tar or content.startswith(_ARCHIVES) or name.lower().endswith(_ARCHIVE_NAMES):
        raise BotError("upload.archive")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BotError("upload.encoding") from None
    if _CONTROL.search(text):
        raise BotError("upload.binary")
    return text


def _poems(name: str, text: str) -> Iterator[list[str]]:
    """Each poem as lines."""
    if name.lower().endswith(".json") or (not name.lower().endswith(".txt") and text.lstrip().startswith(("[", "{"))):
        for number, item in enumerate(_items(text), start=1):
            paragraphs = item.get("paragraphs") if isinstance(item, dict) else None
            if not are_strings(paragraphs):
                raise BotError("upload.no_paragraphs", number=number)
            yield "\n".join(paragraphs).splitlines()
    else:
        for is_verse, lines in groupby(text.splitlines(), key=lambda line: bool(line.strip())):
            if is_verse:
                yield list(lines)


def _items(text: str) -> list[Any]:
    try:
        # An int of thousands of digits would be an error of another kind; no number is of use here.
        items = json.loads(text, parse_int=float)
    except json.JSONDecodeError as error:
        raise BotError("upload.json", line=error.lineno) from None
    except RecursionError:
        raise BotError("upload.nested") from None
    if not isinstance(items, list):
        raise BotError("upload.not_a_list")
    return items


def _is_simplified(text: str) -> bool:
    """Whether next to nothing would change if it were simplified."""
    changed = sum(before != after for before, after in zip(text, simplify(text), strict=True))
    return changed < _LEAST_TRADITIONAL * len(text)
