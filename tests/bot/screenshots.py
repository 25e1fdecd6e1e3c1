"""Screenshots of the local page: `python -m tests.bot.screenshots`, or `make screenshots`.

In each language its person types and presses what the pictures show, with the model that ships: nothing is made up.
"""

import argparse
import io
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Locator, expect

from bot.i18n import DEFAULT_LANGUAGE, Language, Languages
from tests.bot.hosting import ROOT, Host, hosted
from tests.bot.walking import Walker, browsing

WIDTHS = {"desktop": 1280, "phone": 390}
_HEIGHT = 1500
"""Pixels: a message is never longer, so that nothing scrolls."""

_SCALE = 1.25
_COLOURS = 96
_REFINEMENTS = 3
"""Rounds that bring the colours nearer to those there are; without them large grounds get a tint."""
_MARGIN = 12
_BELOW = 4
"""Pixels; the place to type is not far."""

_TO_READ = 300_000
"""Milliseconds for the corpus to be read, on a busy machine too."""

_LINES = {
    Language.ENGLISH: ("小院春風起", "歸來人不語"),
    Language.SIMPLIFIED: ("小院春风起", "归来人不语"),
    Language.TRADITIONAL: ("小院春風起", "歸來人不語"),
}
"""What people write in the poem in turns."""

_STARTS = "春山月雨"

_CHANNELS = Languages.load().default


class Album:
    """The pictures of one language."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, walker: Walker, name: str, *messages: Locator) -> None:
        """Messages that follow each other, at both widths."""
        for kind, width in WIDTHS.items():
            walker.resize(width, _HEIGHT)
            for message in messages:
                expect(message).to_be_visible()
            walker.see(messages[0])
            boxes = [box for message in messages if (box := message.bounding_box())]
            top = min(box["y"] for box in boxes)
            bottom = max(box["y"] + box["height"] for box in boxes)
            clip = {
                "x": boxes[0]["x"],
                "y": top,
                "width": boxes[0]["width"],
                "height": bottom - top + _BELOW,
            }
            taken = walker.page.screenshot(clip=clip)  # type: ignore[arg-type] # a FloatRect
            _small(taken).save(self._folder / f"{name}-{kind}.png", optimize=True)
        walker.resize(WIDTHS["desktop"], _HEIGHT)


def _small(taken: bytes) -> Image.Image:
    """Without the empty space around it, in few colours."""
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    ground = Image.new("RGB", picture.size, picture.getpixel((picture.width - 1, picture.height - 1)))
    box = ImageChops.difference(picture, ground).getbbox()
    if box is not None:
        left, top, right, bottom = box
        margin = round(_MARGIN * _SCALE)
        picture = picture.crop(
            (
                max(0, left - margin),
                max(0, top - margin),
                min(picture.width, right + margin),
                min(picture.height, bottom + margin),
            )
        )
    return picture.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=_REFINEMENTS, dither=Image.Dither.NONE)


@contextmanager
def _walking(browser: Browser, host: Host, language: Language) -> Iterator[Walker]:
    options = {"viewport": {"width": WIDTHS["desktop"], "height": _HEIGHT}, "device_scale_factor": _SCALE}
    walker = Walker(browser, host.address, language, **options)
    yield walker
    walker.page.close()


def _prepare(browser: Browser, host: Host, language: Language) -> None:
    """Robin, who runs the server, speaks the language there, and has a poem come each day."""
    with _walking(browser, host, DEFAULT_LANGUAGE) as robin:
        settings = robin.ask("/settings")
        robin.choose(robin.strings(f"settings.guild_language_{language}"), settings)
        robin.choose(robin.strings(f"settings.language_{language}"), settings)
        robin.ask("/daily set channel:#daily hour:0 zone:Asia/Taipei")


def _let_a_day_pass(database: Path) -> None:
    """The last poem of the day was yesterday's: today's comes within a minute."""
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE dailies SET last_date = date(last_date, '-1 day')")
    connection.close()


def _photograph(browser: Browser, host: Host, language: Language, album: Album, *, corpus: bool) -> None:
    with _walking(browser, host, language) as walker:
        strings = walker.strings
        album.take(walker, "welcome", walker.message("Viewing as"))
        poem = walker.ask("/poem start:春 form:7 seed:4")
        album.take(walker, "poem", poem)
        walker.press(strings("poem.favorite"), poem)
        metre = walker.press(strings("poem.metre"), poem)
        album.take(walker, "metre", metre)
        card = walker.press(strings("poem.card"), poem)
        album.take(walker, "card-light", card)
        walker.press(strings("card.dark"), card)
        walker.press(strings("card.marks"), card)
        album.take(walker, "card-dark", card)
        for number, start in enumerate(_STARTS):
            poem = walker.ask(f"/poem start:{start} form:{(5, 7)[number % 2]} lines:{(4, 8)[number // 2]} seed:7")
            walker.press(strings("poem.favorite"), poem)
        with _walking(browser, host, next(each for each in Language if each is not language)) as other:
            other.press(strings("poem.favorite"))
        album.take(walker, "favorites", walker.ask("/favorites"))
        album.take(walker, "top", walker.ask("/top"))
        album.take(walker, "help", walker.ask("/help"))
        album.take(walker, "settings", walker.ask("/settings"))
        album.take(walker, "about", walker.ask("/about"))
        walker.go(_CHANNELS("preview.linked"))
        poem = walker.ask("/linked lines:4 form:5")
        for number, line in enumerate(_LINES[language]):
            walker.press(strings("linked.add"), poem)
            answer = walker.hand_in(line)
            album.take(walker, f"linked-{number + 1}", poem, answer)
        walker.go(_CHANNELS("preview.daily"))
        album.take(walker, "daily", walker.message("《"))
    if corpus:
        with _walking(browser, host, DEFAULT_LANGUAGE) as robin:
            # Robin reads the language; what is typed has English names.
            robin.ask("/retrain minutes:1")
            running = robin.message(strings("retrain.status.title"))
            expect(running).not_to_contain_text(strings("retrain.status.starting"), timeout=_TO_READ)
            album.take(robin, "retraining", running)
            robin.ask("/model cancel")


def main() -> int:
    """Take them all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bot.screenshots", description="Screenshots of the page.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots", help="a folder for each language")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="what is learned from")
    parser.add_argument("--language", type=Language, action="append", help="of the person (default: each)")
    options = parser.parse_args()
    corpus = options.corpus.resolve()
    if not corpus.is_dir():
        print(f"There is no corpus at {corpus}, so no picture of a retraining; name one with --corpus.")
    with browsing() as browser:
        for language in options.language or list(Language):
            with tempfile.TemporaryDirectory() as folder:
                config = Path(folder) / "config.toml"
                config.write_text(
                    '[database]\npath = "shiren.sqlite3"\n[model]\ndevice = "cpu"\n'
                    '[preview]\nfolder = "preview"\nport = 0\n'
                    "[limits]\nperson_per_minute = 0\nguild_per_minute = 0\n"
                    + (f'[retrain]\ncorpus = "{corpus}"\nniceness = 0\n' if corpus.is_dir() else "")
                )
                with hosted(config) as host:
                    _prepare(browser, host, language)
                _let_a_day_pass(Path(folder) / "preview" / "shiren.sqlite3")
                with hosted(config) as host:
                    _photograph(browser, host, language, Album(options.out / language), corpus=corpus.is_dir())
                print(f"{language}: {options.out / language}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
