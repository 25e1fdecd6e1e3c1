"""A file for one person, packed where it is too large to be sent as it is."""

import io
import zipfile
from pathlib import PurePath


class TooLargeError(Exception):
    """The file cannot be sent even when it is packed."""

    def __init__(self, size: int) -> None:
        """`size`: packed, in bytes."""
        super().__init__(size)
        self.size = size


def packed(content: bytes, name: str, limit: int) -> tuple[bytes, str]:
    """What to send, of `limit` bytes at most, and its name: a zip of that name where it is larger as it is; blocks.

    `TooLargeError` when that is not enough.
    """
    if len(content) <= limit:
        return content, name
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    if (size := buffer.tell()) > limit:
        raise TooLargeError(size)
    return buffer.getvalue(), str(PurePath(name).with_suffix(".zip"))
