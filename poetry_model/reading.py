"""Reading files that others made: no more of them than is expected, and nothing that is said in two ways."""

import errno
import hashlib
import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LARGEST_JSON = 2**20
"""Bytes of a JSON file of ours; the shipped one of prosody has 100,000. Parsed, JSON can take twenty times its size."""

_LONGEST_SHOWN = 80
"""Characters of a foreign value that a sentence shows."""


def read_file(file: Path, largest: int) -> bytes:
    """The content of `file`.

    Raises `OSError` when it cannot be read, is no regular file (a pipe keeps its reader waiting, a device never ends)
    or has more than `largest` bytes.
    """
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    if status.st_size > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest / 2**20:,.0f} MiB")
    with file.open("rb") as opened:
        # Asked for `largest` bytes, Python would set them aside at once.
        return opened.read(status.st_size)


def parse_json(content: bytes) -> Any:
    """What a JSON file of ours says; `ValueError` for what is no JSON, nests too deep, or has a key twice."""
    try:
        return json.loads(content.decode(), object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("it nests too deep") from error


def digest(table: Mapping[str, Any]) -> str:
    """The SHA-256 of what a table of JSON says, in hexadecimal, however it is laid out.

    Raises `ValueError` where it nests too deep.
    """
    try:
        canonical = json.dumps(table, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise ValueError("it nests too deep") from error
    return hashlib.sha256(canonical.encode()).hexdigest()


def shown(value: object) -> str:
    """A foreign value as a sentence can show it: on one line, and not for pages."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # A number of thousands of digits, or a table in a table in a table.
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands there twice")
    return table
