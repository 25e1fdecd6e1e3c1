"""Poems that are written side by side, one character at a time; rows join and leave between two characters.

The rows lie dense at the front of every tensor: the last takes the place of one that leaves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import chain, zip_longest

import numpy as np
import torch
from torch import Tensor

from poetry_model import sampling
from poetry_model.conditions import SIZES, conditions
from poetry_model.form import MAX_LINES
from poetry_model.layout import NOBODY, Layout, Span
from poetry_model.prosody import Tone
from poetry_model.stepper import Stepper
from poetry_model.vocabulary import PAD

_MEMORY = 56
"""Characters within which none comes back, but for immediate doubling: eight lines of seven."""

_TOGETHER = 64
"""Rows drawn together: what is computed of them stays in the processor's cache."""

_FEW = 8
"""Rows that are drawn together whatever their spans."""

_SMALLEST, _LARGEST = 1e-20, 1e30
"""Bounds of a row's weights, together: between them nothing has vanished and nothing is beyond fp32."""


@dataclass(eq=False, frozen=True, slots=True)
class Row:
    """One poem to be written: what is settled of it beforehand."""

    form: int
    lines: int
    controls: Sequence[Sequence[int]]
    """Conditions beyond those of the form: of each either one number a place, or one for all."""
    masks: Sequence[int]
    """Which row of the table of masks holds at each place; empty: the first everywhere."""
    given: dict[int, tuple[int, ...]]
    """Place → ids that may stand there: those a given character may mean."""
    draws: np.ndarray
    """Uniform numbers of each place, (places, sampling.UNIFORMS), fp32."""
    temperature: float
    nucleus: float

    @property
    def length(self) -> int:
        """In characters."""
        return self.form * self.lines


@dataclass(frozen=True, slots=True)
class Written:
    """A row that is done."""

    row: Row
    ids: list[int]
    likelihood: float
    """Mean log-probability of a character, as `Poem` has it."""


