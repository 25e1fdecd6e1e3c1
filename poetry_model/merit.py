"""By what score the best of several candidates is kept.

First the fewest breaches of tone and rhyme. Then, in nats a character,

    mean of T · log p(c | what stands before it) - 1.5 · log q(c)
        - 4 · (repeated characters + lines that begin alike) / n

p is the probability that c was written with, T its temperature, which is taken back so, q how often a character comes
in verse, n the number of characters. The likeliest of several poems is that of the commonest words: kept by p alone,
poems give themselves away the more, the more candidates there are. With q taken off once, what is left is how well each
character suits what stands before it (pointwise mutual information). Half as much again, found by measuring, makes up
for the poet's leaning to common characters, which people have less: then four candidates are harder to tell from
people's verse than one. `benchmarks/quality.py --effects` shows it.

Candidates of one request have one length and the same given characters: what these add is the same for all.
"""

import math
from statistics import fmean

from poetry_model.figures import repeated_characters
from poetry_model.poem import Poem
from poetry_model.vocabulary import Vocabulary

COMMONNESS = 1.5
"""How much of a character's own log-probability is taken off."""

REPETITION = 4.0
"""Nats that a repeated character costs, and a line that begins as another does.

Up to eight lines the poet repeats next to nothing; candidates of sixteen lines differ by some twenty nats.
"""

_SHIFT, _EXPONENT, _CUT_OFF = 14.0, 0.66, 1335.0
"""Of the law of ranks, fitted by maximum likelihood to the Tang poems that the shipped model learned.

Zipf and Mandelbrot's law with Yule's exponential factor: 0.001 nats a character from the counts themselves, where
Mandelbrot's alone, its exponent at 2.1, is 0.023 away.
"""


def merit(poem: Poem, vocabulary: Vocabulary) -> tuple[int, float]:
    """The greater, the better; to be compared between candidates of one request alone."""
    text = "".join(poem.traditional)
    common = fmean(_log_frequency(_rank(character, vocabulary)) for character in text)
    heads = [line[0] for line in poem.traditional]
    heaped = repeated_characters([poem.traditional]) + len(heads) - len(set(heads))
    suits = poem.request.temperature * poem.likelihood
    return -len(poem.breaches), suits - COMMONNESS * common - REPETITION * heaped / len(text)


def _rank(character: str, vocabulary: Vocabulary) -> int:
    """1 for the commonest; what is not known was given, and counts alike in all candidates."""
    return vocabulary.id_of(character) - len(vocabulary.special) + 1


def _log_frequency(rank: int) -> float:
    """Log-probability of the character of that rank, up to a constant that is the same for all.

    A bundle keeps no counts, but its vocabulary is ordered by them.
    """
    return -_EXPONENT * math.log(rank + _SHIFT) - rank / _CUT_OFF
