"""How far a gradient reaches back: `python benchmarks/gradient_reach.py` measures, prints a table and draws the plot.

A sequence of digits begins with a marked one. For each distance k the loss is that of the scores at place k, against a
digit drawn at random (so that it never gets small), and what is measured is the norm of its gradient by the input at
place 0, in float64: how much place k can teach about what stood k places before. It is measured on weights as they are
first drawn, and again after learning to name the last marked digit at every place of sequences of 50.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional

from poetry_model.network import Cell, initialise, recurrent_stack

FARTHEST = 100
STEP = 5
DISTANCES = range(0, FARTHEST + 1, STEP)

_SHOWN = (20, 60, FARTHEST)
"""Distances of the table."""

_DIGITS = 10
_SEQUENCES = 64
_PLACES = 50
"""Of the sequences learned from, half of what is measured."""
_MARKED = 0.05
_RATE = 3e-3
_CLIP = 1.0

_ROUNDING = 2.0**-23
"""What float32 can still tell from nothing, beside 1."""
_GREY = "#666666"


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table."""

    name: str
    cell: Cell
    forget: float
    """Bias of the forget gate beside the one that is drawn, where not 0."""
    colour: str
    dashes: str
    learns: bool = True


KINDS = (
    Kind("RNN", "rnn", 0, "#d55e00", "-"),
    Kind("LSTM", "lstm", 0, "#0072b2", "-"),
    Kind("GRU", "gru", 0, "#009e73", "-"),
    Kind("LSTM, forget bias +1", "lstm", 1, "#0072b2", "--", learns=False),
    Kind("LSTM, forget bias +2", "lstm", 2, "#0072b2", ":", learns=False),
)


@dataclass(frozen=True, slots=True)
class Reach:
    """What was measured of one kind, a row for each network; of a kind that does not learn, nothing after."""

    before: Tensor
    """(networks, distances), as a share of distance 0."""
    after: Tensor | None = None
    """Likewise."""
    named: Tensor | None = None
    """Share of marked digits named rightly so many places later, (networks, distances)."""


class Rememberer(nn.Module):
    """Inputs (batch, places, 11), a digit and whether it is marked → recurrent layer → scores (batch, places, 10)."""

    def __init__(self, kind: Kind, hidden: int) -> None:
        super().__init__()
        self.recurrent = recurrent_stack(kind.cell, _DIGITS + 1, hidden, layers=1)
        self.output = nn.Linear(hidden, _DIGITS)
        initialise(self, "uniform", hidden)
        if kind.forget:
            # Gates stand in the order input, forget, candidate, output.
            bias = self.recurrent.get_parameter("bias_ih_l0")
            nn.init.constant_(bias[hidden : 2 * hidden], kind.forget)

    def forward(self, inputs: Tensor) -> Tensor:
        """See the class."""
        scores: Tensor = self.output(self.recurrent(inputs)[0])
        return scores


