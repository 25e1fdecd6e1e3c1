"""The discord.py client: what it knows, how it starts, and the one path of errors."""

import logging
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.daily import daily_commands
from bot.cogs.favorites import favorites_command
from bot.cogs.help import about_command, help_command
from bot.cogs.linked import linked_command
from bot.cogs.model import model_commands
from bot.cogs.poem import acrostic_command, continue_command, poem_command
from bot.cogs.poem_menus import keep_menu, metre_menu, reading_menu
from bot.cogs.privacy import privacy_commands
from bot.cogs.retrain import retrain_command
from bot.cogs.settings import settings_command
from bot.cogs.top import top_command
from bot.config import RetrainSettings, ShardSettings
from bot.i18n import CommandTranslator, Languages
from bot.observer import Observer
from bot.services import Services
from bot.ui.card_message import CARD_ITEMS
from bot.ui.card_press import CardPress
from bot.ui.daily_message import DailyPost
from bot.ui.favorites_page import FAVORITES_ITEMS
from bot.ui.forms import take_form
from bot.ui.hand_made import is_fit, refuse_strays
from bot.ui.help_message import HELP_ITEMS
from bot.ui.host import attend_error
from bot.ui.linked_message import LINKED_BUTTONS, LINKED_FORMS
from bot.ui.poem_message import POEM_BUTTONS
from bot.ui.privacy_message import PRIVACY_BUTTONS
from bot.ui.retrain_message import RETRAIN_BUTTONS, show_through
from bot.ui.settings_message import SETTINGS_ITEMS
from bot.ui.top_message import TOP_ITEMS

_log = logging.getLogger(__name__)


_ITEMS = (
    *POEM_BUTTONS,
    *CARD_ITEMS,
    *FAVORITES_ITEMS,
    *TOP_ITEMS,
    *RETRAIN_BUTTONS,
    *PRIVACY_BUTTONS,
    *LINKED_BUTTONS,
    *SETTINGS_ITEMS,
    *HELP_ITEMS,
)
"""Every component of every message, known by its id alone, so that it works after a restart."""

_FORMS = LINKED_FORMS
"""Every form that is shown to be filled in, known by its id alone as well."""


class _Tree(app_commands.CommandTree["Shiren"]):
    async def interaction_check(self, interaction: discord.Interaction["Shiren"], /) -> bool:
        return await is_fit(interaction)

    async def on_error(
        self, interaction: discord.Interaction["Shiren"], error: app_commands.AppCommandError, /
    ) -> None:
        await attend_error(interaction, error)


