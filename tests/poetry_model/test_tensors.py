import pytest
import safetensors.torch
import torch
from torch import Tensor

from poetry_model.tensors import LONGEST_HEADER, check_tensors, read_tensors

LIKE = {"a": torch.zeros(2, 3), "b": torch.zeros(())}


def test_tensors_come_back_as_they_were_saved() -> None:
    tensors = {"a": torch.rand(2, 3), "b": torch.arange(4)}
    found = read_tensors(safetensors.torch.save(tensors))
    torch.testing.assert_close(found, tensors, rtol=0, atol=0)


@pytest.mark.parametrize("content", [b"", b"{}", bytes(8), b"\xff" * 16, (LONGEST_HEADER + 1).to_bytes(8, "little")])
def test_what_is_no_file_of_tensors_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"header is too long|no file of tensors"):
        read_tensors(content)


def test_tensors_that_are_what_they_must_be_pass() -> None:
    check_tensors(LIKE, LIKE)
    check_tensors({name: tensor.half() for name, tensor in LIKE.items()}, LIKE, torch.float16)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"c": torch.zeros(1)}, "not those of the network"),
        ({"a": torch.zeros(3, 2)}, r"a is \[3, 2\], not \[2, 3\]"),
        ({"b": torch.zeros(1)}, r"b is \[1\], not \[\]"),
        ({"a": torch.zeros(2, 3).double()}, r"a is of another type, torch\.float64"),
        ({"a": torch.full((2, 3), torch.nan)}, "a holds what is no number"),
        ({"b": torch.tensor(-torch.inf)}, "b holds what is no number"),
    ],
)
def test_tensors_that_are_not_are_named(change: dict[str, Tensor], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_tensors(LIKE | change, LIKE)


def test_a_tensor_that_is_missing_is_missed() -> None:
    with pytest.raises(ValueError, match="not those of the network"):
        check_tensors({"a": LIKE["a"]}, LIKE)
