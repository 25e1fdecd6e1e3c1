import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from poetry_model.checkpoint import load_bundle
from poetry_model.conditions import SIZES, sizes_with_controls
from poetry_model.controls import Controls, not_given
from poetry_model.corpus import Verse, read_corpus
from poetry_model.errors import BundleError, CorpusError, TrainingError
from poetry_model.evaluation import perplexity
from poetry_model.holdout import HoldOut, Split
from poetry_model.poem import PoemRequest
from poetry_model.poet import Poet
from poetry_model.recipe import make_recipe
from poetry_model.training import InterruptedRunError, Outcome, Progress
from poetry_model.training_config import TrainingConfig
from poetry_model.training_run import TrainingRun
from poetry_model.vocabulary import Vocabulary


@pytest.fixture
def new_run(corpus_folder: Path, tmp_path: Path) -> TrainingRun:
    return TrainingRun(
        corpus=corpus_folder,
        out=tmp_path / "model",
        config=TrainingConfig(epochs=1, batch_characters=800, learning_rate=1e-2),
        device=torch.device("cpu"),
        architecture={"embedding": 8, "hidden": 12, "layers": 1},
    )


def _execute(run: TrainingRun, *, stop: bool = False, said: list[str] | None = None) -> tuple[str, Outcome]:
    batches = 0

    def count(progress: Progress) -> None:
        nonlocal batches
        batches += progress.event == "step"

    return run.execute(count, lambda: stop and batches >= 2, (said if said is not None else []).append)


def test_a_run_ends_in_a_bundle_with_its_record(new_run: TrainingRun, split: Split, vocabulary: Vocabulary) -> None:
    version, outcome = _execute(new_run)
    bundle = load_bundle(new_run.out)
    assert bundle.version == version
    assert bundle.vocabulary.characters == vocabulary.characters
    assert bundle.hold_out == HoldOut().remember(split.held_back)
    assert bundle.network.config.hidden == 12
    corpus, training = bundle.metadata["corpus"], bundle.metadata["training"]
    assert corpus["digest"] == read_corpus(new_run.corpus).digest
    assert (corpus["training"], corpus["held_back"]) == (len(split.training), len(split.held_back))
    assert training["config"]["epochs"] == training["epochs"] == outcome.epochs == 1
    assert training["parent"] is None
    assert not new_run.state_folder.exists()


def test_the_figures_in_the_bundle_are_those_of_the_weights_it_holds(new_run: TrainingRun, split: Split) -> None:
    _execute(new_run)
    bundle = load_bundle(new_run.out)
    metrics, prosody = bundle.metadata["metrics"], bundle.prosody
    assert prosody is not None
    without, told = (
        perplexity(bundle.network, bundle.vocabulary, split.held_back, torch.device("cpu"), given)
        for given in (not_given, Controls(prosody).given)
    )
    assert metrics["perplexity"] == pytest.approx(without.perplexity, rel=1e-6)
    assert metrics["perplexity_with_controls"] == pytest.approx(told.perplexity, rel=1e-6)
    assert metrics["characters"] == without.characters


def test_the_same_command_gives_the_same_version(new_run: TrainingRun, tmp_path: Path) -> None:
    other = replace(new_run, out=tmp_path / "other")
    assert _execute(new_run)[0] == _execute(other)[0]


def test_people_are_told_what_is_learned(new_run: TrainingRun, split: Split, vocabulary: Vocabulary) -> None:
    said: list[str] = []
    _execute(new_run, said=said)
    corpus, sounds, plan = said
    assert corpus == read_corpus(new_run.corpus).summary()
    assert f"{len(split.training)} poems to learn, {len(split.held_back)} held back" in plan
    assert f"{len(vocabulary)} characters in the vocabulary" in plan
    assert sounds.endswith("characters with a tone, 3 level and 2 oblique rhymes")


