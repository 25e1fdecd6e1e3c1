"""Judge, writers and table together, on nonsense."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.judge import FEWEST, Figures, Judge, Shape, Source
from benchmarks.kneser_ney import KneserNey
from benchmarks.quality import main
from benchmarks.report import Table
from benchmarks.writers import NetworkWriter, NgramWriter, without_controls
from poetry_model.checkpoint import load_bundle
from poetry_model.controls import not_given
from poetry_model.corpus import Verse
from poetry_model.evaluation import perplexity
from poetry_model.holdout import Split
from poetry_model.poem import Style
from poetry_model.poet import Poet
from poetry_model.prosody import Prosody
from poetry_model.vocabulary import Vocabulary

_CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def parted(verses: tuple[Verse, ...]) -> Split:
    """The two sides of the small corpus, half and half."""
    return Split(verses[::2], verses[1::2])


@pytest.fixture(scope="session")
def ngrams(parted: Split) -> KneserNey:
    return KneserNey(
        [verse.lines for verse in parted.training], Vocabulary.from_texts(verse.text for verse in parted.training)
    )


def _source(ngrams: KneserNey) -> Source:
    return Source("n-grams", NgramWriter(ngrams), lambda verses: ngrams.perplexity([verse.lines for verse in verses]))


def test_people_and_machine_are_measured_alike(parted: Split, ngrams: KneserNey) -> None:
    judge, shape = Judge(parted, Prosody({}, []), ngrams, poems=12, seed=1), Shape(5, 4)
    people, machine = judge.people(shape), judge.machine(shape, _source(ngrams))

    assert people.poems == len(judge.verses(shape)) >= FEWEST
    assert people.distinct_bigrams == 1
    assert (people.start, people.copied_lines, people.perplexity) == (None, None, None)
    assert (machine.poems, machine.format, machine.start) == (12, 1, 1)
    assert machine.perplexity == people.ngram_perplexity
    assert machine == Judge(parted, Prosody({}, []), ngrams, poems=12, seed=1).machine(shape, _source(ngrams))


def test_variants_of_a_held_back_poem_count_once(parted: Split, ngrams: KneserNey) -> None:
    verse = Verse(("春江潮水連", "海上明月共", "灩灩隨波千", "何處春江無"))
    variant = Verse((*verse.lines[:3], "何處春江有"))
    judge = Judge(Split(parted.training, (verse, variant)), Prosody({}, []), ngrams, poems=1, seed=1)

    assert judge.verses(Shape(5, 4)) == [verse]


def test_without_controls_the_network_is_told_none(bundle_folder: Path, verses: tuple[Verse, ...]) -> None:
    bundle = load_bundle(bundle_folder)
    bare = without_controls(bundle)

    expected = perplexity(bundle.network, bundle.vocabulary, verses[:20], _CPU, not_given)
    assert perplexity(bare.network, bare.vocabulary, verses[:20], _CPU) == expected


@pytest.mark.parametrize("controlled", [True, False])
def test_a_poet_writes_the_same_for_the_same_seed(bundle_folder: Path, *, controlled: bool) -> None:
    bundle = load_bundle(bundle_folder)
    writer = NetworkWriter(Poet(bundle if controlled else without_controls(bundle), _CPU), Style.FREE, 0.9, 2)
    poems = writer.write(["月", "山"], 5, 4, "1")

    assert [[len(line) for line in poem] for poem in poems] == [[5] * 4] * 2
    assert [poem[0][0] for poem in poems] == ["月", "山"]
    assert poems == writer.write(["月", "山"], 5, 4, "1")
    assert poems != writer.write(["月", "山"], 5, 4, "2")


def test_the_table_shows_what_means_nothing_as_a_dash() -> None:
    row = Figures(3, None, 400.4, 1, None, 0.985, 0.5, 0.5, 0.414, 1, 1, 1, 3, None, 0.512, 1)
    table = Table({"seed": 1}, {"n-grams": 419.04}, {Shape(5, 4): {"people": row}})

    assert (
        "| people | 3 | — | 400 | 100.0 % | — | 98.5 % | 50.0 % | 50.0 % | 0.41 "
        "| 100.0 % | 100.0 % | 100.0 % | — | 0.51 |"
    ) in table.as_markdown()
    assert json.loads(table.as_json())["shapes"]["5×4"]["people"]["perplexity"] is None


def test_the_command_prints_markdown_and_writes_json(
    corpus_folder: Path, bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    code = main(["--corpus", str(corpus_folder), "--model", str(bundle_folder), "--poems", "5", "--json", str(file)])

    # So few poems are held back that no shape can be judged.
    assert code == 0
    assert "Perplexity of the whole held-back side" in capsys.readouterr().out
    assert set(json.loads(file.read_text(encoding="utf-8"))["perplexity"]) >= {"Kneser-Ney 4-gram"}


def test_a_missing_corpus_is_said_in_a_sentence(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--corpus", str(tmp_path / "none"), "--model", str(bundle_folder)]) == 1
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [("--poems", "4"), ("--nucleus", "0"), ("--nucleus", "1.1")])
def test_settings_that_cannot_be_are_refused_at_once(wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        main(["--corpus", "anywhere", *wrong])
