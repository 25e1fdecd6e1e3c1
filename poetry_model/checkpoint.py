"""The bundle: one folder that holds everything a poet needs.

`model.safetensors` (weights in fp16, and the digests of the lines held back), `vocabulary.json`, `prosody.json`, and
`config.json` (format, architecture, SHA-256 of the others and of what it says itself, corpus, hold-out rule, metrics).
No pickle: loading runs no code.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from poetry_model.composing import Composing
from poetry_model.conditions import SIZES, sizes_with_controls
from poetry_model.errors import BundleError
from poetry_model.fields import from_table
from poetry_model.holdout import HoldOut
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.prosody import Prosody
from poetry_model.reading import LARGEST_JSON, digest, parse_json, read_file, shown
from poetry_model.script import is_han
from poetry_model.storage import replacing
from poetry_model.tensors import LONGEST_HEADER, check_tensors, read_tensors
from poetry_model.vocabulary import Vocabulary

FORMAT = 2
"""Raised when an older reader could not understand a newer bundle."""

_READABLE = (1, FORMAT)
"""Format 1 had no prosody."""

PRETRAINED = Path(__file__).parent / "pretrained"
"""The bundle that ships with the package."""

_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_VOCABULARY = "vocabulary.json"
_PROSODY = "prosody.json"
_FILES = {_CONFIG, _WEIGHTS, _VOCABULARY, _PROSODY}
_KNOWN = (len(SIZES) + 2, len(SIZES) + 3)
"""How many conditions a model with prosody has: the dynasty came last."""
_METADATA = ("corpus", "training", "metrics", "examination")
_NETWORK_PREFIX = "network."
_HELD_BACK = "held_back.lines"
_VERSION_LENGTH = 12

MAX_PARAMETERS = 2**28
"""Half a gigabyte in fp16; the shipped model has six million."""

_MOST_OPENINGS = 2**25
"""Rhymes by characters: the poet weighs each character in each rhyme. The shipped model has half a million pairs."""

_MOST_HELD_BACK = 2**22
"""Lines, a hundred bytes each in memory: twice what Tang and Song have."""

_LARGEST_WEIGHTS = 2 * MAX_PARAMETERS + 8 * _MOST_HELD_BACK + LONGEST_HEADER


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle in memory."""

    network: PoetNetwork
    """In fp32, on the CPU, in evaluation mode."""
    vocabulary: Vocabulary
    hold_out: HoldOut
    prosody: Prosody | None
    """Tones and rhymes; None for a network that takes no controls."""
    composing: Composing
    metadata: Mapping[str, Any]
    """What is known of its making: `corpus`, `training`, `metrics`, `examination`; each a table, or None."""
    version: str
    """The first digits of the SHA-256 of its weights."""


def save_bundle(  # the parts of a bundle
    folder: Path,
    network: PoetNetwork,
    vocabulary: Vocabulary,
    hold_out: HoldOut,
    metadata: Mapping[str, Any],
    prosody: Prosody | None = None,
    composing: Composing | None = None,
) -> str:
    """Write a bundle to `folder`, whole or not at all, and return its version."""
    tensors = {
        _NETWORK_PREFIX + name: tensor.detach().to("cpu", torch.float16).contiguous()
        for name, tensor in network.state_dict().items()
    }
    tensors[_HELD_BACK] = torch.tensor(sorted(hold_out.lines), dtype=torch.int64)
    weights = safetensors.torch.save(tensors)
    characters = {"characters": "".join(vocabulary.characters), "line_ends": vocabulary.line_ends}
    files = {_WEIGHTS: weights, _VOCABULARY: json.dumps(characters, ensure_ascii=False).encode()}
    if prosody is not None:
        files[_PROSODY] = json.dumps(prosody.as_dict(), ensure_ascii=False, separators=(",", ":")).encode()
    config = {
        "format": FORMAT,
        "network": network.config.as_dict(),
        "sha256": {name: _sha256(content) for name, content in files.items()},
        "hold_out": {"rule": hold_out.rule, "one_in": hold_out.one_in},
        "composing": (composing or Composing()).as_dict(),
        **metadata,
    }
    config["sha256"][_CONFIG] = digest(config)
    with replacing(folder) as new:
        for name, content in files.items():
            (new / name).write_bytes(content)
        (new / _CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return _sha256(weights)[:_VERSION_LENGTH]


def check_size(network: PoetNetwork) -> None:
    """`ValueError` for a network too large to be kept in a bundle."""
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if parameters > MAX_PARAMETERS:
        raise ValueError(f"{parameters:,} parameters, of which {MAX_PARAMETERS:,} are the most")
    rhymes, characters = network.config.conditions.get("rhyme", 1) - 1, network.config.vocabulary
    if rhymes * characters > _MOST_OPENINGS:
        raise ValueError(f"{rhymes:,} rhymes, too many for {characters:,} characters")


def load_bundle(folder: Path) -> Bundle:
    """Read and verify the bundle in `folder`; raises `BundleError` when anything about it is not as it must be.

    No more memory is taken than a few times what the files hold, whatever they say.
    """
    config = _read_config(folder)
    try:
        expected = config["sha256"]
        if not expected.keys() <= _FILES:
            raise ValueError("it has checksums of unknown files")  # noqa: TRY301 # one sentence for all damage
        vocabulary = _vocabulary(_read_verified(folder / _VOCABULARY, expected))
        prosody = _prosody(_read_verified(folder / _PROSODY, expected)) if _PROSODY in expected else None
        composing = from_table(Composing, config.get("composing", {}))
        network = _network(from_table(NetworkConfig, config["network"]), vocabulary, prosody, composing)
        tensors = read_tensors(_read_verified(folder / _WEIGHTS, expected, _LARGEST_WEIGHTS))
        hold_out = _hold_out(config["hold_out"], tensors.pop(_HELD_BACK))
        _fill(network, tensors)
        metadata = {key: _table(config[key], key) for key in _METADATA if key in config}
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError, MemoryError) as error:
        raise BundleError(f"The model bundle {folder} is damaged ({_brief(error)}); install it again.") from error
    return Bundle(network, vocabulary, hold_out, prosody, composing, metadata, expected[_WEIGHTS][:_VERSION_LENGTH])


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / _CONFIG
    try:
        config = parse_json(read_file(file, LARGEST_JSON))
    except FileNotFoundError as error:
        raise BundleError(f"There is no model bundle in {folder} ({_CONFIG} is missing); name another.") from error
    except OSError as error:
        raise BundleError(f"{file} cannot be read ({error.strerror}); check its permissions.") from error
    except ValueError as error:
        raise BundleError(f"{file} is not valid JSON; install the bundle again.") from error
    found = config.get("format") if isinstance(config, dict) else None
    if type(found) is not int or found not in _READABLE:
        raise BundleError(
            f"The model bundle {folder} has format {shown(found)}, this version of shiren reads format {FORMAT}; "
            "update shiren or train the model again."
        )
    _verify(file, config)
    return dict(config)


