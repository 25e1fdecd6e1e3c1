import json
from pathlib import Path

import pytest

from benchmarks.sizing import Measured, Usage, as_markdown, main, measure_disk, size_of

MIB = 2**20

MEASURED = Measured(memory={1: 400.02 * MIB, 1000: 420 * MIB, 10_000: 600 * MIB}, poem=200, favorite=100)


def test_the_line_goes_through_what_was_measured() -> None:
    assert MEASURED.at_start == pytest.approx(400 * MIB, rel=1e-3)
    assert MEASURED.per_server == pytest.approx(0.02 * MIB, rel=1e-3)


def test_a_hundred_thousand_servers_are_forty_shards_in_ten_processes() -> None:
    size = size_of(100_000, MEASURED, Usage(poems=8.64, peak=2, poems_per_core=10))
    assert (size.shards, size.processes) == (40, 10)
    assert size.poems == pytest.approx(20)
    assert size.cores == pytest.approx(20 / 7)
    assert size.memory == pytest.approx((10 * 400 + 2000) * MIB, rel=1e-3)
    assert size.disk == pytest.approx(100_000 * 8.64 * 365 * (200 + 30))


def test_one_server_is_one_process() -> None:
    size = size_of(1, MEASURED, Usage())
    assert (size.shards, size.processes) == (1, 1)


def test_where_poems_need_more_cores_than_shards_processes_there_are_as_many_as_cores() -> None:
    size = size_of(2500, MEASURED, Usage(poems=864, peak=1, poems_per_core=10))
    assert size.cores == pytest.approx(25 / 7)
    assert (size.shards, size.processes) == (1, 4)


def test_the_table_shows_what_was_measured_and_the_arithmetic() -> None:
    table = as_markdown(MEASURED, Usage())
    assert "| memory, servers: 1,000 | 420 MiB |" in table
    assert "| memory of 1,000 servers more | 20.0 MiB |" in table
    assert "| 100,000 | 40 | 10 | 5.9 GiB | 29 |" in table
    assert "disk = servers × 5 × 365 × (200 + 0.3 × 100 bytes)" in table


async def test_a_poem_and_a_favorite_take_room_on_disk(tmp_path: Path) -> None:
    poem, favorite = await measure_disk(tmp_path, 2000)
    assert 100 < poem < 1000
    assert 30 < favorite < poem


def test_servers_that_a_bot_joins_are_measured_in_its_memory(
    bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--servers", "1", "2000", "--channels", "20", "--roles", "5", "--emojis", "5"]
    assert main([*words, "--model", str(bundle_folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    memory = told["measured"]["memory"]
    assert set(memory) == {"1", "2000"}
    # Some kilobytes a server, at the least: they are there.
    assert memory["2000"] - memory["1"] > 2000 * 2**11
    assert [size["servers"] for size in told["sizes"]] == [1, 100, 1000, 10_000, 100_000]
