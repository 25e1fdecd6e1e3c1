import gc
import re
import socket
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from poetry_model.errors import DownloadError
from poetry_model.fetching import Fetcher, Limits
from tests.poetry_model.host import (
    CONTENT,
    HALF,
    LIMITS,
    NAME,
    Behaviour,
    Host,
    babble,
    changed,
    claim,
    cut,
    cut_in_a_chunk,
    elsewhere_in_the_file,
    endless,
    files_in,
    hang_up,
    hold,
    in_chunks,
    redirect,
    status,
    trickle,
    without_ranges,
)

Fetch = Callable[..., int]


@pytest.fixture
def fetch(host: Host, tmp_path: Path) -> Fetch:
    """Bring the host's file into tmp_path; gives the bytes that came."""
    digest = host.digests[NAME]

    def call(limits: Limits = LIMITS, address: str = host.address) -> int:
        received: list[int] = []
        fetcher = Fetcher(address, limits, threading.Event(), received.append)
        brought = fetcher.fetch(NAME, digest, tmp_path / NAME)
        assert brought
        return sum(received)

    return call


def _leave_part(folder: Path, content: bytes) -> Path:
    part = folder / f"{NAME}.part"
    part.parent.mkdir()
    part.write_bytes(content)
    return part


def _leave_another(folder: Path) -> Path:
    file = folder / NAME
    file.parent.mkdir()
    file.write_bytes(b"mine")
    return file


def _refused(fetch: Fetch, limits: Limits = LIMITS) -> str:
    with pytest.raises(DownloadError) as refusal:
        fetch(limits)
    said = str(refusal.value)
    assert re.fullmatch(r"[^\n]+[.]", said)
    assert said.isprintable()
    return said


def test_a_file_that_differs_is_replaced(fetch: Fetch, host: Host, tmp_path: Path) -> None:
    _leave_another(tmp_path)
    assert fetch() == len(CONTENT)
    assert files_in(tmp_path) == host.files


@pytest.mark.parametrize(
    ("behaviour", "limits"), [(cut, LIMITS), (cut_in_a_chunk, LIMITS), (hold, replace(LIMITS, silence=0.5))]
)
def test_a_cut_connection_goes_on_where_it_was_cut(
    fetch: Fetch, host: Host, tmp_path: Path, behaviour: Behaviour, limits: Limits
) -> None:
    host.script[NAME] = [behaviour]
    assert fetch(limits) == len(CONTENT)
    assert host.ranges == [None, f"bytes={HALF}-"]
    assert files_in(tmp_path) == host.files


def test_a_part_of_an_earlier_run_is_gone_on_with(fetch: Fetch, host: Host, tmp_path: Path) -> None:
    _leave_part(tmp_path, CONTENT[:100])
    assert fetch() == len(CONTENT) - 100
    assert host.ranges == ["bytes=100-"]
    assert files_in(tmp_path) == host.files


def test_a_part_that_is_whole_needs_no_server(fetch: Fetch, host: Host, tmp_path: Path) -> None:
    _leave_part(tmp_path, CONTENT)
    assert fetch() == 0
    assert host.requests == []
    assert files_in(tmp_path) == host.files


@pytest.mark.parametrize("behaviour", [without_ranges, in_chunks])
def test_a_server_without_ranges_is_read_from_the_start(
    fetch: Fetch, host: Host, tmp_path: Path, behaviour: Behaviour
) -> None:
    _leave_part(tmp_path, CONTENT[:HALF])
    host.script[NAME] = [behaviour]
    fetch()
    assert len(host.requests) == 1
    assert files_in(tmp_path) == host.files


@pytest.mark.parametrize(
    ("part", "script"),
    [
        pytest.param(b"of another file", [], id="the beginning of another file"),
        pytest.param(CONTENT + CONTENT, [], id="longer than the file"),
        pytest.param(CONTENT[:HALF], [elsewhere_in_the_file], id="the server goes on elsewhere"),
        pytest.param(CONTENT[:HALF], [status(206)], id="the server does not say where it goes on"),
    ],
)
def test_a_part_that_cannot_be_gone_on_with_is_begun_anew(
    fetch: Fetch, host: Host, tmp_path: Path, part: bytes, script: list[Behaviour]
) -> None:
    _leave_part(tmp_path, part)
    host.script[NAME] = script
    fetch()
    assert host.ranges == [f"bytes={len(part)}-", None]
    assert files_in(tmp_path) == host.files


@pytest.mark.parametrize(
    ("behaviour", "limits"),
    [
        (claim(len(CONTENT) + 1), LIMITS),
        (claim(10**15), LIMITS),
        (claim(-1), LIMITS),
        (claim("long"), LIMITS),
        (claim(len(CONTENT) * 2, close=False), replace(LIMITS, silence=0.5)),
        (in_chunks, LIMITS),
    ],
)
def test_the_digest_decides_and_not_the_length_that_is_claimed(
    fetch: Fetch, host: Host, tmp_path: Path, behaviour: Behaviour, limits: Limits
) -> None:
    host.script[NAME] = [behaviour]
    fetch(limits)
    assert len(host.requests) == 1
    assert files_in(tmp_path) == host.files


@pytest.mark.parametrize("behaviour", [changed, claim(HALF), claim(0)])
def test_a_file_that_is_not_the_pinned_one_is_not_kept(
    fetch: Fetch, host: Host, tmp_path: Path, behaviour: Behaviour
) -> None:
    host.script[NAME] = [behaviour]
    said = _refused(fetch)
    assert f"{NAME} from {host.address} differs from the pinned commit; nothing of it was kept" in said
    assert len(host.requests) == 1
    assert files_in(tmp_path) == {}


