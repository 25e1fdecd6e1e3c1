"""Forms (Discord calls them modals) that are known by their id alone.

What is typed into one takes as long as it takes: it is accepted after a restart too. So a form that is shown keeps
nothing in memory; all that it needs to know stands in its id.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar

import discord

from bot.ui.delivery import answer_with_form
from bot.ui.host import guarded


class KnownForm(discord.ui.Modal):
    """A form whose id matches its class's template; the client lists the class."""

    pattern: ClassVar[re.Pattern[str]]

    def __init_subclass__(cls, *, template: str) -> None:
        super().__init_subclass__()
        cls.pattern = re.compile(template)

    async def put_before(self, interaction: discord.Interaction) -> None:
        """Let whoever acts fill it in; the first answer of the interaction."""
        # discord.py keeps a form that is not stopped until it is handed in, and many never are.
        self.stop()
        await answer_with_form(interaction, self)

    @classmethod
    async def take(cls, interaction: discord.Interaction, found: re.Match[str], typed: Mapping[str, str]) -> None:
        """What is done with it; `found` in its id, `typed` by the ids of its fields; errors are answered."""
        raise NotImplementedError


async def take_form(interaction: discord.Interaction, forms: Collection[type[KnownForm]]) -> bool:
    """Answer a form that was handed in, where it is one of `forms`; returns whether it is."""
    if interaction.type is not discord.InteractionType.modal_submit:
        return False
    data: Any = interaction.data
    for form in forms:
        if found := form.pattern.fullmatch(data["custom_id"]):
            typed = dict(_fields(data["components"]))
            await guarded(form.take)(interaction, found, typed)
            return True
    return False


def _fields(component: Any) -> Iterator[tuple[str, str]]:
    """The fields that hold a text, at every depth; what a hand-made form holds besides is passed over."""
    if isinstance(component, list):
        for each in component:
            yield from _fields(each)
    elif isinstance(component, dict):
        name, value = component.get("custom_id"), component.get("value")
        if isinstance(name, str) and isinstance(value, str):
            yield name, value
        for inside in ("components", "component"):
            yield from _fields(component.get(inside))
