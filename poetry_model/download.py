"""Bringing the files of the public corpus into a folder, a few at once, and telling how far it is."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self

from rich import progress as bars
from rich.console import Console

from poetry_model.errors import DownloadError
from poetry_model.fetching import Fetcher, Limits, StoppedError

if sys.platform != "win32":
    import fcntl

_AT_ONCE = 4
"""Connections: kind to the server, and enough to hide its answering time."""

_GRACE = 0.25
"""Seconds each thread is given to end; one that waits for a silent server is left behind."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is."""

    files: int = 0
    """Files that were asked for."""
    brought: int = 0
    """Files that came."""
    present: int = 0
    """Files that were there already."""
    received: int = 0
    """Bytes that came."""

    @property
    def done(self) -> int:
        """Files in the folder, whole."""
        return self.brought + self.present

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.files + other.files,
            self.brought + other.brought,
            self.present + other.present,
            self.received + other.received,
        )

    def summary(self) -> str:
        """One line for people."""
        return f"{self.files:,} files: {self.brought:,} downloaded ({self.volume}), {self.present:,} already there"

    @property
    def volume(self) -> str:
        """What came, for people."""
        return f"{self.received / 2**20:,.1f} MiB"


def download(
    files: Mapping[str, str],
    folder: Path,
    address: str,
    report: Callable[[Progress], None],
    limits: Limits | None = None,
) -> Progress:
    """Bring `files` (path → SHA-256) from below `address` into `folder`, four at a time; returns what was done.

    A file that is there with its digest is left alone, one that differs is replaced, a `.part` is gone on with. Each
    file appears whole or not at all. `report` is called in this thread. Raises `DownloadError` for the first file that
    cannot be had; then, and after Ctrl-C, what has come stays for the next call.
    """
    stop = threading.Event()
    news: SimpleQueue[Progress | BaseException] = SimpleQueue()
    fetcher = Fetcher(address, limits or Limits(), stop, lambda size: news.put(Progress(received=size)))
    waiting: SimpleQueue[tuple[str, str]] = SimpleQueue()
    for file in files.items():
        waiting.put(file)

    def work() -> None:
        try:
            while not stop.is_set():
                name, digest = waiting.get_nowait()
                brought = fetcher.fetch(name, digest, folder / name)
                news.put(Progress(brought=1) if brought else Progress(present=1))
        except (Empty, StoppedError):
            return
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            news.put(error)

    # Daemons: Ctrl-C does not wait for a server that is silent.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(_AT_ONCE, len(files)))]
    progress = Progress(len(files))
    with _alone_in(folder):
        try:
            for thread in threads:
                thread.start()
            report(progress)
            while progress.done < progress.files:
                step = news.get()
                if isinstance(step, BaseException):
                    raise step
                progress += step
                report(progress)
        finally:
            stop.set()
            # Ctrl-C may come before the last of them has started.
            for thread in filter(threading.Thread.is_alive, threads):
                thread.join(_GRACE)
    return progress


@contextmanager
def download_bar() -> Iterator[Callable[[Progress], None]]:
    """A bar on standard error; gives what moves it."""
    columns = (
        bars.BarColumn(),
        bars.TextColumn("{task.completed:,}/{task.total:,} files · {task.fields[volume]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True, highlight=False), refresh_per_second=4) as bar:
        task = bar.add_task("download", volume="", visible=False)
        yield lambda progress: bar.update(
            task,
            total=progress.files,
            completed=progress.done,
            volume=progress.volume,
            visible=True,
            refresh=progress.done == progress.files,
        )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Make `folder`, and keep a second download out of it: both would write to one part."""
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if sys.platform != "win32":  # where a folder cannot be opened
                descriptor = os.open(folder, os.O_RDONLY)
                stack.callback(os.close, descriptor)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise DownloadError(f"Another download into {folder} is going on; wait until it ends.") from error
                except OSError:
                    pass  # some network file systems lock no folder
        except OSError as error:
            raise DownloadError(f"{folder} cannot be used ({error.strerror}); choose another folder.") from error
        yield
