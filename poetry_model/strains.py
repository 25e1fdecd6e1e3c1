"""The tones that chinese-poetry gives beside its poems: `strains/json/`, file for file and item for item."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from poetry_model.corpus import Dynasty, are_strings, corpus_files, load_items
from poetry_model.errors import CorpusError

_FOLDER = Path("strains", "json")


def read_strains(folder: Path, pattern: str = Dynasty.TANG.pattern) -> list[tuple[str, str]]:
    """Pairs of a line and its tones (平, 仄, ○ either, ？ unknown), punctuation included; empty where there are none.

    `folder` is the one the corpus is read from. Raises `CorpusError` when a file that is there cannot be used.
    """
    return [
        pair
        for file in corpus_files(folder, pattern)
        if os.path.lexists(strains := folder / _FOLDER / file.name)
        for pair in _pairs(file, strains)
    ]


def _pairs(file: Path, strains: Path) -> Iterator[tuple[str, str]]:
    for poem, sounds in zip(_load(file), _load(strains), strict=False):
        # A few items stand out of order; what belongs to another poem is passed over.
        if _id(poem, file) == _id(sounds, strains):
            yield from zip(_strings(poem, "paragraphs", file), _strings(sounds, "strains", strains), strict=False)


def _id(item: dict[str, Any], file: Path) -> str | int | None:
    value = item.get("id")
    if not isinstance(value, str | int | None):
        raise CorpusError(f'{file} has an item whose "id" is no string; use the files as they are.')
    return value


def _strings(item: dict[str, Any], key: str, file: Path) -> list[str]:
    value = item.get(key, [])
    if not are_strings(value):
        raise CorpusError(f'{file} has an item without a list of strings under "{key}"; use the files as they are.')
    return value


def _load(file: Path) -> list[dict[str, Any]]:
    items = load_items(file)
    if not all(isinstance(item, dict) for item in items):
        raise CorpusError(f"{file} does not hold a list of poems; use chinese-poetry's files as they are.")
    return items
