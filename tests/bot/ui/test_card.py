import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bot.errors import BotError
from bot.ui.card import Card, Metre, draw
from bot.ui.card_layout import Glyph, Layout, lay_out
from bot.ui.card_paper import PALETTES, TONES, Paper
from bot.ui.fonts import _COMMON, Face, Fonts, find_fonts
from poetry_model.form import FORMS, MAX_LINES
from poetry_model.prosody import Tone
from poetry_model.script import Script
from tests.bot.ui.plain_font import make_font

SHAPES = [(form, lines) for form in FORMS for lines in range(1, MAX_LINES + 1)]
CARD = Card(
    lines=("山山山山山", "水水水水水", "天天天天天", "人人人人人"),
    title="月",
    notes=("五言絕句",),
    date=("二〇二六年", "一月一日"),
    seal="詩人",
    script=Script.TRADITIONAL,
)
LEVEL, OBLIQUE, EITHER = Tone.LEVEL, Tone.OBLIQUE, Tone.ANY

Mask = npt.NDArray[np.bool_]


@pytest.fixture(scope="module")
def fonts() -> Fonts:
    found = find_fonts(folders=[])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Fonts:
    """A font with nearly all that `CARD` needs, its characters large squares, and one with 水 and 鳥, small ones."""
    folder = tmp_path_factory.mktemp("fonts")
    needed = "".join((*CARD.lines, CARD.title, *CARD.notes, *CARD.date, CARD.seal, _COMMON))
    large = Face(make_font(folder / "large.ttf", needed.replace("水", ""), 0.8))
    small = Face(make_font(folder / "small.ttf", "水鳥", 0.4))
    return Fonts(dict.fromkeys(Script, (large, small)))


def places(png: bytes, colour: tuple[int, int, int]) -> Mask:
    """Where the picture has that colour, or nearly."""
    image = Image.open(io.BytesIO(png))
    palette = np.array(image.getpalette()).reshape(-1, 3)
    alike = np.zeros(256, dtype=np.bool_)
    alike[: len(palette)] = np.abs(palette - colour).sum(axis=1) < 12
    found: Mask = alike[np.asarray(image)]
    return found


def layout_of(card: Card) -> Layout:
    return lay_out(card.lines, card.title, card.notes, card.date, card.seal, signs=card.metre is not None)


def square(mask: Mask, layout: Layout, glyph: Glyph, right: float = 0.0) -> Mask:
    """The mask around a character, or `right` ems from it."""
    em = mask.shape[1] / layout.width
    half = glyph.size / 2
    x, y = glyph.x + right, glyph.y
    return mask[round((y - half) * em) : round((y + half) * em), round((x - half) * em) : round((x + half) * em)]


def shaped(form: int, lines: int) -> Card:
    text = tuple("山水天人月風雲"[:form] for _ in range(lines))
    return replace(CARD, lines=text, notes=("五言絕句", "仄起首句不入韻"))


@pytest.mark.parametrize(("form", "lines"), SHAPES)
def test_every_shape_is_written_in_full_and_within_its_frame(form: int, lines: int, fonts: Fonts) -> None:
    plain_card = shaped(form, lines)
    metre = Metre(((LEVEL,) * form,) * lines, frozenset({1}))
    for card in (plain_card, replace(plain_card, paper=Paper.DARK, metre=metre)):
        png = draw(card, fonts)
        layout, palette = layout_of(card), PALETTES[card.paper]
        assert len(png) < 300_000
        ink = places(png, palette.ink)
        assert 600 < max(ink.shape) <= 1280
        assert all(square(ink, layout, glyph).mean() > 0.03 for glyph in layout.poem)
        assert ink.sum() == sum(square(ink, layout, glyph).sum() for glyph in layout.poem)
        small = places(png, palette.small)
        assert all(square(small, layout, glyph).any() for glyph in layout.small)
        signs = places(png, palette.sign)
        beside = [square(signs, layout, glyph, right=0.74).any() for glyph in layout.poem]
        assert all(beside) if card.metre else not any(beside)


def test_beyond_the_frame_there_is_paper_alone(fonts: Fonts) -> None:
    layout = layout_of(CARD)
    image = np.asarray(Image.open(io.BytesIO(draw(CARD, fonts))))
    edge = round((layout.frame.left - 0.2) * image.shape[1] / layout.width)
    framed = np.zeros(image.shape, dtype=np.bool_)
    framed[edge:-edge, edge:-edge] = True
    assert image[~framed].max() < TONES <= image[framed].max()


