import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch
from torch import Tensor

from poetry_model import training
from poetry_model.batches import Batch, Given, bucket
from poetry_model.batches import batches as make_batches
from poetry_model.corpus import Verse
from poetry_model.errors import TrainingError
from poetry_model.evaluation import Perplexity, perplexity
from poetry_model.holdout import Split
from poetry_model.material import Material
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.training import InterruptedRunError, Outcome, Progress, Trainer
from poetry_model.training_config import TrainingConfig
from poetry_model.vocabulary import Vocabulary

CPU = torch.device("cpu")
CONFIG = TrainingConfig(epochs=2, batch_characters=800, learning_rate=1e-2)


class Stop:
    """Asks a run to stop once `batches` of it are done."""

    def __init__(self, batches: int) -> None:
        self._left = batches

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0


class Run(Protocol):
    def __call__(
        self,
        config: TrainingConfig = CONFIG,
        *,
        resume: bool = False,
        seed: int = 0,
        folder: str = "run",
        start: str | None = None,
        report: Callable[[Progress], None] = ...,
        should_stop: Callable[[], bool] = ...,
        save_every: float = 180.0,
    ) -> tuple[PoetNetwork, Outcome]: ...


def _network(vocabulary: Vocabulary, seed: int) -> PoetNetwork:
    torch.manual_seed(seed)
    return PoetNetwork(NetworkConfig(len(vocabulary), embedding=8, hidden=12, layers=2))


@pytest.fixture
def run(split: Split, vocabulary: Vocabulary, tmp_path: Path) -> Run:
    """Train a fresh network, whose first weights `seed` gives."""

    def train(
        config: TrainingConfig = CONFIG,
        *,
        resume: bool = False,
        seed: int = 0,
        folder: str = "run",
        start: str | None = None,
        report: Callable[[Progress], None] = lambda _progress: None,
        should_stop: Callable[[], bool] = lambda: False,
        save_every: float = 180.0,
    ) -> tuple[PoetNetwork, Outcome]:
        network = _network(vocabulary, seed)
        trainer = Trainer(
            network,
            vocabulary,
            Material(CONFIG, split.training),
            split.held_back,
            config,
            state_folder=tmp_path / folder,
            corpus_digest="digest",
            start=start,
            report=report,
            should_stop=should_stop,
            save_every=save_every,
        )
        return network, trainer.run(resume=resume)

    return train


@pytest.fixture
def batches(split: Split) -> int:
    """Batches an epoch."""
    return len(bucket(split.training, CONFIG.batch_characters))


def _weights(network: PoetNetwork) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(tensor.equal(other[name]) for name, tensor in one.items())


def test_a_network_learns(run: Run, split: Split, vocabulary: Vocabulary) -> None:
    before = perplexity(_network(vocabulary, 0), vocabulary, split.held_back, CPU).perplexity
    network, outcome = run()
    assert outcome.perplexity < before - 5
    assert perplexity(network, vocabulary, split.held_back, CPU).perplexity == outcome.perplexity


def test_the_same_seeds_repeat_a_run(run: Run) -> None:
    one, other = run(folder="one"), run(folder="other")
    assert _same(_weights(one[0]), _weights(other[0]))
    assert one[1].history == other[1].history


def test_another_seed_gives_another_run(run: Run) -> None:
    one, other = run(folder="one"), run(replace(CONFIG, seed=2), folder="other")
    assert not _same(_weights(one[0]), _weights(other[0]))


@pytest.mark.parametrize("at", ["the start", "within the first epoch", "between epochs", "within the second epoch"])
def test_a_resumed_run_ends_with_the_very_weights_of_an_unbroken_one(run: Run, batches: int, at: str) -> None:
    stop = {"the start": 0, "within the first epoch": 2, "between epochs": batches}.get(at, batches + 3)
    unbroken, expected = run(folder="unbroken")
    with pytest.raises(InterruptedRunError, match="the run is saved"):
        run(should_stop=Stop(stop))
    resumed, outcome = run(resume=True, seed=99)
    assert _same(_weights(resumed), _weights(unbroken))
    assert (outcome.perplexity, outcome.best_epoch) == (expected.perplexity, expected.best_epoch)


