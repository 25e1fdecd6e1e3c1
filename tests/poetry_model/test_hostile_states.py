"""Interrupted runs from somebody who knows how they are kept, and makes every checksum right."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poetry_model.corpus import Verse
from poetry_model.errors import TrainingError
from poetry_model.material import Material
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.reading import digest
from poetry_model.training import InterruptedRunError, Outcome, Trainer
from poetry_model.training_config import TrainingConfig
from poetry_model.vocabulary import Vocabulary
from tests.poetry_model import hostile

COUNTERS, TENSORS = "state.json", "state.safetensors"
VERSES = tuple(Verse((f"月山{one}水風", f"花春{one}江天")) for one in "雲秋日人")
VOCABULARY = Vocabulary.from_texts(verse.text for verse in VERSES)
CONFIGS = {
    "adamw": TrainingConfig(epochs=3, batch_poems=1),
    "adagrad": TrainingConfig(epochs=3, batch_poems=1, optimizer="adagrad", schedule="halve_on_rise"),
    "numpy": TrainingConfig(epochs=3, batch_poems=1, optimizer="adagrad", engine="numpy"),
}
_STEPS = 4
"""Until the run is stopped: an epoch has three, so that one is over and another has begun."""


def _run(folder: Path, engine: str, *, steps: int = 100, resume: bool = False) -> Outcome:
    config = CONFIGS[engine]
    plain: dict[str, Any] = {"tied": False, "dropout": 0.0, "conditions": {}} if engine == "numpy" else {}
    network = PoetNetwork(NetworkConfig(len(VOCABULARY), embedding=4, hidden=4, layers=1, **plain))
    left = iter(range(steps))
    return Trainer(
        network,
        VOCABULARY,
        Material(config, VERSES[1:]),
        VERSES[:1],
        config,
        state_folder=folder,
        corpus_digest="digest",
        should_stop=lambda: next(left, None) is None,
    ).run(resume=resume)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Engine → a run that was stopped in its second epoch."""
    folders = {engine: tmp_path_factory.mktemp("runs") / engine for engine in CONFIGS}
    for engine, folder in folders.items():
        with pytest.raises(InterruptedRunError):
            _run(folder, engine, steps=_STEPS)
    return folders


@contextmanager
def _copy(folder: Path) -> Iterator[Path]:
    with TemporaryDirectory() as temporary:
        yield shutil.copytree(folder, Path(temporary, "run"))


def _reseal(folder: Path) -> None:
    """Make the checksums right, as far as there is a table to hold them."""
    try:
        table = json.loads((folder / COUNTERS).read_bytes())
        table.pop("sha256", None)
        table["sha256"] = {
            COUNTERS: digest(table),
            TENSORS: sha256((folder / TENSORS).read_bytes()).hexdigest(),
        }
    except (ValueError, TypeError, AttributeError, RecursionError):
        return
    (folder / COUNTERS).write_text(json.dumps(table), encoding="utf-8")


def _refusal(folder: Path, engine: str) -> str | None:
    """The sentence with which the run is refused, or None for one that goes on to its end."""
    try:
        _run(folder, engine, resume=True)
    except TrainingError as error:
        refusal = str(error)
        assert len(refusal.splitlines()) == 1
        return refusal
    return None


_QUICK_AND_LONG = pytest.mark.parametrize("examples", [40, pytest.param(1500, marks=pytest.mark.soak)])


@pytest.mark.parametrize("engine", CONFIGS)
def test_a_run_as_it_was_saved_goes_on(stopped: dict[str, Path], engine: str) -> None:
    with _copy(stopped[engine]) as folder:
        assert _refusal(folder, engine) is None


@_QUICK_AND_LONG
def test_damaged_files_are_refused_or_go_on(stopped: dict[str, Path], examples: int) -> None:
    @settings(max_examples=examples)
    @given(
        engine=st.sampled_from(list(CONFIGS)),
        name=st.sampled_from([COUNTERS, TENSORS]),
        data=st.data(),
        sealed=st.booleans(),
    )
    def check(engine: str, name: str, data: st.DataObject, *, sealed: bool) -> None:
        content = (stopped[engine] / name).read_bytes()
        harmed = data.draw(hostile.damaged(content))
        with _copy(stopped[engine]) as folder:
            (folder / name).write_bytes(harmed)
            if sealed:
                _reseal(folder)
            refusal = _refusal(folder, engine)
        assert (
            sealed or refusal or harmed == content or (name == COUNTERS and json.loads(harmed) == json.loads(content))
        )

    check()


