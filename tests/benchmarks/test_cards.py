"""Every shape of card, with the small model's characters."""

import re
from pathlib import Path

import pytest

from benchmarks.cards import cards, main
from poetry_model.form import FORMS, MAX_LINES


def test_every_shape_is_drawn_once() -> None:
    shapes = [(len(card.lines[0]), len(card.lines)) for card in cards("山水天", seed=1)]
    assert shapes == [(form, lines) for form in FORMS for lines in range(1, MAX_LINES + 1)]


def test_the_command_says_how_long_it_took_and_what_has_no_glyph(
    bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--model", str(bundle_folder)]) == 0
    assert re.fullmatch(
        r"32 cards: \d+ ms in the middle, \d+ ms the slowest; 0 of \d+ characters without a glyph\n",
        capsys.readouterr().out,
    )
