"""A loaded model that composes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Self

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from poetry_model import sampling
from poetry_model.checkpoint import PRETRAINED, Bundle, load_bundle
from poetry_model.conditions import conditions
from poetry_model.controls import NOT_GIVEN
from poetry_model.corpus import Dynasty
from poetry_model.devices import choose_device
from poetry_model.errors import BundleError, RequestError
from poetry_model.merit import merit
from poetry_model.metre import Breach, ending_breaches, rhyme_breaches, tone_breaches
from poetry_model.network import State
from poetry_model.planning import Plan, Planner
from poetry_model.poem import Poem, PoemRequest, Style
from poetry_model.prosody import SMALLEST_SHARE, Prosody, Tone
from poetry_model.typed import TypedCharacters
from poetry_model.vocabulary import PAD, UNK

NUCLEUS = 0.95
"""The default share of the probability that is sampled from."""

_MEMORY = 56
"""Characters within which none comes back, but for immediate doubling: eight lines of seven."""

_TONE_SIGNS = {Tone.LEVEL: "平", Tone.OBLIQUE: "仄", Tone.ANY: "○"}


@dataclass(frozen=True, slots=True)
class _Row:
    """One candidate."""

    request: PoemRequest
    plan: Plan | None
    given: dict[int, tuple[int, ...]]
    """Place → ids that may stand there: those a given character may mean."""
    draws: list[float]


class Poet:
    """Composes with one bundle. It may be called from any thread."""

    def __init__(self, bundle: Bundle, device: torch.device, nucleus: float = NUCLEUS) -> None:
        """`nucleus`: share of the probability that is sampled from where the mood says nothing, above 0 and at most 1.

        Raises `BundleError` for a model that samples its line ends: `sampled.SampledPoet` composes with those.
        """
        if bundle.vocabulary.line_ends:
            raise BundleError(f"Model {bundle.version} samples its line ends and cannot keep a form; choose another.")
        self._nucleus = nucleus
        self._network = bundle.network.to(device).eval()
        self._vocabulary = bundle.vocabulary
        self.prosody = bundle.prosody
        """What the model knows of tones and rhymes; None where it learned none."""
        self._composing = bundle.composing
        self._typed = TypedCharacters(bundle.vocabulary)
        self._planner = Planner(bundle.vocabulary, bundle.prosody) if bundle.prosody else None
        self._device = device
        self.version = bundle.version
        self.hold_out = bundle.hold_out
        self.parameters = sum(parameter.numel() for parameter in bundle.network.parameters())
        """Numbers that the network learned."""
        self.metadata = bundle.metadata

    @classmethod
    def load(cls, folder: Path | None = None, device: str = "auto") -> Self:
        """The poet of the bundle in `folder`, by default the one that ships.

        Raises `BundleError` when the bundle is missing or damaged, `PoetryError` for a device that is not there.
        """
        return cls(load_bundle(folder or PRETRAINED), choose_device(device))

    @torch.inference_mode()
    def compose(self, requests: Sequence[PoemRequest]) -> list[Poem]:
        """One poem a request, in order; any mix of requests makes one batch.

        A request's poem does not depend on the others: each draws from a generator of its own. Raises `RequestError`
        for a rhyme that the model cannot keep.
        """
        rows = [
            row
            for request, rhyme in zip(requests, self._rhymes(requests), strict=True)
            for row in self._rows(request, rhyme)
        ]
        poems = iter(self._write(rows) if rows else ())
        # The candidates of a request follow each other.
        return [
            max((next(poems) for _ in range(request.candidates)), key=lambda poem: merit(poem, self._vocabulary))
            for request in requests
        ]

    def _write(self, rows: Sequence[_Row]) -> list[Poem]:
        """One poem a row."""
        lengths = [row.request.form * row.request.lines for row in rows]
        told = self._told(rows)
        draws = pad_sequence([torch.tensor(row.draws) for row in rows], batch_first=True).to(self._device)
        temperature = torch.tensor(
            [self._composing.temperature(row.request.temperature) for row in rows], device=self._device
        )
        nucleus = torch.tensor([row.request.mood.nucleus or self._nucleus for row in rows], device=self._device)
        masks = self._masks(rows)
        # Characters given further on are kept for their place, and a rhyme for its own.
        kept = torch.zeros(len(rows), len(self._vocabulary), dtype=torch.bool)
        for number, row in enumerate(rows):
            kept[number, [candidate for ids in row.given.values() for candidate in ids]] = True
        kept = kept.to(self._device)
        written = torch.full((len(rows), 0), PAD, device=self._device)
        previous = torch.full((len(rows), 1), PAD, device=self._device)
        likelihood = torch.zeros(len(rows), device=self._device)
        state: State | None = None
        for place in range(max(lengths)):
            scores, state = self._network(previous, told[:, place : place + 1], state)
            scores = scores[:, 0]
            allowed = self._allowed(masks[:, place], written[:, -_MEMORY:], kept)
            chosen = sampling.choose(scores.masked_fill(~allowed, -torch.inf), draws[:, place], temperature, nucleus)
            for number, row in enumerate(rows):
                if ids := row.given.get(place):
                    chosen[number] = max(ids, key=lambda candidate: scores[number, candidate].item())
            living = torch.tensor([place < length for length in lengths], device=self._device)
            likelihood += living * scores.log_softmax(dim=-1).gather(1, chosen[:, None])[:, 0]
            written = torch.cat([written, chosen[:, None]], dim=1)
            rhyming = masks[:, place] >= len(Tone)
            kept[rhyming, chosen[rhyming]] = True
            previous = chosen[:, None]
        return [
            self._poem(row, ids[:length], value / length)
            for row, ids, length, value in zip(rows, written.tolist(), lengths, likelihood.tolist(), strict=True)
        ]

    def _rows(self, request: PoemRequest, rhyme: int) -> list[_Row]:
        """The candidates of a request."""
        rows = []
        given = self._given(request)
        for number in range(request.candidates):
            random = request.random(str(number))
            plan = self._plan(request, given, rhyme, random)
            draws = [min(random.random(), 1 - 2**-24) for _ in range(request.form * request.lines)]
            rows.append(_Row(request, plan, given, draws))
        return rows

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

    def _rhymes(self, requests: Sequence[PoemRequest]) -> list[int]:
        """The rhyme class of each request: the one asked for, or one that suits the opening; 0 where nothing rhymes.

        A class is drawn by Bayes' rule: its share in the corpus, times how likely the opening is in it.
        """
        if self.prosody is None or self._planner is None or not requests:
            if asked := next((request.rhyme for request in requests if request.rhyme), None):
                raise RequestError(
                    "rhyme_closed", f"This poem cannot rhyme with {asked}; this model knows no rhymes.", rhyme=asked
                )
            return [0] * len(requests)
        shapes = list(dict.fromkeys((request.form, request.lines) for request in requests))
        openings = dict(zip(shapes, self._openings(shapes, self.prosody), strict=True))
        return [self._rhyme(request, openings[request.form, request.lines]) for request in requests]

    def _openings(self, shapes: Sequence[tuple[int, int]], prosody: Prosody) -> Iterator[Tensor]:
        """For each form and lines the log-likelihood of every id as the first, (1 + rhyme classes, vocabulary)."""
        classes = torch.arange(len(prosody.classes) + 1)
        column = list(self._network.config.conditions).index("rhyme")
        for form, lines in shapes:
            opening = conditions(form, lines)[0]
            told = torch.zeros(len(classes), 1, len(self._network.config.conditions), dtype=torch.long)
            told[:, 0, : len(opening)] = torch.tensor(opening)
            told[:, 0, column] = classes
            scores, _ = self._network(torch.full((len(classes), 1), PAD, device=self._device), told.to(self._device))
            yield scores[:, 0].log_softmax(dim=-1)

    def _rhyme(self, request: PoemRequest, openings: Tensor) -> int:
        """The class for one request; `openings` is the log-likelihood of every first character in each class."""
        assert self.prosody is not None and self._planner is not None  # noqa: S101, PT018 # the caller looked
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
        given = self._given(request)
        # What is given of the even lines rhymes; a first line that ends in a tone of rhyme does with the others.
        for line in (*range(1, request.lines, 2), 0):
            for number in given.get(line * request.form + request.form - 1, ()):
                if (rhyme := self.prosody.rhyme_of(self._vocabulary.character_of(number))) in open_to:
                    return rhyme
        opening = openings[:, list(given[0])].logsumexp(dim=1)
        # Against the likeliest, so that not all can vanish.
        odds = (opening - opening[list(open_to)].max()).exp()
        shares = [max(self.prosody.classes[number - 1].share, SMALLEST_SHARE) for number in open_to]
        weights = [share * odds[number].item() for number, share in zip(open_to, shares, strict=True)]
        return request.random("rhyme").choices(open_to, weights)[0]

    def _told(self, rows: Sequence[_Row]) -> Tensor:
        """The conditions of every place, (rows, places, conditions)."""
        tables = []
        for row in rows:
            table = torch.tensor(conditions(row.request.form, row.request.lines))
            if row.plan is not None:
                rhyme = torch.full((len(table), 1), row.plan.rhyme)
                dynasty = torch.full((len(table), 1), Dynasty.TANG)
                table = torch.cat([table, torch.tensor(row.plan.tones)[:, None], rhyme, dynasty], dim=1)
            tables.append(table)
        return pad_sequence(tables, batch_first=True, padding_value=NOT_GIVEN).to(self._device)

    def _masks(self, rows: Sequence[_Row]) -> Tensor:
        """Rows of the table of masks, (rows, places)."""
        masks = [
            torch.tensor(row.plan.masks if row.plan else [0] * (row.request.form * row.request.lines)) for row in rows
        ]
        return pad_sequence(masks, batch_first=True).to(self._device)

    def _allowed(self, masks: Tensor, recent: Tensor, kept: Tensor) -> Tensor:
        """Which ids may come next, (rows, vocabulary): what the place allows, without what was lately written."""
        place = self._table[masks]
        if self._composing.repeats:
            return place
        used = kept.scatter(1, recent, value=True)
        # 年年, 處處: a character may be doubled at once, but no more than doubled.
        if recent.shape[1]:
            previous = recent[:, -1:]
            doubled = (
                previous == recent[:, -2:-1] if recent.shape[1] > 1 else torch.zeros_like(previous, dtype=torch.bool)
            )
            used.scatter_(1, previous, doubled)
        allowed = place & ~used
        # A small rhyme may be used up: then what stands elsewhere may come back, and only at last a rhyme itself.
        for wider in (place & ~kept, place):
            allowed = torch.where(allowed.any(dim=1, keepdim=True), allowed, wider)
        return allowed

    @cached_property
    def _table(self) -> Tensor:
        """The masks; without prosody the one row that forbids what is no character."""
        if self._planner is not None:
            return self._planner.masks.to(self._device)
        table = torch.ones(1, len(self._vocabulary), dtype=torch.bool)
        table[:, [PAD, UNK]] = False
        return table.to(self._device)

    def _poem(self, row: _Row, ids: Sequence[int], likelihood: float) -> Poem:
        request, plan = row.request, row.plan
        text = [self._vocabulary.character_of(number) for number in ids]
        for place, typed in request.given.items():
            if ids[place] == UNK:
                text[place] = typed
        whole = "".join(text)
        lines = tuple(whole[at : at + request.form] for at in range(0, len(whole), request.form))
        poem = Poem(request, lines, self.version, likelihood)
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
