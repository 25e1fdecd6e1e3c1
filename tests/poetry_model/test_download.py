import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

import poetry_model
from poetry_model.download import Progress, download
from poetry_model.errors import DownloadError
from tests.poetry_model.host import CONTENT, HALF, LIMITS, NAME, Answer, Host, changed, files_in, hold, honest

Bring = Callable[[], Progress]
Command = Callable[..., tuple[int, str, str]]


def _until(condition: Callable[[], bool]) -> None:
    end = time.perf_counter() + 30
    while not condition():
        assert time.perf_counter() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def bring(host: Host, tmp_path: Path) -> Bring:
    """Download what the host has into tmp_path."""
    return lambda: download(host.digests, tmp_path, host.address, lambda _: None, LIMITS)


def test_files_come_whole_and_are_told_of(host: Host, tmp_path: Path) -> None:
    host.files |= {f"strains/json/{number}.json": b"%d" % number for number in range(20)}
    told: list[Progress] = []
    done = download(host.digests, tmp_path, host.address + "/", told.append, LIMITS)
    assert files_in(tmp_path) == host.files
    assert done == told[-1] == Progress(21, brought=21, received=sum(map(len, host.files.values())))
    assert [step.received for step in told] == sorted(step.received for step in told)
    assert ("/%E5%85%A8%E5%94%90%E8%AF%97/poet.tang.0.json", None) in host.requests


def test_what_is_there_is_not_asked_for_again(bring: Bring, host: Host) -> None:
    bring()
    assert bring() == Progress(1, present=1)
    assert len(host.requests) == 1


def test_a_refusal_leaves_the_other_files(bring: Bring, host: Host, tmp_path: Path) -> None:
    bring()
    host.files["strains/json/0.json"] = b"[]"
    host.script["strains/json/0.json"] = [changed]
    with pytest.raises(DownloadError, match="strains/json/0"):
        bring()
    assert files_in(tmp_path) == {NAME: CONTENT}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "corpus",
        "/corpus",
        "file:///corpus",
        "ftp://a/b",
        "http://",
        "http:///a",
        "http://[",
        "http://a:b/",
        "http://a b",
        "http://a\n",
        "http://詩/",
        f"http://{'a' * 64}/",
        "http://me:secret@a/",
    ],
)
def test_what_is_no_address_of_the_web_is_refused_before_anything_is_made(tmp_path: Path, address: str) -> None:
    with pytest.raises(DownloadError, match=r"is no http or https address; give one like .*\.$"):
        download({NAME: "0" * 64}, tmp_path / "new", address, lambda _: None)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("in_the_way", [".", "全唐诗", f"{NAME}.part/a"])
def test_a_place_that_cannot_be_written_is_told(host: Host, tmp_path: Path, in_the_way: str) -> None:
    folder = tmp_path / "corpus"
    (folder / in_the_way).parent.mkdir(parents=True, exist_ok=True)
    (folder / in_the_way).write_bytes(b"")
    with pytest.raises(DownloadError, match=r"corpus.* cannot be (written|used) \(\w.*\.$"):
        download(host.digests, folder, host.address, lambda _: None, LIMITS)


_IN_A_PROCESS = """
import json, resource, sys
from pathlib import Path
from urllib.parse import unquote
from poetry_model.download import download
from poetry_model.errors import DownloadError

files, folder, address, room = json.loads(sys.argv[1])
# The system's own refusal, at a place of our choosing; a full disk gives another number and comes the same way.
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    download(files, Path(folder), address, lambda _: None)
except DownloadError as error:
    print(error)
"""


