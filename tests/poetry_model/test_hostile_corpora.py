"""Verse, tones and favorites from somebody who means harm, or whose disk does."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poetry_model.corpus import LONGEST, Verse, clean, read_corpus
from poetry_model.errors import CorpusError
from poetry_model.favorites import read_favorites
from poetry_model.prosody import Prosody, learn_prosody
from poetry_model.strains import read_strains
from tests.poetry_model import hostile

A, B = "月山水雲風", "花春秋江天"
VERSE = Path("全唐诗", "poet.tang.0.json")
TONES = Path("strains", "json", "poet.tang.0.json")
POEM = {"id": "a", "paragraphs": [f"{A}，{B}。"]}
SOUNDS = {"id": "a", "strains": ["平仄平仄平，平平平平平。"]}
FAVORITES = {"format": 1, "poems": [{"lines": [A, B], "keepers": 2}]}
MEBIBYTE = 2**20

_QUICK_AND_LONG = pytest.mark.parametrize("examples", [60, pytest.param(5000, marks=pytest.mark.soak)])


def _lay(folder: Path, verse: bytes, tones: bytes) -> Path:
    for place, content in ((VERSE, verse), (TONES, tones)):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(content)
    return folder


def _read(folder: Path) -> str | None:
    """What `folder` is refused with, or None; nothing else may happen up to what a bundle would hold."""
    refusal = None
    verses: tuple[Verse, ...] = ()
    try:
        corpus = read_corpus(folder)
        verses = corpus.verses
        assert corpus.poems == len(verses) + corpus.dropped.total()
        assert {len(line) for verse in verses for line in verse.lines} <= {5, 7}
        assert all(len(verse.text) <= LONGEST for verse in verses)
        assert len(corpus.digest) == 64
        strains = read_strains(folder)
    except CorpusError as error:
        refusal = str(error)
        assert len(refusal.splitlines()) == 1
        return refusal
    prosody = learn_prosody(verses, strains)
    stored = json.dumps(prosody.as_dict(), ensure_ascii=False).encode()
    assert Prosody.from_dict(json.loads(stored)).level_shares == prosody.level_shares
    return None


_TEXTS = st.text(max_size=12) | st.sampled_from(
    [A, f"{A}，", f"{B}。", "（", "）", "{炙火=肉}", "平仄平仄平", "\ud800"]
)
_ITEMS: st.SearchStrategy[Any] = hostile.VALUES | st.dictionaries(
    st.sampled_from(["id", "paragraphs", "strains", "title"]), st.lists(_TEXTS, max_size=4) | hostile.VALUES
)


@_QUICK_AND_LONG
def test_whatever_stands_in_the_files_is_read_or_refused_on_purpose(examples: int) -> None:
    @settings(max_examples=examples)
    @given(
        verse=_ITEMS | st.lists(_ITEMS, max_size=4), tones=_ITEMS | st.lists(_ITEMS, max_size=4), beside=st.booleans()
    )
    def check(verse: Any, tones: Any, *, beside: bool) -> None:
        if beside and isinstance(verse, list) and isinstance(tones, list):
            verse, tones = [POEM, *verse], [SOUNDS, *tones]
        with TemporaryDirectory() as folder:
            _read(_lay(Path(folder), json.dumps(verse).encode(), json.dumps(tones).encode()))

    check()


@_QUICK_AND_LONG
def test_damaged_files_are_read_or_refused_on_purpose(examples: int) -> None:
    whole = json.dumps([POEM, POEM], ensure_ascii=False).encode()
    sounds = json.dumps([SOUNDS, SOUNDS], ensure_ascii=False).encode()

    @settings(max_examples=examples)
    @given(verse=st.just(whole) | hostile.damaged(whole) | st.binary(), tones=hostile.damaged(sounds) | st.binary())
    def check(verse: bytes, tones: bytes) -> None:
        with TemporaryDirectory() as folder:
            _read(_lay(Path(folder), verse, tones))

    check()


@_QUICK_AND_LONG
def test_favorites_are_read_or_refused_on_purpose(examples: int) -> None:
    whole = json.dumps(FAVORITES).encode()
    places = list(hostile.paths(FAVORITES))

    @settings(max_examples=examples)
    @given(content=st.none() | hostile.damaged(whole), path=st.sampled_from(places), value=hostile.VALUES | _TEXTS)
    def check(content: bytes | None, path: hostile.Place, value: Any) -> None:
        with TemporaryDirectory() as folder:
            file = Path(folder, "favorites.json")
            file.write_bytes(whole if content is None else content)
            if content is None:
                hostile.edit(file, path, lambda _: value)
            try:
                found = read_favorites(file)
            except CorpusError as error:
                refusal = str(error)
                assert len(refusal.splitlines()) == 1
                assert len(refusal) < 400
            else:
                assert all(keepers >= 1 and verse.form in {5, 7} for verse, keepers in found)

    check()


def test_a_poem_beside_what_cannot_be_read_is_kept(tmp_path: Path) -> None:
    others = ["\ud800" * 5, "月" * 5 + "\u0301", "（" * 50, "月山水雲e\u0301。", "\0", f"{A}，" * 1000]
    verse = [POEM, *({"paragraphs": [other]} for other in others)]
    corpus = read_corpus(_lay(tmp_path, json.dumps(verse).encode(), b"[]"))
    assert corpus.verses == (Verse((A, B)),)
    assert corpus.dropped == {"unreadable": 5, "too_long": 1}


def test_of_two_that_stand_under_one_key_the_last_counts(tmp_path: Path) -> None:
    twice = f'[{{"paragraphs": 5, "paragraphs": ["{A}。"], "id": NaN, "id": "a"}}]'.encode()
    assert read_corpus(_lay(tmp_path, twice, b"[]")).verses == (Verse((A,)),)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "gb18030"])
def test_another_encoding_is_refused_with_the_name_of_the_file(tmp_path: Path, encoding: str) -> None:
    content = json.dumps([POEM], ensure_ascii=False)
    _lay(tmp_path, content.encode(encoding), b"[]")
    with pytest.raises(CorpusError, match=r"poet\.tang\.0\.json is not valid JSON"):
        read_corpus(tmp_path)
    _lay(tmp_path, content.encode(), json.dumps([SOUNDS], ensure_ascii=False).encode(encoding))
    with pytest.raises(CorpusError, match=r"strains/json/poet\.tang\.0\.json is not valid JSON"):
        read_strains(tmp_path)


def _replace(file: Path, make: Callable[[Path], object]) -> None:
    file.unlink()
    make(file)


def _terabyte(file: Path) -> None:
    """Of nothing: it takes no room on the disk."""
    with file.open("wb") as opened:
        opened.truncate(2**40)


_NO_FILES: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "link to itself": lambda file: file.symlink_to(file.name),
    "link to nothing": lambda file: file.symlink_to("nowhere"),
    "link to its folder": lambda file: file.symlink_to("."),
    "device": lambda file: file.symlink_to("/dev/zero"),
    "pipe": os.mkfifo,
    "a terabyte": _terabyte,
}


@pytest.mark.parametrize("place", [VERSE, TONES])
@pytest.mark.parametrize("kind", _NO_FILES)
def test_what_is_no_file_is_refused_with_its_name(tmp_path: Path, place: Path, kind: str) -> None:
    _lay(tmp_path, json.dumps([POEM]).encode(), json.dumps([SOUNDS]).encode())
    _replace(tmp_path / place, _NO_FILES[kind])
    refusal = _read(tmp_path)
    assert refusal is not None
    assert f"{place} cannot be read (" in refusal


@pytest.mark.parametrize("kind", _NO_FILES)
def test_favorites_that_are_no_file_are_refused(tmp_path: Path, kind: str) -> None:
    _NO_FILES[kind](tmp_path / "favorites.json")
    with pytest.raises(CorpusError, match=r"favorites\.json cannot be read \("):
        read_favorites(tmp_path / "favorites.json")


def test_a_folder_that_is_a_link_to_itself_is_none(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(CorpusError, match="There is no folder"):
        read_corpus(tmp_path / "loop")


@pytest.mark.parametrize("number", ["²", "1²3", "٣", "1٣", "", "-5", "1.5", "9" * 200])
def test_files_may_be_called_anything_that_the_pattern_takes(tmp_path: Path, number: str) -> None:
    for name in (number, "1", "10", "2"):
        (tmp_path / f"poet.tang.{name}.json").write_text(json.dumps([POEM]), encoding="utf-8")
    assert read_corpus(tmp_path).files == len({number, "1", "10", "2"})


@pytest.mark.parametrize("nested", ["[" * 10**5, '{"a":' * 10**5, "[" * 900 + "]" * 900])
def test_what_nests_too_deep_is_refused(tmp_path: Path, nested: str) -> None:
    for content in (nested, f'[{{"id": {nested}}}]', f'[{{"id": {nested}, "paragraphs": ["{A}"]}}]'):
        for verse, tones in ((content, f"[{json.dumps(SOUNDS)}]"), (f"[{json.dumps(POEM)}]", content)):
            refusal = _read(_lay(tmp_path, verse.encode(), tones.encode()))
            assert refusal is not None
            assert "poet.tang.0.json" in refusal


_SIGNS = (
    *("（", "（〖(", "{", "月\u0301\u0327"),
    *(
        pytest.param(sign, marks=pytest.mark.soak)
        for sign in (
            *("（〖）〗", "）", "{}", "[]", "「", "\n", "　", "，", "月", "月，", f"{A}，", f"{A}（", f"（{A}）"),
            *("\u0344", "e\u0301", "가\u11a8", "\uf9d1", "1", "\\", "\ud800"),
        )
    ),
)


@pytest.mark.parametrize("sign", _SIGNS)
def test_a_line_of_five_megabytes_takes_no_longer_than_its_length(sign: str) -> None:
    line = sign * (5 * MEBIBYTE // len(sign.encode(errors="surrogatepass")))
    begin = time.process_time()
    assert isinstance(clean([line]), str)
    assert time.process_time() - begin < 10


def test_notes_that_nest_for_megabytes_take_no_longer_than_their_length() -> None:
    begin = time.process_time()
    assert clean(["（" * MEBIBYTE + "）" * MEBIBYTE]) == "unreadable"
    assert time.process_time() - begin < 10
