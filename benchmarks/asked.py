"""What people ask for beside a poem: acrostics and moods, measured: `python benchmarks/asked.py`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import fmean

from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.mood import Mood
from poetry_model.openings import OPENINGS
from poetry_model.poem import Poem, PoemRequest, Style
from poetry_model.poet import Poet
from poetry_model.script import Script
from poetry_model.vocabulary import Vocabulary

_COMMON = 2000
"""Heads are among so many characters, the commonest."""

_LEAST, _MOST = 4, 8
"""Heads of an acrostic."""

_FREE_PLACE = 0
"""The head of a line: its tone is the reader's choice, not the poet's."""

_AT_ONCE = 20
"""Poems in a batch."""


def acrostics(vocabulary: Vocabulary, count: int, seed: int) -> list[PoemRequest]:
    """Requests for acrostics of common characters: lengths, both forms and both styles by turns."""
    random = Random(seed)
    common = vocabulary.characters[:_COMMON]
    return [
        PoemRequest.acrostic(
            "".join(random.sample(common, random.randint(_LEAST, min(_MOST, len(common))))),
            (5, 7)[number % 2],
            seed=random.randrange(10**6),
            style=tuple(Style)[number // 2 % 2],
            script=Script.TRADITIONAL,
        )
        for number in range(count)
    ]


def moods(count: int, mood: Mood) -> list[PoemRequest]:
    """Requests for poems of four lines in one mood: openings, both forms and both styles by turns."""
    return [
        PoemRequest.checked(
            OPENINGS[number % len(OPENINGS)],
            (5, 7)[number % 2],
            seed=number,
            mood=mood,
            style=tuple(Style)[number // 2 % 2],
            script=Script.TRADITIONAL,
        )
        for number in range(count)
    ]


def _compose(poet: Poet, requests: Sequence[PoemRequest]) -> list[Poem]:
    return [poem for at in range(0, len(requests), _AT_ONCE) for poem in poet.compose(requests[at : at + _AT_ONCE])]


def _kept(poems: Sequence[Poem]) -> str:
    """In how many of the poems form, rhyme and metre are kept."""
    form = sum([len(line) for line in poem.traditional] == [poem.request.form] * poem.request.lines for poem in poems)
    rhyme = sum(not any("rhyme" in breach.rule for breach in poem.breaches) for poem in poems)
    metre = sum(not any(breach.rule == "tone" for breach in poem.breaches) for poem in poems)
    return f"form {form}, rhyme {rhyme}, metre {metre} of {len(poems)}"


def _describe(poems: Sequence[Poem]) -> str:
    """How likely, and how varied."""
    bigrams = [line[at : at + 2] for poem in poems for line in poem.traditional for at in range(len(line) - 1)]
    likelihood = fmean(poem.likelihood for poem in poems)
    return f"{likelihood:.2f} nats a character, {len(set(bigrams)) / len(bigrams):.1%} distinct bigrams"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="asked.py", description="Measure acrostics and moods.")
    parser.add_argument("--model", type=Path, default=PRETRAINED, help="bundle (default: the one that ships)")
    parser.add_argument("--count", type=int, default=100, help="poems of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same figures (default: %(default)s)")
    options = parser.parse_args(arguments)
    poet = Poet.load(options.model, "cpu")
    poems = _compose(poet, acrostics(load_bundle(options.model).vocabulary, options.count, options.seed))
    headed = sum("".join(line[0] for line in poem.traditional) == poem.request.heads for poem in poems)
    heads_alone = sum(breach.place == _FREE_PLACE for poem in poems for breach in poem.breaches)
    others = sum(len(poem.breaches) for poem in poems) - heads_alone
    print(f"acrostics: headed as asked {headed}, {_kept(poems)}; breaches at heads {heads_alone}, elsewhere {others}")
    for mood in Mood:
        poems = _compose(poet, moods(options.count, mood))
        print(f"{mood}: {_kept(poems)}; {_describe(poems)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
