"""Bundles from somebody who knows the format, and makes every checksum right."""

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.errors import BundleError
from poetry_model.poem import PoemRequest, Style
from poetry_model.sampled import make_poet
from poetry_model.script import Script
from tests.poetry_model import hostile

JSON_FILES = ("config.json", "vocabulary.json", "prosody.json")
WEIGHTS = "model.safetensors"
REQUESTS = [
    PoemRequest.checked("月", 5, 4, seed=1, candidates=1),
    PoemRequest.checked("后", 7, 4, seed=2, candidates=2, style=Style.FREE),
    PoemRequest.acrostic("春江", seed=3, script=Script.TRADITIONAL, candidates=1),
]


@contextmanager
def _copy(folder: Path) -> Iterator[Path]:
    with TemporaryDirectory() as temporary:
        yield shutil.copytree(folder, Path(temporary, "bundle"))


def _refusal(folder: Path) -> str | None:
    """The sentence with which the bundle is refused, or None for one that composes; nothing else may happen."""
    try:
        bundle = load_bundle(folder)
    except BundleError as error:
        sentence = str(error)
        assert len(sentence.splitlines()) == 1
        assert len(sentence) < 400 + len(str(folder))
        return sentence
    poet = make_poet(bundle, torch.device("cpu"))
    for request, poem in zip(REQUESTS, poet.compose(REQUESTS), strict=True):
        assert poem.text.encode()
        if not bundle.vocabulary.line_ends:
            assert [len(line) for line in poem.lines] == [request.form] * request.lines
    return None


_QUICK_AND_LONG = pytest.mark.parametrize("examples", [60, pytest.param(2000, marks=pytest.mark.soak)])


@_QUICK_AND_LONG
def test_a_bundle_of_damaged_files_is_refused_or_composes(bundle_folder: Path, examples: int) -> None:
    composed = 0

    @settings(max_examples=examples)
    @given(name=st.sampled_from((*JSON_FILES, WEIGHTS)), data=st.data(), sealed=st.booleans())
    def check(name: str, data: st.DataObject, *, sealed: bool) -> None:
        nonlocal composed
        content = (bundle_folder / name).read_bytes()
        harmed = data.draw(hostile.damaged(content))
        with _copy(bundle_folder) as folder:
            (folder / name).write_bytes(harmed)
            if sealed:
                hostile.reseal(folder)
            refusal = _refusal(folder)
        composed += refusal is None
        # Only the layout of the configuration may change unnoticed.
        assert sealed or refusal or harmed == content or (name == "config.json" and _says(harmed) == _says(content))

    check()
    assert composed > 0


def _says(content: bytes) -> Any:
    return json.loads(content)


@_QUICK_AND_LONG
def test_a_bundle_whose_tables_say_something_else_is_refused_or_composes(bundle_folder: Path, examples: int) -> None:
    places = [
        (name, path)
        for name in JSON_FILES
        for path in hostile.paths(json.loads((bundle_folder / name).read_text(encoding="utf-8")))
    ]

    composed = 0

    @settings(max_examples=examples)
    @given(place=st.sampled_from(places), value=hostile.VALUES, how=st.sampled_from(["replace", "delete", "add"]))
    def check(place: tuple[str, hostile.Place], value: Any, how: str) -> None:
        nonlocal composed
        name, path = place
        with _copy(bundle_folder) as folder:
            if how == "delete" and path:
                hostile.delete(folder / name, path)
            elif how == "add":
                hostile.edit(folder / name, path, lambda old: [*old, value] if isinstance(old, list) else [old, value])
            else:
                hostile.edit(folder / name, path, lambda _: value)
            hostile.reseal(folder)
            composed += _refusal(folder) is None

    check()
    assert composed > 0


def _weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = safetensors.torch.load_file(folder / WEIGHTS)
    change(tensors)
    safetensors.torch.save_file(tensors, folder / WEIGHTS)
    hostile.reseal(folder)


