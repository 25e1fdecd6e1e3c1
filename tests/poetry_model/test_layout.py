import pytest
import torch
from torch import Tensor

from poetry_model.layout import NOBODY, Layout, Span
from poetry_model.sampling import BLOCK

CPU = torch.device("cpu")
LEVEL, OBLIQUE, EITHER = range(2, 152), range(152, 402, 2), range(153, 402, 2)
IDS = 402
ANY_KIND, LEVEL_KIND, OBLIQUE_KIND, RHYME_KIND, MIXED_KIND, EMPTY_KIND = range(6)


def _masks() -> Tensor:
    """Kinds as a planner has them: 150 ids are level, 125 oblique, 125 either; 0 and 1 stand nowhere."""
    masks = torch.zeros(6, IDS, dtype=torch.bool)
    for kind, ids in {
        ANY_KIND: [*LEVEL, *OBLIQUE, *EITHER],
        LEVEL_KIND: [*LEVEL, *EITHER],
        OBLIQUE_KIND: [*OBLIQUE, *EITHER],
        RHYME_KIND: [3, 5, 149],
        MIXED_KIND: [4, EITHER[0]],
    }.items():
        masks[kind, ids] = True
    return masks


LAYOUT = Layout(_masks(), CPU)


def _span(kind: int) -> Span:
    return LAYOUT.spans[int(LAYOUT.span_of[kind])]


def test_every_id_has_a_column_and_every_column_its_id_or_nobody() -> None:
    assert LAYOUT.ids[LAYOUT.columns].tolist() == list(range(IDS))
    assert (LAYOUT.ids != NOBODY).sum() == IDS
    assert LAYOUT.columns[0] == 0


@pytest.mark.parametrize("kind", [ANY_KIND, LEVEL_KIND, OBLIQUE_KIND])
def test_a_tone_is_a_span_of_whole_blocks_in_which_nothing_is_forbidden(kind: int) -> None:
    span = _span(kind)
    assert span.begin % BLOCK == span.end % BLOCK == 0
    inside = {number for number in LAYOUT.ids[span.columns].tolist() if number != NOBODY}
    assert inside == set(_masks()[kind].nonzero().flatten().tolist())
    assert span.open


@pytest.mark.parametrize("kind", [RHYME_KIND, MIXED_KIND])
def test_of_a_rhyme_the_span_holds_all_and_the_rest_of_it_is_forbidden(kind: int) -> None:
    span = _span(kind)
    assert not span.open
    allowed = LAYOUT.ids[span.columns][~LAYOUT.forbidden[kind, span.columns]]
    assert sorted(allowed.tolist()) == _masks()[kind].nonzero().flatten().tolist()
    assert span.columns == slice(BLOCK, 3 * BLOCK if kind == RHYME_KIND else 4 * BLOCK)


def test_a_kind_that_allows_nothing_is_laid_out_too() -> None:
    assert not _span(EMPTY_KIND).open
    assert LAYOUT.forbidden[EMPTY_KIND].all()


def test_spans_join_to_one_that_holds_both() -> None:
    level, oblique, rhyme = _span(LEVEL_KIND), _span(OBLIQUE_KIND), _span(RHYME_KIND)
    assert level.join(level) == level
    assert level.join(oblique) == Span(level.begin, oblique.end, open=False)
    assert rhyme.join(level) == Span(level.begin, level.end, open=False)


def test_without_tones_all_characters_are_one_span() -> None:
    mask = torch.ones(1, IDS, dtype=torch.bool)
    mask[0, :2] = False
    layout = Layout(mask, CPU)
    assert layout.spans == (Span(BLOCK, 5 * BLOCK, open=True),)
    assert layout.ids[layout.columns].tolist() == list(range(IDS))
