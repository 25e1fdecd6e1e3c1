"""The figures by which a model is judged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from poetry_model.batches import Given, batches
from poetry_model.corpus import Verse
from poetry_model.distributed import ALONE, Ranks
from poetry_model.network import PoetNetwork
from poetry_model.vocabulary import END, LINE_END, UNK, Vocabulary

_BATCH_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Perplexity:
    """How surprised a model is by verse it has not seen."""

    perplexity: float
    """exp of the mean negative log-likelihood a Han character, the first of each poem included; line breaks and
    punctuation are not counted, the form and the number of lines are given."""
    poems: int
    characters: int
    unknown_rate: float
    """Share of the characters scored as `<unk>`, 0 to 1."""


@torch.inference_mode()
def perplexity(
    network: PoetNetwork,
    vocabulary: Vocabulary,
    verses: Sequence[Verse],
    device: torch.device,
    given: Given | None = None,
    ranks: Ranks = ALONE,
) -> Perplexity:
    """Perplexity of `network` on `verses` (at least one), in fp32; `given` for a network that takes controls.

    The processes of a training share the work.
    """
    training = network.training
    network.eval()
    loss = 0.0
    unknown = 0
    for batch in batches(ranks.part(verses), vocabulary, _BATCH_CHARACTERS, given):
        moved = batch.to(device)
        mask = moved.mask
        if vocabulary.line_ends:
            mask &= (moved.targets != LINE_END) & (moved.targets != END)
        features, _ = network.features(moved.previous, moved.conditions)
        targets = moved.targets[mask]
        scores = network.score(features[mask])
        if vocabulary.line_ends:
            # Others are told where a line ends: here a character is judged among characters.
            scores[:, [LINE_END, END]] = -torch.inf
        loss += functional.cross_entropy(scores, targets, reduction="sum").item()
        unknown += int((targets == UNK).sum())
    network.train(training)
    loss, all_unknown = ranks.total(loss, unknown)
    characters = sum(len(verse.text) for verse in verses)
    return Perplexity(math.exp(loss / characters), len(verses), characters, all_unknown / characters)
