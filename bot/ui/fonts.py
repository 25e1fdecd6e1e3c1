"""Finding fonts that can draw a poem, and asking them what they hold."""

import logging
import os
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont, TTLibError
from PIL import ImageFont

from bot.errors import ConfigError
from poetry_model.script import Script

_log = logging.getLogger(__name__)

HOW_TO_GET = (
    'No Chinese font was found, so poems come without cards; install one with: pip install "shiren[card]", '
    "or name one you have in card.font of config.toml."
)
"""What the log says where `find_fonts` finds none."""

_PACKAGED = {
    Script.TRADITIONAL: ("pylopdf_fonts_zh_tw", "NotoSerifTC-Regular.otf"),
    Script.SIMPLIFIED: ("pylopdf_fonts_zh_cn", "NotoSerifSC-Regular.otf"),
}
"""Packages and the files in them. A character is written differently here and there, 直 and 骨 say: to each script its
own."""

_INSTALLED = (
    "LXGWWenKaiTC-Regular.ttf",
    "LXGWWenKai-Regular.ttf",
    "NotoSerifCJK-Regular.ttc",
    "NotoSerifTC-Regular.otf",
    "NotoSerifSC-Regular.otf",
    "SourceHanSerif-Regular.ttc",
    "HanaMinA.ttf",
    "HanaMinB.ttf",
    "Jigmo.ttf",
    "Jigmo2.ttf",
    "Jigmo3.ttf",
)
"""Openly licensed fonts as systems install them, the finest first; the last ones know the rarest characters."""

_RARE = Path(__file__).parent.parent / "fonts" / "rare.ttf"
"""The characters of the public corpus that the packaged fonts lack."""

_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})

_OWN_SIGNS = {Script.TRADITIONAL: {"TC", "TW", "HK"}, Script.SIMPLIFIED: {"SC", "CN", "GB"}}
"""Last word of a family's name in a collection."""

_COMMON = "一人山不風月无無詩诗"
"""Who lacks one of them is no font to write poems with, but may fill the gaps of another."""

_SQUARE = "國国田口"
"""Characters that fill the square they are written in: the middle of their ink is its middle."""

_USUAL_MIDDLE = 0.38
"""Of the square above the base line, in its height, when a font has none of those: ascent 0.88, descent 0.12."""

_DAMAGED = (OSError, TTLibError, ValueError, KeyError, AttributeError, AssertionError, EOFError, struct.error)
"""What fontTools and Pillow raise for files that are no fonts."""

_FAMILY_NAMES = (1, 16, 4)
"""Of OpenType's name table: family, typographic family, full name."""


