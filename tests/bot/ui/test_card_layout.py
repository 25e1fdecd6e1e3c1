from itertools import combinations, pairwise

import pytest

from bot.ui.card_layout import Box, Glyph, Layout, lay_out
from poetry_model.form import FORMS, MAX_LINES

SHAPES = [(form, lines) for form in FORMS for lines in range(1, MAX_LINES + 1)]
KIND, PATTERN = "五言絕句", "仄起首句不入韻"
DATE = ("二〇二六年", "十二月二十二日")


def laid(form: int, lines: int, title: str = "月", *, signs: bool = False, notes: tuple[str, ...] = (KIND,)) -> Layout:
    return lay_out(["山" * form] * lines, title, notes, DATE, "詩人", signs=signs)


def square(glyph: Glyph) -> Box:
    half = glyph.size / 2
    return Box(glyph.x - half, glyph.y - half, glyph.x + half, glyph.y + half)


def overlap(one: Box, other: Box) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom


def within(inner: Box, outer: Box) -> bool:
    return (
        outer.left <= inner.left
        and inner.right <= outer.right
        and outer.top <= inner.top
        and inner.bottom <= outer.bottom
    )


@pytest.mark.parametrize(("form", "lines"), SHAPES)
@pytest.mark.parametrize("signs", [False, True])
def test_everything_stands_inside_the_frame_and_nothing_on_another(form: int, lines: int, *, signs: bool) -> None:
    for title in ("月", "月明", "春江花月夜", "春" * form, "春" * max(2, lines)):
        made = laid(form, lines, title, signs=signs, notes=(KIND, PATTERN))
        boxes = [*(square(glyph) for glyph in (*made.poem, *made.small)), made.seal]
        assert len(boxes) == form * lines + len(title + KIND + PATTERN) + sum(map(len, DATE)) + 1
        assert all(within(box, made.frame) for box in boxes)
        assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
        assert all(within(square(glyph), made.seal) for glyph in made.seal_glyphs)
        assert not any(box.left < x < box.right for box in boxes for x in made.rules)
        assert min(glyph.size for glyph in made.small) > 0.3


@pytest.mark.parametrize(("form", "lines"), SHAPES)
def test_lines_are_read_from_above_and_from_the_right(form: int, lines: int) -> None:
    poem = laid(form, lines).poem
    assert [(glyph.line, glyph.place) for glyph in poem] == [divmod(number, form) for number in range(form * lines)]
    for one, other in pairwise(poem):
        below = other.x == one.x and other.y > one.y
        next_column = other.x < one.x and other.y == poem[0].y
        assert below or next_column


@pytest.mark.parametrize(("form", "lines"), SHAPES)
def test_a_card_is_nearly_square_when_it_is_large(form: int, lines: int) -> None:
    made = laid(form, lines)
    # A phone shows it 350 dots wide, Discord's window 350 high.
    assert 350 / max(made.width, made.height) > 15.5


@pytest.mark.parametrize(
    ("form", "lines", "columns"), [(5, 4, 4), (7, 8, 8), (5, 8, 4), (5, 16, 8), (7, 16, 8), (7, 1, 1), (5, 15, 8)]
)
def test_long_poems_have_a_couplet_in_a_column(form: int, lines: int, columns: int) -> None:
    made = laid(form, lines)
    assert len({glyph.x for glyph in made.poem}) == columns
    assert len(made.rules) == columns + 1


def test_the_heading_stands_right_of_the_poem_and_the_seal_left_of_it() -> None:
    made = laid(5, 4)
    xs = [glyph.x for glyph in made.poem]
    assert made.small[0].x > max(xs) + 1
    assert made.seal.right < min(xs) - 1
    assert made.seal.bottom == pytest.approx(max(glyph.y for glyph in made.poem) + 0.57)


def test_what_is_small_grows_with_the_card() -> None:
    assert laid(7, 16).small[-1].size > 1.1 * laid(5, 4).small[-1].size
