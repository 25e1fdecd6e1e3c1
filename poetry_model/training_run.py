"""One training run, from a folder of verse to a bundle."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch

from poetry_model.batches import Given
from poetry_model.checkpoint import Bundle, check_size, load_bundle, save_bundle
from poetry_model.composing import Composing
from poetry_model.conditions import SIZES, sizes_with_controls
from poetry_model.controls import Controls, not_given
from poetry_model.corpus import Corpus, Dynasty, Verse, read_corpus
from poetry_model.distributed import ALONE, Ranks
from poetry_model.errors import TrainingError
from poetry_model.evaluation import Perplexity, perplexity
from poetry_model.examination import examine
from poetry_model.favorites import read_favorites
from poetry_model.holdout import HoldOut, Split
from poetry_model.material import Material
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.prosody import Prosody, Tone, learn_prosody
from poetry_model.storage import recover
from poetry_model.strains import read_strains
from poetry_model.training import Outcome, Progress, Trainer
from poetry_model.training_config import TrainingConfig
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
    architecture: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `NetworkConfig` that differ from its defaults; of no use with a parent."""
    composing: Composing = field(default_factory=Composing)
    """How the model will compose; a parent's stays as it is."""
    favorites: Path | None = None
    """Poems that readers kept, met beside the corpus."""
    judge: Path | None = None
    """A folder of verse whose held-back side judges the run; None: that of `corpus`, which then is not learned."""
    rival: Path | None = None
    """A bundle whose perplexity on the same held-back side is measured as well."""
    examine: int = 0
    """Poems that the new model writes for its examination; 0: none."""
    resume: bool = False
    ranks: Ranks = ALONE
    """The processes that train together; the main one writes the bundle."""

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
        """Train and write the bundle; returns its version and how the run went. `say` takes a line for people.

        A process that is not the main one writes nothing, and returns an empty version.
        """
        resume = self._resumes()
        self._check_out(resume=resume)
        parent = load_bundle(self.parent) if self.parent else None
        rival = load_bundle(self.rival) if self.rival else None
        corpus = read_corpus(self.corpus)
        say(corpus.summary())
        # What any model of ours held back stays held back, so that their figures can be compared.
        known = parent or rival
        hold_out = known.hold_out if known else HoldOut(self.config.held_back)
        judge = read_corpus(self.judge) if self.judge else corpus
        split = hold_out.split(judge.verses)
        hold_out = hold_out.remember(split.held_back)
        if judge is not corpus:
            # All of the corpus may be learned but what the judge's verse holds back.
            learned = tuple(verse for verse in corpus.verses if not hold_out.knows_a_line_of(verse))
            split = replace(split, training=learned)
        composing = parent.composing if parent else self.composing
        vocabulary = parent.vocabulary if parent else _learn_vocabulary(split.training, composing)
        if not vocabulary.characters:
            raise TrainingError(f"No character stands twice in {self.corpus}; use a larger corpus.")
        torch.manual_seed(self.config.seed)
        prosody = self._prosody(parent, split.training, say)
        network = self._network(parent, vocabulary, prosody)
        try:
            check_size(network)
        except ValueError as error:
            raise TrainingError(f"The network is too large to be kept ({error}); make it smaller.") from error
        song = self._read_song(hold_out, vocabulary, say)
        favorites = self._read_favorites(hold_out, say)
        say(
            f"{len(split.training):,} poems to learn, {len(split.held_back):,} held back, "
            f"{len(vocabulary):,} characters in the vocabulary, "
            f"{sum(parameter.numel() for parameter in network.parameters()):,} parameters, on {self.device}"
        )
        outcome = Trainer(
            network,
            vocabulary,
            Material(self.config, split.training, song, favorites),
            split.held_back,
            self.config,
            state_folder=self.state_folder,
            corpus_digest=corpus.digest,
            start=parent.version if parent else None,
            device=self.device,
            controls=Controls(prosody) if prosody else None,
            report=report,
            should_stop=should_stop,
            ranks=self.ranks,
        ).run(resume=resume)
        if not self.ranks.is_main:
            return "", outcome
        # The bundle holds fp16: its figures are those of the weights it holds.
        network.half().float()
        bundle = Bundle(network, vocabulary, hold_out, prosody, composing, {}, version="")
        metrics = self._measure(bundle, split.held_back)
        metadata = {
            "corpus": _describe_corpus(corpus, split),
            "training": self._describe(outcome, parent) | {"favorites": len(favorites)},
            "metrics": metrics
            | {
                "start_perplexity": outcome.start_perplexity,
                "live_perplexity": self._perplexity(rival, split.held_back).perplexity if rival else None,
                "live_version": rival.version if rival else None,
            },
            "examination": asdict(examine(bundle, corpus.verses, self.examine)) if self.examine else None,
        }
        version = save_bundle(self.out, network, vocabulary, hold_out, metadata, prosody, composing)
        rmtree(self.state_folder, ignore_errors=True)
        return version, replace(outcome, perplexity=metrics["perplexity"])

    def _measure(self, bundle: Bundle, verses: Sequence[Verse]) -> dict[str, Any]:
        """The perplexity of a model, without controls and, for one that takes them, with."""
        given = Controls(bundle.prosody).given if bundle.prosody else None
        return asdict(self._perplexity(bundle, verses)) | {
            "perplexity_with_controls": self._perplexity(bundle, verses, given).perplexity if given else None
        }

    def _perplexity(self, bundle: Bundle, verses: Sequence[Verse], given: Given = not_given) -> Perplexity:
        """Without controls, unless they are given."""
        network = bundle.network.to(self.device)
        return perplexity(network, bundle.vocabulary, verses, self.device, given if bundle.prosody else None)

    def _network(self, parent: Bundle | None, vocabulary: Vocabulary, prosody: Prosody | None) -> PoetNetwork:
        sizes = sizes_with_controls(len(prosody.classes)) if prosody else SIZES
        if parent is None:
            return PoetNetwork(NetworkConfig(len(vocabulary), **({"conditions": sizes} | dict(self.architecture))))
        if not parent.network.config.conditions:
            return parent.network
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

    def _read_favorites(self, hold_out: HoldOut, say: Callable[[str], None]) -> list[tuple[Verse, int]]:
        """The favorites that may be learned: none shares a line with what is held back."""
        if self.favorites is None:
            return []
        found = read_favorites(self.favorites)
        kept = [(verse, keepers) for verse, keepers in found if not hold_out.knows_a_line_of(verse)]
        if not kept:
            raise TrainingError(f"Every poem of {self.favorites} has a line that is held back; choose other favorites.")
        say(f"{len(kept):,} favorites to learn, {len(found) - len(kept):,} left out: a line of theirs is held back")
        return kept

    def _prosody(self, parent: Bundle | None, verses: Sequence[Verse], say: Callable[[str], None]) -> Prosody | None:
        """The parent's, or what the verse teaches; None for a network that is told nothing."""
        if parent and parent.prosody:
            return parent.prosody
        told = parent.network.config.conditions if parent else self.architecture.get("conditions", SIZES)
        return self._learn_prosody(verses, say) if told else None

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

    def is_finished(self) -> bool:
        """Whether the bundle was there when torchrun started the processes anew: one was lost after the end."""
        return self.ranks.restarted and self.ranks.any((self.out / "config.json").is_file())

    def _resumes(self) -> bool:
        """Whether there is a run to go on with: whoever starts again lost processes cannot be asked for --resume."""
        if self.ranks.is_main:
            recover(self.state_folder)
        kept = self.ranks.any(self.state_folder.exists())
        return self.resume or (self.ranks.restarted and kept)

    def _check_out(self, *, resume: bool) -> None:
        if not resume and self.state_folder.exists():
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
            "processes": self.ranks.size,
            "torch": torch.__version__,
            "machine": platform.machine(),
        }


def _learn_vocabulary(verses: Sequence[Verse], composing: Composing) -> Vocabulary:
    return Vocabulary.from_texts((verse.text for verse in verses), line_ends=composing.format == "sampled")


def _describe_corpus(corpus: Corpus, split: Split) -> dict[str, object]:
    return {
        "digest": corpus.digest,
        "files": corpus.files,
        "poems": corpus.poems,
        "dropped": dict(corpus.dropped),
        "training": len(split.training),
        "held_back": len(split.held_back),
    }
