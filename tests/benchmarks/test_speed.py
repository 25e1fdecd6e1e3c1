"""The table of speeds on tiny sizes; no figure is judged but those that can be reckoned."""

import json
import math
from pathlib import Path

import pytest
import torch

from benchmarks.speed import PARTS, Row, main
from benchmarks.speed_limits import (
    Product,
    Products,
    Reader,
    character_products,
    interleaved,
    median_ratio,
    square,
    training_products,
)
from benchmarks.speed_peers import CHARACTERS, LARGE, LARGE_CELLS, TRANSFORMER, Cells, Stacked, Transformer, make_peers
from benchmarks.speed_poems import bytes_read, operations, requests, share_kept
from poetry_model.network import NetworkConfig, PoetNetwork
from poetry_model.poet import Poet

_CONFIG = NetworkConfig(50, embedding=8, hidden=12, layers=2, condition=3, conditions={"form": 2, "place": 7})


def test_every_part_of_the_table_is_measured_and_written(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "speed.json"
    assert main(["--quick", "--threads", "1", "--model", str(bundle_folder), "--json", str(file)]) == 0
    out, told = capsys.readouterr()
    assert all(f"s  {part}\n" in told for part in PARTS)
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    goals = {row["what"]: row for row in rows if row["goal"] is not None}
    assert [row["goal"] for row in goals.values()] == [1.3, 3, 100, 25, 800, 0.4]
    assert all(isinstance(row["met"], bool) and row["ratio"] > 0 for row in goals.values())
    assert all(math.isfinite(row["ratio"]) for row in rows if row["ratio"] is not None)
    table = out.split("\n\n")[0].splitlines()
    assert len(table) == 2 + len(rows)
    assert {line.count("|") for line in table} == {6}
    assert torch.get_num_threads() == 1


def test_one_part_can_be_measured_alone(bundle_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "peers", "--model", str(bundle_folder)]) == 0
    lines = capsys.readouterr().out.split("\n\n")[0].splitlines()[2:]
    assert len(lines) == 6
    assert all(line.startswith("| against ") for line in lines)


@pytest.mark.parametrize("option", ["--rounds", "--threads"])
def test_settings_that_cannot_be_are_refused_at_once(option: str) -> None:
    with pytest.raises(SystemExit):
        main(["--quick", option, "0"])


@pytest.mark.parametrize(
    ("ratio", "at_most", "told"),
    [
        (1.3, True, "≤ 1.3: met"),
        (1.31, True, "≤ 1.3: missed"),
        (1.3, False, "≥ 1.3: met"),
        (1.2, False, "≥ 1.3: missed"),
    ],
)
def test_a_goal_is_met_or_missed(ratio: float, told: str, *, at_most: bool) -> None:
    assert Row("what", "1 s", "1 s", ratio, 1.3, at_most).as_markdown().endswith(f"| {told} |")


def test_a_characters_products_are_the_networks_weights() -> None:
    network = PoetNetwork(_CONFIG)
    matrices = [network.characters.weight, network.narrow.weight, *network.recurrent.parameters()]
    weights = sum(matrix.numel() for matrix in matrices if matrix.dim() > 1)
    assert sum(product.operations for product in character_products(_CONFIG, 7)) == 2 * 7 * weights
    # Forward once and back twice, however many rows the loss takes at a time.
    assert sum(product.operations for product in training_products(_CONFIG, 60, 20)) == 3 * 2 * 1200 * weights


def test_what_a_character_needs_is_every_weight_but_the_rows_that_are_not_looked_up() -> None:
    network = PoetNetwork(_CONFIG)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    needed = parameters - (2 - 1) * 3 - (7 - 1) * 3 + 8
    assert bytes_read(network) == 4 * needed
    assert operations(network) == 2 * needed
    untied = PoetNetwork(NetworkConfig(50, embedding=8, hidden=12, conditions={}, tied=False))
    assert bytes_read(untied) == 4 * (sum(parameter.numel() for parameter in untied.parameters()) - 49 * 8)


def test_products_are_run_as_they_are_told() -> None:
    products = Products([Product(2, 3, 4, times=5), Product(4, 2, 3, turned=(True, False))], torch.float32)
    assert products.operations == 2 * 2 * 3 * 4 * 5 + 2 * 4 * 2 * 3
    assert products.rate(2) > 0
    assert Products(square(8), torch.bfloat16).operations == 2 * 8**3


def test_an_array_is_read_whatever_its_size() -> None:
    assert Reader(1003).rate() > 0


def test_what_is_compared_takes_turns_and_the_first_round_does_not_count() -> None:
    called: list[str] = []
    taken = interleaved({name: lambda name=name: called.append(name) for name in "ab"}, 3)  # type: ignore[misc] # a default binds the name
    assert "".join(called) == "abababab"
    assert {name: len(seconds) for name, seconds in taken.items()} == {"a": 3, "b": 3}
    assert median_ratio([1, 20, 3], [1, 2, 1]) == 3


def test_peers_write_a_poem_of_known_characters() -> None:
    peers = make_peers(50, scale=16)
    assert {LARGE, LARGE_CELLS, TRANSFORMER} < set(peers)
    for write in peers.values():
        poem = write()
        assert len(poem) == CHARACTERS
        assert all(0 <= character < 50 for character in poem)


@torch.inference_mode()
def test_cells_write_as_the_layers_of_an_lstm_do() -> None:
    torch.manual_seed(1)
    layers, cells = Stacked(50, 8, 12, 3), Cells(50, 8, 12, 3)
    names = {
        f"_cells.{layer}.{name}": f"_recurrent.{name}_l{layer}"
        for layer in range(3)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    state = layers.state_dict()
    cells.load_state_dict({name: state[names.get(name, name)] for name in cells.state_dict()})
    one, other = layers.begin(), cells.begin()
    for character in (3, 4, 3):
        torch.testing.assert_close(one(torch.tensor([character])), other(torch.tensor([character])))


@torch.inference_mode()
def test_a_transformer_looks_back_at_what_it_kept() -> None:
    torch.manual_seed(1)
    network = Transformer(50, 24, 2)

    def last(characters: list[int]) -> torch.Tensor:
        step = network.begin()
        return [step(torch.tensor([character])) for character in characters][-1]

    torch.testing.assert_close(last([3, 4, 5]), last([3, 4, 5]))
    assert not last([3, 4, 5]).allclose(last([9, 4, 5]))
    assert not last([3, 4, 5]).allclose(last([4, 3, 5]))


def test_the_poems_that_are_timed_are_regulated(poet: Poet) -> None:
    asked = requests((5, 4), 3, 2)
    assert asked == requests((5, 4), 3, 2)
    assert share_kept(poet.compose(asked)) == 1
