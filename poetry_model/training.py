"""The training loop. It reports through one callback and asks another whether to stop."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from poetry_model.batches import batches, bucket
from poetry_model.controls import Controls, not_given
from poetry_model.corpus import Verse
from poetry_model.distributed import ALONE, Ranks
from poetry_model.errors import TrainingError
from poetry_model.evaluation import perplexity
from poetry_model.learners import make_learner
from poetry_model.material import Material
from poetry_model.network import PoetNetwork
from poetry_model.reading import digest
from poetry_model.training_config import TrainingConfig
from poetry_model.training_state import Counters, load_state, save_state
from poetry_model.vocabulary import Vocabulary

_FINAL_RATE = 0.02
"""The learning rate at the end, as a share of its peak."""

_JUDGINGS = 3
"""Times the held-back side is read at the end of a run: after its last epoch, and as it is saved with controls and
without."""

_SMOOTHING = 0.98
"""Weight of the past in the loss and the speed that are shown."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run says as it goes."""

    event: Literal["start", "step", "epoch", "checkpoint"]
    epoch: int
    """Of the epoch under way, from 1; at the start 0."""
    epochs: int
    done: float
    """Share of the whole run, 0 to 1."""
    loss: float | None = None
    """Mean negative log-likelihood a character, in nats, smoothed."""
    characters_per_second: float | None = None
    seconds_left: float | None = None
    perplexity: float | None = None
    """On the held-back side; given at the start of a fine-tuning and after each epoch."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run; the network holds the best weights."""

    perplexity: float
    start_perplexity: float | None
    epochs: int
    best_epoch: int
    seconds: float
    history: list[dict[str, float]]


class InterruptedRunError(TrainingError):
    """The run was asked to stop; its state is saved."""


