"""Poem cards of every shape, with the rarest characters there are, timed: `python benchmarks/cards.py`."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median

from bot.ui.card import Card, Metre, draw
from bot.ui.card_paper import Paper
from bot.ui.fonts import HOW_TO_GET, find_fonts
from poetry_model.checkpoint import PRETRAINED, load_bundle
from poetry_model.form import FORMS, MAX_LINES
from poetry_model.prosody import Tone
from poetry_model.script import Script

_RAREST = 500
"""Characters from the end of the vocabulary, which is ordered by frequency."""


def cards(characters: Sequence[str], seed: int) -> Iterator[Card]:
    """A card of every form and number of lines, with its metre, on both papers by turns."""
    random = Random(seed)
    for form in FORMS:
        for lines in range(1, MAX_LINES + 1):
            text = list(islice(cycle(random.sample(characters, len(characters))), form * lines))
            verse = tuple("".join(text[at : at + form]) for at in range(0, len(text), form))
            yield Card(
                lines=verse,
                title=verse[0],
                notes=("五言律詩", "仄起首句不入韻"),
                date=("二〇二六年", "十一月二十二日"),
                seal="詩人",
                script=Script.TRADITIONAL,
                traditional=verse,
                paper=(Paper.LIGHT, Paper.DARK)[lines % 2],
                metre=Metre(((Tone.LEVEL,) * form,) * lines, frozenset({lines - 1})),
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, and print how long it took; returns the exit code: 1 where a character has no glyph."""
    parser = argparse.ArgumentParser(prog="cards.py", description="Time poem cards of every shape.")
    parser.add_argument("--model", type=Path, default=PRETRAINED, help="bundle (default: the one that ships)")
    parser.add_argument("--font", default="", help="as card.font in the settings")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same cards (default: %(default)s)")
    options = parser.parse_args(arguments)
    fonts = find_fonts(options.font)
    if fonts is None:
        print(HOW_TO_GET, file=sys.stderr)
        return 1
    characters = load_bundle(options.model).vocabulary.characters
    missing = [character for character in characters if fonts.face_of(character, Script.TRADITIONAL) is None]
    seconds = []
    for card in cards([each for each in characters[-_RAREST:] if each not in missing], options.seed):
        started = time.perf_counter()
        draw(card, fonts)
        seconds.append(time.perf_counter() - started)
    middle, slowest = 1000 * median(seconds), 1000 * max(seconds)
    print(
        f"{len(seconds)} cards: {middle:.0f} ms in the middle, {slowest:.0f} ms the slowest;"
        f" {len(missing)} of {len(characters):,} characters without a glyph"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
