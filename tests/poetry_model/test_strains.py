import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poetry_model.errors import CorpusError
from poetry_model.strains import read_strains

POEMS = [
    {"id": "a", "paragraphs": ["月山水雲風，花春秋江天。", "月山水雲風，花春秋江天。"]},
    {"id": "b", "paragraphs": ["月山水雲風。"]},
]
STRAINS = [
    {"id": "a", "strains": ["仄平仄平平，平平平平平。", "仄平仄平平，平平平平○。"]},
    {"id": "b", "strains": ["仄平仄平？。"]},
]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write poems and what stands for their tones, and return the folder."""

    def lay(strains: object, poems: object = POEMS, verse: str = "全唐诗", number: int = 0) -> Path:
        for folder, content in ((verse, poems), ("strains/json", strains)):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / folder / f"poet.tang.{number}.json").write_text(text, encoding="utf-8")
        return tmp_path

    return lay


@pytest.mark.parametrize("verse", ["全唐诗", "."])
def test_each_line_comes_with_its_tones(write: Write, verse: str) -> None:
    assert read_strains(write(STRAINS, verse=verse)) == [
        ("月山水雲風，花春秋江天。", "仄平仄平平，平平平平平。"),
        ("月山水雲風，花春秋江天。", "仄平仄平平，平平平平○。"),
        ("月山水雲風。", "仄平仄平？。"),
    ]


def test_the_tones_of_another_poem_are_passed_over(write: Write) -> None:
    assert read_strains(write([{"id": "b", "strains": ["仄平仄平？。"]}, STRAINS[1]])) == [
        ("月山水雲風。", "仄平仄平？。")
    ]


def test_poems_without_tones_are_passed_over(write: Write) -> None:
    assert len(read_strains(write(STRAINS[:1]))) == 2
    assert len(read_strains(write([{"id": "a"}, STRAINS[1]]))) == 1


def test_files_come_one_after_the_other(write: Write) -> None:
    write(STRAINS, number=10)
    folder = write(STRAINS[1:], POEMS[1:], number=2)
    assert [tones for _, tones in read_strains(folder)] == [STRAINS[1]["strains"][0], *_all_tones(STRAINS)]


def _all_tones(strains: list[dict[str, Any]]) -> list[str]:
    return [tones for poem in strains for tones in poem["strains"]]


def test_where_there_are_no_tones_there_are_none(toneless_corpus_folder: Path) -> None:
    assert read_strains(toneless_corpus_folder) == []


def test_the_small_corpus_has_them_all(corpus_folder: Path) -> None:
    pairs = read_strains(corpus_folder)
    assert all(len(line) == len(tones) for line, tones in pairs)
    assert {tone for _, tones in pairs for tone in tones} == set("平仄○，")


@pytest.mark.parametrize("strains", ["", "[", "{}", "[7]"])
def test_a_file_that_cannot_be_used_is_named_in_one_sentence(write: Write, strains: str) -> None:
    with pytest.raises(CorpusError, match=r"strains/json/poet\.tang\.0\.json .*\.$") as refusal:
        read_strains(write(strains))
    assert len(str(refusal.value).splitlines()) == 1


def test_a_folder_without_verse_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        read_strains(tmp_path)
