"""Poems that are written side by side, one character at a time; rows join and leave between two characters.

The rows lie dense at the front of every tensor: the last takes the place of one that leaves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from poetry_model import sampling
from poetry_model.conditions import SIZES, conditions
from poetry_model.form import MAX_LINES
from poetry_model.prosody import Tone
from poetry_model.stepper import Stepper
from poetry_model.vocabulary import PAD

_MEMORY = 56
"""Characters within which none comes back, but for immediate doubling: eight lines of seven."""

_NOBODY = -1
"""Stands where no id is given."""

_TOGETHER = 64
"""Rows drawn together: what is computed of them stays in the processor's cache."""

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
    """Mean log-probability a character, in nats."""


class Manuscript:
    """The rows being written."""

    def __init__(self, stepper: Stepper, masks: Tensor, *, repeats: bool) -> None:
        """`masks`: which ids may stand, (kinds of place, vocabulary), bool; `repeats`: whether a character may return.

        Rows of `masks` from the third on are rhymes, whose characters are kept for their places.
        """
        self._stepper = stepper
        # A number beside each score of the stepper: 1 where the id may stand.
        self._allowed = functional.pad(masks.float(), (0, stepper.width - stepper.vocabulary))
        self._repeats = repeats
        self._device = masks.device
        self._rows: list[Row] = []
        self._places: list[int] = []
        """How many characters of each row are written."""
        self._room = 0
        self._memory = stepper.memory(0)
        # What each place is told, its mask, and the ids that may stand where a character is given.
        self._sheet = self._integers(0, 0, stepper.conditions + 2)
        self._draws = self._floats(0, 0, sampling.UNIFORMS)
        self._written = self._integers(0, 0)
        # Ids that may not come, <pad> where there are fewer: the last ones, the rhymes' line by line, the given ones.
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
        sheet[:, :, self._stepper.conditions + 1 :] = _NOBODY
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
            ids = torch.tensor(list(kept), device=self._device).T
            self._taken[new, _MEMORY + MAX_LINES : _MEMORY + MAX_LINES + ids.shape[1]] = ids
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
        mask, given = sheet[:, columns], sheet[:, columns + 1 :]
        scores = self._stepper.step(self._memory, count, self._previous[:count], sheet)
        chosen, likelihood = self._chosen(scores, mask, self._draws[every, place], self._given(scores, given))
        self._likelihood[:count] += likelihood
        self._note(every, chosen, mask)
        self._places = [number + 1 for number in self._places]
        done = [number for number, row in enumerate(self._rows) if self._places[number] == row.length]
        return self._leave(done) if done else []

    def _given(self, scores: Tensor, given: Tensor) -> Tensor:
        """Of each row the likeliest id that a given character may mean; `_NOBODY` without one."""
        if not any(place in row.given for place, row in zip(self._places, self._rows, strict=True)):
            return given.new_full((len(given),), _NOBODY)
        found = scores.gather(1, given.clamp(min=0)).masked_fill(given < 0, -torch.inf)
        return given.gather(1, found.argmax(dim=1, keepdim=True))[:, 0]

    def _chosen(self, scores: Tensor, mask: Tensor, draws: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Of each row the id that is given, or else drawn, and its log-probability among all."""
        chosen, is_open, normalisers = given.clone(), given == _NOBODY, []
        # One room for all parts: to ask for megabytes anew takes longer than to compute in them.
        rooms = torch.empty(2, min(len(scores), _TOGETHER), scores.shape[1], device=self._device)
        for begin in range(0, len(scores), _TOGETHER):
            part = slice(begin, min(begin + _TOGETHER, len(scores)))
            own, room = rooms[:, : part.stop - begin]
            exact = scores[part] if scores.dtype is torch.float32 else own.copy_(scores[part])
            normalisers.append(torch.exp(exact, out=room).sum(1))
            if not is_open[part].any():
                continue
            weights = self._weights(exact, mask[part], part, own, room)
            sums = sampling.sums(weights)
            if len(lost := _lost(sums)):
                rows = lost + begin
                weights[lost] = self._careful_weights(scores[rows].float(), mask[rows], rows)
                sums[lost] = sampling.sums(weights[lost])
            drawn = sampling.choose(weights, sums, draws[part], self._nucleus[part], room)
            chosen[part] = torch.where(is_open[part], drawn, chosen[part])
        normaliser = torch.cat(normalisers).log_()
        if not (finite := normaliser.isfinite()).all():
            normaliser = torch.where(finite, normaliser, scores.float().logsumexp(1))
        return chosen, scores.gather(1, chosen[:, None])[:, 0] - normaliser

    def _weights(self, scores: Tensor, mask: Tensor, part: slice, own: Tensor, room: Tensor) -> Tensor:
        """In `own` the weights of the rows `part`: 0 for what the place forbids and for what was lately written.

        Those of a softmax but for a factor a row, which takes longer to find than they do.
        """
        heat = self._temperature[part, None].clamp(min=sampling.COLDEST).reciprocal_()
        weights = torch.mul(scores, heat, out=own).exp_()
        weights.mul_(torch.index_select(self._allowed, 0, mask, out=room))
        return weights if self._repeats else self._strike_out(weights, part)

    def _careful_weights(self, scores: Tensor, mask: Tensor, rows: Tensor) -> Tensor:
        """The same of `rows`, where numbers as they come would be too large or too small, or where nothing is left."""
        allowed = self._allowed[mask]
        left = allowed if self._repeats else self._strike_out(allowed.clone(), rows)
        # A small rhyme may be used up: then what stands elsewhere may come back, and only at last a rhyme itself.
        for kept in (self._taken[rows, _MEMORY:], self._taken[rows, :0]):
            left = torch.where(left.sum(1, keepdim=True) > 0, left, allowed.scatter(1, kept, 0))
        return sampling.probabilities(scores.masked_fill(left == 0, -torch.inf), self._temperature[rows])

    def _strike_out(self, weights: Tensor, rows: slice | Tensor) -> Tensor:
        """`weights` themselves, 0 for what was written in `rows`."""
        previous = self._previous[rows, None]
        # 年年, 處處: a character may be doubled at once, but no more than doubled.
        again = weights.gather(1, previous).masked_fill_(self._doubled[rows, None], 0)
        return weights.scatter_(1, self._taken[rows], 0).scatter_(1, previous, again)

    def _note(self, every: Tensor, chosen: Tensor, mask: Tensor) -> None:
        """Write the chosen ids down, and keep them from coming back."""
        count = len(every)
        place = self._place[:count]
        self._written[every, place] = chosen
        self._taken[every, place % _MEMORY] = chosen
        line = place.div(self._form[:count], rounding_mode="floor")
        self._taken[every, _MEMORY + line] = torch.where(mask >= len(Tone), chosen, self._taken[every, _MEMORY + line])
        self._doubled[:count] = chosen == self._previous[:count]
        self._previous[:count] = chosen
        self._place[:count] += 1

    def _leave(self, done: Sequence[int]) -> list[Written]:
        lines = self._written[list(done)].tolist()
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
            page[place, columns + 1 : columns + 1 + len(ids)] = ids

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
        self._sheet = _enlarged(self._sheet, (room, length, columns), _NOBODY)
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
    total = sums.sum(1)
    return (~((total > _SMALLEST) & (total < _LARGEST))).nonzero()[:, 0]


@cache
def _told(form: int, lines: int) -> np.ndarray:
    return np.array(conditions(form, lines))
