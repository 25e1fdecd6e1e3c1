import pytest

from poetry_model.form import punctuate


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["月"], "月。"),
        (["月", "山"], "月，\n山。"),
        (["月", "山", "水"], "月，\n山。\n水。"),
        (["月", "山", "水", "雲"], "月，\n山。\n水，\n雲。"),
    ],
)
def test_odd_lines_end_in_a_comma_even_lines_and_the_last_in_a_full_stop(lines: list[str], text: str) -> None:
    assert punctuate(lines) == text


def test_lines_are_joined_by_what_is_asked_for() -> None:
    assert punctuate(["月", "山"], separator="") == "月，山。"
