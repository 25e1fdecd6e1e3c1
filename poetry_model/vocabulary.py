"""Characters and their ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

from poetry_model.errors import BundleError

PAD = 0
"""`<pad>`: fills short rows of a batch, and stands before the first character of a poem."""

UNK = 1
"""`<unk>`: any character the vocabulary lacks."""

SPECIAL = ("<pad>", "<unk>")


class Vocabulary:
    """An immutable table of characters; ids 0 and 1 are `<pad>` and `<unk>`, the rest follows by falling frequency."""

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = tuple(characters)
        if any(len(character) != 1 for character in self.characters):
            raise BundleError("The vocabulary holds an entry that is not one character; install the bundle again.")
        if len(set(self.characters)) != len(self.characters):
            raise BundleError("The vocabulary holds a character twice; install the bundle again.")

    @classmethod
    def from_texts(cls, texts: Iterable[str], minimum: int = 2) -> "Vocabulary":
        """The characters seen at least `minimum` times in `texts`."""
        counts = Counter(character for text in texts for character in text)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls(character for character, count in ordered if count >= minimum)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: number for number, character in enumerate(self.characters, start=len(SPECIAL))}

    def __len__(self) -> int:
        """Ids in all, `<pad>` and `<unk>` included."""
        return len(self.characters) + len(SPECIAL)

    def __contains__(self, character: object) -> bool:
        return character in self._ids

    def id_of(self, character: str) -> int:
        """The id of `character`, or that of `<unk>`."""
        return self._ids.get(character, UNK)

    def encode(self, text: str) -> list[int]:
        """Ids of the characters of `text`."""
        return [self.id_of(character) for character in text]

    def character_of(self, number: int) -> str:
        """The character with id `number`; special ids give their names."""
        return SPECIAL[number] if number < len(SPECIAL) else self.characters[number - len(SPECIAL)]

    def decode(self, numbers: Sequence[int]) -> str:
        """The characters with ids `numbers`, joined."""
        return "".join(self.character_of(number) for number in numbers)
