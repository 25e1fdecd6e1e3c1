"""What the plot of docs/lstm.md shows, measured again by other means."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from benchmarks.gradient_reach import (
    DISTANCES,
    FARTHEST,
    KINDS,
    Kind,
    Rememberer,
    draw_sequences,
    learn,
    main,
    measure_reach,
    measure_recall,
)

_LSTM = KINDS[1]
_BY_CELL = pytest.mark.parametrize("kind", KINDS[:3], ids=lambda kind: kind.cell)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@_BY_CELL
def test_the_reach_is_what_central_differences_give(kind: Kind) -> None:
    torch.manual_seed(2)
    network = Rememberer(kind, 4)
    reach = measure_reach(network, _generator())
    network.double()
    generator = _generator()
    inputs, _ = draw_sequences(64, FARTHEST + 1, 0, generator)
    inputs = inputs.double()
    targets = torch.randint(10, inputs.shape[:2], generator=generator)

    def losses() -> torch.Tensor:
        with torch.no_grad():
            scores = network(inputs)
        return functional.cross_entropy(scores.transpose(1, 2), targets, reduction="none")

    slopes = []
    for column in range(inputs.shape[2]):
        inputs[:, 0, column] += 1e-4
        above = losses()
        inputs[:, 0, column] -= 2e-4
        slopes.append((above - losses()) / 2e-4)
        inputs[:, 0, column] += 1e-4
    norms = torch.stack(slopes).norm(dim=0).mean(dim=0)[list(DISTANCES)]
    torch.testing.assert_close(reach[:3], (norms / norms[0])[:3], rtol=1e-4, atol=0)


def test_the_forget_bias_says_how_far_an_lstm_reaches() -> None:
    ends = []
    for forget in (-50, 0, 2, 50):
        torch.manual_seed(2)
        ends.append(measure_reach(Rememberer(replace(_LSTM, forget=forget), 8), _generator())[-1].item())
    assert ends == sorted(ends)
    assert ends[0] < 1e-30
    assert ends[-1] > 0.01


def test_each_place_wants_the_digit_that_was_marked_last() -> None:
    inputs, targets = draw_sequences(20, 30, 0.2, _generator())
    for row, wanted in zip(inputs.tolist(), targets.tolist(), strict=True):
        marked = [place.index(1) if place[10] else None for place in row]
        assert marked[0] is not None
        for place, digit in enumerate(wanted):
            assert digit == [latest for latest in marked[: place + 1] if latest is not None][-1]


def test_what_is_learned_is_named() -> None:
    torch.manual_seed(2)
    network = Rememberer(_LSTM, 32)
    before = measure_recall(network, _generator())
    learn(network, 100, _generator())
    assert before[0] < 0.3
    assert measure_recall(network, _generator())[0] > 0.9


def test_the_command_draws_the_same_plot_for_the_same_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # One that learns and one that does not: the others only take time.
    monkeypatch.setattr("benchmarks.gradient_reach.KINDS", KINDS[2:4])
    files = [tmp_path / f"{name}.svg" for name in ("one", "again", "other")]
    for file, seed in zip(files, "112", strict=True):
        assert main(["--out", str(file), "--networks", "1", "--hidden", "4", "--steps", "1", "--seed", seed]) == 0
    one, again, other = (file.read_bytes() for file in files)
    assert one == again != other
    table = capsys.readouterr().out.splitlines()
    assert table[:4] == table[4:8] != table[8:]
    assert [row.split(" | ")[0] for row in table[2:4]] == [f"| {kind.name}" for kind in KINDS[2:4]]
