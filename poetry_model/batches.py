"""Verse as padded batches of ids, poems of like length together."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from poetry_model.conditions import conditions
from poetry_model.corpus import Verse
from poetry_model.distributed import ALONE, Ranks
from poetry_model.vocabulary import PAD, Vocabulary

_ROWS = 8
"""Matrix products are cut into blocks of so many rows: 73 poems took oneDNN's LSTM two and a half times as long a poem
as 72."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Poems side by side; rows shorter than the longest are filled with `<pad>`."""

    previous: Tensor
    """Id before each place (`<pad>` before the first), (batch, places)."""
    conditions: Tensor
    """Conditions of each place, (batch, places, conditions)."""
    targets: Tensor
    """Id at each place, (batch, places)."""
    weight: float = 1.0
    """What its mean loss counts where it is a process's part: the mean over the parts is then that of the whole."""

    @property
    def mask(self) -> Tensor:
        """Which places hold a character, (batch, places)."""
        return self.targets != PAD

    def to(self, device: torch.device) -> "Batch":
        """The same batch on `device`."""
        return replace(
            self,
            previous=self.previous.to(device),
            conditions=self.conditions.to(device),
            targets=self.targets.to(device),
        )


Given = Callable[[Verse], list[tuple[int, int]]]
"""The controls given at each place of a verse: tone and rhyme class."""


def collate(verses: Sequence[Verse], vocabulary: Vocabulary, given: Given | None = None) -> Batch:
    """One batch of `verses`, in their order; `given` for a network that takes controls."""
    rows = [torch.tensor(vocabulary.encode_lines(verse.lines)) for verse in verses]
    # Where line ends are sampled nothing is told of a place: nobody knows yet which it will be.
    tables = (
        [torch.empty(len(row), 0, dtype=torch.long) for row in rows]
        if vocabulary.line_ends
        else [torch.tensor(_table(verse, given)) for verse in verses]
    )
    targets = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    return Batch(
        previous=torch.nn.functional.pad(targets, (1, 0), value=PAD)[:, :-1],
        conditions=torch.nn.utils.rnn.pad_sequence(tables, batch_first=True),
        targets=targets,
    )


def _table(verse: Verse, given: Given | None) -> Sequence[tuple[int, ...]]:
    told = conditions(verse.form, len(verse.lines))
    if given is None:
        return told
    return [(*row, *more, verse.dynasty) for row, more in zip(told, given(verse), strict=True)]


def bucket(
    verses: Sequence[Verse], characters: int, seed: int | None = None, poems: int | None = None
) -> list[list[int]]:
    """Indices of `verses` in batches of about `characters` characters, padding included; poems of like length together.

    A batch that has room for eight poems is filled by eights. With `poems` a batch holds that many instead.
    With a seed the poems of one length, and then the batches, are shuffled; without, they stay sorted by length. The
    number of batches depends on the lengths alone.
    """
    shuffle = random.Random(seed) if seed is not None else None
    order = list(range(len(verses)))
    if shuffle:
        shuffle.shuffle(order)
    order.sort(key=lambda index: len(verses[index].text))
    buckets: list[list[int]] = []
    for index in order:
        room = poems or _room(characters // len(verses[index].text))
        if not buckets or len(buckets[-1]) >= room:
            buckets.append([])
        buckets[-1].append(index)
    if shuffle:
        shuffle.shuffle(buckets)
    return buckets


def _room(poems: int) -> int:
    return poems if poems < _ROWS else poems - poems % _ROWS


def batches(
    verses: Sequence[Verse],
    vocabulary: Vocabulary,
    characters: int,
    given: Given | None = None,
    *,
    seed: int | None = None,
    poems: int | None = None,
    skip: int = 0,
    ranks: Ranks = ALONE,
) -> Iterator[Batch]:
    """The batches of `bucket`, made as they are needed, without the first `skip`; of each the part of this process."""
    for indices in bucket(verses, characters, seed, poems)[skip:]:
        whole = [verses[index] for index in indices]
        # One that finds no poem left takes part with another's, which counts nothing.
        part = ranks.part(whole)
        batch = collate(part or whole[:1], vocabulary, given)
        yield replace(batch, weight=ranks.size * _places(part, vocabulary) / _places(whole, vocabulary))


def _places(verses: Sequence[Verse], vocabulary: Vocabulary) -> int:
    return sum(len(verse.text) + (len(verse.lines) if vocabulary.line_ends else 0) for verse in verses)
