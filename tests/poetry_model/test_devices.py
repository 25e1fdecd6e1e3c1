import pytest
import torch

from poetry_model.devices import choose_device, choose_dtype, has_fast_bfloat16
from poetry_model.errors import PoetryError


@pytest.mark.parametrize(
    ("name", "available", "chosen"),
    [("cpu", True, "cpu"), ("auto", False, "cpu"), ("auto", True, "cuda"), ("cuda", True, "cuda")],
)
def test_auto_takes_a_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, name: str, *, available: bool, chosen: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert choose_device(name) == torch.device(chosen)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(PoetryError, match="No CUDA device is available"):
        choose_device("cuda")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(PoetryError, match="choose one of: auto, cpu, cuda"):
        choose_device("abacus")


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [({}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False)],
)
def test_narrow_numbers_are_fast_where_the_cpu_says_so(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], *, fast: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert has_fast_bfloat16(torch.device("cpu")) is fast


@pytest.mark.parametrize(
    ("capabilities", "half", "auto"),
    [
        ({"amx_fp16": True, "amx_bf16": True}, torch.float16, torch.float16),
        ({"amx_bf16": True}, torch.bfloat16, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16, torch.float32),
    ],
)
def test_half_precision_is_what_the_processor_is_made_for(
    capabilities: dict[str, bool], half: torch.dtype, auto: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_dtype("half", torch.device("cpu")) is half
    assert choose_dtype("auto", torch.device("cpu")) is auto
    assert choose_dtype("single", torch.device("cpu")) is torch.float32
    assert choose_dtype("half", torch.device("cuda")) is torch.float16
    assert choose_dtype("auto", torch.device("cuda")) is torch.float32


def test_half_precision_that_is_no_faster_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    with pytest.raises(PoetryError, match=r"^This machine computes no faster in half precision; choose single\.$"):
        choose_dtype("half", torch.device("cpu"))
    assert choose_dtype("auto", torch.device("cpu")) is torch.float32
