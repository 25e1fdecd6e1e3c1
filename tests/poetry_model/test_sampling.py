import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.sampling import choose

ALMOST_ONE = 1 - 2**-24


def _choose(probabilities: list[float], uniform: float, *, temperature: float = 1.0, nucleus: float = 1.0) -> int:
    scores = torch.tensor([probabilities]).log()
    return int(choose(scores, torch.tensor([uniform]), torch.tensor([temperature]), torch.tensor([nucleus]))[0])


@pytest.mark.parametrize(("uniform", "chosen"), [(0.0, 0), (0.29, 0), (0.31, 1), (0.49, 1), (0.51, 2), (ALMOST_ONE, 2)])
def test_ids_are_drawn_by_their_probability(uniform: float, chosen: int) -> None:
    assert _choose([0.3, 0.2, 0.5], uniform) == chosen


@pytest.mark.parametrize(("uniform", "chosen"), [(0.0, 0), (0.37, 0), (0.38, 2), (ALMOST_ONE, 2)])
def test_the_nucleus_keeps_the_likeliest_and_shares_the_rest_among_them(uniform: float, chosen: int) -> None:
    assert _choose([0.3, 0.2, 0.5], uniform, nucleus=0.6) == chosen


def test_a_tiny_nucleus_keeps_the_likeliest() -> None:
    assert _choose([0.3, 0.2, 0.5], ALMOST_ONE, nucleus=1e-9) == 2


@pytest.mark.parametrize(("temperature", "chosen"), [(1.0, 0), (2.0, 1)])
def test_a_higher_temperature_flattens(temperature: float, chosen: int) -> None:
    # The roots of 0.64 and 0.36 are 0.8 and 0.6: at temperature 2 the first has 4 parts in 7.
    assert _choose([0.64, 0.36], 0.6, temperature=temperature) == chosen


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-44])
def test_the_coldest_temperatures_take_the_likeliest(temperature: float) -> None:
    assert _choose([0.3, 0.2, 0.5], ALMOST_ONE, temperature=temperature) == 2


@given(
    weights=st.lists(st.floats(1e-6, 1), min_size=2, max_size=8),
    uniform=st.floats(0, 1, width=32, exclude_max=True),
    nucleus=st.floats(0.01, 1),
)
def test_what_is_forbidden_is_never_chosen(weights: list[float], uniform: float, nucleus: float) -> None:
    assert _choose([0.0, *weights], uniform, nucleus=nucleus) > 0


def test_each_row_has_its_own_draw_and_temperature() -> None:
    scores = torch.tensor([[0.64, 0.36]] * 3).log()
    chosen = choose(scores, torch.tensor([0.6, 0.6, 0.7]), torch.tensor([1.0, 2.0, 1.0]), torch.ones(3))
    assert chosen.tolist() == [0, 1, 1]


@given(
    weights=st.lists(st.floats(1e-6, 1), min_size=2, max_size=30),
    uniform=st.floats(0, 1, width=32, exclude_max=True),
    nucleus=st.floats(0.01, 1),
)
def test_what_is_chosen_is_in_the_smallest_set_that_reaches_the_nucleus(
    weights: list[float], uniform: float, nucleus: float
) -> None:
    chosen = _choose(weights, uniform, nucleus=nucleus)
    total = sum(weights)
    # All that is likelier than what was chosen does not reach the nucleus yet.
    assert sum(weight for weight in weights if weight > weights[chosen] * (1 + 1e-5)) / total < nucleus + 1e-5
