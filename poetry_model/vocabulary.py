"""Characters and their ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

from poetry_model.errors import BundleError

PAD = 0
"""`<pad>`: fills short rows of a batch, and stands before the first character of a poem."""

UNK = 1
"""`<unk>`: any character the vocabulary lacks."""

LINE_END = 2
"""`<line>`: between two lines, where line ends are sampled."""

END = 3
"""`<end>`: after the last line, where line ends are sampled."""

SPECIAL = ("<pad>", "<unk>")
_ENDS = ("<line>", "<end>")


class Vocabulary:
    """An immutable table of characters; ids 0 and 1 are `<pad>` and `<unk>`, the rest follows by falling frequency.

    With `line_ends`, for verse whose line ends are written like characters, ids 2 and 3 are `<line>` and `<end>`.
    """

    def __init__(self, characters: Iterable[str], *, line_ends: bool = False) -> None:
        self.characters = tuple(characters)
        self.line_ends = line_ends
        self.special = SPECIAL + _ENDS if line_ends else SPECIAL
        if any(len(character) != 1 for character in self.characters):
            raise BundleError("The vocabulary holds an entry that is not one character; install the bundle again.")
        if len(set(self.characters)) != len(self.characters):
            raise BundleError("The vocabulary holds a character twice; install the bundle again.")

    @classmethod
    def from_texts(cls, texts: Iterable[str], minimum: int = 2, *, line_ends: bool = False) -> "Vocabulary":
        """The characters seen at least `minimum` times in `texts`."""
        counts = Counter(character for text in texts for character in text)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls((character for character, count in ordered if count >= minimum), line_ends=line_ends)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: number for number, character in enumerate(self.characters, start=len(self.special))}

    def __len__(self) -> int:
        """Ids in all, the special ones included."""
        return len(self.characters) + len(self.special)

    def __contains__(self, character: object) -> bool:
        return character in self._ids

    def id_of(self, character: str) -> int:
        """The id of `character`, or that of `<unk>`."""
        return self._ids.get(character, UNK)

    def encode(self, text: str) -> list[int]:
        """Ids of the characters of `text`."""
        return [self.id_of(character) for character in text]

    def encode_lines(self, lines: Sequence[str]) -> list[int]:
        """Ids of a poem: its characters, and its line ends where the vocabulary has them."""
        if not self.line_ends:
            return self.encode("".join(lines))
        numbers = [number for line in lines for number in (*self.encode(line), LINE_END)]
        return [*numbers[:-1], END]

    def character_of(self, number: int) -> str:
        """The character with id `number`; special ids give their names."""
        special = len(self.special)
        return self.special[number] if number < special else self.characters[number - special]

    def decode(self, numbers: Sequence[int]) -> str:
        """The characters with ids `numbers`, joined."""
        return "".join(self.character_of(number) for number in numbers)
