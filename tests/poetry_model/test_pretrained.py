"""The bundle that ships, and the real verse it learned from."""

import json
from pathlib import Path
from typing import Any

import pytest

from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.corpus import Corpus, read_corpus
from poetry_model.poem import PoemRequest
from poetry_model.poet import Poet
from poetry_model.script import is_han

MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def shipped() -> Poet:
    return Poet.load(device="cpu")


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """What the bundle says of the corpus it learned from."""
    return dict(json.loads((PRETRAINED / "config.json").read_text(encoding="utf-8"))["corpus"])


@pytest.fixture(scope="module")
def real_corpus(real_corpus_folder: Path) -> Corpus:
    return read_corpus(real_corpus_folder)


@pytest.mark.parametrize(("form", "lines"), [(5, 4), (7, 8)])
def test_the_shipped_model_writes_poems_of_exact_form(shipped: Poet, form: int, lines: int) -> None:
    poems = shipped.compose([PoemRequest("月", form, lines, seed) for seed in range(20)])
    for poem in poems:
        assert poem.lines[0][0] == "月"
        assert [len(line) for line in poem.lines] == [form] * lines
        assert all(is_han(character) for line in poem.lines for character in line)
    assert len({poem.text for poem in poems}) == 20


def test_the_shipped_folder_is_at_most_16_mebibytes() -> None:
    assert sum(file.stat().st_size for file in PRETRAINED.rglob("*")) <= 16 * MEBIBYTE


def test_the_model_card_is_that_of_the_shipped_model(shipped: Poet, record: dict[str, Any]) -> None:
    card = (PRETRAINED / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert shipped.version in card
    assert record["digest"] in card


def test_the_shipped_model_is_better_than_the_promised_perplexity(shipped: Poet) -> None:
    assert shipped.metadata["metrics"]["perplexity"] < 260


def test_every_poem_of_the_record_was_kept_or_dropped(record: dict[str, Any]) -> None:
    assert record["poems"] == record["training"] + record["held_back"] + sum(record["dropped"].values())


def test_the_real_corpus_is_the_one_the_shipped_model_learned(real_corpus: Corpus, record: dict[str, Any]) -> None:
    assert real_corpus.digest == record["digest"]
    assert (real_corpus.files, real_corpus.poems) == (record["files"], record["poems"])
    assert dict(real_corpus.dropped) == record["dropped"]


def test_every_real_poem_is_kept_or_dropped(real_corpus: Corpus) -> None:
    assert real_corpus.poems == len(real_corpus.verses) + real_corpus.dropped.total()
    assert {len(line) for verse in real_corpus.verses for line in verse.lines} == {5, 7}


def test_the_real_split_is_that_of_the_record_and_leaks_no_line(real_corpus: Corpus, record: dict[str, Any]) -> None:
    hold_out = load_bundle(PRETRAINED).hold_out
    split = hold_out.split(real_corpus.verses)
    assert (len(split.training), len(split.held_back)) == (record["training"], record["held_back"])
    learned = {line for verse in split.training for line in verse.lines}
    assert not any(line in learned for verse in split.held_back for line in verse.lines)
