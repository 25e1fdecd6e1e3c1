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
    draws: Sequence[float]
    """Of each place, in [0, 1)."""
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
        self._masks = torch.zeros(masks.shape, device=masks.device).masked_fill_(~masks, -torch.inf)
        self._repeats = repeats
        self._device = masks.device
        self._rows: list[Row] = []
        self._places: list[int] = []
        """How many characters of each row are written."""
        self._room = 0
        self._memory = stepper.memory(0)
        # What each place is told, its mask, and the ids that may stand where a character is given.
        self._sheet = self._integers(0, 0, stepper.conditions + 2)
        self._draws = self._floats(0, 0)
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
        for page, row in zip(sheet, rows, strict=True):
            self._fill(page, row)
        self._sheet[new, :longest] = torch.from_numpy(sheet).to(self._device)
        self._draws[new, :longest] = self._padded((row.draws for row in rows), 0.0)
        self._written[new] = PAD
        self._taken[new] = PAD
        if given:
            ids = self._padded((list(chain.from_iterable(row.given.values())) for row in rows), PAD)
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
        ids = self._given(scores, given)
        drawn, normaliser = self._drawn(scores, mask, self._draws[every, place])
        chosen = drawn if ids is None else torch.where(ids < 0, drawn, ids)
        self._likelihood[:count] += scores.gather(1, chosen[:, None])[:, 0] - normaliser
        self._note(every, chosen, mask)
        self._places = [number + 1 for number in self._places]
        done = [number for number, row in enumerate(self._rows) if self._places[number] == row.length]
        return self._leave(done) if done else []

    def _given(self, scores: Tensor, given: Tensor) -> Tensor | None:
        """Of each row the likeliest id that a given character may mean, `_NOBODY` without one; None: no row has any."""
        if not any(place in row.given for place, row in zip(self._places, self._rows, strict=True)):
            return None
        found = scores.gather(1, given.clamp(min=0)).masked_fill(given < 0, -torch.inf)
        return given.gather(1, found.argmax(dim=1, keepdim=True))[:, 0]

    def _drawn(self, scores: Tensor, mask: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Of each row the id drawn, and the logarithm of what its scores sum to."""
        drawn, normalisers = [], []
        # One room for all parts: to ask for megabytes anew takes longer than to compute in them.
        room = scores.new_empty(min(len(scores), _TOGETHER), scores.shape[1])
        for begin in range(0, len(scores), _TOGETHER):
            part = slice(begin, min(begin + _TOGETHER, len(scores)))
            own = room[: part.stop - begin]
            # Of any id, the first say: its score less its log-probability.
            normalisers.append(scores[part, 0] - torch.log_softmax(scores[part], dim=1, out=own)[:, 0])
            open_to = self._open(scores[part], mask[part], part, own)
            drawn.append(sampling.choose(open_to, draws[part], self._temperature[part], self._nucleus[part]))
        return torch.cat(drawn), torch.cat(normalisers)

    def _open(self, scores: Tensor, mask: Tensor, part: slice, room: Tensor) -> Tensor:
        """In `room` the scores of the rows `part`, -inf for what the place forbids and for what was lately written."""
        closed = torch.index_select(self._masks, 0, mask, out=room)
        if self._repeats:
            return closed.add_(scores)
        taken, previous = self._taken[part], self._previous[part, None]
        # 年年, 處處: a character may be doubled at once, but no more than doubled.
        again = closed.gather(1, previous).masked_fill_(self._doubled[part, None], -torch.inf)
        found = closed.scatter_(1, taken, -torch.inf).scatter_(1, previous, again).add_(scores)
        # A small rhyme may be used up: then what stands elsewhere may come back, and only at last a rhyme itself.
        for kept in (taken[:, _MEMORY:], taken[:, :0]):
            empty = (found.amax(dim=1) == -torch.inf).nonzero()[:, 0]
            if not len(empty):
                break
            found[empty] = self._masks[mask[empty]].scatter_(1, kept[empty], -torch.inf) + scores[empty]
        return found

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
                new[: self._room] = old
            self._memory, self._room = memory, room
        columns = self._stepper.conditions + 1 + variants
        self._sheet = _enlarged(self._sheet, (room, length, columns), _NOBODY)
        self._draws = _enlarged(self._draws, (room, length))
        self._written = _enlarged(self._written, (room, length))
        self._taken = _enlarged(self._taken, (room, _MEMORY + MAX_LINES + given))
        for name in ("_place", "_form", "_previous", "_doubled", "_likelihood", "_temperature", "_nucleus"):
            setattr(self, name, _enlarged(getattr(self, name), (room,)))

    def _integers(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.long, device=self._device)

    def _floats(self, *shape: int) -> Tensor:
        return torch.zeros(shape, device=self._device)

    def _padded(self, rows: "Iterator[Sequence[float]]", filling: float) -> Tensor:
        columns = list(zip_longest(*rows, fillvalue=filling))
        return torch.tensor(columns, device=self._device).T


def _enlarged(tensor: Tensor, shape: Sequence[int], filling: int = 0) -> Tensor:
    """The tensor itself, or a larger one that begins with it."""
    wanted = [max(have, want) for have, want in zip(tensor.shape, shape, strict=True)]
    if wanted == list(tensor.shape):
        return tensor
    larger = torch.full(wanted, filling, dtype=tensor.dtype, device=tensor.device)
    larger[tuple(slice(size) for size in tensor.shape)] = tensor
    return larger


@cache
def _told(form: int, lines: int) -> np.ndarray:
    return np.array(conditions(form, lines))
