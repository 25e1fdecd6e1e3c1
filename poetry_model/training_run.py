"""One training run, from a folder of verse to a bundle."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import rmtree

import torch

from poetry_model.checkpoint import Bundle, load_bundle, save_bundle
from poetry_model.conditions import SIZES, sizes_with_controls
from poetry_model.controls import Controls, not_given
from poetry_model.corpus import Corpus, Dynasty, Verse, read_corpus
from poetry_model.errors import TrainingError
from poetry_model.evaluation import perplexity
from poetry_model.holdout import HoldOut, Split
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.prosody import Prosody, Tone, learn_prosody
from poetry_model.strains import read_strains
from poetry_model.training import Outcome, Progress, Trainer, TrainingConfig
from poetry_model.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What to train, from what, and where to put it."""

    corpus: Path
    out: Path
    config: TrainingConfig
    device: torch.device
    parent: Path | None = None
    """A bundle to fine-tune; None trains from random weights."""
    architecture: dict[str, int | float] = field(default_factory=dict)
    """Fields of `NetworkConfig` that differ from its defaults; of no use with a parent."""
    resume: bool = False

    @property
    def state_folder(self) -> Path:
        """Where the run is kept until it is finished."""
        return self.out.with_name(self.out.name + ".partial")

    def execute(
        self,
        report: Callable[[Progress], None],
        should_stop: Callable[[], bool],
        say: Callable[[str], None],
    ) -> tuple[str, Outcome]:
        """Train and write the bundle; returns its version and how the run went. `say` takes a line for people."""
        self._check_out()
        parent = load_bundle(self.parent) if self.parent else None
        corpus = read_corpus(self.corpus)
        say(corpus.summary())
        hold_out = parent.hold_out if parent else HoldOut()
        split = hold_out.split(corpus.verses)
        vocabulary = parent.vocabulary if parent else Vocabulary.from_texts(verse.text for verse in split.training)
        if not vocabulary.characters:
            raise TrainingError(f"No character stands twice in {self.corpus}; use a larger corpus.")
        torch.manual_seed(self.config.seed)
        prosody = parent.prosody if parent and parent.prosody else self._learn_prosody(split.training, say)
        network = self._network(parent, vocabulary, prosody)
        song = self._read_song(hold_out.remember(split.held_back), vocabulary, say)
        say(
            f"{len(split.training):,} poems to learn, {len(split.held_back):,} held back, "
            f"{len(vocabulary):,} characters in the vocabulary, "
            f"{sum(parameter.numel() for parameter in network.parameters()):,} parameters, on {self.device}"
        )
        outcome = Trainer(
            network,
            vocabulary,
            split.training,
            split.held_back,
            self.config,
            state_folder=self.state_folder,
            corpus_digest=corpus.digest,
            start=parent.version if parent else None,
            device=self.device,
            controls=Controls(prosody) if prosody else None,
            song=song,
            report=report,
            should_stop=should_stop,
        ).run(resume=self.resume)
        # The bundle holds fp16: its figures are those of the weights it holds.
        network.half().float()
        final = perplexity(network, vocabulary, split.held_back, self.device, not_given if prosody else None)
        with_controls = (
            perplexity(network, vocabulary, split.held_back, self.device, Controls(prosody).given).perplexity
            if prosody
            else None
        )
        metadata = {
            "corpus": _describe_corpus(corpus, split),
            "training": self._describe(outcome, parent),
            "metrics": asdict(final)
            | {"start_perplexity": outcome.start_perplexity, "perplexity_with_controls": with_controls},
        }
        version = save_bundle(self.out, network, vocabulary, hold_out.remember(split.held_back), metadata, prosody)
        rmtree(self.state_folder, ignore_errors=True)
        return version, replace(outcome, perplexity=final.perplexity)

    def _network(self, parent: Bundle | None, vocabulary: Vocabulary, prosody: Prosody | None) -> PoetNetwork:
        sizes = sizes_with_controls(len(prosody.classes)) if prosody else SIZES
        if parent is None:
            return PoetNetwork(NetworkConfig(len(vocabulary), conditions=sizes, **self.architecture))  # type: ignore[arg-type] # the command line gives each field its type
        return parent.network if dict(parent.network.config.conditions) == sizes else parent.network.grown(sizes)

    def _read_song(self, hold_out: HoldOut, vocabulary: Vocabulary, say: Callable[[str], None]) -> tuple[Verse, ...]:
        """The Song verse that may be learned: nothing held back, no character that Tang verse does not teach."""
        if not self.config.song_share:
            return ()
        song = read_corpus(self.corpus, Dynasty.SONG)
        known = set(vocabulary.characters)
        verses = tuple(verse for verse in hold_out.split(song.verses).training if known.issuperset(verse.text))
        say(f"Song verse: {song.summary()}; {len(verses):,} poems to learn")
        return verses

    def _learn_prosody(self, verses: Sequence[Verse], say: Callable[[str], None]) -> Prosody | None:
        strains = read_strains(self.corpus)
        if not strains:
            say("No tones: the corpus has no strains/, so the model is trained without rhyme and metre.")
            return None
        prosody = learn_prosody(verses, strains)
        level = sum(rhymes.tone is Tone.LEVEL for rhymes in prosody.classes)
        say(
            f"{len(prosody.level_shares):,} characters with a tone, "
            f"{level} level and {len(prosody.classes) - level} oblique rhymes"
        )
        return prosody

    def _check_out(self) -> None:
        if not self.resume and self.state_folder.exists():
            raise TrainingError(
                f"An interrupted run is kept in {self.state_folder}; add --resume to go on with it, or delete it."
            )
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(
                f"{self.out.parent} cannot be made ({error.strerror}); choose another --out."
            ) from error
        if not os.access(self.out.parent, os.W_OK):
            raise TrainingError(f"{self.out.parent} cannot be written to; choose another --out.")
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise TrainingError(f"{self.out} exists already; choose another --out.")

    def _describe(self, outcome: Outcome, parent: Bundle | None) -> dict[str, object]:
        return {
            "config": asdict(self.config),
            "parent": parent.version if parent else None,
            "epochs": outcome.epochs,
            "best_epoch": outcome.best_epoch,
            "seconds": round(outcome.seconds),
            "history": outcome.history,
            "device": str(self.device),
            "torch": torch.__version__,
            "machine": platform.machine(),
        }


def _describe_corpus(corpus: Corpus, split: Split) -> dict[str, object]:
    return {
        "digest": corpus.digest,
        "files": corpus.files,
        "poems": corpus.poems,
        "dropped": dict(corpus.dropped),
        "training": len(split.training),
        "held_back": len(split.held_back),
    }
