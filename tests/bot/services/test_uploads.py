import gzip
import io
import itertools
import json
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import BotError
from bot.services.uploads import MAX_BYTES, check_size, check_upload
from poetry_model.corpus import Verse, read_corpus
from poetry_model.holdout import HoldOut
from tests.poetry_model import hostile

A, B = "月山水雲風", "花春秋江門"
SEVEN = "長東馬鳥魚龍書"


def as_json(*poems: object) -> bytes:
    return json.dumps([{"title": "無題", "paragraphs": paragraphs} for paragraphs in poems]).encode()


def refused(name: str, content: bytes) -> BotError:
    with pytest.raises(BotError) as caught:
        check_upload(name, content)
    assert caught.value.key.startswith("upload.")
    return caught.value


def in_zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../poems.txt", content)
    return file.getvalue()


def in_tar(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("poems.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize("name", ["verse.json", "VERSE.JSON", "verse", "verse.md"])
def test_chinese_poetrys_json_is_taken_whatever_it_is_called(name: str) -> None:
    upload = check_upload(name, as_json([f"{A}，{B}。"], [f"{SEVEN}，{SEVEN}。"]))
    assert upload.verses == (Verse((A, B)), Verse((SEVEN, SEVEN)))
    assert (upload.summary.kept, upload.summary.characters, upload.summary.dropped) == (2, 24, {})


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_plain_text_holds_a_poem_a_paragraph_with_or_without_punctuation(end: str) -> None:
    text = f"\n\n{A}，{B}。\n{B}，{A}。\n\n \t\n{SEVEN}\n{SEVEN}\n".replace("\n", end)
    assert check_upload("verse.txt", text.encode()).verses == (Verse((A, B, B, A)), Verse((SEVEN, SEVEN)))


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert check_upload("verse.txt", b"\xef\xbb\xbf" + A.encode()).verses == (Verse((A,)),)


def test_text_that_begins_with_a_bracket_is_text_where_its_name_says_so() -> None:
    assert check_upload("verse.txt", f"[{A}]".encode()).verses == (Verse((A,)),)
    assert refused("verse", f"[{A}]".encode()).key == "upload.json"


def test_lines_without_punctuation_are_lines_in_json_too() -> None:
    assert check_upload("verse.json", as_json([A, B], [f"{A}\n{B}\n{A}"])).verses == (Verse((A, B)), Verse((A, B, A)))


def test_what_is_dropped_is_counted_by_its_reason() -> None:
    poems = [[A], [A], [B], ["月山□雲風"], ["ABCDE和"], [A, SEVEN], [], [""], [A] * 1000]
    summary = check_upload("verse.json", as_json(*poems)).summary
    assert summary.kept == 2
    assert summary.dropped == {"duplicate": 1, "unreadable": 1, "irregular": 2, "empty": 2, "too_long": 1}


def test_a_file_of_the_corpus_gives_the_verses_that_training_reads(corpus_folder: Path) -> None:
    content = (corpus_folder / "全唐诗" / "poet.tang.0.json").read_bytes()
    upload = check_upload("poet.tang.0.json", content)
    corpus = read_corpus(corpus_folder)
    assert upload.verses == corpus.verses
    assert upload.summary.dropped == dict(corpus.dropped)
    assert upload.summary.held_back == len(HoldOut().split(corpus.verses).held_back) > 0
    upload.require_both_sides()


def test_lines_that_the_live_model_must_not_learn_are_held_back() -> None:
    hold_out = HoldOut().remember([Verse((A, B))])
    content = f"{A}，{SEVEN[:5]}\n\n{SEVEN}".encode()
    assert check_upload("verse.txt", content).summary.held_back == 0
    assert check_upload("verse.txt", content, hold_out=hold_out).summary.held_back == 1


@pytest.mark.parametrize("hold_out", [HoldOut(one_in=1), HoldOut()])
def test_verse_that_cannot_be_learned_and_examined_alone_is_told_in_a_sentence(hold_out: HoldOut) -> None:
    upload = check_upload("verse.txt", A.encode(), hold_out=hold_out)
    with pytest.raises(BotError) as caught:
        upload.require_both_sides()
    assert (caught.value.key, caught.value.values) == ("upload.too_small", {"kept": 1})


def test_simplified_verse_is_noticed() -> None:
    assert check_upload("verse.txt", "门东马长云\n鱼龙书鸟风".encode()).summary.is_simplified
    assert not check_upload("verse.txt", f"{A}\n{B}".encode()).summary.is_simplified


_LINES = st.integers(1, 8).flatmap(
    lambda count: st.sampled_from([5, 7]).flatmap(
        lambda form: st.tuples(*[st.text("月山水雲風花春秋江門長東", min_size=form, max_size=form)] * count)
    )
)


@given(st.lists(_LINES, min_size=1, max_size=5))
def test_what_is_written_is_read_as_the_same_verses(
    tmp_path_factory: pytest.TempPathFactory, poems: list[tuple[str, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("upload") / "new"
    upload = check_upload("verse.txt", "\n\n".join("\n".join(lines) for lines in poems).encode())
    upload.write(folder)
    corpus = read_corpus(folder)
    assert corpus.verses == upload.verses == tuple(dict.fromkeys(map(Verse, poems)))
    assert corpus.dropped.total() == 0


@pytest.mark.parametrize("name", ["../../escape.json", "/dev/zero", "C:\\x.json", "a\0b.json", ""])
def test_the_name_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    check_upload(name, as_json([A])).write(home / "corpus")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [home / "corpus" / "全唐诗" / "poet.tang.0.json"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("verse.json", in_zip(A.encode())),
        ("verse.txt", in_tar(A.encode())),
        ("verse.txt", gzip.compress(A.encode(), mtime=0)),
        ("verse.txt", b"7z\xbc\xaf\x27\x1c"),
        ("verse.txt", b"Rar!\x1a\x07"),
        ("verse.ZIP", A.encode()),
        ("verse.tar.gz", as_json([A])),
    ],
)
def test_archives_are_refused_by_what_they_are_and_by_what_they_are_called(name: str, content: bytes) -> None:
    assert refused(name, content).key == "upload.archive"


@pytest.mark.parametrize(
    ("content", "key", "values"),
    [
        (A.encode("gb18030"), "upload.encoding", {}),
        (A.encode("utf-16"), "upload.encoding", {}),
        (b"\x89PNG\r\n\x1a\n", "upload.encoding", {}),
        (f"{A}\0{B}".encode(), "upload.binary", {}),
        (f"{A}\x1b[31m".encode(), "upload.binary", {}),
        (b'[{"paragraphs": ["", ""]},\n{"paragraphs"', "upload.json", {"line": 2}),
        (b"[" * 200_000, "upload.nested", {}),
        (b'[{"paragraphs": ' + b"[" * 200_000, "upload.nested", {}),
        (b'{"paragraphs": []}', "upload.not_a_list", {}),
        (b'[{"paragraphs": []}, {"paragraphs": "x"}]', "upload.no_paragraphs", {"number": 2}),
        (b'[{"paragraphs": ["x", 1]}]', "upload.no_paragraphs", {"number": 1}),
        (b'[{"content": []}]', "upload.no_paragraphs", {"number": 1}),
        (b"[[]]", "upload.no_paragraphs", {"number": 1}),
        (b"[" + b"9" * 5000 + b"]", "upload.no_paragraphs", {"number": 1}),
        (b"[]", "upload.no_verse", {}),
        (b"", "upload.no_verse", {}),
        (b"A poem about the moon.", "upload.no_verse", {}),
        (as_json(["\ud800\ud800\ud800\ud800\ud800"]), "upload.no_verse", {}),
    ],
)
def test_what_is_no_corpus_is_refused_with_a_sentence_that_says_why(
    content: bytes, key: str, values: dict[str, int]
) -> None:
    error = refused("verse", content)
    assert (error.key, error.values) == (key, values)


def test_a_file_over_the_limit_is_refused_before_it_is_looked_at() -> None:
    check_size(MAX_BYTES)
    with pytest.raises(BotError) as caught:
        check_size(MAX_BYTES + 2**20)
    assert (caught.value.key, caught.value.values) == ("upload.too_large", {"size": 9.0, "limit": 8.0})
    with pytest.raises(BotError, match=r"upload\.too_large"):
        check_upload("verse.txt", A.encode(), limit=14)
    assert check_upload("verse.txt", A.encode(), limit=15).summary.kept == 1


@pytest.mark.parametrize(
    "text", ["（" * 200_000 + "）" * 200_000, "月" + "\u0301\u0327" * 200_000, f"{A}（" * 100_000, "\n " * 500_000]
)
def test_a_text_made_to_keep_the_bot_busy_does_not(text: str) -> None:
    begin = time.process_time()
    assert refused("verse.txt", text.encode()).key == "upload.no_verse"
    assert time.process_time() - begin < 5


_CONTENTS = st.one_of(
    st.binary(max_size=200),
    hostile.damaged(as_json([f"{A}，{B}。"], [A])),
    hostile.damaged(f"{A}，\n{B}。\n\n{SEVEN}（注）".encode()),
    st.lists(
        st.dictionaries(st.sampled_from(["paragraphs", "id"]), hostile.VALUES | st.lists(st.text(max_size=9)))
    ).map(lambda content: json.dumps(content).encode()),
    hostile.VALUES.map(lambda content: json.dumps(content).encode()),
)


@pytest.mark.parametrize("examples", [60, pytest.param(5000, marks=pytest.mark.soak)])
def test_whatever_is_sent_is_taken_or_refused_on_purpose(tmp_path: Path, examples: int) -> None:
    numbers = itertools.count()

    @settings(max_examples=examples)
    @given(name=st.sampled_from(["a.json", "a.txt", "a", "a.zip"]) | st.text(max_size=9), content=_CONTENTS)
    def check(name: str, content: bytes) -> None:
        try:
            upload = check_upload(name, content)
        except BotError as error:
            assert error.key.startswith("upload.")  # noqa: PT017 # what is taken is as good
            return
        folder = tmp_path / str(next(numbers))
        upload.write(folder)
        assert read_corpus(folder).verses == upload.verses

    check()
