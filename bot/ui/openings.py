"""What is offered to whoever is still thinking of how a poem should begin."""

from collections.abc import Iterator

from discord import app_commands

from bot.i18n import Strings
from bot.text import clean
from poetry_model.openings import OPENINGS
from poetry_model.script import Script, is_han, simplify

SURPRISE = "🎲"
"""What stands for any of `OPENINGS`."""

_CHOICES = 25
"""As many as Discord offers."""

_LONGEST = 20
"""Characters that are looked at of what is typed: a line has seven."""


def is_surprise(start: str) -> bool:
    """Whether somebody wants to be surprised: the choice, or 🎲 by hand."""
    return start.startswith(SURPRISE)


def opening_choices(typed: str, script: Script, strings: Strings) -> list[app_commands.Choice[str]]:
    """First characters in the reader's script, each with a word for it.

    What is typed comes first where a poem can begin with it; then those whose character or word it begins.
    """
    part = clean(typed, _LONGEST).casefold()
    found: dict[str, str] = {}
    if part and all(map(is_han, part)):
        found[part] = part
    for opening in OPENINGS:
        shown = simplify(opening) if script is Script.SIMPLIFIED else opening
        word = strings(f"poem.opening.{opening}")
        if part in {opening, simplify(opening)}:
            # As it was typed, whichever script that is.
            shown = part
        elif not any(each.startswith(part) for each in _words(word)):
            continue
        found[shown] = strings("poem.opening_choice", character=shown, word=word)
    surprise = strings("poem.surprise")
    if not part or any(each.startswith(part) for each in (SURPRISE, *_words(surprise))):
        found = {SURPRISE: surprise} | found
    return [app_commands.Choice(name=name, value=value) for value, name in found.items()][:_CHOICES]


def _words(text: str) -> Iterator[str]:
    """The words of a gloss, and the whole of it."""
    yield text.casefold()
    yield from text.casefold().split()
