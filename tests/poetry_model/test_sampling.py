import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from poetry_model import sampling
from poetry_model.sampling import BLOCK, UNIFORMS, uniforms

ALMOST_ONE = 1 - 2**-23
DRAWS = 20_000


def choose(weights: Tensor, draws: Tensor, nucleus: Tensor) -> Tensor:
    return sampling.choose(weights, sampling.sums(weights), draws, nucleus, torch.full(weights.shape, torch.nan))


def _row(weights: list[float]) -> Tensor:
    row = torch.zeros(1, -(-len(weights) // BLOCK) * BLOCK)
    row[0, : len(weights)] = torch.tensor(weights)
    return row


def _choose(weights: list[float], draws: list[float], *, nucleus: float = 1.0) -> int:
    """`draws`: of each try, within its block; all further ones are the last."""
    within = [draws[min(number, len(draws) - 1)] for number in range(UNIFORMS // 2)]
    numbers = torch.tensor([[(0.0, draw) for draw in within]]).flatten(1)
    return int(choose(_row(weights), numbers, torch.tensor([nucleus]))[0])


@pytest.mark.parametrize(("draw", "chosen"), [(0.0, 0), (0.29, 0), (0.31, 1), (0.49, 1), (0.51, 2), (ALMOST_ONE, 2)])
@pytest.mark.parametrize("scale", [1.0, 1e-15, 1e25])
def test_ids_are_drawn_by_their_weight(draw: float, chosen: int, scale: float) -> None:
    assert _choose([0.3 * scale, 0.2 * scale, 0.5 * scale], [draw]) == chosen


def test_what_is_outside_the_nucleus_is_drawn_again() -> None:
    assert _choose([0.3, 0.2, 0.5], [0.4, 0.1], nucleus=0.6) == 0
    assert _choose([0.3, 0.2, 0.5], [0.4, 0.4, 0.9], nucleus=0.6) == 2


@pytest.mark.parametrize(("last", "chosen"), [(0.0, 0), (0.37, 0), (0.38, 2), (ALMOST_ONE, 2)])
def test_what_is_never_drawn_inside_is_drawn_from_the_nucleus_itself(last: float, chosen: int) -> None:
    # The nucleus has 3 and 5 parts of 8.
    assert _choose([0.3, 0.2, 0.5], [0.4, 0.4, 0.4, last], nucleus=0.6) == chosen


def test_what_is_as_likely_as_the_last_of_the_nucleus_is_in_it() -> None:
    assert _choose([0.5, 0.25, 0.25], [0.9], nucleus=0.7) == 2


def test_a_tiny_nucleus_keeps_the_likeliest() -> None:
    assert _choose([0.3, 0.2, 0.5], [0.1], nucleus=1e-9) == 2


@pytest.mark.parametrize("nucleus", [1.0, 0.95, 0.6, 0.2, 0.01])
def test_ids_come_as_often_as_their_share_of_the_nucleus(nucleus: float) -> None:
    """Of some hundred ids in several blocks, whether found at the first try, at a later one, or told apart at last."""
    weights = torch.rand(1, 3 * BLOCK, generator=torch.Generator().manual_seed(1)) ** 8
    ordered = weights[0].sort(descending=True).values.double()
    least = ordered[(ordered.cumsum(0) - ordered) < nucleus * ordered.sum()][-1]
    shares = torch.where(weights[0] >= least, weights[0], 0).double()
    shares /= shares.sum()
    draws = torch.from_numpy(uniforms(random.Random(5), DRAWS))
    found = torch.bincount(choose(weights.expand(DRAWS, -1), draws, torch.full((DRAWS,), nucleus)), minlength=3 * BLOCK)
    assert not found[shares == 0].any()
    inside = shares > 0
    expected = shares[inside] * DRAWS
    statistic = ((found[inside] - expected) ** 2 / expected).sum()
    # Chi-squared: its mean is the degrees of freedom, its variance twice as many; six deviations above never come.
    freedom = int(inside.sum()) - 1
    assert statistic <= freedom + 6 * (2 * freedom) ** 0.5


@given(
    weights=st.lists(st.floats(1e-6, 1), min_size=2, max_size=300),
    seed=st.integers(0, 2**32),
    nucleus=st.floats(0.01, 1),
)
def test_what_is_chosen_is_in_the_smallest_set_that_reaches_the_nucleus(
    weights: list[float], seed: int, nucleus: float
) -> None:
    draws = torch.from_numpy(uniforms(random.Random(seed), 1))
    chosen = int(choose(_row([0.0, *weights]), draws, torch.tensor([nucleus]))[0])
    assert 0 < chosen <= len(weights)
    total = sum(weights)
    # All that is likelier than what was chosen does not reach the nucleus yet.
    own = weights[chosen - 1]
    assert sum(weight for weight in weights if weight > own * (1 + 1e-5)) / total < nucleus + 1e-5


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.64), (2.0, 4 / 7)])
def test_a_higher_temperature_flattens(temperature: float, share: float) -> None:
    # The roots of 0.64 and 0.36 are 0.8 and 0.6: at temperature 2 the first has 4 parts in 7.
    found = sampling.probabilities(torch.tensor([[0.64, 0.36, 0.0]]).log(), torch.tensor([temperature]))
    torch.testing.assert_close(found, torch.tensor([[share, 1 - share, 0.0]]))


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-44])
def test_the_coldest_temperatures_take_the_likeliest(temperature: float) -> None:
    found = sampling.probabilities(torch.tensor([[0.3, 0.2, 0.5, 0.0]]).log(), torch.tensor([temperature]))
    assert found.tolist() == [[0.0, 0.0, 1.0, 0.0]]


def test_each_row_has_its_own_temperature() -> None:
    scores = torch.tensor([[0.64, 0.36]] * 2).log()
    found = sampling.probabilities(scores, torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(found[:, 0], torch.tensor([0.64, 4 / 7]))


@pytest.mark.parametrize("draw", [0.0, 0.5, ALMOST_ONE])
def test_nothing_of_weight_zero_is_chosen_in_any_block(draw: float) -> None:
    weights = torch.zeros(1, 3 * BLOCK)
    weights[0, BLOCK + 5] = 1e-20
    assert choose(weights, torch.full((1, UNIFORMS), draw), torch.ones(1)).tolist() == [BLOCK + 5]


def test_a_row_is_chosen_from_whoever_is_beside_it() -> None:
    generator = torch.Generator().manual_seed(2)
    weights = torch.rand(50, 2 * BLOCK, generator=generator) ** 8
    draws = torch.from_numpy(uniforms(random.Random(3), 50))
    nucleus = torch.linspace(0.1, 1, 50)
    together = choose(weights, draws, nucleus)
    assert together.tolist() == [
        int(choose(weights[row : row + 1], draws[row : row + 1], nucleus[row : row + 1])[0]) for row in range(50)
    ]


def test_uniform_numbers_times_a_sum_stay_below_the_sum() -> None:
    numbers = uniforms(random.Random(6), 1000)
    assert numbers.shape == (1000, UNIFORMS)
    assert numbers.dtype == np.float32
    assert 0 <= numbers.min() < 0.001
    assert 0.999 < numbers.max() <= ALMOST_ONE
    assert np.array_equal(numbers * 2**23, np.floor(numbers * 2**23))
    assert abs(numbers.mean() - 0.5) < 0.01
