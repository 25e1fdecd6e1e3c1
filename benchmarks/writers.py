"""Whoever writes the poems that are measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.kneser_ney import KneserNey
from poetry_model.checkpoint import Bundle
from poetry_model.controls import NOT_GIVEN
from poetry_model.figures import Lines
from poetry_model.network import PoetNetwork, State
from poetry_model.poem import MAX_SEED, PoemRequest, Style
from poetry_model.poet import Poet
from poetry_model.sampled import SampledPoet
from poetry_model.script import Script

_AT_ONCE = 256
"""Poems in a batch, candidates included: the scores of so many rows fit the caches of a small machine."""


class Writer(Protocol):
    """Writes poems of any shape."""

    def write(self, starts: Sequence[str], form: int, lines: int, seed: str) -> list[Lines]:
        """A poem for each start, in traditional characters; the same ones for the same seed."""


@dataclass(frozen=True, slots=True)
class NgramWriter:
    """The n-gram model in the exact form: nothing but the model's own probabilities chooses a character."""

    model: KneserNey

    def write(self, starts: Sequence[str], form: int, lines: int, seed: str) -> list[Lines]:
        """See `Writer`."""
        return [self.model.write(start, form, lines, Random(f"{seed}/{number}")) for number, start in enumerate(starts)]


@dataclass(frozen=True, slots=True)
class NetworkWriter:
    """A poet with its settings; one who samples line ends looks at the temperature alone."""

    poet: Poet | SampledPoet
    style: Style
    temperature: float
    candidates: int

    def write(self, starts: Sequence[str], form: int, lines: int, seed: str) -> list[Lines]:
        """See `Writer`."""
        seeds = Random(seed)
        requests = [
            PoemRequest.checked(
                start,
                form,
                lines,
                seed=seeds.randrange(MAX_SEED),
                temperature=self.temperature,
                script=Script.TRADITIONAL,
                style=self.style,
                candidates=self.candidates,
            )
            for start in starts
        ]
        room = max(1, _AT_ONCE // self.candidates)
        return [
            poem.traditional
            for at in range(0, len(requests), room)
            for poem in self.poet.compose(requests[at : at + room])
        ]


class _Uncontrolled(PoetNetwork):
    """The network, told nothing of tone and rhyme."""

    def features(self, characters: Tensor, conditions: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        missing = len(self.config.conditions) - conditions.shape[-1]
        return super().features(characters, functional.pad(conditions, (0, missing), value=NOT_GIVEN), state)


def without_controls(bundle: Bundle) -> Bundle:
    """The same network and vocabulary without prosody: its poet plans and masks neither tone nor rhyme."""
    with torch.device("meta"):
        network = _Uncontrolled(bundle.network.config)
    network.load_state_dict(bundle.network.state_dict(), assign=True)
    return replace(bundle, network=network.requires_grad_(requires_grad=False).eval(), prosody=None)