class Shiren(commands.AutoShardedBot):
    """The bot. Everything it needs is handed to it; nothing is read at import."""

    def __init__(
        self,
        services: Services,
        languages: Languages,
        retrain_settings: RetrainSettings,
        *,
        test_guild: int | None = None,
        owner_ids: Collection[int] = (),
        press: CardPress | None = None,
        observer: Observer | None = None,
        shards: ShardSettings | None = None,
    ) -> None:
        """`owner_ids`: for where the application cannot be asked for its owner; the rest: see the settings."""
        shards = shards or ShardSettings()
        super().__init__(
            command_prefix=commands.when_mentioned,
            tree_cls=_Tree,
            help_command=None,
            # Slash commands and buttons need no message content and no member list.
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            # To a server and to a person, who then has it everywhere: what belongs to a server says so itself.
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            owner_ids=owner_ids or None,
            shard_count=shards.count or None,
        )
        self.shard_ids = list(shards.ids) or None
        self.services = services
        self.languages = languages
        self.retrain_settings = retrain_settings
        self.press = press
        self.observer = observer or Observer()
        self._test_guild = discord.Object(test_guild) if test_guild else None

    async def setup_hook(self) -> None:
        """Once, before the gateway: components of old messages, commands, and their synchronisation."""
        self.add_dynamic_items(*_ITEMS)
        for make in (
            poem_command,
            acrostic_command,
            continue_command,
            linked_command,
            favorites_command,
            top_command,
            daily_commands,
            keep_menu,
            metre_menu,
            reading_menu,
            settings_command,
            help_command,
            about_command,
            retrain_command,
            model_commands,
            privacy_commands,
        ):
            self.tree.add_command(make(self.languages.default), guild=self._test_guild)
        await self.tree.set_translator(CommandTranslator(self.languages))
        await self.sync_commands()
        self.services.retraining.attach(show_through(self, self.languages))
        self.services.daily.attach(DailyPost(self, self))

    async def sync_commands(self) -> bool:
        """Register the commands, only when they differ from what Discord has; returns whether they did.

        Of processes that start together one does it, and the others find it done.
        """
        async with self.services.registering.turn():
            return await self._sync_commands()

    async def _sync_commands(self) -> bool:
        # As Discord says it: discord.py 2.7 reads contexts and installation types back incompletely (its issue 10525).
        # Its own requests leave the languages out, which Discord does not say unasked.
        path = f"/applications/{self.application_id}" + (f"/guilds/{self._test_guild.id}" if self._test_guild else "")
        registered: Sequence[Mapping[str, Any]] = await self.http.request(
            discord.http.Route("GET", f"{path}/commands"), params={"with_localizations": "true"}
        )
        translator = CommandTranslator(self.languages)
        wanted = [
            await command.get_translated_payload(self.tree, translator)
            for command in self.tree.get_commands(guild=self._test_guild)
        ]
        # Contexts and installation types belong to global commands alone.
        unsaid = _UNSAID if self._test_guild is None else _UNSAID | {"contexts", "integration_types"}
        if _comparable(registered, unsaid) == _comparable(wanted, unsaid):
            return False
        await self.tree.sync(guild=self._test_guild)
        _log.info("Commands registered: %s", ", ".join(sorted(command["name"] for command in wanted)))
        return True

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Begin no session within five seconds of another, whichever process began that."""
        if self.shard_ids is None:
            await super().before_identify_hook(shard_id, initial=initial)
        else:
            await self.services.identifying.pace(_IDENTIFY_SECONDS)

    async def on_interaction(self, interaction: discord.Interaction["Shiren"]) -> None:
        """Take the forms that are handed in, and answer what no command, component or form answers for."""
        if not await take_form(interaction, _FORMS):
            await refuse_strays(interaction, _ITEMS)

    async def on_ready(self) -> None:
        """Say where the bot is."""
        _log.info("Ready as %s in %d servers", self.user, len(self.guilds))


_IDENTIFY_SECONDS = 5.5
"""Discord lets a bot begin one session in five seconds, and counts from when it hears of it. Very large bots may begin
several at once (`max_concurrency`); they start more slowly than they might."""

_UNSAID = frozenset(
    {
        *("id", "application_id", "guild_id", "version"),
        *("dm_permission", "default_permission", "default_member_permissions"),
        *("name_localized", "description_localized"),
    }
)
"""What Discord adds by itself, and what it says in another way than it is told."""


def _comparable(commands: Sequence[Mapping[str, Any]], unsaid: AbstractSet[str]) -> list[Any]:
    """Commands in one shape, whether Discord said them or we did."""
    return sorted(
        ((command["name"], _permissions(command), _pruned(command, unsaid)) for command in commands),
        key=lambda command: str(command[0]),
    )


def _permissions(command: Mapping[str, Any]) -> int | None:
    """Discord says them as a string."""
    permissions = command.get("default_member_permissions")
    return None if permissions is None else int(permissions)


def _pruned(value: Any, unsaid: AbstractSet[str]) -> Any:
    """Without `unsaid`, and without what says nothing (None, False, empty), at every depth."""
    if isinstance(value, Mapping):
        kept = {key: _pruned(item, unsaid) for key, item in value.items() if key not in unsaid}
        return {key: item for key, item in kept.items() if item not in (None, False, "", [], {})}
    if isinstance(value, list):
        return [_pruned(item, unsaid) for item in value]
    return value
