"""Favorites as a file: text and Markdown for people, JSON for programs."""

import json
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from bot.i18n import Strings
from bot.services.favorites import Favorite

FORMAT = 1
"""Of the JSON."""


class FileKind(StrEnum):
    """What favorites are exported as."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


_ENDINGS = {FileKind.TEXT: "txt", FileKind.MARKDOWN: "md", FileKind.JSON: "json"}


class FavoritesFile:
    """The poems in the order they are added, in UTF-8. To add many and to take the content blocks.

    The JSON has `format`, `exported_at` and `poems`; its times are ISO 8601 in UTC. A poem has its `lines` in the
    script it was shown in and as `traditional`, and nothing of whoever asked for it.
    """

    def __init__(self, kind: FileKind, moment: datetime, strings: Strings) -> None:
        """`moment`: when it was asked for."""
        self._kind = kind
        self._moment = moment
        self._strings = strings
        self._poems: list[bytes] = []

    @property
    def name(self) -> str:
        """Its name."""
        return f"favorites.{_ENDINGS[self._kind]}"

    @property
    def count(self) -> int:
        """How many poems it has."""
        return len(self._poems)

    def add(self, favorites: Iterable[Favorite]) -> None:
        """Put them at the end."""
        write = {FileKind.TEXT: self._as_text, FileKind.MARKDOWN: self._as_markdown, FileKind.JSON: _as_json}
        self._poems += [write[self._kind](favorite).encode() for favorite in favorites]

    def content(self) -> bytes:
        """All of it."""
        if self._kind is FileKind.TEXT:
            return b"\n".join(self._poems)
        if self._kind is FileKind.MARKDOWN:
            return b"\n".join([f"# {self._strings('favorites.title')}\n".encode(), *self._poems])
        head = f'{{"format": {FORMAT}, "exported_at": "{self._moment.isoformat()}", "poems": [\n'
        return head.encode() + b",\n".join(self._poems) + b"\n]}\n"

    def _as_text(self, favorite: Favorite) -> str:
        return f"{self._title(favorite)}\n{favorite.poem.text}\n{self._kept(favorite)}\n"

    def _as_markdown(self, favorite: Favorite) -> str:
        # Two spaces at the end of a line break it.
        text = favorite.poem.text.replace("\n", "  \n")
        return f"## {self._title(favorite)}\n\n{text}\n\n*{self._kept(favorite)}*\n"

    def _title(self, favorite: Favorite) -> str:
        return self._strings("poem.title", start=favorite.poem.start)

    def _kept(self, favorite: Favorite) -> str:
        return self._strings("favorites.kept_at", when=f"{favorite.kept_at:%Y-%m-%d}")


def _as_json(favorite: Favorite) -> str:
    poem = favorite.poem
    return json.dumps(
        {
            "start": poem.start,
            "kind": poem.kind,
            "form": poem.form,
            "style": poem.style,
            "pattern": poem.pattern,
            "script": poem.script,
            "mood": poem.mood,
            "seed": poem.seed,
            "model": poem.model,
            "lines": poem.lines,
            "traditional": poem.traditional,
            "written_at": poem.created_at.isoformat(),
            "kept_at": favorite.kept_at.isoformat(),
        },
        ensure_ascii=False,
    )
