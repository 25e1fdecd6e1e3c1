"""One file over HTTP: gone on with where it was cut, checked against its digest, there whole or not at all."""

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from poetry_model.errors import DownloadError

_SCHEMES = ("http", "https")
_PIECE = 64 * 1024
"""Bytes read at most between two looks at the clock."""

_REDIRECTS = 5
_MOVED = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
"""Beside 5xx, the answers that may be another the next time."""

_LONGEST_WAIT = 60
"""Seconds, however long the server asks for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient to be with a server, and how much to take from it."""

    tries: int = 5
    delay: float = 0.5
    """Seconds before the second try; each wait is twice the one before."""
    silence: float = 30.0
    """Seconds without a byte after which a connection counts as cut."""
    attempt: float = 300.0
    """Seconds one connection may take."""
    size: int = 64 * 2**20
    """Bytes of one file: over a hundred times the largest of the corpus."""


class StoppedError(Exception):
    """The download was asked to stop; what has come lies in the part."""


class _CutError(Exception):
    """A try failed, the next may not; says why, and for how many seconds the server asks to be left alone."""

    def __init__(self, reason: str, wait: int = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class Fetcher:
    """Brings files from below one address. One instance may serve several threads.

    `received` is called with the bytes of each piece that comes, in the thread that fetches; `stop` ends what is going
    on at the next piece. Raises `DownloadError` when `address` is none of the web's.
    """

    def __init__(self, address: str, limits: Limits, stop: threading.Event, received: Callable[[int], None]) -> None:
        if not _is_web_address(address):
            raise DownloadError(f"{address!r} is no http or https address; give one like https://example.org/corpus.")
        self._address = address.rstrip("/")
        self._limits = limits
        self._stop = stop
        self._received = received
        # No handler of files or FTP, and none that follows a redirect or reads the body of a refusal unasked.
        self._opener = OpenerDirector()
        self._opener.addheaders = [("User-Agent", "shiren")]
        for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler()):
            self._opener.add_handler(handler)

    def fetch(self, name: str, digest: str, target: Path) -> bool:
        """Bring `name` to `target` unless it is there with that SHA-256; returns whether it had to be brought.

        What has come so far lies beside as `.part`. Raises `DownloadError`, and `StoppedError` when asked to stop.
        """
        try:
            if _has(target, digest):
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.part")
            self._complete(name, digest, part)
            part.replace(target)
        except OSError as error:
            raise DownloadError(
                f"{target} cannot be written ({error.strerror}); make room there or choose another folder, "
                "then run the same command: it goes on from where it stopped."
            ) from error
        return True

    def _complete(self, name: str, digest: str, part: Path) -> None:
        """Make `part` the file with that digest, and have it on disk."""
        cut: _CutError | None = None
        failures = 0
        restarted = False
        # The digest decides, not the length that was claimed: after a cut as well all may have come.
        while not _has(part, digest):
            if cut:
                self._pause(name, cut, failures)
            begun = _size(part) > 0
            try:
                self._receive(name, part)
                cut = None
            except _CutError as error:
                cut = error
                failures += 1
                continue
            if _has(part, digest):
                break
            part.unlink()
            # What an earlier run left may have been of another file; what came in one piece is the server's.
            if restarted or not begun:
                raise DownloadError(
                    f"{name} from {self._address} differs from the pinned commit; nothing of it was kept: "
                    "name another address, or try again later."
                )
            restarted = True
        with part.open("r+b") as file:
            os.fsync(file.fileno())

    def _pause(self, name: str, cut: _CutError, failures: int) -> None:
        if failures >= self._limits.tries:
            raise DownloadError(
                f"{name} could not be had from {self._address} ({cut}); check the network and the address, "
                "then run the same command: it goes on from where it stopped."
            )
        if self._stop.wait(max(self._limits.delay * 2 ** (failures - 1), cut.wait)):
            raise StoppedError

    def _receive(self, name: str, part: Path) -> None:
        """Add to `part` what one answer brings; begin it anew where the server does."""
        size = _size(part)
        until = time.perf_counter() + self._limits.attempt
        with self._open(name, size) as response:
            self._check(response, name)
            self._go_on()
            # Whether it goes on at the right place, the digest says.
            if size and response.status != HTTPStatus.PARTIAL_CONTENT:
                part.unlink()
                size = 0
            with part.open("ab") as file:
                for piece in self._pieces(response, until):
                    size += len(piece)
                    if size > self._limits.size:
                        break
                    file.write(piece)
                    file.flush()  # a thread left behind must hold nothing that it could write later
                    self._received(len(piece))
        if size > self._limits.size:
            part.unlink()
            raise DownloadError(
                f"{name} from {self._address} is longer than {self._limits.size:,} bytes, as no file of the corpus is; "
                "nothing of it was kept: name another address."
            )

    def _pieces(self, response: HTTPResponse, until: float) -> Iterator[bytes]:
        """The body, piece by piece; `_CutError` where it ends before the length that the server gave."""
        left = response.length
        while left is None or left > 0:
            with _over_the_network():
                piece = response.read1(_PIECE)
            self._go_on()
            if not piece:
                if left is None:
                    return
                raise _CutError("the connection was cut")
            if left is not None:
                left -= len(piece)
            yield piece
            if left != 0 and time.perf_counter() > until:
                raise _CutError(f"it took more than {self._limits.attempt:,.0f} seconds")

    def _open(self, name: str, begin: int) -> HTTPResponse:
        """The answer to a request for `name` from byte `begin` on, redirects followed within the web."""
        url = f"{self._address}/{quote(name)}"
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        for _ in range(_REDIRECTS + 1):
            with _over_the_network():
                request = Request(url, headers=headers)  # noqa: S310 - the scheme has been looked at
                response: HTTPResponse = self._opener.open(request, timeout=self._limits.silence)
            if response.status not in _MOVED:
                return response
            with response:
                url = _followed(url, response.headers.get("Location", ""))
            if not _is_web_address(url):
                break
        raise DownloadError(f"{self._address} sends elsewhere for {name}, not to be followed; name another address.")

    def _go_on(self) -> None:
        """End here when asked to: after each wait for the server, before the folder is touched."""
        if self._stop.is_set():
            raise StoppedError

    def _check(self, response: HTTPResponse, name: str) -> None:
        """Refuse an answer that is no file, for now or for good."""
        status = response.status
        # 416 answers a part that is longer than the file: what comes with it is not the file, and the next try is.
        if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
            return
        answer = str(status)
        if status in set(HTTPStatus):
            answer += f" {HTTPStatus(status).phrase}"
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = response.headers.get("Retry-After", "")
            raise _CutError(answer, min(int(wait), _LONGEST_WAIT) if re.fullmatch("[0-9]{1,9}", wait) else 0)
        raise DownloadError(f"{self._address} does not give {name} ({answer}); name another address.")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc
    return plain and parts.scheme in _SCHEMES and host != b""


def _followed(url: str, location: str) -> str:
    """Where `location` leads from `url`; empty where it is no address."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


@contextmanager
def _over_the_network() -> Iterator[None]:
    """Tell what the network or the server breaks from what the disk does."""
    try:
        yield
    except OSError as error:
        cause = error.reason if isinstance(error, URLError) else error
        reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
        raise _CutError("".join(filter(str.isprintable, reason))) from error
    except HTTPException as error:
        raise _CutError("the answer broke off or is not HTTP") from error


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _has(file: Path, digest: str) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == digest