class Manuscript:
    """The rows being written."""

    def __init__(self, stepper: Stepper, layout: Layout, device: torch.device, *, repeats: bool) -> None:
        """`layout`: the columns of `stepper`; `repeats`: whether a character may return.

        Kinds of place from the third on are rhymes, whose characters are kept for their places.
        """
        self._stepper = stepper
        self._layout = layout
        self._repeats = repeats
        self._device = device
        self._rows: list[Row] = []
        self._places: list[int] = []
        """How many characters of each row are written."""
        self._room = 0
        self._memory = stepper.memory(0)
        # What each place is told, its kind, and the columns of what may stand where a character is given.
        self._sheet = self._integers(0, 0, stepper.conditions + 2)
        self._draws = self._floats(0, 0, sampling.UNIFORMS)
        self._written = self._integers(0, 0)
        # Columns that may not come, <pad>'s where there are fewer: the last, the rhymes' line by line, the given ones.
        self._taken = self._integers(0, _MEMORY + MAX_LINES)
        self._place = self._integers(0)
        self._form = self._integers(0)
        self._previous = self._integers(0)
        self._doubled = torch.zeros(0, dtype=torch.bool, device=self._device)
        self._likelihood, self._temperature, self._nucleus = (self._floats(0) for _ in range(3))

    def __len__(self) -> int:
        """Rows being written."""
        return len(self._rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Let `rows` join at the next character."""
        if not rows:
            return
        begin, end = len(self._rows), len(self._rows) + len(rows)
        longest = max(row.length for row in rows)
        variants = max((len(ids) for row in rows for ids in row.given.values()), default=1)
        given = max(sum(map(len, row.given.values())) for row in rows)
        self._make_room(end, longest, variants, given)
        new = slice(begin, end)
        for tensor in self._memory.kept:
            tensor[new] = 0
        sheet = np.zeros((len(rows), longest, self._sheet.shape[2]), dtype=np.int64)
        sheet[:, :, self._stepper.conditions + 1 :] = NOBODY
        draws = np.zeros((len(rows), longest, sampling.UNIFORMS), dtype=np.float32)
        for page, uniforms, row in zip(sheet, draws, rows, strict=True):
            self._fill(page, row)
            uniforms[: row.length] = row.draws
        self._sheet[new, :longest] = torch.from_numpy(sheet).to(self._device)
        self._draws[new, :longest] = torch.from_numpy(draws).to(self._device)
        self._written[new] = PAD
        self._taken[new] = PAD
        if given:
            kept = zip_longest(*(chain.from_iterable(row.given.values()) for row in rows), fillvalue=PAD)
            taken = self._layout.columns[torch.tensor(list(kept)).T].to(self._device)
            self._taken[new, _MEMORY + MAX_LINES : _MEMORY + MAX_LINES + taken.shape[1]] = taken
        self._place[new] = 0
        self._form[new] = torch.tensor([row.form for row in rows], device=self._device)
        self._previous[new] = PAD
        self._doubled[new] = False
        self._likelihood[new] = 0
        self._temperature[new] = torch.tensor([row.temperature for row in rows], device=self._device)
        self._nucleus[new] = torch.tensor([row.nucleus for row in rows], device=self._device)
        self._rows += rows
        self._places += [0] * len(rows)

    def step(self) -> list[Written]:
        """Write one character of every row; those that are done leave."""
        count = len(self._rows)
        every = torch.arange(count, device=self._device)
        place = self._place[:count]
        sheet = self._sheet[every, place]
        columns = self._stepper.conditions
        kinds, given = sheet[:, columns], sheet[:, columns + 1 :]
        self._stepper.step(self._memory, count, self._previous[:count], sheet)
        chosen, likelihood = self._chosen(kinds, self._draws[every, place], given)
        self._likelihood[:count] += likelihood
        self._note(every, chosen, kinds)
        self._places = [number + 1 for number in self._places]
        done = [number for number, row in enumerate(self._rows) if self._places[number] == row.length]
        return self._leave(done) if done else []

    def _chosen(self, kinds: Tensor, draws: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Of each row the column that is given, or else drawn, and its log-probability."""
        chosen, likelihood = self._given(given)
        # One room for all parts: to ask for megabytes anew takes longer than to compute in them.
        rooms = torch.empty(2, min(len(chosen), _TOGETHER), len(self._layout.ids), device=self._device)
        for span, rows in self._groups(kinds, (chosen == NOBODY).nonzero()[:, 0]):
            for own, scores in self._scored(rows, span.columns):
                chosen[own], likelihood[own] = self._drawn(span, scores, own, kinds[own], draws[own], rooms)
        return chosen, likelihood

    def _given(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Of each row the likeliest column that a given character may mean; `NOBODY` and 0 without one."""
        chosen = given[:, 0].clone()
        likelihood = torch.zeros_like(self._likelihood[: len(chosen)])
        rows = (chosen != NOBODY).nonzero()[:, 0]
        if len(rows):
            for own, scores in self._scored(rows, slice(None)):
                meant = given[own]
                found = scores.float().mul(self._heat(own)).log_softmax(1).gather(1, meant.clamp(min=PAD))
                likelihood[own], number = found.masked_fill(meant == NOBODY, -torch.inf).max(dim=1)
                chosen[own] = meant.gather(1, number[:, None])[:, 0]
        return chosen, likelihood

    def _scored(self, rows: Tensor, columns: slice) -> Iterator[tuple[Tensor, Tensor]]:
        """Parts of `rows`, and of each the scores of `columns`."""
        scores = self._stepper.scores(self._memory, rows, columns)
        return zip(torch.split(rows, _TOGETHER), torch.split(scores, _TOGETHER), strict=True)

    def _groups(self, kinds: Tensor, rows: Tensor) -> Iterator[tuple[Span, Tensor]]:
        """The `rows` that are scored together."""
        spans = self._layout.span_of[kinds[rows]]
        if len(rows) > _FEW:
            for number, span in enumerate(self._layout.spans):
                if len(found := (spans == number).nonzero()[:, 0]):
                    yield span, rows[found]
        elif len(rows):
            # The fewer the rows, the more a call costs beside what it computes.
            yield reduce(Span.join, (self._layout.spans[number] for number in spans.tolist())), rows

    def _drawn(
        self, span: Span, scores: Tensor, rows: Tensor, kinds: Tensor, draws: Tensor, rooms: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Of each of `rows`, whose places are of `kinds` with one `span`, a column and its log-probability.

        The weights are those of a softmax but for a factor a row, which takes longer to find than they do.
        """
        all_weights, room = rooms[:, : len(rows)]
        weights, room = all_weights[:, span.columns], room[:, span.columns]
        weights.copy_(scores).mul_(self._heat(rows)).exp_()
        if not span.open:
            weights.masked_fill_(self._layout.forbidden[kinds, span.columns], 0)
        if not self._repeats:
            # What was written and is not in the span is struck out where nobody looks.
            self._strike_out(all_weights, rows)
        sums = sampling.sums(weights)
        if len(lost := _lost(sums)):
            weights[lost] = self._careful_weights(span, scores[lost], kinds[lost], rows[lost])
            sums[lost] = sampling.sums(weights[lost])
        drawn = sampling.choose(weights, sums, draws, self._nucleus[rows], room)
        return drawn + span.begin, (weights.gather(1, drawn[:, None])[:, 0] / sampling.total(sums)).log_()

    def _heat(self, rows: Tensor) -> Tensor:
        """What the scores of `rows` are multiplied with, (rows, 1)."""
        return self._temperature[rows, None].clamp(min=sampling.COLDEST).reciprocal_()

    def _careful_weights(self, span: Span, scores: Tensor, kinds: Tensor, rows: Tensor) -> Tensor:
        """The same weights where numbers as they come would be too large or too small, or where nothing is left."""
        allowed = (~self._layout.forbidden[kinds]).float()
        left = allowed if self._repeats else self._strike_out(allowed.clone(), rows)
        # A small rhyme may be used up: then what stands elsewhere may come back, and only at last a rhyme itself.
        for kept in (self._taken[rows, _MEMORY:], self._taken[rows, :0]):
            left = torch.where(left.sum(1, keepdim=True) > 0, left, allowed.scatter(1, kept, 0))
        closed = left[:, span.columns] == 0
        return sampling.probabilities(scores.float().masked_fill(closed, -torch.inf), self._temperature[rows])

    def _strike_out(self, weights: Tensor, rows: Tensor) -> Tensor:
        """`weights` themselves, 0 for what was written in `rows`."""
        previous = self._previous[rows, None]
        # 年年, 處處: a character may be doubled at once, but no more than doubled.
        again = weights.gather(1, previous).masked_fill_(self._doubled[rows, None], 0)
        return weights.scatter_(1, self._taken[rows], 0).scatter_(1, previous, again)

    def _note(self, every: Tensor, chosen: Tensor, kinds: Tensor) -> None:
        """Write the chosen ids down, and keep them from coming back."""
        count = len(every)
        place = self._place[:count]
        self._written[every, place] = chosen
        self._taken[every, place % _MEMORY] = chosen
        line = place.div(self._form[:count], rounding_mode="floor")
        self._taken[every, _MEMORY + line] = torch.where(kinds >= len(Tone), chosen, self._taken[every, _MEMORY + line])
        self._doubled[:count] = chosen == self._previous[:count]
        self._previous[:count] = chosen
        self._place[:count] += 1

    def _leave(self, done: Sequence[int]) -> list[Written]:
        lines = self._layout.ids[self._written[list(done)].cpu()].tolist()
        likelihoods = self._likelihood[list(done)].tolist()
        written = [
            Written(row, ids[: row.length], value / row.length)
            for row, ids, value in zip([self._rows[number] for number in done], lines, likelihoods, strict=True)
        ]
        left = len(self._rows) - len(done)
        gone = set(done)
        holes = [number for number in done if number < left]
        if holes:
            movers = [number for number in range(left, len(self._rows)) if number not in gone]
            for tensor in self._tensors():
                tensor[holes] = tensor[movers]
            for hole, mover in zip(holes, movers, strict=True):
                self._rows[hole], self._places[hole] = self._rows[mover], self._places[mover]
        del self._rows[left:], self._places[left:]
        return written

    def _fill(self, page: np.ndarray, row: Row) -> None:
        """What stands of one row on the sheet."""
        columns = self._stepper.conditions
        told = _told(row.form, row.lines)[:, :columns]
        page[: row.length, : told.shape[1]] = told
        for column, control in enumerate(row.controls[: columns - len(SIZES)], start=len(SIZES)):
            page[: row.length, column] = control
        if row.masks:
            page[: row.length, columns] = row.masks
        for place, ids in row.given.items():
            page[place, columns + 1 : columns + 1 + len(ids)] = self._layout.columns[list(ids)]

    def _tensors(self) -> Iterator[Tensor]:
        """All that belongs to a row."""
        yield from self._memory.kept
        yield from (self._sheet, self._draws, self._written, self._taken, self._place, self._form)
        yield from (self._previous, self._doubled, self._likelihood, self._temperature, self._nucleus)

    def _make_room(self, rows: int, length: int, variants: int, given: int) -> None:
        """Room for so many rows of such a length, with so many meanings of a given character and given ids."""
        room = self._room
        if rows > room:
            # Doubled where rows keep joining, so that what is there is seldom copied.
            room = max(rows, 2 * room)
            memory = self._stepper.memory(room)
            for new, old in zip(memory.kept, self._memory.kept, strict=True):
                new[: self._room] = old[: self._room]
            self._memory, self._room = memory, room
        columns = self._stepper.conditions + 1 + variants
        self._sheet = _enlarged(self._sheet, (room, length, columns), NOBODY)
        self._draws = _enlarged(self._draws, (room, length, sampling.UNIFORMS))
        self._written = _enlarged(self._written, (room, length))
        self._taken = _enlarged(self._taken, (room, _MEMORY + MAX_LINES + given))
        for name in ("_place", "_form", "_previous", "_doubled", "_likelihood", "_temperature", "_nucleus"):
            setattr(self, name, _enlarged(getattr(self, name), (room,)))

    def _integers(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.long, device=self._device)

    def _floats(self, *shape: int) -> Tensor:
        return torch.zeros(shape, device=self._device)


def _enlarged(tensor: Tensor, shape: Sequence[int], filling: int = 0) -> Tensor:
    """The tensor itself, or a larger one that begins with it."""
    wanted = [max(have, want) for have, want in zip(tensor.shape, shape, strict=True)]
    if wanted == list(tensor.shape):
        return tensor
    larger = torch.full(wanted, filling, dtype=tensor.dtype, device=tensor.device)
    larger[tuple(slice(size) for size in tensor.shape)] = tensor
    return larger


def _lost(sums: Tensor) -> Tensor:
    """Rows whose weights have vanished or are beyond fp32."""
    total = sampling.total(sums)
    return (~((total > _SMALLEST) & (total < _LARGEST))).nonzero()[:, 0]


@cache
def _told(form: int, lines: int) -> np.ndarray:
    return np.array(conditions(form, lines))
