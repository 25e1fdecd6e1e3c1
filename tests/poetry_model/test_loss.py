import torch
from torch import Tensor
from torch.nn import functional

from poetry_model.loss import linear_cross_entropy


def _inputs(rows: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    inputs, weight, bias = (
        torch.randn(shape, generator=generator).requires_grad_() for shape in [(rows, 6), (11, 6), (11,)]
    )
    return inputs, weight, bias, torch.randint(11, (rows,), generator=generator)


def test_the_loss_and_its_gradients_are_those_of_the_plain_one_across_slices() -> None:
    inputs, weight, bias, targets = _inputs(1030)
    ours = linear_cross_entropy(inputs, weight, bias, targets)
    gradients = torch.autograd.grad(3 * ours, (inputs, weight, bias))
    plain = functional.cross_entropy(functional.linear(inputs, weight, bias), targets)
    expected = torch.autograd.grad(3 * plain, (inputs, weight, bias))
    torch.testing.assert_close(ours, plain)
    torch.testing.assert_close(gradients, expected)


def test_narrow_products_come_close() -> None:
    inputs, weight, bias, targets = _inputs(100)
    narrow = linear_cross_entropy(inputs, weight, bias, targets, torch.bfloat16)
    exact = linear_cross_entropy(inputs, weight, bias, targets)
    assert narrow.dtype is torch.float32
    torch.testing.assert_close(narrow, exact, rtol=0.02, atol=0.02)


def test_one_row_of_equal_scores_costs_the_logarithm_of_the_classes() -> None:
    loss = linear_cross_entropy(torch.zeros(1, 6), torch.ones(11, 6), torch.zeros(11), torch.tensor([3]))
    torch.testing.assert_close(loss, torch.tensor(11.0).log())
