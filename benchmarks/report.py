"""The table as Markdown and as JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.judge import Figures, Shape

_NONE = "—"

Cell = Callable[[Figures], str]

_COLUMNS: Mapping[str, Cell] = {
    "poems": lambda row: str(row.poems),
    "perplexity": lambda row: _number(row.perplexity, 0),
    "under n-grams": lambda row: _number(row.ngram_perplexity, 0),
    "format": lambda row: _percent(row.format),
    "start": lambda row: _percent(row.start),
    "rhyme": lambda row: _percent(row.rhyme),
    "metre": lambda row: _percent(row.metre),
    "both": lambda row: _percent(row.both),
    "repeated characters": lambda row: _number(row.repeated_characters, 2),
    "distinct poems": lambda row: _percent(row.distinct_poems),
    "distinct lines": lambda row: _percent(row.distinct_lines),
    "distinct bigrams": lambda row: _percent(row.distinct_bigrams),
    "copied lines": lambda row: _percent(row.copied_lines),
    "AUC": lambda row: _number(row.auc, 2),
}
"""Title → what stands in it, after the column that names the row."""


@dataclass(frozen=True, slots=True)
class Table:
    """Everything the benchmark found."""

    settings: Mapping[str, Any]
    perplexities: Mapping[str, float]
    """Of the whole held-back side, by model."""
    shapes: Mapping[Shape, Mapping[str, Figures]]
    """Shape → source → figures."""
    columns: Sequence[str] = tuple(_COLUMNS)
    """Titles of those that are shown."""

    def as_json(self) -> str:
        """Indented, shares from 0 to 1."""
        content = {
            "settings": dict(self.settings),
            "perplexity": dict(self.perplexities),
            "shapes": {
                str(shape): {name: asdict(row) for name, row in rows.items()} for shape, rows in self.shapes.items()
            },
        }
        return json.dumps(content, ensure_ascii=False, indent=2) + "\n"

    def as_markdown(self) -> str:
        """A table a shape, and the perplexities of the whole held-back side."""
        parts = [self._markdown(shape, rows) for shape, rows in self.shapes.items()]
        if self.perplexities:
            whole = ", ".join(f"{name} {value:.1f}" for name, value in self.perplexities.items())
            parts.append(f"Perplexity of the whole held-back side: {whole}.")
        told = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return "\n\n".join([*parts, f"Settings: {told}."])

    def _markdown(self, shape: Shape, rows: Mapping[str, Figures]) -> str:
        lines = [f"**{shape}**", "", _line(["poems by", *self.columns]), _line(["---", *["---:"] * len(self.columns)])]
        cells = [_COLUMNS[column] for column in self.columns]
        return "\n".join([*lines, *(_line([name, *(cell(row) for cell in cells)]) for name, row in rows.items())])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{100 * value:.1f} %"
