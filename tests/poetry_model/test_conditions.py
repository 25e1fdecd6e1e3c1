import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_model.conditions import SIZES, conditions, sizes_with_controls
from poetry_model.form import FORMS


def test_each_place_is_told_its_form_its_place_and_the_lines_left() -> None:
    assert conditions(5, 2) == (
        *((0, place, 1) for place in range(5)),
        *((0, place, 0) for place in range(5)),
    )


def test_forms_differ() -> None:
    assert {form for form, _, _ in conditions(7, 1)} == {1}


@given(form=st.sampled_from(FORMS), lines=st.integers(1, 200))
def test_a_poem_of_any_length_has_conditions_in_range(form: int, lines: int) -> None:
    table = conditions(form, lines)
    assert len(table) == form * lines
    assert all(0 <= value < size for row in table for value, size in zip(row, SIZES.values(), strict=True))


@pytest.mark.parametrize(("lines", "left"), [(16, 15), (17, 14), (18, 15), (19, 14)])
def test_the_first_line_of_a_long_poem_knows_odd_from_even(lines: int, left: int) -> None:
    assert conditions(5, lines)[0][2] == left


def test_the_controls_come_after_what_the_form_tells() -> None:
    assert list(sizes_with_controls(30).items()) == [*SIZES.items(), ("tone", 3), ("rhyme", 31), ("dynasty", 2)]