def _in_a_process(host: Host, folder: Path, room: int) -> subprocess.Popen[str]:
    """A download by another process, which may write files of up to `room` bytes."""
    return subprocess.Popen(
        [sys.executable, "-c", _IN_A_PROCESS, json.dumps([host.digests, str(folder), host.address, room])],
        cwd=Path(poetry_model.__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_disk_without_room_is_told_and_what_came_is_kept(bring: Bring, host: Host, tmp_path: Path) -> None:
    with _in_a_process(host, tmp_path, room=1000) as process:
        said, _ = process.communicate()
    assert "poet.tang.0.json cannot be written (File too large); make room there" in said
    assert files_in(tmp_path) == {f"{NAME}.part": CONTENT[:1000]}
    assert bring().received == len(CONTENT) - 1000
    assert files_in(tmp_path) == host.files


def test_ctrl_c_does_not_wait_for_a_silent_server(host: Host, tmp_path: Path) -> None:
    host.script[NAME] = [hold]
    with _in_a_process(host, tmp_path, room=len(CONTENT)) as process:
        _until(lambda: files_in(tmp_path) == {f"{NAME}.part": CONTENT[:HALF]})
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT


def test_ctrl_c_may_come_before_all_have_begun(
    bring: Bring, host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begin, begun = threading.Thread.start, threading.Event()

    def start(thread: threading.Thread) -> None:
        if thread.name.endswith("(work)") and begun.is_set():
            raise KeyboardInterrupt
        begun.set()
        begin(thread)

    host.files |= {"strains/json/0.json": b"[]"}
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            bring()
    bring()
    assert files_in(tmp_path) == host.files


def test_two_downloads_into_one_folder_do_not_mix(bring: Bring, host: Host, tmp_path: Path) -> None:
    said: list[str] = []

    def try_too(answer: Answer, content: bytes) -> None:
        with pytest.raises(DownloadError) as refusal:
            bring()
        said.append(str(refusal.value))
        honest(answer, content)

    host.script[NAME] = [try_too]
    bring()
    assert said == [f"Another download into {tmp_path} is going on; wait until it ends."]
    assert files_in(tmp_path) == host.files


def test_four_files_come_at_once_and_no_more(bring: Bring, host: Host) -> None:
    lock = threading.Lock()
    four = threading.Event()
    going: list[int] = []
    most: list[int] = []

    def together(answer: Answer, content: bytes) -> None:
        with lock:
            going.append(1)
            most.append(len(going))
        if len(going) >= 4:
            four.set()
        four.wait(10)
        time.sleep(0.2)  # for a fifth to come
        with lock:
            going.pop()
        honest(answer, content)

    host.files = {str(number): b"%d" % number for number in range(8)}
    host.script = {name: [together] for name in host.files}
    bring()
    assert max(most) == 4


@pytest.mark.parametrize("begun", [CONTENT[:HALF], b""])
def test_after_a_refusal_nothing_more_is_written(bring: Bring, host: Host, tmp_path: Path, begun: bytes) -> None:
    asked = threading.Event()
    sent = threading.Event()
    left = {f"{NAME}.part": begun} if begun else {}

    def send_late(answer: Answer, content: bytes) -> None:
        if begun:
            answer.head(200, Content_Length=len(content))
            answer.wfile.write(begun)
        asked.set()
        answer.server.released.wait()
        if not begun:
            answer.head(200, Content_Length=len(content))
        answer.wfile.write(content[len(begun) :])
        sent.set()

    def refuse(answer: Answer, _: bytes) -> None:
        asked.wait()
        _until(lambda: files_in(tmp_path) == left)
        answer.head(404)

    host.files["1"] = b"1"
    host.script = {NAME: [send_late], "1": [refuse]}
    with pytest.raises(DownloadError, match="404"):
        bring()
    host.released.set()
    assert sent.wait(10)
    time.sleep(0.1)
    assert files_in(tmp_path) == left


@pytest.fixture
def small_list(host: Host, corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """The host has the small corpus and a Song file, and the package's list is of these."""
    host.files = {path: content for path, content in files_in(corpus_folder).items() if path.endswith(".json")}
    host.files["全唐诗/poet.song.0.json"] = b"[]"
    content = {"repository": "owner/verse", "commit": "0123456789abcdef", "licence": "MIT", "sha256": host.digests}
    (tmp_path / "list.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr("poetry_model.upstream._LIST", tmp_path / "list.json")
    return host


def test_the_command_brings_a_corpus_that_can_be_used(command: Command, small_list: Host, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "corpus"
    tang = {name: content for name, content in small_list.files.items() if "tang" in name}
    code, out, told = command("corpus", "download", folder, "--address", small_list.address)
    size = sum(map(len, tang.values())) / 2**20
    assert code == 0
    assert out == f"2 files: 2 downloaded ({size:.1f} MiB), 0 already there; owner/verse (MIT) at 0123456789ab\n"
    assert "2/2 files" in told
    assert files_in(folder) == tang
    code, out, _ = command("corpus", "check", folder)
    assert code == 0
    assert out.startswith("1 files, ")
    code, out, _ = command("corpus", "download", folder, "--address", small_list.address, "--song")
    assert out.startswith("3 files: 1 downloaded (0.0 MiB), 2 already there")
    assert files_in(folder) == small_list.files


def test_the_command_says_in_one_sentence_what_cannot_be_had(
    command: Command, small_list: Host, tmp_path: Path
) -> None:
    small_list.script = {name: [changed] for name in small_list.files}
    code, out, told = command("corpus", "download", tmp_path / "corpus", "--address", small_list.address)
    assert (code, out) == (2, "")
    assert "differs from the pinned commit; nothing of it was kept" in told.splitlines()[-1]


def test_ctrl_c_leaves_what_the_same_command_goes_on_with(command: Command, small_list: Host, tmp_path: Path) -> None:
    def interrupt(answer: Answer, content: bytes) -> None:
        answer.head(200, Content_Length=len(content))
        answer.wfile.write(content[:HALF])
        answer.wfile.flush()
        _until(lambda: content[:HALF] in files_in(tmp_path).values())
        os.kill(os.getpid(), signal.SIGINT)
        answer.server.released.wait()

    arguments = ("corpus", "download", tmp_path / "corpus", "--address", small_list.address)
    [verse] = [name for name in small_list.files if "全唐诗/poet.tang" in name]
    small_list.script[verse] = [interrupt]
    code, out, told = command(*arguments)
    assert (code, out) == (130, "")
    assert told.endswith("Interrupted; the same command goes on from where it stopped.\n")
    assert not (tmp_path / "corpus" / verse).exists()
    small_list.requests.clear()
    assert command(*arguments)[0] == 0
    assert [asked for path, asked in small_list.requests if unquote(path) == f"/{verse}"] == [f"bytes={HALF}-"]
