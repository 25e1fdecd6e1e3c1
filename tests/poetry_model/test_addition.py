"""Learning to carry: each cell learns to add, and what it learned outreaches its examples."""

from collections.abc import Sequence
from random import Random
from typing import get_args

import pytest
import torch

from poetry_model.addition import AddingNetwork, Pair, draw_pairs, learn_to_add, sums
from poetry_model.network import Cell

LEARNED = draw_pairs(16000, digits=10, seed=1)


@pytest.fixture(scope="module", params=get_args(Cell))
def network(request: pytest.FixtureRequest) -> AddingNetwork:
    return learn_to_add(request.param, LEARNED)


def _exact(network: AddingNetwork, pairs: Sequence[Pair]) -> float:
    """Share of the sums that are right to the last digit."""
    found = sums(network, pairs)
    return sum(total == one + other for total, (one, other) in zip(found, pairs, strict=True)) / len(pairs)


def _carries(one: int, other: int) -> int:
    """The longest run of places that a carry goes through."""
    longest = run = 0
    while one or other or run:
        now = one % 10 + other % 10
        run = run + 1 if now + (run > 0) > 9 else 0
        longest = max(longest, run)
        one, other = one // 10, other // 10
    return longest


def test_learning_to_carry_gives_the_sums_of_unseen_pairs(network: AddingNetwork) -> None:
    unseen = sorted(set(draw_pairs(1000, digits=10, seed=2)) - set(LEARNED))
    assert len(unseen) > 900
    assert _exact(network, unseen) >= 0.99


def test_learning_to_carry_outreaches_the_longest_number_learned(network: AddingNetwork) -> None:
    longer = [pair for pair in draw_pairs(1000, digits=30, seed=3) if min(pair) >= 10**25]
    assert len(longer) > 500
    assert max(map(max, LEARNED)) < 10**10
    assert _exact(network, longer) >= 0.99


def test_learning_to_carry_adds_numbers_of_unlike_lengths(network: AddingNetwork) -> None:
    generator = Random(4)
    lengths = [(generator.randint(1, 30), generator.randint(1, 30)) for _ in range(1000)]
    pairs = [(generator.randrange(10**one), generator.randrange(10**other)) for one, other in lengths]
    assert _exact(network, pairs) >= 0.99


def test_learning_to_carry_takes_one_carry_through_thirty_places(network: AddingNetwork) -> None:
    generator = Random(5)
    firsts = [10 * generator.randrange(10**29) + 9 for _ in range(500)]
    chains = [(first, 10**30 - first + generator.randrange(9)) for first in firsts]
    assert all(_carries(*pair) == 30 for pair in chains)
    assert _exact(network, chains) >= 0.99


def test_learning_to_carry_takes_one_through_twice_as_many_nines_as_it_learned(network: AddingNetwork) -> None:
    nines = [(10**digits - 1, 1) for digits in range(11, 21)]
    assert _exact(network, nines) == 1


def test_a_network_that_learned_nothing_adds_nothing() -> None:
    assert _exact(AddingNetwork("lstm"), LEARNED[:500]) < 0.01


def test_learning_is_repeatable_and_leaves_other_chance_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poetry_model.addition._STEPS", 3)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, again = (learn_to_add("gru", LEARNED[:100]).state_dict() for _ in range(2))
    assert torch.rand(1).equal(expected)
    assert all(tensor.equal(again[name]) for name, tensor in one.items())
    other = learn_to_add("gru", LEARNED[:100], seed=2).state_dict()
    assert not any(tensor.equal(other[name]) for name, tensor in one.items())


def test_every_second_pair_carries_far() -> None:
    runs = [_carries(*pair) for pair in draw_pairs(1000, digits=30, seed=6)]
    plain, far = runs[::2], runs[1::2]
    assert sum(plain) / len(plain) < 6
    assert sum(far) / len(far) > 7
    assert draw_pairs(10, 5, seed=1) == draw_pairs(10, 5, seed=1) != draw_pairs(10, 5, seed=2)