class Trainer:
    """One run over one corpus."""

    def __init__(  # noqa: PLR0913 # a run has many parts, named at the call
        self,
        network: PoetNetwork,
        vocabulary: Vocabulary,
        material: Material,
        held_back: Sequence[Verse],
        config: TrainingConfig,
        *,
        state_folder: Path,
        corpus_digest: str,
        start: str | None = None,
        device: torch.device | None = None,
        controls: Controls | None = None,
        report: Callable[[Progress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
        save_every: float = 180.0,
        ranks: Ranks = ALONE,
    ) -> None:
        """`start` is the version whose weights `network` has, None for random ones; `save_every` in seconds.

        Of several `ranks`, which all have the same network, the main one saves and reports.
        """
        self._device = device or torch.device("cpu")
        self._network = network.to(self._device).requires_grad_(requires_grad=True)
        self._vocabulary = vocabulary
        self._material = material
        self._held_back = held_back
        self._config = config
        self._controls = controls
        self._folder = state_folder
        self._report = report
        self._should_stop = should_stop
        self._save_every = save_every
        self._ranks = ranks
        identity = {"config": asdict(config), "network": network.config.as_dict(), "corpus": corpus_digest}
        self._counters = Counters(identity | {"start": start})
        # As many bits as a float holds.
        self._require_alike(int(digest(self._counters.identity)[:12], 16))
        self._learner = make_learner(self._network, config, self._device, ranks)
        self._best: dict[str, Tensor] = {}
        self._batches = 1
        """Of the epoch under way."""
        self._rate: float | None = None
        self._judging = 0.0
        """Seconds that reading the held-back side takes."""
        self._saved_at = time.perf_counter()
        if not material.training or not held_back:
            side = "training" if not material.training else "held-back"
            raise TrainingError(f"The {side} side of the corpus is empty; use a larger corpus.")

    def run(self, *, resume: bool = False) -> Outcome:
        """Train to the end, or until there is no more to gain, and leave the best weights in the network.

        Raises `InterruptedRunError` when asked to stop, and `TrainingError` when the loss is no longer a number.
        """
        torch.manual_seed(self._config.seed)
        if resume:
            self._counters, self._best = load_state(self._folder, self._counters.identity, self._network, self._learner)
        elif self._counters.identity["start"] is not None:
            began = time.perf_counter()
            self._counters.start = self._evaluate()
            self._judging = self._since(began)
            self._counters.seconds += self._judging
            self._tell("start", perplexity=self._counters.start)
        self._require_alike(self._counters.epoch, self._counters.batch)
        while self._counters.epoch < self._config.epochs and self._may_go_on():
            self._run_epoch()
        counters = self._counters
        self._network.load_state_dict(self._best)
        return Outcome(
            counters.best, counters.start, counters.epoch, counters.best_epoch, counters.seconds, counters.history
        )

    def _run_epoch(self) -> None:
        counters, config = self._counters, self._config
        self._network.train()
        seed = config.seed + counters.epoch
        verses = self._material.epoch(counters.epoch)
        self._batches = len(bucket(verses, config.batch_characters, poems=config.batch_poems))
        epoch = batches(
            verses,
            self._vocabulary,
            config.batch_characters,
            partial(self._controls.dropped, seed=seed) if self._controls else None,
            seed=seed,
            poems=config.batch_poems,
            skip=counters.batch,
            ranks=self._ranks,
        )
        for batch in epoch:
            if self._ranks.any(self._should_stop()):
                self._save()
                # Whoever leaves first has torchrun end the others.
                self._ranks.wait()
                raise InterruptedRunError(
                    f"Stopped in epoch {counters.epoch + 1} of {config.epochs}; the run is saved."
                )
            self._ranks.seed(seed, counters.batch)
            began = time.perf_counter()
            loss = self._learner.step(batch, config.learning_rate * self._rate_share(self._done()))
            seconds = self._since(began)
            counters.batch += 1
            counters.seconds += seconds
            counters.loss = _smooth(counters.loss, loss)
            self._rate = _smooth(self._rate, self._ranks.size * int(batch.mask.sum()) / seconds)
            self._tell("step")
            if self._seconds_left() <= 0:
                break
            if time.perf_counter() - self._saved_at > self._save_every:
                self._save()
        self._finish_epoch()

    def _finish_epoch(self) -> None:
        counters = self._counters
        began = time.perf_counter()
        self._learner.settle()
        value = self._evaluate()
        self._judging = self._since(began)
        counters.seconds += self._judging
        counters.epoch += 1
        counters.batch = 0
        counters.history.append({"loss": counters.loss or 0.0, "perplexity": value})
        if value < counters.best or not self._best:
            counters.best, counters.best_epoch = value, counters.epoch
            self._best = {name: tensor.clone() for name, tensor in self._network.state_dict().items()}
        self._tell("epoch", epoch=counters.epoch, perplexity=value)
        self._save()

    def _evaluate(self) -> float:
        given = not_given if self._controls else None
        return perplexity(self._network, self._vocabulary, self._held_back, self._device, given, self._ranks).perplexity

    def _since(self, began: float) -> float:
        """Seconds, by the main process's clock: what depends on them is decided alike."""
        return self._ranks.of_main(time.perf_counter() - began)

    def _require_alike(self, *values: int) -> None:
        if not self._ranks.all_alike(*values):
            raise TrainingError(
                "The processes differ in their options, their corpus or the interrupted run they found; start all with "
                "the same command, and put --out in a folder that all hosts share."
            )

    def _may_go_on(self) -> bool:
        return not self._has_stalled() and (self._seconds_left() > 0 or not self._best)

    def _has_stalled(self) -> bool:
        return self._counters.epoch - self._counters.best_epoch >= self._config.patience

    def _done(self) -> float:
        """The share of the run that is done: of its epochs, or of its time where that is further on."""
        epochs = (self._counters.epoch + self._counters.batch / self._batches) / self._config.epochs
        left = self._seconds_left()
        spent = self._counters.seconds
        return max(epochs, spent / (spent + left) if left > 0 else 1.0)

    def _seconds_left(self) -> float:
        """Seconds until the judging must begin."""
        if self._config.minutes is None:
            return math.inf
        return 60 * self._config.minutes - self._counters.seconds - _JUDGINGS * self._judging

    def _rate_share(self, done: float) -> float:
        """The learning rate as a share of its peak, when a share of the run is `done`."""
        if self._config.schedule == "constant":
            return 1.0
        if self._config.schedule == "halve_on_rise":
            losses = [record["perplexity"] for record in self._counters.history]
            return 0.5 ** sum(now > before for before, now in pairwise(losses))
        warmup = self._config.warmup
        if done < warmup:
            return max(done / warmup, _FINAL_RATE)
        return _FINAL_RATE + (1 - _FINAL_RATE) * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2

    def _save(self) -> None:
        if not self._ranks.is_main:
            return
        self._learner.settle()
        save_state(self._folder, self._counters, self._network, self._best, self._learner)
        self._saved_at = time.perf_counter()
        self._tell("checkpoint")

    def _tell(
        self,
        event: Literal["start", "step", "epoch", "checkpoint"],
        epoch: int | None = None,
        perplexity: float | None = None,
    ) -> None:
        done = min(self._done(), 1.0)
        seconds = self._counters.seconds
        self._report(
            Progress(
                event=event,
                epoch=0 if event == "start" else epoch or self._counters.epoch + 1,
                epochs=self._config.epochs,
                done=done,
                loss=self._counters.loss,
                characters_per_second=self._rate,
                seconds_left=seconds * (1 - done) / done if done else None,
                perplexity=perplexity,
            )
        )


def _smooth(past: float | None, present: float) -> float:
    return present if past is None else _SMOOTHING * past + (1 - _SMOOTHING) * present
