"""诗笺: a poem as a picture to keep and to show."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from bot.errors import BotError
from bot.ui.card_layout import Box, Glyph, Layout, lay_out
from bot.ui.card_paper import LONGEST, PALETTES, TONES, Palette, Paper, blend, texture, wear
from bot.ui.fonts import Face, Fonts
from poetry_model.prosody import Tone
from poetry_model.script import Script

_LARGEST_EM = 112
"""Pixels of a character, at most: a single line does not shout."""

_FRAME_GAP = 0.12
"""Between the frame's two lines, in ems, as are the sizes below."""

_THIN, _THICK = 0.016, 0.05
_SIGN, _SIGN_BESIDE = 0.27, 0.74
"""Size of a sign of the metre, and how far it stands from the middle of its character."""

_CORNER = 0.12
_CARVED = 0.012
"""By how much of its size a seal's character is bolder than the font has it."""

_LAYERS = ("rule", "small", "ink", "sign", "seal", "carved")
"""Colours beside the paper's; where two meet, the later one is seen."""

_STEPS = 37
"""From the paper to each colour: for smooth edges."""

_STEP = 7
"""Of coverage, in 255."""

_FINER = 4
"""Signs are drawn so many times as large and made smaller, for smooth edges."""


@dataclass(frozen=True, slots=True)
class Metre:
    """The signs of the metre, written beside the characters: ○ level, ● oblique, ◐ either."""

    tones: tuple[tuple[Tone, ...], ...]
    """Of each character."""
    rhyming: frozenset[int] = frozenset()
    """Lines, from 0, whose last character rhymes: its sign is △ or ▲."""
    broken: frozenset[tuple[int, int]] = frozenset()
    """Line and place, from 0, of what is not as it should be: its sign is struck through."""


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on a card. Punctuation does not: the columns say where lines end."""

    lines: tuple[str, ...]
    """One to sixteen, all of five or all of seven characters."""
    title: str
    notes: tuple[str, ...]
    """Small columns under the title: 五言絕句, say, and the pattern's name."""
    date: tuple[str, ...]
    """Small columns above the seal: the year; month and day."""
    seal: str
    script: Script
    traditional: tuple[str, ...] = ()
    """The lines in traditional characters, for what has no simplified form in any font."""
    paper: Paper = Paper.LIGHT
    metre: Metre | None = None


def draw(card: Card, fonts: Fonts) -> bytes:
    """A PNG of the card, byte for byte the same for the same card and fonts.

    Takes a tenth of a second: call it in a thread. Raises `BotError` (`card.missing`) for characters that no font has,
    not even in their traditional form.
    """
    layout = lay_out(card.lines, card.title, card.notes, card.date, card.seal, signs=card.metre is not None)
    poem = [_drawable(glyph, card, fonts) for glyph in layout.poem]
    canvas = _Canvas(layout, _faces((*poem, *layout.small, *layout.seal_glyphs), card.script, fonts))
    canvas.rule(layout)
    canvas.write("small", layout.small)
    canvas.write("ink", poem)
    if card.metre is not None:
        for glyph in layout.poem:
            canvas.sign(glyph, card.metre)
    canvas.stamp(layout.seal, layout.seal_glyphs)
    return canvas.encode(PALETTES[card.paper])


def _drawable(glyph: Glyph, card: Card, fonts: Fonts) -> Glyph:
    """The glyph, in its traditional form where no font has it."""
    if card.traditional and fonts.face_of(glyph.character, card.script) is None:
        return replace(glyph, character=card.traditional[glyph.line][glyph.place])
    return glyph


def _faces(glyphs: Iterable[Glyph], script: Script, fonts: Fonts) -> dict[str, Face]:
    """The font for each character."""
    found = {character: fonts.face_of(character, script) for character in {glyph.character for glyph in glyphs}}
    faces = {character: face for character, face in found.items() if face is not None}
    if missing := sorted(found.keys() - faces.keys()):
        raise BotError("card.missing", characters="".join(missing))
    return faces


