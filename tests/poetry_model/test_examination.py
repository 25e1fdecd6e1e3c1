from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from poetry_model import examination
from poetry_model.checkpoint import load_bundle
from poetry_model.corpus import Verse
from poetry_model.examination import examine
from poetry_model.figures import Lines, copied_lines


def test_a_model_that_keeps_the_rules_passes(bundle_folder: Path, verses: tuple[Verse, ...]) -> None:
    found = examine(load_bundle(bundle_folder), verses, poems=40)
    assert (found.poems, found.format) == (40, 1.0)
    assert found.rhyme is not None
    assert found.metre is not None
    assert found.rhyme >= 0.95
    assert found.metre >= 0.95
    assert 0 <= found.copied_lines < 0.05


def test_a_model_without_prosody_is_asked_for_none(toneless_bundle_folder: Path, verses: tuple[Verse, ...]) -> None:
    found = examine(load_bundle(toneless_bundle_folder), verses, poems=8)
    assert (found.rhyme, found.metre) == (None, None)


def test_a_model_that_repeats_the_corpus_is_found_out(
    bundle_folder: Path, verses: tuple[Verse, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = load_bundle(bundle_folder)
    written: list[Verse] = []

    def listen(poems: Sequence[Lines], known: Collection[str]) -> float:
        written.extend(Verse(poem) for poem in poems)
        return copied_lines(poems, known)

    with monkeypatch.context() as patch:
        patch.setattr(examination, "copied_lines", listen)
        assert examine(bundle, verses, poems=12).copied_lines < 0.1
    # The same poems over a corpus that has them: one poem of each changes no commonest first character.
    assert examine(bundle, [*verses, *written], poems=12).copied_lines > 0.9
