"""A loaded model that composes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from threading import Lock
from typing import Self

import numpy as np
import torch
from torch import Tensor

from poetry_model.checkpoint import PRETRAINED, Bundle, load_bundle
from poetry_model.conditions import SIZES, conditions
from poetry_model.corpus import Dynasty
from poetry_model.devices import Precision, choose_device, choose_dtype
from poetry_model.errors import BundleError, RequestError
from poetry_model.layout import Layout
from poetry_model.manuscript import Manuscript, Row, Written
from poetry_model.merit import merit
from poetry_model.metre import Breach, ending_breaches, rhyme_breaches, tone_breaches
from poetry_model.planning import Plan, Planner
from poetry_model.poem import Poem, PoemRequest, Style
from poetry_model.prosody import SMALLEST_SHARE, Tone
from poetry_model.sampling import uniforms
from poetry_model.session import Session
from poetry_model.stepper import Stepper
from poetry_model.typed import TypedCharacters
from poetry_model.vocabulary import PAD, UNK

NUCLEUS = 0.95
"""The default share of the probability that is sampled from."""

_TONE_SIGNS = {Tone.LEVEL: "平", Tone.OBLIQUE: "仄", Tone.ANY: "○"}


_RHYME = 1
"""Column of the rhyme class among the controls."""

_OPENINGS_KEPT = 8
"""Shapes of poems whose first characters are remembered: two megabytes each, and people ask for few shapes."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One candidate."""

    request: PoemRequest
    plan: Plan | None
    row: Row