_DTYPES = (torch.float16, torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
_FILLINGS = (0.0, -0.0, 65504.0, -65504.0, 6e-8, float("nan"), float("inf"), float("-inf"))


@_QUICK_AND_LONG
def test_a_bundle_of_other_tensors_is_refused_or_composes(bundle_folder: Path, examples: int) -> None:
    names = sorted(safetensors.torch.load_file(bundle_folder / WEIGHTS))

    composed = 0

    @settings(max_examples=examples)
    @given(
        name=st.sampled_from(names),
        shape=st.none() | st.lists(st.integers(0, 5), max_size=4),
        dtype=st.sampled_from(_DTYPES),
        filling=st.sampled_from(_FILLINGS),
        everywhere=st.booleans(),
    )
    def check(name: str, shape: list[int] | None, dtype: torch.dtype, filling: float, *, everywhere: bool) -> None:
        nonlocal composed

        def change(tensors: dict[str, torch.Tensor]) -> None:
            for each in names if everywhere else [name]:
                like = tensors[each] if shape is None else torch.empty(shape)
                kind = torch.int64 if each.startswith("held_back") and dtype is torch.float16 else dtype
                number = filling if kind.is_floating_point or abs(filling) < 1 else 7
                tensors[each] = torch.full_like(like, number, dtype=kind)

        with _copy(bundle_folder) as folder:
            _weights(folder, change)
            composed += _refusal(folder) is None

    check()
    assert composed > 0


def _write_header(folder: Path, header: dict[str, Any], data: bytes, length: int | None = None) -> None:
    """A file of tensors by hand: safetensors would not write what it would not read."""
    text = json.dumps(header).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    hostile.reseal(folder)


def _claims(**entries: tuple[str, list[int], int, int]) -> dict[str, Any]:
    """Names with type, shape, begin and end."""
    return {
        name: {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
        for name, (dtype, shape, begin, end) in entries.items()
    }


_HEADERS: dict[str, tuple[dict[str, Any], bytes, int | None]] = {
    "no header": ({}, b"", 0),
    "beyond the file": (_claims(a=("F16", [2], 0, 4)), bytes(4), 2**16),
    "beyond all files": (_claims(a=("F16", [2], 0, 4)), bytes(4), 2**63),
    "overlapping": (_claims(a=("F16", [2], 0, 4), b=("F16", [2], 0, 4)), bytes(4), None),
    "partly overlapping": (_claims(a=("F16", [2], 0, 4), b=("F16", [2], 2, 6)), bytes(6), None),
    "a gap": (_claims(a=("F16", [2], 4, 8)), bytes(8), None),
    "ends before it begins": (_claims(a=("F16", [2], 4, 0)), bytes(4), None),
    "more than its place": (_claims(a=("F16", [2**40], 0, 4)), bytes(4), None),
    "overflowing": (_claims(a=("F16", [2**62, 2**62], 0, 4)), bytes(4), None),
    "nothing, at length": (_claims(a=("F16", [0, 2**62, 2**62], 0, 0)), b"", None),
    "unknown type": (_claims(a=("F99", [2], 0, 4)), bytes(4), None),
    "type without a name in torch": (_claims(a=("F4", [8], 0, 4)), bytes(4), None),
    "negative shape": (_claims(a=("F16", [-2], 0, 4)), bytes(4), None),
    "other names": (_claims(a=("F16", [2], 0, 4)), bytes(4), None),
    "nested": ({"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, [[[4]]]]}}, bytes(4), None),
    "ten thousand empty ones": (_claims(**{f"t{n}": ("F16", [0], 0, 0) for n in range(10_000)}), b"", None),
}


@pytest.mark.parametrize("kind", _HEADERS)
def test_a_header_that_lies_is_refused_in_one_sentence(bundle_folder: Path, kind: str) -> None:
    with _copy(bundle_folder) as folder:
        _write_header(folder, *_HEADERS[kind])
        refusal = _refusal(folder)
    assert refusal is not None
    assert "is damaged" in refusal


@pytest.mark.parametrize("name", [*JSON_FILES, WEIGHTS])
@pytest.mark.parametrize("bit", [0, 3, 6])
def test_one_bit_of_the_shipped_bundle_is_enough_to_refuse_it(tmp_path: Path, name: str, bit: int) -> None:
    for file in PRETRAINED.iterdir():
        (tmp_path / file.name).symlink_to(file)
    content = bytearray((PRETRAINED / name).read_bytes())
    # Another place for each bit; in the configuration within what is said, for its layout may change.
    place = content.index(b"sha256") + 1 if name == "config.json" else len(content) * (2 * bit + 1) // 16
    content[place + bit if name == "config.json" else place] ^= 1 << bit
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError, match=r"checksum|valid JSON|damaged"):
        load_bundle(tmp_path)


def _claim(path: hostile.Place, value: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        hostile.edit(folder / "config.json", path, lambda _: value)

    return spoil


def _grow(name: str, size: int) -> Callable[[Path], None]:
    """Let a file have a size without anything on the disk."""
    return lambda folder: os.truncate(folder / name, size)


def _fill(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _link(name: str, target: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return spoil


def _pipe(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return spoil


def _many_lines_held_back(folder: Path) -> None:
    _weights(folder, lambda tensors: tensors.update({"held_back.lines": torch.arange(2**22 + 1)}))


def _many_rhymes(folder: Path) -> None:
    """Rhymes of one character each, for a vocabulary of all there are."""
    characters = [chr(code) for code in range(0x4E00, 0x9FA6)]
    classes = [{"tone": "level", "sure": one, "loose": "", "share": 0} for one in characters]
    prosody = {"level_shares": {}, "classes": classes}
    (folder / "prosody.json").write_text(json.dumps(prosody, ensure_ascii=False), encoding="utf-8")
    (folder / "vocabulary.json").write_text(json.dumps({"characters": "".join(characters)}), encoding="utf-8")
    config = folder / "config.json"
    hostile.edit(config, ("network", "vocabulary"), lambda _: len(characters) + 2)
    hostile.edit(config, ("network", "conditions", "rhyme"), lambda _: len(classes) + 1)


_GREEDY: dict[str, Callable[[Path], object]] = {
    "wide": _claim(("network", "hidden"), 2**31 - 1),
    "as wide as numbers go": _claim(("network", "embedding"), 10**18),
    "deep": _claim(("network", "layers"), 10**9),
    "widest and deepest that is allowed": lambda folder: [
        _claim(("network", name), value)(folder)
        for name, value in (("hidden", 2048), ("embedding", 2048), ("layers", 8))
    ],
    "negative": _claim(("network", "hidden"), -512),
    "wide conditions": _claim(("network", "condition"), 10**9),
    "a large vocabulary": _claim(("network", "vocabulary"), 10**12),
    "many categories": _claim(("network", "conditions", "rhyme"), 10**12),
    "many rhymes": _many_rhymes,
    "much held back": _many_lines_held_back,
    "large weights": _grow(WEIGHTS, 2**40),
    "a large configuration": _grow("config.json", 2**40),
    "large prosody": _grow("prosody.json", 2**40),
    "a large vocabulary file": _grow("vocabulary.json", 2**40),
    "a header of empty tensors": lambda folder: _write_header(folder, *_HEADERS["ten thousand empty ones"]),
    "a list of lists": _fill("prosody.json", b"[" + b"[]," * 340_000 + b"[]]"),
    "a configuration of lists": _fill("config.json", b"[" + b"[]," * 340_000 + b"[]]"),
    "a deep configuration": _fill("config.json", b'{"format":' * 10**5),
    "a deep vocabulary": _fill("vocabulary.json", b"[" * 10**6),
    "a number of a million digits": _fill("vocabulary.json", b'{"characters": ' + b"9" * 10**6 + b"}"),
    "an endless file": _link(WEIGHTS, "/dev/zero"),
    "an endless configuration": _link("config.json", "/dev/zero"),
    "a link to itself": _link(WEIGHTS, WEIGHTS),
    "a link to nothing": _link("vocabulary.json", "nowhere"),
    "a pipe that nobody writes to": _pipe("prosody.json"),
}

_LOADER = """
import json, resource, sys, time
from pathlib import Path
from poetry_model.checkpoint import load_bundle
from poetry_model.errors import BundleError
# What is taken once for all, by imports that come late too, and eight times the largest of the files that are read.
load_bundle(Path(sys.argv[2]))
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 256 * 2**20,) * 2)
for folder in sorted(Path(sys.argv[1]).iterdir()):
    began = time.process_time()
    try:
        load_bundle(folder)
        said = None
    except BundleError as error:
        said = str(error)
    print(json.dumps([folder.name, said, time.process_time() - began]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited and read as Linux does")
def test_a_bundle_that_claims_gigabytes_is_refused_at_once_and_takes_none(bundle_folder: Path, tmp_path: Path) -> None:
    for kind, spoil in _GREEDY.items():
        spoil(shutil.copytree(bundle_folder, tmp_path / kind))
        hostile.reseal(tmp_path / kind)
    child = subprocess.run(
        [sys.executable, "-c", _LOADER, str(tmp_path), str(bundle_folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    told = {kind: (said, seconds) for kind, said, seconds in map(json.loads, child.stdout.splitlines())}
    assert told.keys() == _GREEDY.keys()
    for kind, (said, seconds) in told.items():
        assert said is not None, kind
        assert len(said.splitlines()) == 1, kind
        assert "Memory" not in said, kind
        assert "allocate" not in said, kind
        assert seconds < 5, kind