@_QUICK_AND_LONG
def test_counters_that_say_something_else_are_refused_or_go_on(stopped: dict[str, Path], examples: int) -> None:
    places = [
        (engine, path)
        for engine, folder in stopped.items()
        for path in hostile.paths(json.loads((folder / COUNTERS).read_text(encoding="utf-8")))
        if path[:1] != ("identity",) or len(path) < 3
    ]

    @settings(max_examples=examples)
    @given(place=st.sampled_from(places), value=hostile.VALUES)
    def check(place: tuple[str, hostile.Place], value: Any) -> None:
        engine, path = place
        with _copy(stopped[engine]) as folder:
            hostile.edit(folder / COUNTERS, path, lambda _: value)
            _reseal(folder)
            _refusal(folder, engine)

    check()


@_QUICK_AND_LONG
def test_other_tensors_are_refused_or_go_on(stopped: dict[str, Path], examples: int) -> None:
    names = {engine: sorted(safetensors.torch.load_file(stopped[engine] / TENSORS)) for engine in CONFIGS}

    @settings(max_examples=examples)
    @given(
        engine=st.sampled_from(list(CONFIGS)),
        data=st.data(),
        shape=st.none() | st.lists(st.integers(0, 5), max_size=3),
        dtype=st.none() | st.sampled_from([torch.float32, torch.float64, torch.int64, torch.uint8]),
        filling=st.sampled_from([0.0, -1.0, 1.0, 200.0, 1e38, float("nan"), float("inf")]),
        name=st.sampled_from(["", "learner.0.step", "learner.99.step", "learner.x", "optimizer.y", "best.z", "none"]),
    )
    def check(
        engine: str, data: st.DataObject, shape: list[int] | None, dtype: torch.dtype | None, filling: float, name: str
    ) -> None:
        with _copy(stopped[engine]) as folder:
            tensors = safetensors.torch.load_file(folder / TENSORS)
            old = data.draw(st.sampled_from(names[engine]))
            like = tensors.pop(old) if not name else tensors[old]
            kind = dtype or like.dtype
            number = filling if kind.is_floating_point or 0 <= filling < 256 else 7
            changed = torch.full_like(like if shape is None else torch.empty(shape), number, dtype=kind)
            tensors[name or old] = changed
            safetensors.torch.save_file(tensors, folder / TENSORS)
            _reseal(folder)
            _refusal(folder, engine)

    check()


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        ("adamw", "learner.0.step"),
        ("adamw", "learner.0.exp_avg_sq"),
        ("adagrad", "learner.0.sum"),
        ("numpy", "learner.optimizer.characters.weight"),
    ],
)
def test_what_is_never_negative_is_refused_when_it_is(stopped: dict[str, Path], engine: str, name: str) -> None:
    with _copy(stopped[engine]) as folder:
        tensors = safetensors.torch.load_file(folder / TENSORS)
        tensors[name] = -1 - tensors[name].abs()
        safetensors.torch.save_file(tensors, folder / TENSORS)
        _reseal(folder)
        refusal = _refusal(folder, engine)
    assert refusal is not None
    assert "is damaged" in refusal


@pytest.mark.parametrize("name", [COUNTERS, TENSORS])
def test_what_is_no_file_or_too_large_for_one_is_refused(stopped: dict[str, Path], name: str) -> None:
    for target in ("/dev/zero", "nowhere", name, "."):
        with _copy(stopped["adamw"]) as folder:
            (folder / name).unlink()
            (folder / name).symlink_to(target)
            assert _refusal(folder, "adamw")
    with _copy(stopped["adamw"]) as folder:
        with (folder / name).open("r+b") as file:
            file.truncate(2**40)
        refusal = _refusal(folder, "adamw")
        assert refusal is not None
        assert "is damaged; delete the folder and start anew" in refusal