def draw_sequences(count: int, places: int, marked: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (count, places, 11), and the last marked digit at each place, (count, places).

    The first digit is marked, and a share `marked` of the others.
    """
    digits = torch.randint(_DIGITS, (count, places), generator=generator)
    marks = torch.rand(count, places, generator=generator) < marked
    marks[:, 0] = True
    inputs = torch.cat([functional.one_hot(digits, _DIGITS), marks[..., None]], dim=-1).float()
    latest = torch.arange(places).where(marks, 0).cummax(dim=1).values
    return inputs, digits.gather(1, latest)


def measure_reach(network: Rememberer, generator: torch.Generator) -> Tensor:
    """Mean norm over sequences of the gradient that comes from each of `DISTANCES`, as a share of distance 0."""
    network.double()
    inputs, _ = draw_sequences(_SEQUENCES, FARTHEST + 1, 0, generator)
    inputs = inputs.double().requires_grad_()
    targets = torch.randint(_DIGITS, inputs.shape[:2], generator=generator)
    scores = network(inputs)
    norms: list[Tensor] = []
    for place in DISTANCES:
        loss = functional.cross_entropy(scores[:, place], targets[:, place], reduction="sum")
        [gradient] = torch.autograd.grad(loss, inputs, retain_graph=True)
        norms.append(gradient[:, 0].norm(dim=-1).mean())
    network.float()
    return torch.stack(norms) / norms[0]


def learn(network: Rememberer, steps: int, generator: torch.Generator) -> None:
    """Learn to name the last marked digit at every place."""
    optimizer = torch.optim.Adam(network.parameters(), _RATE)
    for _ in range(steps):
        inputs, targets = draw_sequences(_SEQUENCES, _PLACES, _MARKED, generator)
        loss = functional.cross_entropy(network(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        optimizer.step()


def measure_recall(network: Rememberer, generator: torch.Generator) -> Tensor:
    """Share of 1000 marked digits that are named rightly at each of `DISTANCES`."""
    inputs, targets = draw_sequences(1000, FARTHEST + 1, 0, generator)
    with torch.inference_mode():
        right: Tensor = network(inputs).argmax(dim=-1) == targets
    return right.double().mean(dim=0)[list(DISTANCES)]


def measure(kind: Kind, networks: int, hidden: int, steps: int, seed: int) -> Reach:
    """All of one kind."""
    before, after, named = [], [], []
    for number in range(networks):
        torch.manual_seed(seed + number)
        generator = torch.Generator().manual_seed(seed + number)
        network = Rememberer(kind, hidden)
        before.append(measure_reach(network, generator))
        if kind.learns:
            learn(network, steps, generator)
            after.append(measure_reach(network, generator))
            named.append(measure_recall(network, generator))
    if not kind.learns:
        return Reach(torch.stack(before))
    return Reach(torch.stack(before), torch.stack(after), torch.stack(named))


def as_markdown(table: Mapping[Kind, Reach]) -> str:
    """The figures at a few distances: geometric means of the gradients, means of the shares."""
    at = [DISTANCES.index(distance) for distance in _SHOWN]
    titles = [f"{what}, {k} back" for what in ("at first", "after learning", "named rightly") for k in _SHOWN]
    rows = [["cell", *titles], ["---", *["---:"] * len(titles)]]
    for kind, reach in table.items():
        cells = [f"{value:.0e}" for value in _typical(reach.before)[at].tolist()]
        if reach.after is None or reach.named is None:
            cells += ["—"] * 2 * len(at)
        else:
            cells += [f"{value:.0e}" for value in _typical(reach.after)[at].tolist()]
            cells += [f"{value:.0%}" for value in reach.named.mean(dim=0)[at].tolist()]
        rows.append([kind.name, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def draw(table: Mapping[Kind, Reach], file: Path) -> None:
    """The plot, as SVG: thin lines are single networks, thick ones the means of the table."""
    figure = Figure(figsize=(11, 4), layout="constrained", facecolor="white")
    before, after, named = figure.subplots(1, 3)
    for kind, reach in table.items():
        _draw_lines(before, kind, reach.before, _typical(reach.before))
        if reach.after is not None and reach.named is not None:
            _draw_lines(after, kind, reach.after, _typical(reach.after))
            _draw_lines(named, kind, reach.named * 100, reach.named.mean(dim=0) * 100)
    for axes, title in (
        (before, "gradient norm, first weights"),
        (after, "gradient norm, after learning"),
        (named, "named rightly, after learning (%)"),
    ):
        axes.set_title(title, fontsize=11)
        axes.set(xlim=(0, FARTHEST), xlabel="distance in places")
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    after.sharey(before)
    after.tick_params(labelleft=False)
    for axes in (before, after):
        axes.set(yscale="log", ylim=(1e-12, 1e2))
        axes.axhline(_ROUNDING, color=_GREY, linewidth=0.8)
        axes.minorticks_off()
    named.set_ylim(0, 104)
    named.axhline(100 / _DIGITS, color=_GREY, linewidth=0.8)
    for axes, height, words in ((before, _ROUNDING / 2, "nothing, in float32"), (named, 100 / _DIGITS - 1, "chance")):
        axes.text(FARTHEST, height, words, color=_GREY, ha="right", va="top", fontsize=9)
    figure.legend(*before.get_legend_handles_labels(), loc="outside lower center", ncols=len(table), frameon=False)
    # Without date and with the same salt the same figures give the same file.
    with rc_context({"svg.hashsalt": "gradient reach"}):
        figure.savefig(file, format="svg", metadata={"Date": None})


def _draw_lines(axes: Axes, kind: Kind, values: Tensor, mean: Tensor) -> None:
    for row in values.tolist():
        axes.plot(DISTANCES, row, kind.dashes, color=kind.colour, alpha=0.3, linewidth=0.8)
    axes.plot(DISTANCES, mean.tolist(), kind.dashes, color=kind.colour, linewidth=2, label=kind.name)


def _typical(norms: Tensor) -> Tensor:
    """Geometric mean over networks: they differ by orders of magnitude."""
    return norms.log().mean(dim=0).exp()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    parser = argparse.ArgumentParser(prog="gradient_reach.py", description="Measure how far gradients reach back.")
    parser.add_argument("--out", type=Path, default=Path("docs/gradient_reach.svg"), help="default: %(default)s")
    parser.add_argument("--networks", type=int, default=3, help="of each kind (default: %(default)s)")
    parser.add_argument("--hidden", type=int, default=64, help="units (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=800, help="of learning (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same figures (default: %(default)s)")
    options = parser.parse_args(arguments)
    table = {kind: measure(kind, options.networks, options.hidden, options.steps, options.seed) for kind in KINDS}
    print(as_markdown(table))
    draw(table, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
