import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from bot.errors import BotError
from bot.i18n import Strings
from bot.ui.responses import describe
from poetry_model.errors import RequestError
from poetry_model.poem import PoemRequest


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"start": ""}, "Give the Chinese character the poem should begin with, for example 月."),
        ({"start": "x"}, "A poem begins with Chinese characters, and x is not one. Try 月."),
        (
            {"start": "月月月月月月"},
            "The beginning can be at most one line, 5 characters here. Yours has 6; shorten it.",
        ),
        ({"start": "月", "form": 6}, "A line has 5 or 7 characters, not 6. Choose 5 or 7."),
        ({"start": "月", "lines": 17}, "A poem has 1 to 16 lines, not 17. Choose a number in that range."),
        ({"start": "月", "temperature": 3.0}, "The temperature must be above 0 and at most 2."),
        ({"start": "月", "seed": -1}, "The seed must be a number from 0 to 9007199254740991."),
    ],
)
def test_every_mistake_in_a_request_has_its_sentence(
    strings: Strings, request_: dict[str, object], sentence: str
) -> None:
    with pytest.raises(RequestError) as caught:
        PoemRequest.checked(**request_)  # type: ignore[arg-type] # each of its own type
    assert describe(caught.value, strings) == sentence


def test_a_mistake_of_a_person_is_told_with_its_values(strings: Strings) -> None:
    assert describe(BotError("poem.footer", kind="k", model="m"), strings) == "k · Model m"


def test_a_database_that_cannot_be_used_is_told_and_logged_without_the_query(
    strings: Strings, logged_errors: list[str]
) -> None:
    error = OperationalError("SELECT secret", {}, sqlite3.OperationalError("disk is full"))
    assert describe(error, strings).startswith("I can't reach my notebook just now")
    assert logged_errors == ["The database cannot be used: disk is full"]
    logged_errors.clear()


def test_what_nobody_foresaw_tells_nothing_of_itself(strings: Strings, logged_errors: list[str]) -> None:
    sentence = describe(RuntimeError("the secret of the house"), strings)
    assert sentence == "Something went wrong on my side. Please try again in a moment."
    assert logged_errors == ["Unexpected error"]
    logged_errors.clear()