def test_people_are_told_that_a_corpus_has_no_tones(new_run: TrainingRun, toneless_corpus_folder: Path) -> None:
    said: list[str] = []
    _execute(replace(new_run, corpus=toneless_corpus_folder), said=said)
    bundle = load_bundle(new_run.out)
    assert said[1].startswith("No tones: the corpus has no strains/")
    assert bundle.prosody is None
    assert dict(bundle.network.config.conditions) == SIZES
    assert bundle.metadata["metrics"]["perplexity_with_controls"] is None


def test_a_parent_without_prosody_grows_when_the_corpus_has_tones(
    new_run: TrainingRun, toneless_bundle_folder: Path
) -> None:
    _, outcome = _execute(replace(new_run, parent=toneless_bundle_folder))
    parent, child = load_bundle(toneless_bundle_folder), load_bundle(new_run.out)
    assert child.prosody is not None
    assert dict(child.network.config.conditions) == sizes_with_controls(len(child.prosody.classes))
    # Before the first step it knows what the parent knew.
    assert outcome.start_perplexity == pytest.approx(parent.metadata["metrics"]["perplexity"], rel=1e-5)


def test_a_parent_keeps_its_prosody_on_a_corpus_without_tones(
    new_run: TrainingRun, bundle_folder: Path, toneless_corpus_folder: Path
) -> None:
    _execute(replace(new_run, parent=bundle_folder, corpus=toneless_corpus_folder))
    parent, child = load_bundle(bundle_folder).prosody, load_bundle(new_run.out).prosody
    assert parent is not None
    assert child is not None
    assert child.as_dict() == parent.as_dict()


def test_an_interrupted_run_is_kept_and_goes_on_to_the_version_of_an_unbroken_one(
    new_run: TrainingRun, tmp_path: Path
) -> None:
    with pytest.raises(InterruptedRunError):
        _execute(new_run, stop=True)
    assert new_run.state_folder.is_dir()
    assert not new_run.out.exists()
    version, _ = _execute(replace(new_run, resume=True))
    assert version == _execute(replace(new_run, out=tmp_path / "unbroken"))[0]
    assert not new_run.state_folder.exists()


def test_an_interrupted_run_is_not_overwritten(new_run: TrainingRun) -> None:
    with pytest.raises(InterruptedRunError):
        _execute(new_run, stop=True)
    with pytest.raises(TrainingError, match="add --resume to go on with it, or delete it"):
        _execute(new_run)


def test_there_must_be_a_run_to_resume(new_run: TrainingRun) -> None:
    with pytest.raises(TrainingError, match="start one without --resume"):
        _execute(replace(new_run, resume=True))


def test_what_stands_at_the_destination_is_not_overwritten(new_run: TrainingRun) -> None:
    new_run.out.mkdir()
    (new_run.out / "diary").touch()
    with pytest.raises(TrainingError, match="model exists already; choose another --out"):
        _execute(new_run)


def test_a_destination_that_is_an_empty_folder_will_do(new_run: TrainingRun) -> None:
    new_run.out.mkdir()
    version, _ = _execute(new_run)
    assert load_bundle(new_run.out).version == version


def test_a_destination_that_cannot_be_made_is_refused_before_the_training(new_run: TrainingRun, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError):
        _execute(replace(new_run, out=tmp_path / "file" / "model"))


