import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.corpus import Corpus, Verse, clean, read_corpus
from poetry_model.errors import CorpusError

A, B = "月山水雲風", "花春秋江天"
SEVEN = "月山水雲風花春"

WriteCorpus = Callable[[object], Path]


@pytest.mark.parametrize(
    ("paragraphs", "lines"),
    [
        ([f"{A}，{B}。"], (A, B)),
        ([f"{A}，{B}。", f"{B}，{A}。"], (A, B, B, A)),
        ([f"{SEVEN}？{SEVEN}！"], (SEVEN, SEVEN)),
        ([f"{A}；{B}"], (A, B)),
        ([f"{A}（一作{B}（注））。"], (A,)),
        ([f"〖12〗{A}(see below)。"], (A,)),
        ([f"月[山]《水》雲 風1a，{B}。"], (A, B)),
    ],
)
def test_a_regular_poem_is_kept_without_punctuation_notes_and_marks(
    paragraphs: list[str], lines: tuple[str, ...]
) -> None:
    assert clean(paragraphs) == Verse(lines)


@pytest.mark.parametrize(
    ("paragraphs", "reason"),
    [
        ([], "empty"),
        (["（全）。"], "empty"),
        (["月山□雲風。"], "unreadable"),
        (["月山{炙火=肉}雲風。"], "unreadable"),
        (["月山水雲é。"], "unreadable"),
        ([f"{A}（，{B}。"], "unreadable"),
        (["月山水雲。"], "irregular"),
        ([f"{A}，{SEVEN}。"], "irregular"),
        (["月？水雲風。"], "irregular"),
    ],
)
def test_a_poem_that_cannot_be_used_is_dropped_with_its_reason(paragraphs: list[str], reason: str) -> None:
    assert clean(paragraphs) == reason


def test_compatibility_ideographs_become_the_unified_ones() -> None:
    assert clean(["\uf9d1\u5c71水雲風。"]) == Verse(("六山水雲風",))


def test_every_poem_is_counted_once_as_kept_or_dropped(write_corpus: WriteCorpus) -> None:
    texts = [A, A, B, "月山□雲風", "月", ""]
    corpus = read_corpus(write_corpus([{"paragraphs": [text + "。"]} for text in texts]))
    assert corpus.verses == (Verse((A,)), Verse((B,)))
    assert corpus.dropped == {"duplicate": 1, "unreadable": 1, "irregular": 1, "empty": 1}
    assert corpus.poems == 6
    assert corpus.summary() == (
        "1 files, 6 poems: kept 2 (10 characters), dropped 4 (1 duplicate, 1 empty, 1 irregular, 1 unreadable)"
    )


def test_the_folder_may_be_the_checkout_or_its_poetry_folder(corpus_folder: Path) -> None:
    assert read_corpus(corpus_folder) == read_corpus(corpus_folder / "全唐诗")


def test_files_are_read_in_the_order_of_their_numbers_and_song_poets_left_alone(tmp_path: Path) -> None:
    for name, line in [("tang.10000", B), ("tang.2000", A), ("song.0", SEVEN)]:
        (tmp_path / f"poet.{name}.json").write_text(json.dumps([{"paragraphs": [line]}]), encoding="utf-8")
    corpus = read_corpus(tmp_path)
    assert [verse.text for verse in corpus.verses] == [A, B]
    assert corpus.files == 2


def test_the_digest_depends_on_the_verse_and_not_on_its_order() -> None:
    one, two = Verse((A, B)), Verse((A,))
    digest = Corpus((one, two), 1, 2).digest
    assert Corpus((two, one), 2, 5).digest == digest
    assert Corpus((one,), 1, 2).digest != digest
    assert Corpus((Verse((A,)), Verse((B,)), two), 1, 2).digest != digest


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"There is no folder .*nowhere.*corpus download"):
        read_corpus(tmp_path / "nowhere")


def test_a_folder_without_verse_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"holds no 全唐诗/poet\.tang\.\*\.json"):
        read_corpus(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "poet.tang.0.json").mkdir()
    with pytest.raises(CorpusError, match=r"poet\.tang\.0\.json cannot be read \(it is no regular file\)"):
        read_corpus(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[{", b"\xff", b"\xef\xbb\xbf[]", b"[" * 100_000, b"[" + b"1" * 5000 + b"]"])
def test_broken_json_is_refused_with_the_name_of_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "poet.tang.0.json").write_bytes(content)
    with pytest.raises(CorpusError, match=r"poet\.tang\.0\.json is not valid JSON"):
        read_corpus(tmp_path)


@pytest.mark.parametrize("content", [{}, None, "月", 5])
def test_a_file_that_holds_no_list_is_refused(write_corpus: WriteCorpus, content: object) -> None:
    with pytest.raises(CorpusError, match=r"poet\.tang\.0\.json does not hold a list of poems"):
        read_corpus(write_corpus(content))


@pytest.mark.parametrize("poem", [[], None, {}, {"paragraphs": A}, {"paragraphs": [1]}, {"paragraphs": None}])
def test_a_poem_of_another_schema_is_refused_with_its_number(write_corpus: WriteCorpus, poem: object) -> None:
    with pytest.raises(CorpusError, match=r"Poem 2 of .*poet\.tang\.0\.json has no list of strings"):
        read_corpus(write_corpus([{"paragraphs": [A]}, poem]))


def test_a_corpus_with_nothing_left_is_refused(write_corpus: WriteCorpus) -> None:
    with pytest.raises(CorpusError, match="No poem of five- or seven-character lines is left"):
        read_corpus(write_corpus([{"paragraphs": ["月。"]}]))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.just("paragraphs"), inner, max_size=3),
)
_POEMS = st.lists(st.fixed_dictionaries({"paragraphs": st.lists(st.text() | st.sampled_from([A, B, "，"]))}))


@given(content=_JSON | _POEMS)
def test_whatever_a_file_holds_it_is_read_or_refused_on_purpose(content: object) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "poet.tang.0.json").write_text(json.dumps(content), encoding="utf-8")
        try:
            corpus = read_corpus(Path(folder))
        except CorpusError:
            return
    assert corpus.poems == len(corpus.verses) + corpus.dropped.total()
    assert {len(line) for verse in corpus.verses for line in verse.lines} <= {5, 7}