@pytest.mark.parametrize("paper", list(Paper))
def test_the_seal_is_red_with_light_characters_at_the_lower_left(paper: Paper, fonts: Fonts) -> None:
    card = replace(CARD, paper=paper)
    png, layout = draw(card, fonts), layout_of(card)
    red = places(png, PALETTES[paper].seal)
    rows, columns = np.nonzero(red)
    em = red.shape[1] / layout.width
    area = (layout.seal.right - layout.seal.left) * (layout.seal.bottom - layout.seal.top) * em**2
    assert 0.4 < red.sum() / area < 0.95
    assert columns.max() < red.shape[1] / 4
    assert rows.min() > red.shape[0] / 2
    carved = places(png, PALETTES[paper].carved)
    assert all(square(carved, layout, glyph).mean() > 0.05 for glyph in layout.seal_glyphs)


def test_the_first_line_is_the_rightmost_column(plain: Fonts) -> None:
    # 水 alone is drawn as a small square.
    ink = places(draw(CARD, plain), PALETTES[CARD.paper].ink)
    layout = layout_of(CARD)
    shares = [square(ink, layout, glyph).mean() for glyph in layout.poem]
    assert shares == pytest.approx([0.64] * 5 + [0.16] * 5 + [0.64] * 10, abs=0.04)
    columns = np.nonzero(ink.any(axis=0))[0]
    runs = np.split(columns, np.nonzero(np.diff(columns) > 1)[0] + 1)
    widths = [len(run) for run in reversed(runs)]
    assert widths[1] == pytest.approx(widths[0] / 2, abs=2)
    assert widths[2:] == pytest.approx(widths[:1] * 2, abs=1)


def test_fonts_agree_on_the_middle_of_a_character(plain: Fonts) -> None:
    ink = places(draw(CARD, plain), PALETTES[CARD.paper].ink)
    layout = layout_of(CARD)
    for glyph in layout.poem:
        rows = np.nonzero(square(ink, layout, glyph).any(axis=1))[0]
        assert (rows.min() + rows.max()) / 2 == pytest.approx(ink.shape[1] / layout.width / 2, abs=2)


def test_what_no_font_has_is_drawn_in_its_traditional_form(plain: Fonts) -> None:
    lines = ("山鸟山山山", *CARD.lines[1:])
    card = replace(CARD, lines=lines, traditional=("山鳥山山山", *CARD.lines[1:]))
    ink = places(draw(card, plain), PALETTES[CARD.paper].ink)
    layout = layout_of(card)
    assert square(ink, layout, layout.poem[1]).mean() == pytest.approx(0.16, abs=0.04)


def test_a_card_with_what_no_font_has_is_refused_with_its_name(plain: Fonts) -> None:
    card = replace(CARD, lines=("山鸟龙山山", *CARD.lines[1:]), traditional=("山鳥龍山山", *CARD.lines[1:]))
    with pytest.raises(BotError) as raised:
        draw(card, plain)
    assert (raised.value.key, raised.value.values) == ("card.missing", {"characters": "龍"})


@pytest.mark.parametrize("paper", list(Paper))
def test_the_same_card_is_the_same_picture(paper: Paper, fonts: Fonts) -> None:
    card = replace(CARD, paper=paper)
    assert draw(card, fonts) == draw(card, fonts)


def test_the_two_papers_differ_in_colours_alone(fonts: Fonts) -> None:
    light, dark = (np.asarray(Image.open(io.BytesIO(draw(replace(CARD, paper=paper), fonts)))) for paper in Paper)
    assert (light == dark).all()


def test_the_signs_tell_tones_rhymes_and_breaches_apart(fonts: Fonts) -> None:
    tones = ((LEVEL, OBLIQUE, EITHER, LEVEL, LEVEL), *((LEVEL,) * 5,) * 3)
    metre = Metre(tones, frozenset({0}), frozenset({(0, 3)}))
    card = replace(CARD, metre=metre)
    layout = layout_of(card)
    signs = places(draw(card, fonts), PALETTES[card.paper].sign)
    level, oblique, either, broken, rhyme = (
        int(square(signs, layout, glyph, right=0.74).sum()) for glyph in layout.poem[:5]
    )
    assert level < either < oblique
    assert broken > level * 1.2
    # A rhyme's sign has a broad foot and a narrow head, where the others are round.
    rows = np.nonzero(square(signs, layout, layout.poem[4], right=0.74))[0]
    assert rhyme > 0
    assert (rows > (rows.min() + rows.max()) / 2).mean() > 0.55


@pytest.mark.parametrize("paper", list(Paper))
def test_colours_stand_out_from_the_paper(paper: Paper) -> None:
    palette = PALETTES[paper]
    for ground in (palette.paper, palette.shade):
        assert contrast(palette.ink, ground) > 9
        assert contrast(palette.small, ground) > 4.5
        assert contrast(palette.sign, ground) > 4.5
    assert contrast(palette.carved, palette.seal) > 4.5


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """By WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: tuple[int, int, int]) -> float:
    shares = [channel / 255 for channel in colour]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
