"""How freely the poet draws, in words that people understand. Form, metre and rhyme are kept in every mood."""

from enum import StrEnum

TEMPERATURE = 0.9
"""The default: steadier verse gives the machine away, wilder verse loses its thread."""

CANDIDATES = 4
"""The default number of candidates: four, the best kept by merit, are harder to tell from people's verse than one."""


class Mood(StrEnum):
    """From what is likeliest to what is barely likely."""

    STEADY = "steady"
    LIVELY = "lively"
    """The default."""
    WILD = "wild"

    @property
    def temperature(self) -> float:
        """Below 1 the likelier characters come more often than the network has them, above 1 less."""
        return _TEMPERATURES[self]

    @property
    def nucleus(self) -> float | None:
        """Share of the probability that is sampled from; None: the poet's own."""
        return _NUCLEI[self]

    @property
    def candidates(self) -> int:
        """Poems composed, of which the best is kept."""
        return _CANDIDATES[self]


_TEMPERATURES = {Mood.STEADY: 0.6, Mood.LIVELY: TEMPERATURE, Mood.WILD: 1.2}
_NUCLEI = {Mood.STEADY: 0.9, Mood.LIVELY: None, Mood.WILD: 0.98}
# The more there are to choose from, the less is left of an odd one.
_CANDIDATES = {Mood.STEADY: CANDIDATES, Mood.LIVELY: CANDIDATES, Mood.WILD: 2}