def test_a_corpus_that_is_not_there_is_refused(new_run: TrainingRun, tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        _execute(replace(new_run, corpus=tmp_path / "nowhere"))


def test_a_parent_that_is_not_there_is_refused(new_run: TrainingRun, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        _execute(replace(new_run, parent=tmp_path / "nowhere"))


def test_a_fine_tuned_model_keeps_vocabulary_hold_out_and_architecture(
    new_run: TrainingRun, bundle_folder: Path, split: Split
) -> None:
    version, outcome = _execute(replace(new_run, parent=bundle_folder))
    parent, child = load_bundle(bundle_folder), load_bundle(new_run.out)
    assert child.version == version != parent.version
    assert child.vocabulary.characters == parent.vocabulary.characters
    assert child.hold_out == parent.hold_out == HoldOut().remember(split.held_back)
    assert child.network.config == parent.network.config
    assert child.metadata["training"]["parent"] == parent.version
    assert outcome.start_perplexity == pytest.approx(parent.metadata["metrics"]["perplexity"], rel=1e-6)
    assert child.metadata["metrics"]["start_perplexity"] == outcome.start_perplexity


def test_fine_tuning_on_other_verse_never_learns_what_the_parent_held_back(
    new_run: TrainingRun, bundle_folder: Path, split: Split, write_corpus: Callable[[object], Path]
) -> None:
    held_line = split.held_back[0].lines[0]
    fill = "天" * len(held_line)
    quoting = [f"{held_line}，{fill}。", f"{fill}，{fill}。"]  # the second shares a line with the first
    free = [f"{character * 5}，{character * 5}。" for character in "雪松竹石"]
    corpus = write_corpus([{"paragraphs": [poem]} for poem in quoting + free])
    _execute(replace(new_run, parent=bundle_folder, corpus=corpus))
    child = load_bundle(new_run.out)
    sides = child.hold_out.split(read_corpus(corpus).verses)
    assert {verse.lines for verse in sides.held_back} >= {(held_line, fill), (fill, fill)}
    assert child.metadata["corpus"]["training"] == len(sides.training) <= len(free)
    assert child.hold_out.lines > load_bundle(bundle_folder).hold_out.lines


def test_the_record_of_an_early_end_tells_its_best_epoch(new_run: TrainingRun) -> None:
    config = replace(new_run.config, epochs=30, learning_rate=0.5, patience=1)
    _, outcome = _execute(replace(new_run, config=config))
    record = json.loads((new_run.out / "config.json").read_text(encoding="utf-8"))["training"]
    assert record["epochs"] == len(record["history"]) == outcome.epochs < 30
    assert record["best_epoch"] == record["epochs"] - 1


def test_song_verse_is_learned_without_what_is_held_back_or_not_known(new_run: TrainingRun, split: Split) -> None:
    folder = new_run.out.parent / "both"
    shutil.copytree(new_run.corpus, folder)
    known = [[f"{line}。" for line in lines] for lines in _rotated(split.training[:40])]
    leaking = [f"{line}。" for line in split.held_back[0].lines]
    strange = ["龘" * 5 + "。"] * 2
    poems = [{"paragraphs": paragraphs} for paragraphs in (*known, leaking, strange)]
    (folder / "全唐诗" / "poet.song.0.json").write_text(json.dumps(poems, ensure_ascii=False), encoding="utf-8")
    learnable = (
        HoldOut().remember(split.held_back).split(tuple(Verse(lines) for lines in _rotated(split.training[:40])))
    )
    said: list[str] = []
    _execute(replace(new_run, corpus=folder, config=replace(new_run.config, song_share=0.3)), said=said)
    assert said[2].endswith(f"; {len(learnable.training)} poems to learn")
    assert 20 < len(learnable.training) <= 40
    record = load_bundle(new_run.out).metadata
    assert record["training"]["config"]["song_share"] == 0.3
    assert record["corpus"]["digest"] == read_corpus(new_run.corpus).digest


def test_song_verse_that_is_not_there_is_asked_for(new_run: TrainingRun) -> None:
    with pytest.raises(CorpusError, match=r"holds no .*poet\.song"):
        _execute(replace(new_run, config=replace(new_run.config, song_share=0.3)))


def _rotated(verses: Sequence[Verse]) -> list[tuple[str, ...]]:
    """Lines that no Tang poem has, of the same characters."""
    return [tuple(line[1:] + line[0] for line in verse.lines) for verse in verses]


def test_a_small_corpus_is_judged_by_the_held_back_side_of_another(
    new_run: TrainingRun, bundle_folder: Path, split: Split, tmp_path: Path
) -> None:
    folder = tmp_path / "upload" / "全唐诗"
    folder.mkdir(parents=True)
    lines = [list(split.held_back[0].lines), *(list(lines) for lines in _rotated(split.training[:3]))]
    poems = [{"paragraphs": [f"{line}。" for line in poem]} for poem in lines]
    (folder / "poet.tang.0.json").write_text(json.dumps(poems, ensure_ascii=False), encoding="utf-8")
    _, outcome = _execute(
        replace(new_run, corpus=tmp_path / "upload", judge=new_run.corpus, parent=bundle_folder, rival=bundle_folder)
    )
    record = load_bundle(new_run.out).metadata
    assert (record["corpus"]["training"], record["corpus"]["held_back"]) == (3, len(split.held_back))
    assert outcome.start_perplexity == pytest.approx(record["metrics"]["live_perplexity"], rel=1e-5)


def test_a_run_keeps_its_time(new_run: TrainingRun) -> None:
    config = replace(new_run.config, epochs=1000, minutes=0.05)
    began = time.perf_counter()
    _, outcome = _execute(replace(new_run, config=config))
    assert time.perf_counter() - began < 20
    assert 1 <= outcome.epochs < 1000
    assert 0 < outcome.seconds < 6


def test_favorites_are_learned_but_for_those_that_are_held_back(
    new_run: TrainingRun, split: Split, tmp_path: Path
) -> None:
    favorites = [{"lines": lines, "keepers": 2} for lines in (*_rotated(split.training[:2]), split.held_back[0].lines)]
    file = tmp_path / "favorites.json"
    file.write_text(json.dumps({"format": 1, "poems": favorites}, ensure_ascii=False), encoding="utf-8")
    said: list[str] = []
    _execute(replace(new_run, favorites=file), said=said)
    assert "2 favorites to learn, 1 left out: a line of theirs is held back" in said
    assert load_bundle(new_run.out).metadata["training"]["favorites"] == 2


def test_a_run_without_a_favorite_to_learn_is_refused(new_run: TrainingRun, split: Split, tmp_path: Path) -> None:
    file = tmp_path / "favorites.json"
    poems = [{"lines": split.held_back[0].lines, "keepers": 1}]
    file.write_text(json.dumps({"format": 1, "poems": poems}, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(TrainingError, match="choose other favorites"):
        _execute(replace(new_run, favorites=file))


def test_the_new_model_is_examined(new_run: TrainingRun) -> None:
    _execute(replace(new_run, examine=8))
    found = load_bundle(new_run.out).metadata["examination"]
    assert set(found) == {"poems", "format", "rhyme", "metre", "copied_lines"}
    assert (found["poems"], found["format"]) == (8, 1.0)


def test_a_plain_network_is_told_nothing_and_trained_by_hand(new_run: TrainingRun) -> None:
    recipe = make_recipe({"engine": "numpy", "embedding": 8, "hidden": 12, "layers": 1, "epochs": 2})
    run = replace(new_run, config=recipe.training, architecture=recipe.network)
    _, outcome = _execute(run)
    bundle = load_bundle(new_run.out)
    assert bundle.network.config.conditions == {}
    assert bundle.prosody is None
    assert outcome.history[1]["perplexity"] < outcome.history[0]["perplexity"]
    [poem] = Poet(bundle, torch.device("cpu")).compose([PoemRequest("月")])
    assert [len(line) for line in poem.lines] == [5] * 4


def test_a_training_by_hand_resumes_to_the_version_of_an_unbroken_one(new_run: TrainingRun, tmp_path: Path) -> None:
    recipe = make_recipe({"engine": "numpy", "embedding": 8, "hidden": 12, "layers": 1, "epochs": 2})
    run = replace(new_run, config=recipe.training, architecture=recipe.network)
    with pytest.raises(InterruptedRunError):
        _execute(run, stop=True)
    version, _ = _execute(replace(run, resume=True))
    assert version == _execute(replace(run, out=tmp_path / "unbroken"))[0]


def test_a_network_too_large_to_be_kept_is_not_trained(new_run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poetry_model.checkpoint.MAX_PARAMETERS", 1000)
    with pytest.raises(
        TrainingError, match=r"too large to be kept \([0-9,]+ parameters, of which 1,000 are the most\)"
    ):
        _execute(new_run)
    assert not new_run.state_folder.exists()
