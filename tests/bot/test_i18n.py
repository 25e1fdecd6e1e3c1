"""Every string that is used exists and is filled, and every string that exists is used."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import bot
import poetry_model
from bot.db.privacy_queries import PERSONAL
from bot.i18n import Language, Strings
from bot.preview import WELCOMES
from bot.services import Fault
from bot.services.daily import Stop
from bot.services.favorites_search import Recently, Sort
from bot.services.linked import LENGTHS, Mode
from bot.services.run_judge import COMPARISON, EXAMINATION, EXAMINATION_FIGURES, PERPLEXITY
from bot.services.runs import RunState, Source
from bot.services.top import Period
from bot.services.versions import VersionState
from bot.ui.favorites_file import FileKind
from bot.ui.help_message import SECTIONS, Example
from bot.ui.linked_message import LINKED_BUTTONS
from bot.ui.poem_message import _NAMED_LENGTHS, POEM_BUTTONS
from bot.ui.privacy_message import PRIVACY_BUTTONS
from bot.ui.settings_message import GuildTopButton, TopButton
from poetry_model.form import FORMS
from poetry_model.mood import Mood
from poetry_model.openings import OPENINGS
from poetry_model.poem import Style
from poetry_model.script import Script

SHOWN_AS = {RunState.WAITING: "starting"}
"""States whose string has another name than theirs."""


ASKED_ALIKE = ("start", "form", "lines", "style", "mood", "seed")
"""Options that several commands have."""


def calls(package: Path, *names: str) -> Iterator[ast.Call]:
    """Every call of something called one of `names` in the package."""
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
                if name in names and node.args:
                    yield node


def literals(node: ast.expr) -> list[str]:
    """The strings an argument can be, as far as they stand in the code."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    return literals(node.body) + literals(node.orelse) if isinstance(node, ast.IfExp) else []


def named(call: ast.Call) -> set[str]:
    return {keyword.arg for keyword in call.keywords if keyword.arg}


WRITTEN = [
    (key, named(call))
    for call in calls(Path(bot.__file__).parent, "strings", "said", "BotError")
    for key in literals(call.args[0])
]
"""Keys that stand in the bot's code, each with the names of the values it is given there."""

REQUEST_ERRORS = [
    (f"request.{code}", named(call))
    for call in calls(Path(poetry_model.__file__).parent, "RequestError")
    for code in literals(call.args[0])
]
"""Keys of the sentences for what the poet refuses."""

MADE = {
    *(f"error.database_{fault}" for fault in Fault),
    *(f"poem.{button.action}" for button in POEM_BUTTONS),
    *(f"poem.{key}_{form}" for form in FORMS for key in ("form", "command.form")),
    *(f"poem.command.style_{style}" for style in Style),
    *(f"poem.command.mood_{mood}" for mood in Mood),
    *(f"poem.mood_{mood}" for mood in Mood if mood is not Mood.LIVELY),
    *(f"poem.{kind}.{name}" for kind in ("command", "option") for name in ASKED_ALIKE),
    *(f"poem.opening.{opening}" for opening in OPENINGS),
    *(f"linked.{button.action}" for button in LINKED_BUTTONS),
    *(f"linked.{key}_{mode}" for mode in Mode for key in ("mode", "command.mode")),
    *(f"linked.command.lines_{length}" for length in LENGTHS),
    *(f"linked.command.first_{who}" for who in ("people", "bot")),
    *(f"poem.length_{length}" for length in _NAMED_LENGTHS),
    *(f"favorites.command.when_{time}" for time in Recently),
    *(f"favorites.command.sort_{sort}" for sort in Sort),
    *(f"favorites.command.export_{kind}" for kind in FileKind),
    *(f"top.{key}_{period}" for key in ("command.period", "since", "empty") for period in Period),
    *(f"daily.off_{stop}" for stop in Stop),
    *(f"daily.stopped_{stop}" for stop in Stop if stop is not Stop.ASKED),
    *(f"retrain.status.{SHOWN_AS.get(state, state.value)}" for state in RunState),
    *(f"retrain.source.{source}" for source in Source if source is not Source.RESUME),
    *(f"retrain.command.source_{source}" for source in Source),
    *(f"privacy.stored.{table.name}" for table in PERSONAL),
    *(f"privacy.delete.{button.action}" for button in PRIVACY_BUTTONS),
    *(f"settings.{menu}_{choice}" for menu in ("language", "guild_language") for choice in ("auto", "hint", *Language)),
    *(f"settings.script_{choice}" for choice in ("auto", "hint", *Script)),
    *(f"settings.{button.name}_{way}" for button in (TopButton, GuildTopButton) for way in ("in", "out")),
    *(f"preview.{welcome}" for welcome in WELCOMES),
    *(f"help.{section}{part}" for section in SECTIONS for part in ("", "_text")),
    *(f"help.example_{example}" for example in Example),
    *(f"model.state.{state}" for state in VersionState),
    *(f"model.figure.{figure}" for figure in EXAMINATION_FIGURES),
    *(f"model.shortfall.{figure}" for figure in (*EXAMINATION_FIGURES, PERPLEXITY, COMPARISON, EXAMINATION)),
}
"""Keys that the code puts together."""