def test_a_resumed_run_tells_the_same_history(run: Run, batches: int) -> None:
    _, expected = run(folder="unbroken")
    with pytest.raises(InterruptedRunError):
        run(should_stop=Stop(batches + 3))
    assert run(resume=True)[1].history == expected.history


def test_a_run_may_be_broken_off_again_and_again(run: Run) -> None:
    unbroken, _ = run(folder="unbroken")
    with pytest.raises(InterruptedRunError):
        run(should_stop=Stop(1))
    for _ in range(2):
        with pytest.raises(InterruptedRunError):
            run(resume=True, should_stop=Stop(4))
    assert _same(_weights(run(resume=True)[0]), _weights(unbroken))


class Killed(Exception):  # noqa: N818 # what happens, not what went wrong
    """The process is gone."""


def test_a_run_that_is_killed_goes_on_from_what_it_saved_last(run: Run, batches: int) -> None:
    def die(progress: Progress) -> None:
        if progress.event == "step" and progress.epoch == 2:
            raise Killed

    unbroken, _ = run(folder="unbroken")
    with pytest.raises(Killed):
        run(report=die)
    steps: list[Progress] = []
    resumed, _ = run(resume=True, report=steps.append)
    assert _same(_weights(resumed), _weights(unbroken))
    assert sum(progress.event == "step" for progress in steps) == batches


def test_a_run_killed_just_before_its_epoch_was_judged_keeps_an_honest_history(run: Run, batches: int) -> None:
    saved: list[Progress] = []

    def die(progress: Progress) -> None:
        if progress.event == "checkpoint":
            saved.append(progress)
        if len(saved) == batches:
            raise Killed

    with pytest.raises(Killed):
        run(report=die, save_every=0)
    _, outcome = run(resume=True)
    assert all(math.isfinite(record["loss"]) for record in outcome.history)


def test_a_finished_run_that_is_resumed_gives_its_result_again(run: Run) -> None:
    network, outcome = run()
    again, same = run(resume=True, seed=99)
    assert _same(_weights(again), _weights(network))
    assert same == outcome


def test_a_run_is_saved_as_often_as_asked(run: Run, batches: int) -> None:
    events: list[str] = []
    run(replace(CONFIG, epochs=1), save_every=0, report=lambda progress: events.append(progress.event))
    assert events == ["step", "checkpoint"] * batches + ["epoch", "checkpoint"]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"epochs": 3}, "config"), ({"start": "v"}, "start"), ({"digest": "d"}, "corpus"), ({"hidden": 4}, "network")],
)
def test_a_run_is_resumed_only_with_what_it_was_started_with(
    run: Run, split: Split, vocabulary: Vocabulary, tmp_path: Path, change: dict[str, int | str], named: str
) -> None:
    with pytest.raises(InterruptedRunError):
        run(should_stop=Stop(0))
    hidden, epochs = int(change.get("hidden", 12)), int(change.get("epochs", 2))
    start = change.get("start")
    trainer = Trainer(
        PoetNetwork(NetworkConfig(len(vocabulary), embedding=8, hidden=hidden, layers=2)),
        vocabulary,
        Material(CONFIG, split.training),
        split.held_back,
        replace(CONFIG, epochs=epochs),
        state_folder=tmp_path / "run",
        corpus_digest=str(change.get("digest", "digest")),
        start=None if start is None else str(start),
    )
    with pytest.raises(TrainingError, match=f"had another {named}; resume it with what it was started with"):
        trainer.run(resume=True)


def _scripted(monkeypatch: pytest.MonkeyPatch, figures: Iterator[float]) -> None:
    def judge(*_: object) -> Perplexity:
        return Perplexity(next(figures), 1, 1, 0.0)

    monkeypatch.setattr(training, "perplexity", judge)


