"""A loaded model that also chooses where its lines end, as the second report's did."""

from collections.abc import Sequence
from itertools import takewhile
from random import Random

import numpy as np
import torch
from torch.nn import functional

from poetry_model import sampling
from poetry_model.checkpoint import Bundle
from poetry_model.devices import Precision
from poetry_model.network import State
from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import NUCLEUS, Poet
from poetry_model.typed import TypedCharacters
from poetry_model.vocabulary import END, LINE_END, PAD, UNK


class SampledPoet:
    """Composes with a bundle whose line ends are sampled: a poem has the lines, and of the lengths, that come."""

    def __init__(self, bundle: Bundle, device: torch.device, nucleus: float = NUCLEUS) -> None:
        """`nucleus`: share of the probability that is sampled from, above 0 and at most 1."""
        self._network = bundle.network.to(device).eval()
        self._vocabulary = bundle.vocabulary
        self._composing = bundle.composing
        self._typed = TypedCharacters(bundle.vocabulary)
        self._nucleus = nucleus
        self._device = device
        self.version = bundle.version
        self.metadata = bundle.metadata

    @torch.inference_mode()
    def compose(self, requests: Sequence[PoemRequest]) -> list[Poem]:
        """One poem a request, in order.

        A request's lines are the most that are written, and as many lines of its form the most characters; style, rhyme
        and candidates are not looked at. The likelihood of a poem is that among all ids, at no temperature.
        """
        if not requests:
            return []
        randoms = [request.random("sampled") for request in requests]
        starts = [self._start(request) for request in requests]
        longest = [(request.form + 1) * request.lines for request in requests]
        temperature = torch.tensor([self._composing.temperature(request.temperature) for request in requests])
        temperature = temperature.to(self._device)
        nucleus = torch.full_like(temperature, self._nucleus)
        nothing = torch.empty(len(requests), 1, 0, dtype=torch.long, device=self._device)
        previous = torch.full((len(requests), 1), PAD, device=self._device)
        likelihood = torch.zeros(len(requests), device=self._device)
        written: list[list[int]] = [[] for _ in requests]
        closed = torch.zeros(len(self._vocabulary), device=self._device)
        closed[[PAD, UNK]] = -torch.inf
        beyond = -len(self._vocabulary) % sampling.BLOCK
        state: State | None = self._first_state(randoms)
        while any(living := [len(ids) < most and END not in ids for ids, most in zip(written, longest, strict=True)]):
            scores, state = self._network(previous, nothing, state)
            scores = scores[:, 0]
            draws = np.concatenate([sampling.uniforms(random, 1) for random in randoms])
            weights = functional.pad(sampling.probabilities(scores + closed, temperature), (0, beyond))
            room = torch.empty_like(weights)
            chosen = sampling.choose(
                weights, sampling.sums(weights), torch.from_numpy(draws).to(self._device), nucleus, room
            )
            for row, (ids, start) in enumerate(zip(written, starts, strict=True)):
                if len(ids) < len(start):
                    chosen[row] = start[len(ids)]
                elif ids.count(LINE_END) == requests[row].lines - 1 and chosen[row] == LINE_END:
                    chosen[row] = END
            likelihood += scores.log_softmax(dim=-1).gather(1, chosen[:, None])[:, 0] * torch.tensor(
                living, device=self._device
            )
            for ids, number, lives in zip(written, chosen.tolist(), living, strict=True):
                if lives:
                    ids.append(number)
            previous = chosen[:, None]
        return [
            Poem(request, self._lines(ids, request.start), self.version, value / len(ids))
            for request, ids, value in zip(requests, written, likelihood.tolist(), strict=True)
        ]

    def _start(self, request: PoemRequest) -> list[int]:
        """Ids of the start, of several that a character may stand for the commonest."""
        return [self._typed.ids(character, request.script)[0] for character in request.start]

    def _first_state(self, randoms: Sequence[Random]) -> State | None:
        """A state drawn for each row from its own generator; None for the zeros that the network starts from."""
        spread, config = self._composing.initial_state, self._network.config
        if not spread:
            return None
        parts = [
            torch.tensor(
                [[random.gauss(0, spread) for _ in range(config.layers * config.hidden)] for random in randoms]
            )
            .view(len(randoms), config.layers, config.hidden)
            .transpose(0, 1)
            .contiguous()
            .to(self._device)
            for _ in range(2 if config.cell == "lstm" else 1)
        ]
        return (parts[0], parts[1]) if config.cell == "lstm" else parts[0]

    def _lines(self, ids: Sequence[int], start: str) -> tuple[str, ...]:
        signs = [
            "\n" if number == LINE_END else self._vocabulary.character_of(number)
            for number in takewhile(lambda number: number != END, ids)
        ]
        # What is typed and not known stands as typed.
        for place, typed in enumerate(start):
            if ids[place] == UNK:
                signs[place] = typed
        return tuple(line for line in "".join(signs).split("\n") if line)


def make_poet(
    bundle: Bundle, device: torch.device, nucleus: float = NUCLEUS, precision: Precision = "single"
) -> Poet | SampledPoet:
    """The poet for the format that `bundle` was trained in; one that samples its line ends computes in single."""
    if bundle.vocabulary.line_ends:
        return SampledPoet(bundle, device, nucleus)
    return Poet(bundle, device, nucleus, precision)
