"""Which poems are held back from training, for good.

A poem is held back when a hash of its text says so, and so is every poem that shares a line with a held-back one, or
with one that does, and so on: the same poem stands under several authors with small variants, and a split poem by poem
would leave one validation line in ten word for word on the training side. The rule looks at nothing but the text, and
the lines held back travel with the model, so that a later training on other verse cannot learn them either.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from poetry_model.corpus import Verse

_RULE = "sha256"


def _digest(text: str) -> int:
    """The first eight bytes of the text's SHA-256 as a signed integer."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Split:
    """Two sides that share no line."""

    training: tuple[Verse, ...]
    held_back: tuple[Verse, ...]


@dataclass(frozen=True, slots=True)
class HoldOut:
    """The rule of the split: one poem in `one_in` by hash, and all that shares a line with the held-back side."""

    one_in: int = 20
    lines: frozenset[int] = frozenset()
    """Digests of lines that earlier trainings held back."""

    @property
    def rule(self) -> str:
        """The rule's name, for the record in a bundle."""
        return f"{_RULE}/{self.one_in}"

    def split(self, verses: Sequence[Verse]) -> Split:
        """Part `verses`, keeping their order on each side."""
        held = self._held_back(verses)
        return Split(
            training=tuple(verse for index, verse in enumerate(verses) if index not in held),
            held_back=tuple(verse for index, verse in enumerate(verses) if index in held),
        )

    def knows_a_line_of(self, verse: Verse) -> bool:
        """Whether an earlier training held back a line of `verse`."""
        return bool(self.lines) and any(_digest(line) in self.lines for line in verse.lines)

    def remember(self, held_back: Iterable[Verse]) -> "HoldOut":
        """The same rule, which also knows the lines of `held_back`."""
        lines = {_digest(line) for verse in held_back for line in verse.lines}
        return HoldOut(self.one_in, self.lines | lines)

    def _held_back(self, verses: Sequence[Verse]) -> set[int]:
        """Indices of the held-back poems: those chosen, and all that shared lines reach from them."""
        with_line: dict[str, list[int]] = defaultdict(list)
        for index, verse in enumerate(verses):
            for line in set(verse.lines):
                with_line[line].append(index)
        waiting = [index for index, verse in enumerate(verses) if self._is_chosen(verse)]
        held = set(waiting)
        while waiting:
            for line in verses[waiting.pop()].lines:
                reached = [index for index in with_line.pop(line, ()) if index not in held]
                held.update(reached)
                waiting.extend(reached)
        return held

    def _is_chosen(self, verse: Verse) -> bool:
        return _digest("\n".join(verse.lines)) % self.one_in == 0 or self.knows_a_line_of(verse)
