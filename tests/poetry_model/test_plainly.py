"""The poems are those of the network itself, written in the plainest way: a row at a time, every id weighed."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from poetry_model.checkpoint import PRETRAINED, Bundle, load_bundle
from poetry_model.conditions import conditions
from poetry_model.corpus import Dynasty
from poetry_model.layout import NOBODY
from poetry_model.mood import Mood
from poetry_model.network import State
from poetry_model.planning import Planner
from poetry_model.poem import PoemRequest, Style
from poetry_model.poet import Draft, Poet
from poetry_model.sampling import BLOCK
from poetry_model.vocabulary import PAD, UNK

REQUESTS = [
    *(
        PoemRequest.checked("月山水風雲花"[seed % 6], form, lines, seed=seed, style=style, mood=mood)
        for seed, (form, lines, style, mood) in enumerate(
            (form, lines, style, mood)
            for form, lines in [(5, 4), (7, 4), (5, 8), (7, 1), (7, 16)]
            for style in Style
            for mood in Mood
        )
    ),
    PoemRequest.acrostic("春江花月山", 7, seed=1),
    PoemRequest.continued("水日不花風", 8, seed=2),
    PoemRequest.checked("月龘后", seed=3, temperature=2.0),
    PoemRequest.checked("月", 5, 8, seed=4, rhyme="霜", temperature=0.1, candidates=2),
]


def _columns(masks: Tensor) -> list[int]:
    """The ids in the order they are drawn in: level, either, oblique; each of these begins a block."""
    columns: list[int] = []
    for level, oblique in ((True, False), (True, True), (False, True)):
        group = (masks[1] == level) & (masks[2] == oblique)
        ids = group.nonzero().flatten().tolist()
        columns += [*ids, *[NOBODY] * (-len(ids) % BLOCK)]
    return columns


def _drawn(weights: Tensor, block: float, within: float) -> int:
    """A column by the sum of its block, and by its share of that."""
    parts = [weights[begin : begin + BLOCK] for begin in range(0, len(weights), BLOCK)]
    sums = torch.stack([part.sum() for part in parts]).cumsum(0)
    number = int((sums <= block * sums[-1]).sum())
    shares = parts[number].cumsum(0)
    return number * BLOCK + int((shares <= within * shares[-1]).sum())


def _chosen(probabilities: Tensor, columns: list[int], draws: Sequence[float], nucleus: float) -> int:
    """By its definition: drawn from all until it is in the nucleus, and after three times from the nucleus alone."""
    weights = torch.tensor([0.0 if number == NOBODY else probabilities[number] for number in columns])
    ordered = weights.sort(descending=True).values
    least = ordered[(ordered.cumsum(0) - ordered) < nucleus][-1]
    inside = torch.where(weights >= least, weights, 0)
    for block, within in zip(draws[:6:2], draws[1:6:2], strict=True):
        if inside[column := _drawn(weights, block, within)]:
            return columns[column]
    return columns[_drawn(inside, *draws[6:])]


def _allowed(place: Tensor, draft: Draft, written: list[int], rhymes: set[int]) -> Tensor:
    kept = {number for ids in draft.row.given.values() for number in ids} | rhymes
    used = torch.zeros_like(place)
    used[list(kept | set(written[-56:]))] = True
    if written:
        used[written[-1]] = len(written) > 1 and written[-1] == written[-2]
    unkept = place.clone()
    unkept[list(kept)] = False
    return next(found for found in (place & ~used, unkept, place) if found.any())


@torch.inference_mode()
def _plainly(bundle: Bundle, masks: Tensor, draft: Draft) -> tuple[list[int], float]:
    request, plan, row = draft.request, draft.plan, draft.row
    assert plan is not None
    told = [
        (*form, tone, plan.rhyme, Dynasty.TANG)
        for form, tone in zip(conditions(request.form, request.lines), plan.tones, strict=True)
    ]
    written: list[int] = []
    rhymes: set[int] = set()
    columns = _columns(masks)
    likelihood, previous = 0.0, PAD
    state: State | None = None
    for place, (mask, draw) in enumerate(zip(plan.masks, row.draws.tolist(), strict=True)):
        found, state = bundle.network(torch.tensor([[previous]]), torch.tensor([[told[place]]]), state)
        scores = found[0, 0]
        if ids := row.given.get(place):
            previous = max(ids, key=lambda number: scores[number].item())
            probabilities = (scores / row.temperature).softmax(dim=0)
        else:
            open_to = _allowed(masks[mask], draft, written, rhymes)
            probabilities = (scores.masked_fill(~open_to, -torch.inf) / row.temperature).softmax(dim=0)
            previous = _chosen(probabilities, columns, draw, row.nucleus)
        likelihood += probabilities[previous].log().item()
        written.append(previous)
        if mask >= 3:
            rhymes.add(previous)
    return written, likelihood / len(written)


SHIPPED = [
    PoemRequest.checked("月", seed=1, candidates=1),
    PoemRequest.checked("春江", 7, 4, seed=2, candidates=1, mood=Mood.WILD),
    PoemRequest.checked("山", 7, 2, seed=3, candidates=1, style=Style.FREE),
]


@pytest.mark.parametrize("shipped", [False, True])
def test_every_candidate_is_what_the_network_writes_plainly(bundle_folder: Path, *, shipped: bool) -> None:
    bundle = load_bundle(PRETRAINED if shipped else bundle_folder)
    poet = Poet(bundle, torch.device("cpu"))
    assert bundle.prosody is not None
    masks = Planner(bundle.vocabulary, bundle.prosody).masks
    drafts = [draft for request in (SHIPPED if shipped else REQUESTS) for draft in poet.drafts(request)]
    manuscript = poet.manuscript()
    manuscript.add([draft.row for draft in drafts])
    done = {}
    while manuscript:
        done.update({written.row: written for written in manuscript.step()})
    for draft in drafts:
        ids, likelihood = _plainly(bundle, masks, draft)
        assert done[draft.row].ids == ids
        assert done[draft.row].likelihood == pytest.approx(likelihood, rel=1e-4)
        assert PAD not in ids
        assert UNK not in ids or "龘" in draft.request.start
