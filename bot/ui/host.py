"""What a component finds behind the client it is pressed on."""

import re
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, Self, cast

import discord

from bot.attendance import attending
from bot.authority import may_retrain
from bot.config import RetrainSettings
from bot.errors import BotError
from bot.i18n import DEFAULT_LANGUAGE, Language, Languages, Strings
from bot.observer import Observer, Outcome
from bot.services import Services
from bot.services.preferences import script_of
from bot.ui.card_press import CardPress
from bot.ui.delivery import acknowledge
from bot.ui.responses import answer_error, outcome_of
from poetry_model.script import Script, told_script


class Host(Protocol):
    """The client, as commands and components know it."""

    services: Services
    languages: Languages
    retrain_settings: RetrainSettings
    press: CardPress | None
    """Draws cards; None where no font was found."""
    observer: Observer


def host_of(interaction: discord.Interaction) -> Host:
    """The client of `interaction`."""
    return cast(Host, interaction.client)


async def language_of(interaction: discord.Interaction) -> Language:
    """What whoever acts reads: what they chose, else what their Discord has, else what their server chose."""
    preferences = host_of(interaction).services.preferences
    language = (await preferences.of_person(interaction.user.id)).language or Language.of_locale(interaction.locale)
    if language is None and interaction.guild_id is not None:
        language = (await preferences.of_guild(interaction.guild_id)).language
    return language or DEFAULT_LANGUAGE


async def strings_for(interaction: discord.Interaction) -> Strings:
    """The strings in the language of whoever acts, with the names that commands have in their Discord."""
    return host_of(interaction).languages(await language_of(interaction), Language.of_locale(interaction.locale))


async def strings_of_guild(host: Host, guild_id: int | None) -> Strings:
    """The strings for what is said to a whole server, by nobody's leave: its own language's, or the default."""
    chosen = await host.services.preferences.of_guild(guild_id) if guild_id is not None else None
    return host.languages((chosen and chosen.language) or DEFAULT_LANGUAGE)


async def script_for(interaction: discord.Interaction, typed: str = "") -> Script:
    """The script of a poem for whoever acts: that of what they `typed`, where it tells, else the one they read."""
    chosen = (await host_of(interaction).services.preferences.of_person(interaction.user.id)).script
    return told_script(typed) or chosen or script_of(await language_of(interaction))


_Parameters = ParamSpec("_Parameters")

Callback = Callable[Concatenate[discord.Interaction, _Parameters], Coroutine[Any, Any, None]]
"""What discord.py calls for a command: an interaction and the options."""


def guarded(callback: Callback[_Parameters]) -> Callback[_Parameters]:
    """A command's callback as discord.py may call it: within the limits, and with errors answered by a sentence."""

    @wraps(callback)
    async def run(interaction: discord.Interaction, /, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        act = partial(callback, interaction, *args, **kwargs)
        await _attend(interaction, interaction.guild_id, act, _name_of(interaction, callback))

    return run


async def _attend(
    interaction: discord.Interaction, guild_id: int | None, act: Callable[[], Awaitable[None]], name: str
) -> None:
    """Let the person in and `act`; an error is answered: a person's mistake is no failure of the bot."""
    host = host_of(interaction)
    with attending(interaction.id, name) as attendance:
        outcome = Outcome.FAILED
        try:
            async with host.services.admission.enter(interaction.user.id, guild_id):
                await act()
            outcome = Outcome.ANSWERED
        except Exception as error:  # noqa: BLE001 # the last place before silence
            outcome = outcome_of(error)
            await answer_error(interaction, error, await strings_for(interaction))
        finally:
            host.observer.attended(name, outcome, attendance.acknowledged, attendance.seconds)


async def attend_error(interaction: discord.Interaction, error: Exception) -> None:
    """Answer an error that discord.py met with before the command began."""
    name = _name_of(interaction, attend_error)
    with attending(interaction.id, name) as attendance:
        await answer_error(interaction, error, await strings_for(interaction))
    host_of(interaction).observer.attended(name, outcome_of(error), attendance.acknowledged, attendance.seconds)


def _name_of(interaction: discord.Interaction, callback: Callable[..., object]) -> str:
    """What is used, by one of few names, whatever was sent: a command's, or that of a component's or form's class."""
    owner = getattr(callback, "__self__", None)
    if owner is not None:
        return owner.__name__ if isinstance(owner, type) else type(owner).__name__
    try:
        command = interaction.command
    except Exception:  # noqa: BLE001 # see hand_made.py
        command = None
    return command.qualified_name if command else "unknown"


async def require_authority(interaction: discord.Interaction) -> None:
    """`BotError` for everyone but those who may retrain."""
    if not await may_retrain(interaction, host_of(interaction).retrain_settings):
        raise BotError("retrain.forbidden")


def owners_only(callback: Callback[_Parameters]) -> Callback[_Parameters]:
    """A guarded command for those who may retrain, answered to them alone.

    It counts for the person alone: a server's crowd cannot keep the owner from acting, nor a stranger try at will.
    """

    @wraps(callback)
    async def run(interaction: discord.Interaction, /, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> None:
        async def act() -> None:
            await acknowledge(interaction, private=True)
            await require_authority(interaction)
            await callback(interaction, *args, **kwargs)

        await _attend(interaction, None, act, _name_of(interaction, callback))

    return run


class GuardedItem:
    """Mixed in before `DynamicItem`: discord.py tells nobody of an error in its callback, so it is caught here."""

    async def callback(self, interaction: discord.Interaction) -> None:
        """What discord.py calls."""
        await guarded(self.act)(interaction)

    async def act(self, interaction: discord.Interaction) -> None:
        """What the component does; errors are answered."""
        raise NotImplementedError


class RowButton(GuardedItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template="shiren:button"):
    """A button that knows the id of its row in the database; a subclass's template names it `row_id`."""

    def __init__(self, row_id: int, strings: Strings) -> None:
        super().__init__(self.make(row_id, strings))
        self.row_id = row_id

    @classmethod
    def make(cls, row_id: int, strings: Strings) -> discord.ui.Button[Any]:
        """The button as Discord shows it."""
        raise NotImplementedError

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,
        item: discord.ui.Item[Any],  # noqa: ARG003 # discord.py's signature
        match: re.Match[str],
        /,
    ) -> Self:
        """The button that was pressed, perhaps before the bot was last started."""
        return cls(int(match["row_id"]), await strings_for(interaction))
