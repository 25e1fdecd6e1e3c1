"""The bundle: one folder that holds everything a poet needs.

`model.safetensors` (weights in fp16, and the digests of the lines held back), `vocabulary.json`, and `config.json`
(format, architecture, SHA-256 of the other two, corpus, hold-out rule, metrics). No pickle: loading runs no code.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from poetry_model.composing import Composing
from poetry_model.conditions import SIZES, sizes_with_controls
from poetry_model.errors import BundleError
from poetry_model.holdout import HoldOut
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.prosody import Prosody
from poetry_model.storage import replacing
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
_KNOWN = (len(SIZES) + 2, len(SIZES) + 3)
"""How many conditions a model with prosody has: the dynasty came last."""
_METADATA = ("corpus", "training", "metrics", "examination")
_NETWORK_PREFIX = "network."
_HELD_BACK = "held_back.lines"
_VERSION_LENGTH = 12


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
    """What is known of its making: `corpus`, `training`, `metrics`, `examination`."""
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
    with replacing(folder) as new:
        for name, content in files.items():
            (new / name).write_bytes(content)
        (new / _CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return _sha256(weights)[:_VERSION_LENGTH]


def load_bundle(folder: Path) -> Bundle:
    """Read and verify the bundle in `folder`; raises `BundleError` when anything about it is not as it must be."""
    config = _read_config(folder)
    try:
        expected = config["sha256"]
        weights = _read_verified(folder / _WEIGHTS, expected[_WEIGHTS])
        characters = json.loads(_read_verified(folder / _VOCABULARY, expected[_VOCABULARY]))
        vocabulary = Vocabulary(characters["characters"], line_ends=characters.get("line_ends", False))
        composing = _composing(config, vocabulary)
        architecture = NetworkConfig(**config["network"])
        tensors = safetensors.torch.load(weights)
        lines = tensors.pop(_HELD_BACK)
        prosody = _read_prosody(folder, expected)
        network = _network(architecture, vocabulary, prosody, tensors)
        hold_out = _hold_out(config["hold_out"], lines)
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        RuntimeError,
        AttributeError,
        SafetensorError,
    ) as error:
        raise BundleError(f"The model bundle {folder} is damaged ({_brief(error)}); install it again.") from error
    metadata: dict[str, Any] = {key: config[key] for key in _METADATA if key in config}
    return Bundle(network, vocabulary, hold_out, prosody, composing, metadata, expected[_WEIGHTS][:_VERSION_LENGTH])


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / _CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(f"There is no model bundle in {folder} ({_CONFIG} is missing); name another.") from error
    except OSError as error:
        raise BundleError(f"{file} cannot be read ({error.strerror}); check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{file} is not valid JSON; install the bundle again.") from error
    found = config.get("format") if isinstance(config, dict) else None
    if found not in _READABLE:
        raise BundleError(
            f"The model bundle {folder} has format {found}, this version of shiren reads format {FORMAT}; "
            "update shiren or train the model again."
        )
    return dict(config)


def _read_verified(file: Path, expected: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BundleError(f"{file} cannot be read ({error.strerror}); install the bundle again.") from error
    if _sha256(content) != expected:
        raise BundleError(f"{file} does not match the checksum in {_CONFIG}; install the bundle again.")
    return content


def _read_prosody(folder: Path, expected: Mapping[str, str]) -> Prosody | None:
    if _PROSODY not in expected:
        return None
    return Prosody.from_dict(json.loads(_read_verified(folder / _PROSODY, expected[_PROSODY])))


def _composing(config: Mapping[str, Any], vocabulary: Vocabulary) -> Composing:
    composing = Composing(**config.get("composing", {}))
    if (composing.format == "sampled") != vocabulary.line_ends:
        raise ValueError("line ends are in the vocabulary of a model that samples them, and in no other")
    return composing


def _hold_out(config: Mapping[str, Any], lines: torch.Tensor) -> HoldOut:
    hold_out = HoldOut(int(config["one_in"]), frozenset(lines.tolist()))
    if hold_out.one_in < 1 or hold_out.rule != config["rule"]:
        raise ValueError("the rule of the hold-out is not known here")
    return hold_out


def _network(
    architecture: NetworkConfig, vocabulary: Vocabulary, prosody: Prosody | None, tensors: dict[str, torch.Tensor]
) -> PoetNetwork:
    if architecture.vocabulary != len(vocabulary):
        raise ValueError("the vocabulary's size differs from the network's")
    if min(architecture.embedding, architecture.hidden, architecture.layers, architecture.condition) < 1:
        raise ValueError("a width of the network is below 1")
    known = sizes_with_controls(len(prosody.classes)) if prosody else SIZES
    told = list(architecture.conditions.items())
    # Without prosody a model is told of the form alone, or nothing.
    if told != list(known.items())[: len(told)] or len(told) not in (_KNOWN if prosody else (0, len(known))):
        raise ValueError("the network's conditions are not known here")
    # On the meta device nothing is allocated until the tensors have shown their shapes.
    with torch.device("meta"):
        network = PoetNetwork(architecture)
    state = {name.removeprefix(_NETWORK_PREFIX): tensor.float() for name, tensor in tensors.items()}
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(requires_grad=False).eval()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _brief(error: Exception) -> str:
    """The error in one line: torch lists every tensor that does not fit."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