@dataclass(frozen=True)
class Face:
    """One font in one file."""

    path: Path
    index: int = 0
    """Of the font in a collection."""

    @cached_property
    def characters(self) -> frozenset[str]:
        """Those it has glyphs for. The first call reads the file's table: tens of milliseconds."""
        with self.path.open("rb") as file:
            font = TTFont(file, fontNumber=self.index, lazy=True)
            # Some fonts list characters they have no outline for: their glyph is the one that means "missing".
            return frozenset(chr(code) for code, glyph in font.getBestCmap().items() if glyph != ".notdef")

    @cached_property
    def middle(self) -> float:
        """The middle of a character's square above the base line, as a share of the size."""
        size = 200
        font = self.at(size)
        for character in _SQUARE:
            if character in self.characters:
                _, top, _, bottom = font.getbbox(character, anchor="ls")
                return -(top + bottom) / 2 / size
        return _USUAL_MIDDLE

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font for characters of `size` pixels."""
        return _load(self.path, self.index, size)


class Fonts:
    """Which font draws which character. It may be used from any thread."""

    def __init__(self, faces: Mapping[Script, Sequence[Face]]) -> None:
        """`faces`: for each script the fonts, in the order they are asked."""
        self._faces = {script: tuple(found) for script, found in faces.items()}

    def face_of(self, character: str, script: Script) -> Face | None:
        """The first font that has `character`; None when none has."""
        return next((face for face in self._faces[script] if character in face.characters), None)

    def names(self, script: Script) -> tuple[str, ...]:
        """The files, in the order they are asked."""
        return tuple(face.path.name for face in self._faces[script])


def find_fonts(wanted: str = "", folders: Iterable[Path] | None = None) -> Fonts | None:
    """The fonts to draw poems with; None when there is none, and `HOW_TO_GET` says what to do.

    wanted: a font's file or family, to be asked first; empty: those of the extra `card`, then those the system has.
    folders: where systems keep fonts; None: this system's.

    Reads files, for some tenths of a second (a family's name: of every font there is): call it in a thread. Raises
    `ConfigError` when what is wanted is not there or is no font.
    """
    folders = _system_folders() if folders is None else tuple(folders)
    first = _wanted(wanted, folders) if wanted else {}
    packaged = [*_packaged()]
    installed = [*_installed(folders)]
    faces = {}
    for script in Script:
        own_first = sorted(packaged, key=lambda item: item[0] is not script)
        found = [*first.get(script, ()), *(face for _, face in own_first)]
        found += [_own_face(path, script) for path in installed]
        # What cannot be read is not worth a start that fails: another font stands in.
        faces[script] = [face for face in dict.fromkeys(found) if _readable(face)]
        if not any(set(_COMMON) <= face.characters for face in faces[script]):
            return None
        faces[script].append(Face(_RARE))
    return Fonts(faces)


def _wanted(wanted: str, folders: Iterable[Path]) -> dict[Script, list[Face]]:
    path = Path(wanted).expanduser()
    if path.suffix.lower() in _SUFFIXES:
        faces = {script: [_own_face(path, script)] for script in Script} if path.is_file() else {}
        if not faces or not all(_readable(face) for found in faces.values() for face in found):
            raise ConfigError(f"card.font: {wanted} is not a font that can be read; give the path of a .ttf or .otf.")
        return faces
    named = [face for file in _font_files(folders) for face in _named(file, wanted)]
    if not named:
        raise ConfigError(f"card.font: no font named {wanted} is installed; give its path, or leave the setting empty.")
    # Of bold and light ones, too, the family is the name.
    return dict.fromkeys(Script, sorted(named, key=lambda face: "Regular" not in face.path.stem)[:1])


def _packaged() -> Iterator[tuple[Script, Face]]:
    for script, (package, name) in _PACKAGED.items():
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder, name)
            if path.is_file():
                yield script, Face(path)


def _installed(folders: Iterable[Path]) -> Iterator[Path]:
    there = {file.name: file for file in _font_files(folders)}
    return (there[name] for name in _INSTALLED if name in there)


def _font_files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for parent, subfolders, names in os.walk(folder):
            subfolders.sort()
            yield from (Path(parent, name) for name in sorted(names) if Path(name).suffix.lower() in _SUFFIXES)


def _system_folders() -> tuple[Path, ...]:
    home = Path.home()
    if sys.platform == "win32":
        return (
            Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts"),
            home / "AppData/Local/Microsoft/Windows/Fonts",
        )
    if sys.platform == "darwin":
        return (home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts"))
    data = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = os.environ.get("XDG_DATA_HOME") or str(home / ".local/share")
    return (Path(own, "fonts"), home / ".fonts", *(Path(folder, "fonts") for folder in data.split(":") if folder))


def _own_face(path: Path, script: Script) -> Face:
    """Of a collection, the font that writes as `script` is written."""
    for index, names in _collected(path):
        if not _OWN_SIGNS[script].isdisjoint(word for name in names for word in name.split()[-1:]):
            return Face(path, index)
    return Face(path)


def _named(path: Path, wanted: str) -> list[Face]:
    """The fonts in the file that are called so."""
    return [
        Face(path, index)
        for index, names in _collected(path)
        if wanted.casefold() in {name.casefold() for name in names}
    ]


def _collected(path: Path) -> tuple[tuple[int, frozenset[str]], ...]:
    """Each font in the file, with its names; nothing for a file that cannot be read."""
    try:
        # Opened here: what fontTools opens it leaves open when the file turns out to be no font.
        with path.open("rb") as file:
            many = path.suffix.lower() in {".ttc", ".otc"}
            fonts = TTCollection(file, lazy=True).fonts if many else [TTFont(file, lazy=True)]
            return tuple((index, _names(font)) for index, font in enumerate(fonts))
    except _DAMAGED:
        return ()


def _names(font: TTFont) -> frozenset[str]:
    return frozenset(record.toUnicode() for record in font["name"].names if record.nameID in _FAMILY_NAMES)


def _readable(face: Face) -> bool:
    try:
        return bool(face.characters) and face.middle > 0
    except _DAMAGED as error:
        _log.warning("%s cannot be read as a font (%s); it is passed over", face.path, error)
        return False


# A card takes four or five. Each that is kept costs two megabytes, and one that is not a millisecond or two.
@lru_cache(maxsize=16)
def _load(path: Path, index: int, size: int) -> ImageFont.FreeTypeFont:
    # The basic layout takes the font's own form of each character, whatever libraries the machine has.
    return ImageFont.truetype(path, size, index=index, layout_engine=ImageFont.Layout.BASIC)
