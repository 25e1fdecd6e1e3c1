"""A loaded model that composes."""

import random
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from poetry_model import sampling
from poetry_model.checkpoint import PRETRAINED, Bundle, load_bundle
from poetry_model.conditions import conditions
from poetry_model.devices import choose_device
from poetry_model.network import State
from poetry_model.poem import Poem, PoemRequest
from poetry_model.script import Script, traditional_forms
from poetry_model.vocabulary import PAD, UNK

NUCLEUS = 0.95
"""Share of the probability that is sampled from."""


class Poet:
    """Composes with one bundle. It may be called from any thread."""

    def __init__(self, bundle: Bundle, device: torch.device) -> None:
        self._network = bundle.network.to(device).eval()
        self._vocabulary = bundle.vocabulary
        self._device = device
        self.version = bundle.version
        self.metadata = bundle.metadata

    @classmethod
    def load(cls, folder: Path | None = None, device: str = "auto") -> Self:
        """The poet of the bundle in `folder`, by default the one that ships.

        Raises `BundleError` when the bundle is missing or damaged, `PoetryError` for a device that is not there.
        """
        return cls(load_bundle(folder or PRETRAINED), choose_device(device))

    @torch.inference_mode()
    def compose(self, requests: Sequence[PoemRequest]) -> list[Poem]:
        """One poem a request, in order; any mix of forms and lengths makes one batch.

        A request's poem does not depend on the others: each draws from a generator of its own.
        """
        if not requests:
            return []
        lengths = [request.form * request.lines for request in requests]
        told = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(conditions(request.form, request.lines)) for request in requests], batch_first=True
        ).to(self._device)
        uniforms = self._draw([request.seed for request in requests], max(lengths))
        temperature = torch.tensor([request.temperature for request in requests], device=self._device)
        starts = [self._start_ids(request.start, request.script) for request in requests]

        previous = torch.full((len(requests), 1), PAD, device=self._device)
        state: State | None = None
        written: list[Tensor] = []
        for place in range(max(lengths)):
            scores, state = self._network(previous, told[:, place : place + 1], state)
            scores = scores[:, 0]
            chosen = self._sample(scores, uniforms[:, place], temperature)
            for row, start in enumerate(starts):
                if place < len(start):
                    chosen[row] = max(start[place], key=lambda number: scores[row, number].item())
            written.append(chosen)
            previous = chosen[:, None]
        rows = torch.stack(written, dim=1).tolist()
        return [self._poem(request, row[:length]) for request, row, length in zip(requests, rows, lengths, strict=True)]

    def _sample(self, scores: Tensor, uniforms: Tensor, temperature: Tensor) -> Tensor:
        masked = scores.clone()
        masked[:, [PAD, UNK]] = -torch.inf
        return sampling.choose(masked, uniforms, temperature, NUCLEUS)

    def _draw(self, seeds: Sequence[int], places: int) -> Tensor:
        """One uniform draw a place for each seed, (seeds, places)."""
        generators = [random.Random(seed) for seed in seeds]
        draws = [[generator.random() for _ in range(places)] for generator in generators]
        return torch.tensor(draws, dtype=torch.float32, device=self._device).clamp_(max=1 - 2**-24)

    def _start_ids(self, start: str, script: Script) -> list[tuple[int, ...]]:
        """For each typed character the ids it may stand for: several where simplified ones merged (后: 后, 後)."""
        return [self._ids(character, script) for character in start]

    def _ids(self, character: str, script: Script) -> tuple[int, ...]:
        if character in self._vocabulary and script is Script.TRADITIONAL:
            return (self._vocabulary.id_of(character),)
        candidates = dict.fromkeys(self._traditional_forms.get(character, ()))
        if character in self._vocabulary:
            candidates[character] = None
        return tuple(self._vocabulary.id_of(candidate) for candidate in candidates) or (UNK,)

    @cached_property
    def _traditional_forms(self) -> dict[str, tuple[str, ...]]:
        return dict(traditional_forms(self._vocabulary.characters))

    def _poem(self, request: PoemRequest, ids: Sequence[int]) -> Poem:
        text = [self._vocabulary.character_of(number) for number in ids]
        for place, typed in enumerate(request.start):
            if ids[place] == UNK:
                text[place] = typed
        whole = "".join(text)
        return Poem(
            start=request.start,
            form=request.form,
            traditional=tuple(whole[at : at + request.form] for at in range(0, len(whole), request.form)),
            seed=request.seed,
            model=self.version,
            script=request.script,
        )
