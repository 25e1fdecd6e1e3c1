"""What people type, in the characters of a vocabulary."""

from functools import cached_property

from poetry_model.script import Script, traditional_forms
from poetry_model.vocabulary import UNK, Vocabulary


class TypedCharacters:
    """Finds the ids that a typed character may stand for."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def ids(self, character: str, script: Script) -> tuple[int, ...]:
        """The ids for `character`: several where simplified ones merged (后: 后, 後), `<unk>` where there is none."""
        if character in self._vocabulary and script is Script.TRADITIONAL:
            return (self._vocabulary.id_of(character),)
        candidates = dict.fromkeys(self._traditional_forms.get(character, ()))
        if character in self._vocabulary:
            candidates[character] = None
        return tuple(self._vocabulary.id_of(candidate) for candidate in candidates) or (UNK,)

    @cached_property
    def _traditional_forms(self) -> dict[str, tuple[str, ...]]:
        return dict(traditional_forms(self._vocabulary.characters))
