"""Tensors from a file that others made."""

from collections.abc import Mapping

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

_LENGTH_BYTES = 8
"""Of the header's length, with which a file of safetensors begins."""

LONGEST_HEADER = 2**17
"""Bytes: a saved run names some two hundred tensors, each in a hundred. A header of the format's 100 MB would hold a
million empty ones, a kilobyte each in memory."""


def read_tensors(content: bytes) -> dict[str, Tensor]:
    """The tensors in a file of safetensors, on the CPU; `ValueError` when it is none, or lies about what it holds.

    The format's own reader refuses lengths beyond the file, tensors that overlap, and gaps between them.
    """
    if int.from_bytes(content[:_LENGTH_BYTES], "little") > LONGEST_HEADER:
        raise ValueError("its header is too long")
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, LookupError, RuntimeError, AssertionError) as error:
        # A type of numbers that torch has no name for is a KeyError, a shape that overflows a RuntimeError.
        raise ValueError("it is no file of tensors that can be read") from error


def check_tensors(found: Mapping[str, Tensor], like: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> None:
    """`ValueError` unless `found` has the names, shapes and types of `like`, and finite numbers alone.

    `dtype`: the type of all, where it is another.
    """
    if found.keys() != like.keys():
        raise ValueError("its tensors are not those of the network")
    for name, tensor in found.items():
        if tensor.shape != like[name].shape:
            raise ValueError(f"{name} is {list(tensor.shape)}, not {list(like[name].shape)}")
        if tensor.dtype is not (dtype or like[name].dtype):
            raise ValueError(f"{name} is of another type, {tensor.dtype}")
        # The extremes tell: one that is no number is both of them. Looking at each number takes twenty times as long.
        if tensor.numel() and not torch.stack(tensor.aminmax()).isfinite().all():
            raise ValueError(f"{name} holds what is no number")
