import json
import math

import pytest

from bot.config import ExaminationSettings
from bot.services.run_judge import Shortfall, judge

WANTED = ExaminationSettings(format=1.0, rhyme=0.97, metre=0.97, copied_lines=0.02)
GOOD = {"poems": 200, "format": 1.0, "rhyme": 0.97, "metre": 0.97, "copied_lines": 0.02}


def figures(
    perplexity: float = 100.0, live: float | None = 100.0, examination: dict[str, float | None] | None = None
) -> list[str]:
    """Where a model with these figures falls short; one percent worse will do."""
    return [each.figure for each in judge(perplexity, live, GOOD | (examination or {}), 0.01, WANTED)]


def test_what_just_reaches_everything_may_go_live() -> None:
    assert figures(101.0) == []


@pytest.mark.parametrize("perplexity", [101.1, math.inf, math.nan])
def test_a_perplexity_beyond_the_tolerance_falls_short(perplexity: float) -> None:
    assert figures(perplexity) == ["perplexity"]


def test_without_a_comparison_nothing_goes_live() -> None:
    assert figures(1.0, None) == ["comparison"]


@pytest.mark.parametrize(
    ("figure", "value"), [("format", 0.995), ("rhyme", 0.96), ("metre", 0.5), ("copied_lines", 0.03)]
)
def test_each_figure_has_its_limit(figure: str, value: float) -> None:
    assert figures(examination={figure: value}) == [figure]
    assert figures(examination={figure: math.nan}) == [figure]


def test_a_model_without_prosody_is_not_asked_for_rhyme_and_metre() -> None:
    assert figures(examination={"rhyme": None, "metre": None}) == []
    assert figures(examination={"format": None}) == ["examination"]


def test_a_model_without_examination_poems_falls_short() -> None:
    assert [each.figure for each in judge(1.0, 2.0, None, 0.01, WANTED)] == ["examination"]


def test_all_that_falls_short_is_told() -> None:
    assert figures(200.0, examination={"rhyme": 0.0, "copied_lines": 1.0}) == ["perplexity", "rhyme", "copied_lines"]


def test_a_shortfall_names_what_was_and_what_must_be() -> None:
    [shortfall] = judge(120.0, 100.0, GOOD, 0.01, WANTED)
    assert shortfall == Shortfall("perplexity", 120.0, 101.0)


@pytest.mark.parametrize("value", [120.0, math.nan, math.inf, None])
def test_a_shortfall_survives_json(value: float | None) -> None:
    shortfall = Shortfall("perplexity", value, None if value is None else 101.0)
    text = json.dumps(shortfall.as_dict(), allow_nan=False)
    again = Shortfall.from_dict(json.loads(text))
    assert (again.figure, again.limit) == (shortfall.figure, shortfall.limit)
    assert again.value == value or (value is not None and not math.isfinite(value) and math.isnan(again.value or 0.0))
