"""Cross-entropy of a linear layer, a slice of the batch at a time.

With thousands of characters the scores are the largest tensor of a training step by far. Here each slice's scores,
their softmax and both gradients are made while they are in the cache and then dropped: half the time of the plain loss
on a CPU, and the same gradients.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

SLICE = 256
"""Rows."""


class _LinearCrossEntropy(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        narrow = weight.to(dtype)
        grad_inputs = torch.empty_like(inputs, dtype=torch.float32)
        grad_weight = torch.zeros_like(weight, dtype=torch.float32)
        grad_bias = torch.zeros_like(bias, dtype=torch.float32)
        total = torch.zeros((), device=inputs.device)
        # Taken once: memory of this size is new at each request, and a new page costs more than what is done in it.
        room = torch.empty(min(SLICE, len(inputs)), len(weight), dtype=torch.float32, device=inputs.device)
        narrow_room, grad_slice = torch.empty_like(room, dtype=dtype), torch.empty_like(narrow)
        for rows, target, grad_rows in zip(
            torch.split(inputs.to(dtype), SLICE),
            torch.split(targets, SLICE),
            torch.split(grad_inputs, SLICE),
            strict=True,
        ):
            column = target[:, None]
            scores, narrow_scores = room[: len(rows)], narrow_room[: len(rows)]
            torch.add(torch.mm(rows, narrow.T, out=narrow_scores), bias, out=scores)
            highest = scores.amax(dim=1, keepdim=True)
            wanted = scores.gather(1, column) - highest
            shares = scores.sub_(highest).exp_()
            sums = shares.sum(dim=1, keepdim=True)
            total += (sums.log() - wanted).sum()
            grad = shares.div_(sums)
            grad.scatter_add_(1, column, torch.full_like(column, -1, dtype=grad.dtype))
            grad_bias += grad.sum(dim=0)
            narrow_grad = narrow_scores.copy_(grad)
            grad_rows.copy_(narrow_grad @ narrow)
            grad_weight += torch.mm(narrow_grad.T, rows, out=grad_slice)
        ctx.count = len(inputs)
        ctx.save_for_backward(grad_inputs, grad_weight, grad_bias)
        return total / len(inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        grad_inputs, grad_weight, grad_bias = ctx.saved_tensors
        scale = grad_output / ctx.count
        return grad_inputs * scale, grad_weight * scale, grad_bias * scale, None, None


def linear_cross_entropy(
    inputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Mean cross-entropy of `inputs @ weight.T + bias` against `targets`, in nats.

    inputs (rows, width), weight (classes, width), bias (classes,), targets (rows,). `dtype` is that of the matrix
    products; sums are always kept in fp32.
    """
    loss: Tensor = _LinearCrossEntropy.apply(inputs, weight, bias, targets, dtype)  # type: ignore[no-untyped-call] # torch's
    return loss
