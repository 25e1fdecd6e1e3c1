"""A web server that keeps its word, cuts, lies or never ends, as a test has it."""

import hashlib
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from poetry_model.fetching import Limits

NAME = "全唐诗/poet.tang.0.json"
CONTENT = bytes(range(256)) * 10
HALF = len(CONTENT) // 2
LIMITS = Limits(tries=3, delay=0.01, size=4 * len(CONTENT))
"""As the command's, for a test that does not wait."""


class Host(ThreadingHTTPServer):
    """A real server of `files`, which answers as `script` has it for a file, and honestly after that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {NAME: CONTENT}
        self.script: dict[str, list[Behaviour]] = {}
        self.requests: list[tuple[str, str | None]] = []
        """Of each request, the path as it came and the range."""
        self.released = threading.Event()
        """What is held open ends."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def ranges(self) -> list[str | None]:
        return [asked for _, asked in self.requests]

    @property
    def digests(self) -> dict[str, str]:
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}

    def handle_error(self, *_: object) -> None:
        """Say nothing of connections that the other side closed."""


class Answer(BaseHTTPRequestHandler):
    """One answer of a `Host`."""

    server: Host

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        name = unquote(self.path).removeprefix("/")
        script = self.server.script.get(name)
        (script.pop(0) if script else honest)(self, self.server.files.get(name, b""))

    def do_CONNECT(self) -> None:
        self.send_response(403, "\x1b[31mno")
        self.end_headers()

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


Behaviour = Callable[[Answer, bytes], None]


def honest(answer: Answer, content: bytes) -> None:
    asked = re.fullmatch("bytes=([0-9]+)-", answer.headers.get("Range", ""))
    begin = int(asked[1]) if asked else 0
    if begin >= len(content):
        answer.head(416, Content_Range=f"bytes */{len(content)}")
        return
    where = {"Content_Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"} if asked else {}
    answer.head(206 if asked else 200, Content_Length=len(content) - begin, **where)
    answer.wfile.write(content[begin:])


def without_ranges(answer: Answer, content: bytes) -> None:
    answer.head(200, Content_Length=len(content))
    answer.wfile.write(content)


def in_chunks(answer: Answer, content: bytes) -> None:
    answer.protocol_version = "HTTP/1.1"
    answer.head(200, Transfer_Encoding="chunked", Connection="close")
    for piece in (content[:HALF], content[HALF:], b""):
        answer.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))


def cut_in_a_chunk(answer: Answer, content: bytes) -> None:
    answer.protocol_version = "HTTP/1.1"
    answer.head(200, Transfer_Encoding="chunked", Connection="close")
    answer.wfile.write(b"%x\r\n%s" % (len(content), content[:HALF]))


def cut(answer: Answer, content: bytes) -> None:
    answer.head(200, Content_Length=len(content))
    answer.wfile.write(content[:HALF])


def hold(answer: Answer, content: bytes) -> None:
    answer.head(200, Content_Length=len(content))
    answer.wfile.write(content[:HALF])
    answer.server.released.wait()


def hang_up(answer: Answer, _: bytes) -> None:
    answer.close_connection = True


def babble(answer: Answer, _: bytes) -> None:
    answer.wfile.write(b"\x1b[31mhello\r\n\r\n")


def elsewhere_in_the_file(answer: Answer, content: bytes) -> None:
    answer.head(206, Content_Length=HALF, Content_Range=f"bytes 1-{HALF}/{len(content)}")
    answer.wfile.write(content[1 : HALF + 1])


def changed(answer: Answer, content: bytes) -> None:
    honest(answer, content[:-1] + b"!")


def endless(answer: Answer, content: bytes) -> None:
    answer.head(200)
    while not answer.server.released.is_set():
        answer.wfile.write(content)


def trickle(answer: Answer, content: bytes) -> None:
    answer.head(200, Content_Length=len(content))
    for byte in content:
        answer.wfile.write(bytes([byte]))
        if answer.server.released.wait(0.02):
            return


def claim(length: object, *, close: bool = True) -> Behaviour:
    def answer_with_that_length(answer: Answer, content: bytes) -> None:
        answer.head(200, Content_Length=length)
        answer.wfile.write(content)
        answer.wfile.flush()
        if not close:
            answer.server.released.wait()

    return answer_with_that_length


def status(code: int, **headers: object) -> Behaviour:
    return lambda answer, _: answer.head(code, **headers)


def redirect(location: str) -> Behaviour:
    return status(302, Location=location)


def files_in(folder: Path) -> dict[str, bytes]:
    """Path → content of all that lies in `folder`."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
