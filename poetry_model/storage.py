"""Writing a folder whole or not at all."""

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(destination: Path) -> Iterator[Path]:
    """A new folder to write into; on success it takes the place of `destination`, on an error it vanishes.

    The files are on disk before the names change, so that whatever stands at `destination` is whole. Where an old
    folder goes, a crash between the two changes of name leaves it beside, as `.NAME.old.*/NAME`: see `recover`.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    try:
        yield temporary
        temporary.chmod(0o755)  # mkdtemp keeps others out; a bundle may be shared
        for file in temporary.rglob("*"):
            _sync(file)
        _sync(temporary)
        if destination.exists():
            outgoing = Path(tempfile.mkdtemp(prefix=f".{destination.name}.old.", dir=destination.parent))
            destination.rename(outgoing / destination.name)
            try:
                temporary.rename(destination)
            except BaseException:
                (outgoing / destination.name).rename(destination)
                raise
            finally:
                shutil.rmtree(outgoing)
        else:
            temporary.rename(destination)
        _sync(destination.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def recover(destination: Path) -> None:
    """Bring back the folder that a crash in `replacing` left beside `destination`, while nobody writes it."""
    if not destination.exists():
        for left in destination.parent.glob(f".{glob.escape(destination.name)}.old.*/{glob.escape(destination.name)}"):
            left.rename(destination)
            left.parent.rmdir()
            break


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
