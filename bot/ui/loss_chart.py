"""The picture of a training's curves."""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = (8.0, 6.0)
_DOTS_PER_INCH = 100
_MARGIN = 0.2
"""In inches, as is the size."""

_FONT = 22.0
"""In points: a phone shows the 800 dots of the width on some 320, and this is ten of them high there."""

# Opaque, so that the picture is the same on Discord's dark and light sides. The two colours differ in lightness as
# well, and the lines in their dashes.
_GROUND, _GRID, _INK = "#23262b", "#454a52", "#eceff3"
_LEARNING, _HELD_BACK = "#5fb4f0", "#ffb454"

_STEEP = 4.0
"""From this ratio of largest to smallest on, equal distances stand for equal ratios."""

_LARGE = 1000
"""From here on the tenths say nothing."""


@dataclass(frozen=True, slots=True)
class ChartLabels:
    """The words in the picture; its font has Latin ones alone."""

    title: str
    epoch: str
    learning: str
    held_back: str


def draw(history: Sequence[Mapping[str, float]], start: float | None, labels: ChartLabels) -> bytes:
    """A PNG of 800 × 600 dots: perplexity by epoch, of the verse it learns and of the verse held back.

    history: for each epoch `loss` (nats a character, in training) and `perplexity` (held back), as in a bundle's
    `training.history`, one epoch at least; start: held-back perplexity before the first, None when it began with
    random weights. What is no number is left out. Takes a second the first time: call it in a thread.
    """
    if not history:
        raise ValueError("there is no epoch to draw")
    # It takes a second to import, and few starts of the bot see a training end.
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 # likewise

    figure = Figure(
        _INCHES, _DOTS_PER_INCH, facecolor=_GROUND, layout=ConstrainedLayoutEngine(w_pad=_MARGIN, h_pad=_MARGIN)
    )
    axes = figure.add_subplot(facecolor=_GROUND)
    learning = _known((number, _exp(epoch["loss"])) for number, epoch in enumerate(history, start=1))
    before = [] if start is None else [(0, start)]
    after = ((number, epoch["perplexity"]) for number, epoch in enumerate(history, start=1))
    held_back = _known([*before, *after])
    for points, look, colour, label in (
        (learning, "o--", _LEARNING, labels.learning),
        (held_back, "s-", _HELD_BACK, labels.held_back),
    ):
        numbers, values = [number for number, _ in points], [value for _, value in points]
        axes.plot(numbers, values, look, color=colour, label=label, linewidth=4, markersize=12)
    _dress(axes, [value for _, value in (*learning, *held_back)], labels)
    rivals = dict(learning)
    for number, value in dict.fromkeys((*_known(before), *held_back[-1:])):
        _write(axes, number, value, above=rivals.get(number, 0.0) <= value)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DOTS_PER_INCH)
    return file.getvalue()


def _dress(axes: "Axes", values: Sequence[float], labels: ChartLabels) -> None:
    """Scales, grid, title and legend."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter  # noqa: PLC0415 # likewise

    if values and max(values) > _STEEP * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    # Room for the figures above and below the points.
    axes.margins(x=0.12, y=0.2)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.tick_params(colors=_INK, labelsize=_FONT, length=0)
    axes.grid(color=_GRID, linewidth=1.5)
    axes.set_axisbelow(b=True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel(labels.epoch, color=_INK, fontsize=_FONT)
    axes.set_title(labels.title, color=_INK, fontsize=_FONT, pad=64)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, labelcolor=_INK, fontsize=_FONT)


def _write(axes: "Axes", number: int, value: float, *, above: bool) -> None:
    """The figure above or below its point."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 # as in `draw`

    axes.annotate(
        f"{value:,.1f}" if value < _LARGE else f"{value:,.0f}",
        (number, value),
        xytext=(0, 16 if above else -16),
        textcoords="offset points",
        horizontalalignment="center",
        verticalalignment="bottom" if above else "top",
        color=_HELD_BACK,
        fontsize=_FONT,
        fontweight="bold",
        # Legible where a line runs behind it.
        path_effects=[withStroke(linewidth=6, foreground=_GROUND)],
    )


def _known(points: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """Those with a number that can be drawn."""
    return [(number, value) for number, value in points if 0 < value < math.inf]


def _exp(loss: float) -> float:
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
