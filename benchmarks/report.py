"""The table as Markdown and as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.judge import Figures, Shape

_NONE = "—"

_COLUMNS = (
    "poems by",
    "poems",
    "perplexity",
    "under n-grams",
    "format",
    "start",
    "rhyme",
    "metre",
    "both",
    "repeated characters",
    "distinct poems",
    "distinct lines",
    "distinct bigrams",
    "copied lines",
    "AUC",
)


@dataclass(frozen=True, slots=True)
class Table:
    """Everything the benchmark found."""

    settings: Mapping[str, Any]
    perplexities: Mapping[str, float]
    """Of the whole held-back side, by model."""
    shapes: Mapping[Shape, Mapping[str, Figures]]
    """Shape → source → figures."""

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
        parts = [_markdown(shape, rows) for shape, rows in self.shapes.items()]
        whole = ", ".join(f"{name} {value:.1f}" for name, value in self.perplexities.items())
        told = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return "\n\n".join([*parts, f"Perplexity of the whole held-back side: {whole}.", f"Settings: {told}."])


def _markdown(shape: Shape, rows: Mapping[str, Figures]) -> str:
    lines = [f"**{shape}**", "", _line(_COLUMNS), _line(["---", *["---:"] * (len(_COLUMNS) - 1)])]
    return "\n".join([*lines, *(_line([name, *_cells(row)]) for name, row in rows.items())])


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Figures) -> list[str]:
    return [
        str(row.poems),
        _number(row.perplexity, 0),
        _number(row.ngram_perplexity, 0),
        _percent(row.format),
        _percent(row.start),
        _percent(row.rhyme),
        _percent(row.metre),
        _percent(row.both),
        _number(row.repeated_characters, 2),
        _percent(row.distinct_poems),
        _percent(row.distinct_lines),
        _percent(row.distinct_bigrams),
        _percent(row.copied_lines),
        _number(row.auc, 2),
    ]


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{100 * value:.1f} %"
