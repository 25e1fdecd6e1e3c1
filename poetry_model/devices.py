"""Choosing where the arithmetic runs."""

from typing import Literal

import torch

from poetry_model.errors import PoetryError

DEVICES = ("auto", "cpu", "cuda")

Precision = Literal["auto", "single", "half"]
"""Of weights and states while a poem is written. In half a seed gives some other poems, as good as those in single;
`auto` is half where the processor multiplies fp16 on hardware of its own."""


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes a GPU where there is one. Raises `PoetryError`."""
    if name not in DEVICES:
        raise PoetryError(f"There is no device {name!r}; choose one of: {', '.join(DEVICES)}.")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise PoetryError("No CUDA device is available; choose device auto or cpu.")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def use_threads(count: int) -> None:
    """Let so many threads of the CPU work on one product; of the whole process, whose other threads are not counted."""
    torch.set_num_threads(count)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether matrix products in bf16 run on hardware of their own there."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The type of `precision` on `device`; of the two in half, fp16 where products in it are as fast: it rounds less.

    Raises `PoetryError` for half where products in it are no faster.
    """
    has_fast_float16 = device.type == "cpu" and bool(torch.cpu.get_capabilities().get("amx_fp16"))
    if precision == "single" or (precision == "auto" and not has_fast_float16):
        return torch.float32
    if has_fast_float16 or device.type == "cuda":
        return torch.float16
    if has_fast_bfloat16(device):
        return torch.bfloat16
    raise PoetryError("This machine computes no faster in half precision; choose single.")
