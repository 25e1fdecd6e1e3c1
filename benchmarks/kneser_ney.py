"""The n-gram baseline: interpolated modified Kneser-Ney over characters.

After Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling". Where lines and poems
begin is known from the form: the two boundaries stand in the history of a character and are never predicted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from poetry_model.vocabulary import UNK, Vocabulary

Ids = NDArray[np.int64]
Reals = NDArray[np.float64]

ORDER = 4

_NOTHING = 0
"""Before the beginning of a poem; no n-gram holds it."""

_FALLBACK = (0.5, 1.0, 1.5)
"""Discounts where the counts of counts give none, as in KenLM (https://kheafield.com/code/kenlm/estimation/)."""


@dataclass(frozen=True, slots=True)
class _Level:
    """The n-grams of one length, in the order of their keys, so that those of one history follow each other."""

    keys: Ids
    weights: Reals
    """Discounted count over the count of the history."""
    histories: Ids
    begins: Ids
    """Where each history's n-grams begin, and one past the last."""
    left: Reals
    """Probability that each history leaves to the next shorter one."""


class KneserNey:
    """Probabilities of characters by the `order - 1` characters and boundaries before them; immutable."""

    def __init__(self, poems: Sequence[Sequence[str]], vocabulary: Vocabulary, order: int = ORDER) -> None:
        """`poems`: the lines of each; characters that `vocabulary` lacks are counted as `<unk>`."""
        self._vocabulary = vocabulary
        self._order = order
        self._break = len(vocabulary)
        self._begin = len(vocabulary) + 1
        self._base = len(vocabulary) + 2
        self._levels = self._count(*self._places(poems))

    def perplexity(self, poems: Sequence[Sequence[str]]) -> float:
        """Of `poems`, a character, the first of each poem included."""
        histories, targets = self._places(poems)
        return math.exp(-float(np.log(self._probabilities(histories, targets)).mean()))

    def distribution(self, before: str) -> dict[str, float]:
        """Probability of every character, `<unk>` with them, after the characters `before` at the start of a poem."""
        ids = np.arange(UNK, self._break)
        history = [_NOTHING] * self._order + [self._begin] + [self._vocabulary.id_of(character) for character in before]
        histories = np.tile(np.array(history[len(history) - self._order + 1 :], dtype=np.int64), (len(ids), 1))
        found = self._probabilities(histories, ids)
        return {self._vocabulary.character_of(int(number)): float(p) for number, p in zip(ids, found, strict=True)}

    def write(self, start: str, form: int, lines: int, random: Random) -> tuple[str, ...]:
        """`lines` lines of `form` characters, drawn one by one from the model; the first is `start`."""
        tokens = [_NOTHING] * (self._order - 2) + [self._begin, self._vocabulary.id_of(start)]
        text = [start]
        while len(text) < form * lines:
            if len(text) % form == 0:
                tokens.append(self._break)
            tokens.append(self._draw(tokens[len(tokens) - self._order + 1 :], random))
            text.append(self._vocabulary.character_of(tokens[-1]))
        return tuple("".join(text[at : at + form]) for at in range(0, len(text), form))

    def _places(self, poems: Sequence[Sequence[str]]) -> tuple[Ids, Ids]:
        """The history (places, order - 1) and the id (places,) of every character."""
        stream: list[int] = []
        for lines in poems:
            stream += [_NOTHING] * (self._order - 2) + [self._begin]
            for number, line in enumerate(lines):
                stream += [self._break] * (number > 0) + self._vocabulary.encode(line)
        tokens = np.array(stream, dtype=np.int64)
        places = np.flatnonzero((tokens != _NOTHING) & (tokens < self._break))
        return tokens[places[:, None] + np.arange(1 - self._order, 0)], tokens[places]

    def _keys(self, tokens: Ids) -> Ids:
        """One number for each row of `tokens` (rows, n)."""
        keys = np.zeros(len(tokens), dtype=np.int64)
        for column in tokens.T:
            keys = keys * self._base + column
        return keys

    def _count(self, histories: Ids, targets: Ids) -> list[_Level]:
        """The levels, from single characters up."""
        tokens = np.column_stack([histories, targets])
        whole = tokens[(tokens != _NOTHING).all(axis=1)]
        keys, counts = np.unique(self._keys(whole), return_counts=True)
        levels = [self._level(keys, counts)]
        for length in range(self._order - 1, 0, -1):
            # A shorter n-gram counts the different characters it follows. Nothing stands before the beginning of a
            # poem: n-grams that begin there keep the count of their occurrences.
            keys, counts = np.unique(keys % self._base**length, return_counts=True)
            shorter = tokens[:, -length:]
            opening = np.unique(self._keys(shorter[(shorter[:, 0] == self._begin) & (length > 1)]), return_counts=True)
            keys, counts = np.concatenate([keys, opening[0]]), np.concatenate([counts, opening[1]])
            order = keys.argsort()
            keys, counts = keys[order], counts[order]
            levels.append(self._level(keys, counts))
        return levels[::-1]

    def _level(self, keys: Ids, counts: Ids) -> _Level:
        histories, begins = np.unique(keys // self._base, return_index=True)
        discounts = np.array([0.0, *_discounts(counts)])[counts.clip(max=3)]
        totals = np.add.reduceat(counts, begins).astype(np.float64)
        left = np.add.reduceat(discounts, begins) / totals
        ends = np.append(begins, len(keys))
        weights = (counts - discounts) / np.repeat(totals, np.diff(ends))
        return _Level(keys, weights, histories, ends, left)

    def _probabilities(self, histories: Ids, targets: Ids) -> Reals:
        """Of each target after its history."""
        # <pad> is no character: the ids but for it share what the single characters leave.
        found = np.full(len(targets), 1 / (self._break - 1))
        for length, level in enumerate(self._levels):
            before = self._keys(histories[:, histories.shape[1] - length :])
            history, known = _look_up(level.histories, before)
            entry, seen = _look_up(level.keys, before * self._base + targets)
            longer = level.left[history] * found + np.where(seen, level.weights[entry], 0.0)
            found = np.where(known, longer, found)
        return found

    def _draw(self, history: Sequence[int], random: Random) -> int:
        """One character other than `<unk>`.

        The model is a mixture: each history keeps its discounted counts and leaves the rest to the next shorter one. So
        a draw walks down until a level keeps it, and need not look at every character.
        """
        while True:
            drawn = self._draw_any(history, random)
            if drawn != UNK:
                return drawn

    def _draw_any(self, history: Sequence[int], random: Random) -> int:
        for length in range(self._order - 1, -1, -1):
            level = self._levels[length]
            key = 0
            for token in history[len(history) - length :]:
                key = key * self._base + token
            number = int(level.histories.searchsorted(key))
            if number == len(level.histories) or level.histories[number] != key:
                continue
            point = random.random() - level.left[number]
            if point >= 0:
                weights = level.weights[level.begins[number] : level.begins[number + 1]]
                # Rounding may put a draw just below 1 past the last.
                at = min(int(weights.cumsum().searchsorted(point, side="right")), len(weights) - 1)
                return int(level.keys[level.begins[number] + at]) % self._base
        return random.randrange(UNK, self._break)


def _look_up(keys: Ids, wanted: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Where each of `wanted` stands in the sorted `keys`, and whether it is there; a place of another where not."""
    places = np.minimum(keys.searchsorted(wanted), len(keys) - 1)
    return places, keys[places] == wanted


def _discounts(counts: Ids) -> tuple[float, float, float]:
    """What is taken from counts of one, two, and three or more."""
    once, twice, thrice, four_times = (int((counts == count).sum()) for count in (1, 2, 3, 4))
    if not (once and twice and thrice and four_times):
        return _FALLBACK
    share = once / (once + 2 * twice)
    return (
        1 - 2 * share * twice / once,
        2 - 3 * share * thrice / twice,
        3 - 4 * share * four_times / thrice,
    )