def test_a_part_is_given_one_new_start_and_no_more(fetch: Fetch, host: Host, tmp_path: Path) -> None:
    _leave_part(tmp_path, CONTENT[:HALF])
    host.script[NAME] = [changed] * 9
    assert "differs" in _refused(fetch)
    assert host.ranges == [f"bytes={HALF}-", None]
    assert files_in(tmp_path) == {}


def test_a_new_start_that_is_cut_gives_no_other(fetch: Fetch, host: Host, tmp_path: Path) -> None:
    _leave_part(tmp_path, CONTENT[:100])
    host.script[NAME] = [changed, cut, changed]
    assert "differs" in _refused(fetch)
    assert host.ranges == ["bytes=100-", None, f"bytes={HALF}-"]
    assert files_in(tmp_path) == {}


def test_what_stood_there_stays_when_its_successor_does_not_come(fetch: Fetch, host: Host, tmp_path: Path) -> None:
    file = _leave_another(tmp_path)
    host.script[NAME] = [changed]
    _refused(fetch)
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("code", "answer"), [(404, "404 Not Found"), (403, "403 Forbidden"), (299, "299"), (304, "304 Not Modified")]
)
def test_a_refusal_for_good_is_told_at_once(fetch: Fetch, host: Host, code: int, answer: str) -> None:
    host.script[NAME] = [status(code)]
    assert _refused(fetch) == f"{host.address} does not give {NAME} ({answer}); name another address."
    assert len(host.requests) == 1


@pytest.mark.parametrize("behaviour", [status(503), status(429, Retry_After="soon"), status(999), hang_up, babble])
def test_what_may_pass_is_tried_again(fetch: Fetch, host: Host, tmp_path: Path, behaviour: Behaviour) -> None:
    host.script[NAME] = [behaviour] * 2
    fetch()
    assert len(host.requests) == 3
    assert files_in(tmp_path) == host.files


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (status(503), "503 Service Unavailable"),
        (hang_up, "Remote end closed connection without response"),
        (babble, "the answer broke off or is not HTTP"),
    ],
)
def test_what_does_not_pass_is_given_up(fetch: Fetch, host: Host, behaviour: Behaviour, why: str) -> None:
    host.script[NAME] = [behaviour] * 9
    assert f"{NAME} could not be had from {host.address} ({why}); check the network" in _refused(fetch)
    assert len(host.requests) == 3


def test_a_server_is_left_alone_for_as_long_as_it_asks(fetch: Fetch, host: Host) -> None:
    host.script[NAME] = [status(429, Retry_After=1)]
    begun = time.perf_counter()
    fetch()
    assert time.perf_counter() - begun >= 1


def test_each_wait_is_twice_the_one_before(fetch: Fetch, host: Host) -> None:
    host.script[NAME] = [status(503)] * 2
    begun = time.perf_counter()
    fetch(Limits(tries=3, delay=0.1))
    assert 0.3 <= time.perf_counter() - begun < 3


def test_a_server_that_sends_too_slowly_is_given_up_and_what_came_is_kept(
    fetch: Fetch, host: Host, tmp_path: Path
) -> None:
    host.script[NAME] = [trickle]
    assert "it took more than 0 seconds" in _refused(fetch, Limits(tries=1, attempt=0.1))
    [(name, came)] = files_in(tmp_path).items()
    assert name == f"{NAME}.part"
    assert 0 < len(came) < 50
    assert CONTENT.startswith(came)


@pytest.mark.parametrize(
    "location", ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:,a", "//", "http://[", "http://a b/", ""]
)
def test_a_redirect_out_of_the_web_is_not_followed(fetch: Fetch, host: Host, tmp_path: Path, location: str) -> None:
    host.script[NAME] = [redirect(location)] * 9
    assert "sends elsewhere" in _refused(fetch)
    assert files_in(tmp_path) == {}


def test_a_redirect_within_the_web_is_followed_with_its_range(fetch: Fetch, host: Host, tmp_path: Path) -> None:
    _leave_part(tmp_path, CONTENT[:HALF])
    host.files["moved"] = CONTENT
    host.script[NAME] = [redirect("/moved")]
    fetch()
    assert host.ranges == [f"bytes={HALF}-"] * 2
    assert files_in(tmp_path) == {NAME: CONTENT}


def test_redirects_in_a_circle_end(fetch: Fetch, host: Host) -> None:
    host.script[NAME] = [redirect(f"/{quote(NAME)}")] * 99
    assert "sends elsewhere" in _refused(fetch)
    assert len(host.requests) == 6


def test_data_without_end_is_not_taken(fetch: Fetch, host: Host, tmp_path: Path) -> None:
    host.script[NAME] = [endless]
    assert f"is longer than {LIMITS.size:,} bytes" in _refused(fetch)
    assert files_in(tmp_path) == {}


def test_where_nobody_listens_is_told(fetch: Fetch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(DownloadError, match=r"\(Connection refused\); check the network"):
            fetch(address=address)


def test_a_proxy_of_the_environment_is_used(
    fetch: Fetch, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.files["http://corpus.invalid/" + NAME] = CONTENT
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", host.address)
    fetch(address="http://corpus.invalid")
    assert files_in(tmp_path) == {NAME: CONTENT}


def test_what_a_proxy_says_does_not_steer_the_terminal(
    fetch: Fetch, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("https_proxy", host.address)
    with pytest.raises(DownloadError, match=r"Tunnel connection failed: 403 \[31mno\)") as refusal:
        fetch(address="https://corpus.invalid")
    assert str(refusal.value).isprintable()
    # Early 3.11s leave the refusing proxy's answer open (_tunnel of http.client); it must not be found in another test.
    del refusal
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()