def test_a_run_stops_when_there_is_no_more_to_gain_and_keeps_its_best(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _scripted(monkeypatch, iter([9.0, 7.0, 8.0, 7.5, 1.0]))
    _, outcome = run(replace(CONFIG, epochs=5, patience=2))
    assert (outcome.epochs, outcome.best_epoch, outcome.perplexity) == (4, 2, 7.0)
    assert [record["perplexity"] for record in outcome.history] == [9.0, 7.0, 8.0, 7.5]


def test_the_network_is_left_with_the_weights_of_the_best_epoch(
    run: Run, split: Split, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[float] = []

    def judge(network: PoetNetwork, *_: object) -> Perplexity:
        judged.append(perplexity(network, vocabulary, split.held_back, CPU).perplexity)
        return Perplexity(float(len(judged)), 1, 1, 0.0)

    monkeypatch.setattr(training, "perplexity", judge)
    network, outcome = run()
    assert outcome.best_epoch == 1
    assert perplexity(network, vocabulary, split.held_back, CPU).perplexity == judged[0] != judged[1]


def test_progress_goes_from_step_to_step_to_the_end(run: Run, batches: int) -> None:
    told: list[Progress] = []
    run(report=told.append)
    assert [progress.event for progress in told] == (["step"] * batches + ["epoch", "checkpoint"]) * 2
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert [progress.epoch for progress in told if progress.event == "step"] == [1] * batches + [2] * batches
    assert [progress.epoch for progress in told if progress.event == "epoch"] == [1, 2]
    assert all(progress.loss and progress.characters_per_second for progress in told)
    assert told[-1].seconds_left == 0


def test_a_fine_tuning_tells_first_where_it_starts(run: Run, split: Split, vocabulary: Vocabulary) -> None:
    told: list[Progress] = []
    _, outcome = run(start="version", report=told.append)
    before = perplexity(_network(vocabulary, 0), vocabulary, split.held_back, CPU).perplexity
    assert (told[0].event, told[0].epoch, told[0].done, told[0].perplexity) == ("start", 0, 0, before)
    assert outcome.start_perplexity == before


def test_each_epoch_shuffles_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def spy(
        verses: Sequence[Verse], vocabulary: Vocabulary, characters: int, given: Given | None, *, seed: int, **rest: Any
    ) -> Iterator[Batch]:
        seeds.append(seed)
        return make_batches(verses, vocabulary, characters, given, seed=seed, **rest)

    monkeypatch.setattr(training, "batches", spy)
    run()
    assert seeds == [CONFIG.seed, CONFIG.seed + 1]


def test_the_learning_rate_rises_and_then_falls(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    original = Trainer._rate_share

    def spy(self: Trainer, done: float) -> float:
        shares.append(original(self, done))
        return shares[-1]

    monkeypatch.setattr(Trainer, "_rate_share", spy)
    run(replace(CONFIG, warmup=0.4))
    peak = shares.index(max(shares))
    assert 0 < peak < len(shares) - 1
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)
    assert 0.9 < shares[peak] <= 1
    assert 0 < shares[0] < 0.1
    assert 0 < shares[-1] < 0.2


def test_no_gradient_is_longer_than_allowed(run: Run) -> None:
    network, _ = run(replace(CONFIG, epochs=1, clip=1e-3))
    squares = [parameter.grad.square().sum().item() for parameter in network.parameters() if parameter.grad is not None]
    assert math.sqrt(sum(squares)) == pytest.approx(1e-3, rel=1e-2)


def test_a_loss_that_is_no_number_ends_the_run_in_one_sentence(run: Run) -> None:
    with pytest.raises(TrainingError, match="start again with a lower learning rate"):
        run(replace(CONFIG, learning_rate=math.inf))


@pytest.mark.parametrize("side", ["training", "held_back"])
def test_an_empty_side_is_refused(split: Split, vocabulary: Vocabulary, tmp_path: Path, side: str) -> None:
    sides = replace(split, **{side: ()})
    with pytest.raises(TrainingError, match=f"The {side.replace('_', '-')} side of the corpus is empty"):
        Trainer(
            _network(vocabulary, 0),
            vocabulary,
            Material(CONFIG, sides.training),
            sides.held_back,
            CONFIG,
            state_folder=tmp_path / "run",
            corpus_digest="digest",
        )
