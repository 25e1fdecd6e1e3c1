"""Fonts of one shape: every character is a square, so that a picture tells which font drew it."""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

_UNITS = 1000
_MIDDLE = 380


def make_font(path: Path, characters: str, side: float, family: str = "Plain") -> Path:
    """A font at `path` whose `characters` are squares, filled, with `side` as a share of the size."""
    names = {ord(character): f"u{ord(character):X}" for character in characters}
    builder = FontBuilder(_UNITS, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: _square(side) for name in (".notdef", *names.values())})
    builder.setupHorizontalMetrics(dict.fromkeys((".notdef", *names.values()), (_UNITS, 0)))
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=880, sTypoDescender=-120, usWinAscent=880, usWinDescent=120)
    builder.setupPost()
    builder.save(path)
    return path


def _square(side: float) -> object:
    pen = TTGlyphPen(None)
    half, across = round(side * _UNITS / 2), _UNITS // 2
    pen.moveTo((across - half, _MIDDLE - half))
    pen.lineTo((across - half, _MIDDLE + half))
    pen.lineTo((across + half, _MIDDLE + half))
    pen.lineTo((across + half, _MIDDLE - half))
    pen.closePath()
    return pen.glyph()