class _Canvas:
    """Layers of coverage, one for each colour, that become a picture with a palette at the end.

    A colour is mixed with its ground alone, so a palette is enough: it is quick and makes small files.
    """

    def __init__(self, layout: Layout, faces: Mapping[str, Face]) -> None:
        self._em = min(_LARGEST_EM, LONGEST / max(layout.width, layout.height))
        self._faces = faces
        size = (round(layout.width * self._em), round(layout.height * self._em))
        self._layers = {name: Image.new("L", size) for name in _LAYERS}
        self._pens = {name: ImageDraw.Draw(layer) for name, layer in self._layers.items()}

    def rule(self, layout: Layout) -> None:
        """The frame, double as on printed paper, and the lines between columns."""
        pen = self._pens["rule"]
        thin, thick = max(1, round(_THIN * self._em)), max(2, round(_THICK * self._em))
        pen.rectangle(self._pixels(layout.frame), outline=255, width=thin)
        pen.rectangle(self._pixels(layout.frame, _FRAME_GAP), outline=255, width=thick)
        _, top, _, bottom = self._pixels(layout.frame)
        for x in layout.rules:
            left = round(x * self._em)
            pen.rectangle((left, top, left + thin - 1, bottom), fill=255)

    def write(self, layer: str, glyphs: Iterable[Glyph], stroke: float = 0.0) -> None:
        """Characters, each in the middle of its square, bolder than the font has them by `stroke` of their size."""
        for glyph in glyphs:
            face, size = self._faces[glyph.character], round(glyph.size * self._em)
            place = (round(glyph.x * self._em), round(glyph.y * self._em + face.middle * size))
            self._pens[layer].text(
                place, glyph.character, fill=255, font=face.at(size), anchor="ms", stroke_width=stroke * size
            )

    def sign(self, glyph: Glyph, metre: Metre) -> None:
        """The sign of a character's tone, at its right."""
        tones = metre.tones[glyph.line]
        picture = _sign(
            tones[glyph.place],
            round(_SIGN * self._em),
            rhyming=glyph.line in metre.rhyming and glyph.place == len(tones) - 1,
            broken=(glyph.line, glyph.place) in metre.broken,
        )
        x, y = (glyph.x + _SIGN_BESIDE) * self._em, glyph.y * self._em
        self._layers["sign"].paste(picture, (round(x - picture.width / 2), round(y - picture.height / 2)))

    def stamp(self, box: Box, glyphs: Sequence[Glyph]) -> None:
        """The seal: light characters in cinnabar that wear has thinned here and there."""
        place = self._pixels(box)
        self._pens["seal"].rounded_rectangle(place, radius=_CORNER * self._em, fill=255)
        worn = self._layers["seal"].crop(place)
        worn.paste(0, mask=wear(*worn.size))
        self._layers["seal"].paste(worn, place[:2])
        self.write("carved", glyphs, _CARVED)

    def encode(self, palette: Palette) -> bytes:
        """The picture as PNG."""
        width, height = self._layers["ink"].size
        picture = texture()[:height, :width].copy()
        colours = blend(palette.paper, palette.shade, TONES)
        paper = colours[TONES // 2]
        for name, layer in self._layers.items():
            steps = np.asarray(layer) // _STEP
            # The first step is the paper itself.
            np.copyto(picture, steps + np.uint8(len(colours)), where=steps > 0)
            ground = palette.seal if name == "carved" else paper
            colours += blend(ground, getattr(palette, name), _STEPS)
        image = Image.fromarray(picture)
        image.putpalette([channel for colour in colours for channel in colour])
        file = io.BytesIO()
        image.save(file, format="PNG")
        return file.getvalue()

    def _pixels(self, box: Box, grown: float = 0.0) -> tuple[int, int, int, int]:
        return (
            round((box.left - grown) * self._em),
            round((box.top - grown) * self._em),
            round((box.right + grown) * self._em),
            round((box.bottom + grown) * self._em),
        )


@lru_cache(maxsize=256)
def _sign(tone: Tone, side: int, *, rhyming: bool, broken: bool) -> Image.Image:
    """○ ● ◐, and for a rhyme △ ▲, in the middle of a picture twice as large as the sign, which is `side` pixels."""
    big = _FINER * side
    stroke = round(big * 0.14)
    picture = Image.new("L", (2 * big, 2 * big))
    pen = ImageDraw.Draw(picture)
    low, high = big // 2, big // 2 + big
    if rhyming:
        corners = [(big, low), (high, high - stroke), (low, high - stroke)]
        pen.polygon(corners, fill=255 if tone is Tone.OBLIQUE else 0, outline=255, width=stroke)
    else:
        circle = (low, low, high, high)
        pen.ellipse(circle, fill=255 if tone is Tone.OBLIQUE else 0, outline=255, width=stroke)
        if tone is Tone.ANY:
            pen.pieslice(circle, 90, 270, fill=255)
    if broken:
        beyond = big // 3
        pen.line((low - beyond, high + beyond, high + beyond, low - beyond), fill=255, width=stroke)
    return picture.resize((2 * side, 2 * side), Image.Resampling.LANCZOS)
