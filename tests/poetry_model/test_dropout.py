import pytest
import torch

from poetry_model.dropout import Dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_share_is_dropped_and_the_rest_scaled_so_that_the_mean_stays(dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    dropped = Dropout(0.3)(torch.ones(500, 401, dtype=dtype))
    assert dropped.dtype is dtype
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.005)
    assert dropped[dropped > 0].float().unique().tolist() == pytest.approx([1 / 0.7], rel=1e-2)


def test_each_row_and_column_is_drawn_for_itself() -> None:
    torch.manual_seed(1)
    kept = (Dropout(0.5)(torch.ones(400, 400)) > 0).float()
    for axis in (0, 1):
        assert kept.mean(dim=axis).sub(0.5).abs().max() < 0.12
        neighbours = (kept.narrow(axis, 1, 399) == kept.narrow(axis, 0, 399)).float().mean().item()
        assert neighbours == pytest.approx(0.5, abs=0.01)


def test_what_is_dropped_gets_no_gradient() -> None:
    inputs = torch.randn(7, 5, requires_grad=True)
    outputs = Dropout(0.4)(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    torch.testing.assert_close(inputs.grad * inputs, outputs)


def test_the_same_seed_drops_the_same_and_goes_on_from_a_saved_state() -> None:
    dropout, inputs = Dropout(0.3), torch.ones(31, 3)
    torch.manual_seed(1)
    first = dropout(inputs)
    state = torch.get_rng_state()
    second = dropout(inputs)
    torch.set_rng_state(state)
    assert dropout(inputs).equal(second)
    torch.manual_seed(1)
    assert dropout(inputs).equal(first)
    assert not first.equal(second)


@pytest.mark.parametrize(("p", "training"), [(0.3, False), (0.0, True)])
def test_nothing_is_dropped_when_there_is_nothing_to_drop(p: float, *, training: bool) -> None:
    inputs = torch.randn(6, 6)
    assert Dropout(p).train(training)(inputs).equal(inputs)


def test_nothing_at_all_is_dropped_of_nothing() -> None:
    assert Dropout(0.3)(torch.ones(0, 4)).shape == (0, 4)