def places(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_the_keys_in_the_code_are_found() -> None:
    assert ("poem.kept_already", set()) in WRITTEN
    assert ("poem.footer", {"kind", "model"}) in WRITTEN
    assert ("retrain.no_corpus", set()) in WRITTEN
    assert ("request.start_too_long", {"form", "length"}) in REQUEST_ERRORS


def test_every_string_that_is_used_exists(strings: Strings) -> None:
    used = {key for key, _ in WRITTEN + REQUEST_ERRORS} | MADE
    assert used - strings.keys() == set()


def test_every_string_that_exists_is_used(strings: Strings) -> None:
    used = {key for key, _ in WRITTEN + REQUEST_ERRORS} | MADE
    assert strings.keys() - used == set()


@pytest.mark.parametrize(("key", "given"), [*WRITTEN, *REQUEST_ERRORS])
def test_every_place_in_a_string_is_filled(strings: Strings, key: str, given: set[str]) -> None:
    assert places(strings._strings[key]) <= given


def test_strings_without_values_have_no_places(strings: Strings) -> None:
    given = {key for key, values in WRITTEN + REQUEST_ERRORS if values}
    figures = {f"model.{kind}.{figure}" for kind in ("figure", "shortfall") for figure in EXAMINATION_FIGURES}
    counts = {f"privacy.stored.{table.name}" for table in PERSONAL}
    daily = {key for key in MADE if key.startswith("daily.")}
    for key in strings.keys() - given - figures - counts - daily - {f"model.shortfall.{PERPLEXITY}"}:
        assert strings(key)


def test_no_string_is_empty_or_has_space_around_it(strings: Strings) -> None:
    texts = {key: strings._strings[key] for key in strings.keys()}  # noqa: SIM118 # not a mapping
    assert {key for key, text in texts.items() if not text.strip() or text != text.strip(" ")} - SPACED == set()


SPACED = {"retrain.status.loss"}
"""Strings that continue a line."""


def test_what_discord_shows_of_a_command_is_short_enough(strings: Strings) -> None:
    for key in strings.keys():  # noqa: SIM118 # not a mapping
        if ".command." in key:
            assert 1 <= len(strings(key)) <= 100


def test_values_are_put_in_their_places() -> None:
    strings = Strings({"a": {"b": "{x} and {y:.1f}", "c": {"d": "deep"}}})
    assert strings("a.b", x="one", y=2) == "one and 2.0"
    assert strings("a.c.d") == "deep"
    assert strings.keys() == {"a.b", "a.c.d"}


def test_braces_in_a_value_are_left_alone() -> None:
    assert Strings({"a": "{x}"})("a", x="{y}") == "{y}"


def test_a_key_that_does_not_exist_is_an_error(strings: Strings) -> None:
    with pytest.raises(KeyError, match="no such"):
        strings("no such")


def test_a_language_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        Strings.load("xx-XX")  # type: ignore[arg-type] # that is the point