def _verify(file: Path, config: Mapping[str, Any]) -> None:
    """Whether the configuration says what it said when it was written; earlier ones kept no checksum of themselves."""
    checksums = config.get("sha256")
    if not isinstance(checksums, dict) or _CONFIG not in checksums:
        return
    others = {name: checksum for name, checksum in checksums.items() if name != _CONFIG}
    try:
        is_same = digest({**config, "sha256": others}) == checksums[_CONFIG]
    except ValueError:
        is_same = False
    if not is_same:
        raise BundleError(f"{file} does not match its own checksum; install the bundle again.")


def _read_verified(file: Path, expected: Mapping[str, str], largest: int = LARGEST_JSON) -> bytes:
    try:
        content = read_file(file, largest)
    except OSError as error:
        raise BundleError(f"{file} cannot be read ({error.strerror}); install the bundle again.") from error
    if _sha256(content) != expected[file.name]:
        raise BundleError(f"{file} does not match the checksum in {_CONFIG}; install the bundle again.")
    return content


def _vocabulary(content: bytes) -> Vocabulary:
    table = parse_json(content)
    characters, line_ends = table["characters"], table.get("line_ends", False)
    if not isinstance(characters, str) or not characters or not isinstance(line_ends, bool):
        raise TypeError("the vocabulary is no row of characters")
    # Whatever stands in it may be written, and what is no character of Chinese could write more than verse.
    if foreign := next((character for character in characters if not is_han(character)), None):
        raise ValueError(f"the vocabulary holds {shown(foreign)}")
    return Vocabulary(characters, line_ends=line_ends)


def _prosody(content: bytes) -> Prosody:
    return Prosody.from_dict(parse_json(content))


def _hold_out(config: Mapping[str, Any], lines: torch.Tensor) -> HoldOut:
    one_in = config["one_in"]
    if type(one_in) is not int or one_in < 1 or HoldOut(one_in).rule != config["rule"]:
        raise ValueError("the rule of the hold-out is not known here")
    if lines.dtype is not torch.int64 or lines.dim() != 1 or len(lines) > _MOST_HELD_BACK:
        raise ValueError("the lines held back are not a list of digests")
    return HoldOut(one_in, frozenset(lines.tolist()))


def _table(content: object, name: str) -> Mapping[str, Any] | None:
    if content is not None and not isinstance(content, dict):
        raise TypeError(f"{name} is no table")
    return content


class _Undrawn(TorchFunctionMode):
    """Weights that are to come from a file are not drawn at random before: on the meta device that takes a second."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """See torch: what is to be called instead of `func`."""
        del types  # part of torch's interface
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _network(
    architecture: NetworkConfig, vocabulary: Vocabulary, prosody: Prosody | None, composing: Composing
) -> PoetNetwork:
    """A network that has no weights yet, and takes no room for them."""
    if architecture.vocabulary != len(vocabulary):
        raise ValueError("the vocabulary's size differs from the network's")
    known = sizes_with_controls(len(prosody.classes)) if prosody else SIZES
    told = list(architecture.conditions.items())
    # Without prosody a model is told of the form alone, or nothing.
    if told != list(known.items())[: len(told)] or len(told) not in (_KNOWN if prosody else (0, len(known))):
        raise ValueError("the network's conditions are not known here")
    samples_ends = composing.format == "sampled"
    if samples_ends != vocabulary.line_ends:
        raise ValueError("line ends are in the vocabulary of a model that samples them, and in no other")
    if samples_ends and told:
        raise ValueError("a model that samples its line ends is told nothing of the form")
    with _Undrawn(), torch.device("meta"):
        network = PoetNetwork(architecture)
    check_size(network)
    return network


def _fill(network: PoetNetwork, tensors: dict[str, torch.Tensor]) -> None:
    """Give the network its weights, and make it ready to write."""
    expected = {_NETWORK_PREFIX + name: tensor for name, tensor in network.state_dict().items()}
    check_tensors(tensors, expected, torch.float16)
    # Each in half precision goes as the one in full precision comes.
    state = {name.removeprefix(_NETWORK_PREFIX): tensors.pop(name).float() for name in expected}
    network.load_state_dict(state, assign=True)
    network.requires_grad_(requires_grad=False).eval()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _brief(error: Exception) -> str:
    """The error in one line, and one that says something."""
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
