import io
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.ui import loss_chart
from bot.ui.loss_chart import _GROUND, _HELD_BACK, _LEARNING, ChartLabels

HISTORY = [{"loss": 5.3, "perplexity": 184.3}, {"loss": 5.1, "perplexity": 170.1}, {"loss": 5.0, "perplexity": 165.6}]
LABELS = ChartLabels("Perplexity", "epoch", "learned", "held back")


def draw(history: Sequence[dict[str, float]], start: float | None) -> bytes:
    return loss_chart.draw(history, start, LABELS)


def places(png: bytes, colour: str) -> list[tuple[int, int]]:
    """The dots of one colour, as (x, y) from the upper left."""
    image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    rows, columns = np.nonzero((image == list(bytes.fromhex(colour[1:]))).all(axis=2))
    # Above are the words and the legend.
    return [(int(x), int(y)) for x, y in zip(columns, rows, strict=True) if y > 130]


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2, 0 to 1."""
    shares = [channel / 255 for channel in bytes.fromhex(colour[1:])]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_picture_is_opaque_and_of_one_size() -> None:
    for history in (HISTORY, HISTORY[:1], HISTORY * 10):
        image = Image.open(io.BytesIO(draw(history, 177.9)))
        assert (image.format, image.size) == ("PNG", (800, 600))
        assert image.convert("RGBA").getchannel("A").getextrema() == (255, 255)


@pytest.mark.parametrize("colour", [_LEARNING, _HELD_BACK])
def test_the_lines_stand_out_from_the_ground(colour: str) -> None:
    assert contrast(colour, _GROUND) > 4.5
    assert len(places(draw(HISTORY, 177.9), colour)) > 1000


def test_what_falls_goes_down_from_left_to_right() -> None:
    dots = places(draw(HISTORY, None), _LEARNING)
    leftmost, rightmost = min(dots), max(dots)
    assert rightmost[0] - leftmost[0] > 400
    assert rightmost[1] - leftmost[1] > 100


def test_where_it_started_is_the_leftmost_point() -> None:
    with_start = min(places(draw(HISTORY, 177.9), _HELD_BACK))
    without = min(places(draw(HISTORY, None), _LEARNING))
    assert with_start[0] < without[0] + 20
    assert min(places(draw(HISTORY, 177.9), _LEARNING))[0] > with_start[0] + 100


@pytest.mark.parametrize(
    "history",
    [
        [{"loss": math.nan, "perplexity": math.inf}],
        [{"loss": 5000.0, "perplexity": 1e12}, {"loss": 5.0, "perplexity": 200.0}],
        [{"loss": 0.0, "perplexity": 0.0}],
        [{"loss": 5.0, "perplexity": 150.0}] * 2,
    ],
)
@pytest.mark.parametrize("start", [None, 150.0, math.nan])
def test_figures_of_a_run_gone_wrong_are_drawn_as_far_as_they_can_be(
    history: Sequence[dict[str, float]], start: float | None
) -> None:
    assert Image.open(io.BytesIO(draw(history, start))).size == (800, 600)


def test_without_an_epoch_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="no epoch"):
        draw([], 177.9)


def test_the_words_can_be_others() -> None:
    french = ChartLabels("Perplexité", "époque", "apprise", "mise de côté")
    assert loss_chart.draw(HISTORY, 177.9, french) != draw(HISTORY, 177.9)


def test_the_same_run_gives_the_same_picture_in_any_thread() -> None:
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda _: draw(HISTORY, 177.9), range(4)))
    assert set(pictures) == {draw(HISTORY, 177.9)}


def test_importing_it_does_not_wait_for_matplotlib_nor_does_drawing_touch_pyplot() -> None:
    script = (
        "import sys; from bot.ui.loss_chart import ChartLabels, draw; assert 'matplotlib' not in sys.modules;"
        "draw([{'loss': 5.0, 'perplexity': 150.0}], None, ChartLabels('a', 'b', 'c', 'd'));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    folder = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", script], cwd=folder, env=os.environ | {"DISPLAY": ""}, check=True)
