"""What a new model writes before it is let out: a few hundred poems, and how well they keep the rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from poetry_model.checkpoint import Bundle
from poetry_model.corpus import Verse, first_characters
from poetry_model.figures import copied_lines, format_kept, metre_kept, rhyme_kept
from poetry_model.form import FORMS
from poetry_model.poem import PoemRequest
from poetry_model.sampled import make_poet
from poetry_model.script import Script

POEMS = 200
"""Poems of an examination, when nothing else is said."""

_SHAPES = tuple((form, lines) for lines in (4, 8) for form in FORMS)
_STARTS = 50
"""The commonest first characters, asked for in turn."""

_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Examination:
    """Shares from 0 to 1, as the design defines them."""

    poems: int
    format: float
    rhyme: float | None
    """In a level tone. None for a model without prosody, as metre."""
    metre: float | None
    copied_lines: float
    """Share of the lines that the corpus has word for word."""


@torch.inference_mode()
def examine(bundle: Bundle, verses: Sequence[Verse], poems: int = POEMS, seed: int = 1) -> Examination:
    """Let the model of `bundle` write `poems` poems, of all shapes in equal parts, and measure them.

    verses: the corpus, from which first characters are taken and against which lines are compared.
    """
    starts = [character for character in first_characters(verses) if character in bundle.vocabulary][:_STARTS]
    requests = [
        PoemRequest(
            starts[number // len(_SHAPES) % len(starts)],
            *_SHAPES[number % len(_SHAPES)],
            seed=seed + number,
            script=Script.TRADITIONAL,
        )
        for number in range(poems)
    ]
    poet = make_poet(bundle, next(bundle.network.parameters()).device)
    written = [poem for at in range(0, poems, _AT_ONCE) for poem in poet.compose(requests[at : at + _AT_ONCE])]
    lines = [poem.traditional for poem in written]
    exact = sum(format_kept([poem.traditional], poem.request.form, poem.request.lines) for poem in written)
    return Examination(
        poems=poems,
        format=exact / poems,
        rhyme=rhyme_kept(lines, bundle.prosody, level=True) if bundle.prosody else None,
        metre=metre_kept(lines, bundle.prosody) if bundle.prosody else None,
        copied_lines=copied_lines(lines, frozenset(line for verse in verses for line in verse.lines)),
    )
