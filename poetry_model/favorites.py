"""Poems that readers kept, and how often a training meets them."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poetry_model.corpus import Verse, are_strings
from poetry_model.errors import CorpusError
from poetry_model.form import FORMS, MAX_LINES
from poetry_model.reading import read_file, shown
from poetry_model.script import is_han, normalise

FORMAT = 1

_LARGEST_FILE = 128 * 2**20
"""Bytes: half a million favorites."""

MOST_KEEPERS = 10
"""People that count for one poem, or the most popular one would drown the others."""

MOST_REPEATS = 64
"""Times an epoch meets a poem at most: one met thousands of times is learned by heart, and nothing else is written."""


def read_favorites(path: Path) -> list[tuple[Verse, int]]:
    """The poems in the file that `python -m bot favorites export` writes, each with how many people keep it.

    A poem that stands there twice has the keepers of both. Raises `CorpusError` when the file cannot be used or holds
    no poem.
    """
    content = _load(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT or isinstance(content["format"], bool):
        raise CorpusError(f"{path} does not hold favorites of format {FORMAT}; {_EXPORT}.")
    poems = content.get("poems")
    if not isinstance(poems, list):
        raise CorpusError(f'{path} has no list of poems under "poems"; {_EXPORT}.')
    if not poems:
        raise CorpusError(f"There is no poem in {path}; press ❤ under some poems and export again.")
    keepers: dict[Verse, int] = {}
    for number, poem in enumerate(poems, start=1):
        if not isinstance(poem, dict):
            raise CorpusError(f"Poem {number} of {path} is no object; {_EXPORT}.")
        verse = _verse(poem, f"Poem {number} of {path}")
        keepers[verse] = keepers.get(verse, 0) + _keepers(poem, f"Poem {number} of {path}")
    return list(keepers.items())


def mix(training_characters: int, favorites: Sequence[tuple[Verse, int]], share: float, epoch_seed: int) -> list[Verse]:
    """The favorites to add to an epoch of `training_characters`, so that they are about `share` of its characters.

    favorites: verses with their keepers; share: above 0 and below 1. A poem comes in proportion to its keepers, up to
    `MOST_KEEPERS`, and at most `MOST_REPEATS` times: a few favorites are fewer than their share. Where the proportion
    gives a fraction, the seed decides which epochs meet the poem once more; over many epochs it is exact (systematic
    sampling, W. G. Madow 1949). The same seed gives the same verses.
    """
    generator = random.Random(epoch_seed)
    weights = [min(keepers, MOST_KEEPERS) for _, keepers in favorites]
    weighted_characters = sum(len(verse.text) * weight for (verse, _), weight in zip(favorites, weights, strict=True))
    if not weighted_characters:
        return []
    wanted = share / (1 - share) * training_characters
    repeats = min(wanted / weighted_characters, MOST_REPEATS / max(weights))
    order = generator.sample(range(len(favorites)), len(favorites))
    mixed: list[Verse] = []
    reached = generator.random()
    for index in order:
        begin = int(reached)
        reached += repeats * weights[index]
        mixed += [favorites[index][0]] * (int(reached) - begin)
    return mixed


_EXPORT = "write it with: python -m bot favorites export FILE"


def _load(path: Path) -> Any:
    try:
        return json.loads(read_file(path, _LARGEST_FILE).decode())
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror}); name the file of the favorites.") from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path} is not valid JSON ({error}); {_EXPORT}.") from error


def _verse(poem: Mapping[str, Any], where: str) -> Verse:
    lines = poem.get("lines")
    if not are_strings(lines):
        raise CorpusError(f'{where} has no list of strings under "lines"; {_EXPORT}.')
    verse = Verse(tuple(normalise(line) for line in lines))
    if not 1 <= len(verse.lines) <= MAX_LINES:
        raise CorpusError(f"{where} has {len(verse.lines)} lines; a poem has 1 to {MAX_LINES}.")
    if {len(line) for line in verse.lines} not in ({form} for form in FORMS):
        raise CorpusError(f"The lines of {where[0].lower()}{where[1:]} are not all of five or all of seven characters.")
    if foreign := next((character for character in verse.text if not is_han(character)), None):
        raise CorpusError(f"{where} holds {foreign!r}; its lines must be Chinese characters alone.")
    return verse


def _keepers(poem: Mapping[str, Any], where: str) -> int:
    keepers = poem.get("keepers")
    if not isinstance(keepers, int) or isinstance(keepers, bool) or keepers < 1:
        raise CorpusError(f'{where} has {shown(keepers)} under "keepers"; give a whole number from 1.')
    return keepers