class Poet:
    """Composes with one bundle. It may be called from any thread."""

    def __init__(
        self, bundle: Bundle, device: torch.device, nucleus: float = NUCLEUS, precision: Precision = "single"
    ) -> None:
        """`nucleus`: share of the probability that is sampled from where the mood says nothing, above 0 and at most 1.

        `precision`: "half" writes many poems several times as fast as "single" on processors that are made for it.
        Raises `BundleError` for a model that samples its line ends: `sampled.SampledPoet` composes with those.
        """
        if bundle.vocabulary.line_ends:
            raise BundleError(f"Model {bundle.version} samples its line ends and cannot keep a form; choose another.")
        self._nucleus = nucleus
        self._vocabulary = bundle.vocabulary
        self.prosody = bundle.prosody
        """What the model knows of tones and rhymes; None where it learned none."""
        self._composing = bundle.composing
        self._typed = TypedCharacters(bundle.vocabulary)
        self._planner = Planner(bundle.vocabulary, bundle.prosody) if bundle.prosody else None
        self._layout = Layout(self._planner.masks if self._planner else _any_character(len(bundle.vocabulary)), device)
        self._stepper = Stepper(bundle.network, self._layout.ids, device, choose_dtype(precision, device))
        self._device = device
        self._opened: dict[tuple[int, int], np.ndarray] = {}
        self._lock = Lock()
        self.version = bundle.version
        self.hold_out = bundle.hold_out
        self.parameters = sum(parameter.numel() for parameter in bundle.network.parameters())
        """Numbers that the network learned."""
        self.metadata = bundle.metadata

    @classmethod
    def load(cls, folder: Path | None = None, device: str = "auto", precision: Precision = "single") -> Self:
        """The poet of the bundle in `folder`, by default the one that ships.

        Raises `BundleError` when the bundle is missing or damaged, `PoetryError` for a device that is not there.
        """
        return cls(load_bundle(folder or PRETRAINED), choose_device(device), precision=precision)

    def compose(self, requests: Sequence[PoemRequest]) -> list[Poem]:
        """One poem a request, in order; any mix of requests makes one batch.

        A request's poem does not depend on the others: each draws from a generator of its own. Raises `RequestError`
        for a rhyme that the model cannot keep.
        """
        session = self.session()
        tickets = [session.add(request) for request in requests]
        poems: dict[int, Poem] = {}
        while session:
            poems.update(session.step())
        return [poems[ticket] for ticket in tickets]

    def session(self) -> Session:
        """Poems that can join each other while they are written."""
        return Session(self)

    def manuscript(self) -> Manuscript:
        """An empty one, to be written by this poet's network."""
        return Manuscript(self._stepper, self._layout, self._device, repeats=self._composing.repeats)

    def drafts(self, request: PoemRequest) -> list[Draft]:
        """What is to be written for a request: a draft a candidate. Raises `RequestError` as `compose` does."""
        given = self._given(request)
        rhyme = self._rhyme(request, given)
        temperature = self._composing.temperature(request.temperature)
        drafts = []
        for number in range(request.candidates):
            random = request.random(str(number))
            plan = self._plan(request, given, rhyme, random)
            row = Row(
                form=request.form,
                lines=request.lines,
                controls=() if plan is None else (plan.tones, (plan.rhyme,), (Dynasty.TANG,)),
                masks=() if plan is None else plan.masks,
                given=given,
                draws=uniforms(random, request.form * request.lines),
                temperature=temperature,
                nucleus=request.mood.nucleus or self._nucleus,
            )
            drafts.append(Draft(request, plan, row))
        return drafts

    def _given(self, request: PoemRequest) -> dict[int, tuple[int, ...]]:
        """The ids that each given character may mean."""
        return {
            place: self._typed.ids(character, request.script_at(place)) for place, character in request.given.items()
        }

    def _plan(self, request: PoemRequest, given: dict[int, tuple[int, ...]], rhyme: int, random: Random) -> Plan | None:
        if self._planner is None:
            return None
        if request.style is Style.FREE:
            return self._planner.free(request.form, request.lines, rhyme)
        characters = {place: self._vocabulary.character_of(ids[0]) for place, ids in given.items()}
        return self._planner.regulated(request.form, request.lines, characters, rhyme, random)

    def _rhyme(self, request: PoemRequest, given: dict[int, tuple[int, ...]]) -> int:
        """The rhyme class of a request: the one asked for, or one that suits the opening; 0 where nothing rhymes.

        A class is drawn by Bayes' rule: its share in the corpus, times how likely the opening is in it.
        """
        if self.prosody is None or self._planner is None:
            if request.rhyme:
                raise RequestError(
                    "rhyme_closed",
                    f"This poem cannot rhyme with {request.rhyme}; this model knows no rhymes.",
                    rhyme=request.rhyme,
                )
            return 0
        tones = (Tone.LEVEL,) if request.style is Style.REGULATED else (Tone.LEVEL, Tone.OBLIQUE)
        open_to = [number for tone in tones for number in self._planner.rhymes[tone]]
        if request.rhyme:
            ids = self._typed.ids(request.rhyme, request.script)
            asked = [self.prosody.rhyme_of(self._vocabulary.character_of(number)) for number in ids]
            if found := next((number for number in asked if number in open_to), None):
                return found
            raise RequestError(
                "rhyme_closed",
                f"This poem cannot rhyme with {request.rhyme}; choose a commoner character (level if regulated).",
                rhyme=request.rhyme,
            )
        if request.lines == 1 or not open_to:
            return 0
        # What is given of the even lines rhymes; a first line that ends in a tone of rhyme does with the others.
        for line in (*range(1, request.lines, 2), 0):
            for number in given.get(line * request.form + request.form - 1, ()):
                if (rhyme := self.prosody.rhyme_of(self._vocabulary.character_of(number))) in open_to:
                    return rhyme
        likelihood = self._openings(request.form, request.lines)[list(given[0])][:, open_to]
        # Against the likeliest, so that not all can vanish.
        odds = np.exp(likelihood - likelihood.max()).sum(axis=0)
        return request.random("rhyme").choices(open_to, (self._shares[open_to] * odds).tolist())[0]

    @cached_property
    def _shares(self) -> np.ndarray:
        """How often each rhyme class comes in the corpus; 0 for none, (1 + rhyme classes,)."""
        assert self.prosody is not None  # noqa: S101 # nothing rhymes without
        return np.array([0.0, *(max(rhymes.share, SMALLEST_SHARE) for rhymes in self.prosody.classes)])

    def _openings(self, form: int, lines: int) -> np.ndarray:
        """The log-likelihood of every id as the first of a poem, by its rhyme, (vocabulary, 1 + rhyme classes)."""
        with self._lock:
            if (found := self._opened.get((form, lines))) is not None:
                return found
        assert self.prosody is not None  # noqa: S101 # the caller looked
        classes = torch.arange(len(self.prosody.classes) + 1, device=self._device)
        told = torch.zeros(len(classes), self._stepper.conditions, dtype=torch.long, device=self._device)
        told[:, : len(SIZES)] = torch.tensor(conditions(form, lines)[0], device=self._device)
        told[:, len(SIZES) + _RHYME] = classes
        memory = self._stepper.memory(len(classes))
        self._stepper.step(memory, len(classes), torch.full_like(classes, PAD), told)
        scores = self._stepper.scores(memory, classes, slice(None))
        openings = scores.float().log_softmax(dim=-1).cpu()[:, self._layout.columns].t().numpy()
        with self._lock:
            if len(self._opened) >= _OPENINGS_KEPT:
                del self._opened[next(iter(self._opened))]
            self._opened[form, lines] = openings
        return openings

    def merit(self, poem: Poem) -> tuple[int, float]:
        """By what the best of several candidates is kept."""
        return merit(poem, self._vocabulary)

    def poem(self, draft: Draft, written: Written) -> Poem:
        """A draft that was written, with what can be said of it."""
        request, plan, ids = draft.request, draft.plan, written.ids
        text = [self._vocabulary.character_of(number) for number in ids]
        for place, typed in request.given.items():
            if ids[place] == UNK:
                text[place] = typed
        whole = "".join(text)
        lines = tuple(whole[at : at + request.form] for at in range(0, len(whole), request.form))
        poem = Poem(request, lines, self.version, written.likelihood)
        if plan is None or self.prosody is None:
            return poem
        prosody = self.prosody
        broken: tuple[Breach, ...] = ()
        if plan.pattern:
            broken = tone_breaches(lines, plan.pattern, prosody) + ending_breaches(lines, plan.pattern, prosody)
        return replace(
            poem,
            pattern=plan.pattern.name if plan.pattern else None,
            rhyme=prosody.classes[plan.rhyme - 1].name if plan.rhyme else None,
            tones=tuple("".join(_TONE_SIGNS[prosody.tone_of(character)] for character in line) for line in lines),
            breaches=broken + rhyme_breaches(lines, prosody),
        )


def _any_character(vocabulary: int) -> Tensor:
    """One kind of place, where every character may stand, (1, vocabulary)."""
    mask = torch.ones(1, vocabulary, dtype=torch.bool)
    mask[:, [PAD, UNK]] = False
    return mask
