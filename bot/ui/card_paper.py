"""What a poem card is written on, and in which colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

LONGEST = 1280
"""Pixels of a card's longer side, at most: three to each that a phone calls one."""

TONES = 10
"""Of the paper, from its own colour to its shade; few, so that the picture stays small."""

_FIBRES = 600
_FIBRE_STEPS = 8
_CLOUDS = ((6, 0.55), (24, 0.3), (60, 0.15))
"""Cells along a side, and how much they count."""

_WORN = 0.025
"""Share of a seal where there is little colour."""

_SEED = 1
"""Every card has the same paper, and the same poem the same card."""

_Colour = tuple[int, int, int]


class Paper(StrEnum):
    """What the poem is written on."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a card, red, green and blue from 0 to 255."""

    paper: _Colour
    shade: _Colour
    """The paper where it differs most from its own colour."""
    ink: _Colour
    small: _Colour
    """Of title and date."""
    rule: _Colour
    sign: _Colour
    seal: _Colour
    carved: _Colour
    """Of the seal's characters."""


PALETTES = {
    # Rice paper, ruled and sealed in cinnabar.
    Paper.LIGHT: Palette(
        paper=(246, 239, 224),
        shade=(237, 228, 208),
        ink=(38, 33, 29),
        small=(104, 90, 76),
        rule=(205, 160, 134),
        sign=(176, 58, 40),
        seal=(178, 44, 30),
        carved=(247, 240, 226),
    ),
    # Paper dyed with indigo, written on in gold (磁青泥金).
    Paper.DARK: Palette(
        paper=(27, 36, 54),
        shade=(33, 43, 64),
        ink=(233, 214, 164),
        small=(170, 155, 122),
        rule=(70, 78, 94),
        sign=(226, 120, 92),
        seal=(184, 54, 38),
        carved=(246, 234, 208),
    ),
}


def blend(first: Sequence[int], last: Sequence[int], steps: int) -> list[_Colour]:
    """Colours from `first` to `last`, both included."""
    shares = [step / (steps - 1) for step in range(steps)]
    return [
        (
            round(first[0] + (last[0] - first[0]) * share),
            round(first[1] + (last[1] - first[1]) * share),
            round(first[2] + (last[2] - first[2]) * share),
        )
        for share in shares
    ]


@lru_cache(maxsize=1)
def texture() -> npt.NDArray[np.uint8]:
    """The paper's tones, from 0, in the size of the largest card (`LONGEST` squared): clouds, and fibres in them."""
    random = np.random.default_rng(_SEED)
    clouds = np.zeros((LONGEST, LONGEST), dtype=np.float32)
    for cells, weight in _CLOUDS:
        noise = Image.fromarray(random.random((cells, cells), dtype=np.float32))
        clouds += weight * np.asarray(noise.resize((LONGEST, LONGEST), Image.Resampling.BICUBIC))
    low, high = np.quantile(clouds, (0.02, 0.98))
    tones = np.clip((clouds - low) / (high - low), 0, 1) * 0.75 + _fibres(random) * 0.6
    made: npt.NDArray[np.uint8] = np.clip(tones * TONES, 0, TONES - 1).astype(np.uint8)
    made.flags.writeable = False
    return made


def _fibres(random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Short bent threads, from 0 to 1."""
    threads = Image.new("L", (LONGEST, LONGEST))
    pen = ImageDraw.Draw(threads)
    for x, y, turn, bend, length in random.random((_FIBRES, 5)).tolist():
        angle = turn * np.pi + np.arange(_FIBRE_STEPS) * (bend - 0.5) / 2
        steps = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (4 + 8 * length)
        points = np.cumsum(steps, axis=0) + np.array([x, y]) * LONGEST
        pen.line([(float(one), float(other)) for one, other in points], fill=160)
    return np.asarray(threads.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32) / np.float32(255)


@lru_cache(maxsize=64)
def wear(width: int, height: int) -> Image.Image:
    """Where a seal of that many pixels has lost colour, as a mask."""
    random = np.random.default_rng(_SEED)
    noise = Image.fromarray((random.random((height, width)) * 256).astype(np.uint8))
    grain = np.asarray(noise.filter(ImageFilter.GaussianBlur(1 + height / 160)), dtype=np.float32)
    return Image.fromarray(np.where(grain < np.quantile(grain, _WORN), 200, 0).astype(np.uint8))
