"""A hundred acrostics and three moods, on the small model."""

import re
from pathlib import Path

import pytest

from benchmarks.asked import acrostics, main, moods
from poetry_model.checkpoint import load_bundle
from poetry_model.metre import rhyme_breaches
from poetry_model.mood import Mood
from poetry_model.poet import Poet


def test_a_hundred_acrostics_are_headed_as_asked_in_exact_form_and_rhyme(bundle_folder: Path, poet: Poet) -> None:
    requests = acrostics(load_bundle(bundle_folder).vocabulary, 100, seed=1)
    assert {request.lines for request in requests} == {4, 5, 6, 7, 8}
    assert poet.prosody is not None
    for request, poem in zip(requests, poet.compose(requests), strict=True):
        assert "".join(line[0] for line in poem.traditional) == request.heads
        assert [len(line) for line in poem.traditional] == [request.form] * request.lines
        # A head stands first in its line: none takes a rhyme's place.
        assert rhyme_breaches(poem.traditional, poet.prosody) == ()
        assert {breach.place for breach in poem.breaches} <= {0}


def test_every_mood_keeps_the_rules_and_the_steadier_is_likelier(bundle_folder: Path, poet: Poet) -> None:
    del bundle_folder
    mean = {}
    for mood in Mood:
        poems = poet.compose(moods(48, mood))
        assert all(poem.breaches == () for poem in poems)
        mean[mood] = sum(poem.likelihood for poem in poems) / len(poems)
    assert mean[Mood.STEADY] > mean[Mood.LIVELY] + 0.1 > mean[Mood.WILD] + 0.2


def test_the_command_prints_a_line_for_each(bundle_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", str(bundle_folder), "--count", "8"]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("acrostics: headed as asked 8, form 8, rhyme 8, ")
    assert [line.split(":")[0] for line in others] == list(Mood)
    assert all(re.search(r"form 8, rhyme 8, metre 8 of 8; -\d\.\d\d nats", line) for line in others)
