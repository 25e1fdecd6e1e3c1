"""The discord.py client: what it knows, how it starts, and the one path of errors."""

import logging
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.favorites import favorites_command
from bot.cogs.model import model_commands
from bot.cogs.poem import poem_command
from bot.cogs.privacy import privacy_commands
from bot.cogs.retrain import retrain_command
from bot.config import RetrainSettings
from bot.i18n import Strings
from bot.services import Services
from bot.ui.favorites_page import FAVORITES_ITEMS
from bot.ui.hand_made import is_fit, refuse_strays
from bot.ui.poem_message import POEM_BUTTONS
from bot.ui.privacy_message import PRIVACY_BUTTONS
from bot.ui.responses import answer_error
from bot.ui.retrain_message import RETRAIN_BUTTONS, show_through

_log = logging.getLogger(__name__)


_ITEMS = (*POEM_BUTTONS, *FAVORITES_ITEMS, *RETRAIN_BUTTONS, *PRIVACY_BUTTONS)
"""Every component of every message, known by its id alone, so that it works after a restart."""


class _Tree(app_commands.CommandTree["Shiren"]):
    async def interaction_check(self, interaction: discord.Interaction["Shiren"], /) -> bool:
        return await is_fit(interaction)

    async def on_error(
        self, interaction: discord.Interaction["Shiren"], error: app_commands.AppCommandError, /
    ) -> None:
        await answer_error(interaction, error, interaction.client.strings)


class Shiren(commands.AutoShardedBot):
    """The bot. Everything it needs is handed to it; nothing is read at import."""

    def __init__(
        self,
        services: Services,
        strings: Strings,
        retrain_settings: RetrainSettings,
        *,
        test_guild: int | None = None,
        owner_ids: Collection[int] = (),
    ) -> None:
        """`owner_ids`: for where the application cannot be asked for its owner; `test_guild`: see the settings."""
        super().__init__(
            command_prefix=commands.when_mentioned,
            tree_cls=_Tree,
            help_command=None,
            # Slash commands and buttons need no message content and no member list.
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            owner_ids=owner_ids or None,
        )
        self.services = services
        self.strings = strings
        self.retrain_settings = retrain_settings
        self._test_guild = discord.Object(test_guild) if test_guild else None

    async def setup_hook(self) -> None:
        """Once, before the gateway: components of old messages, commands, and their synchronisation."""
        self.add_dynamic_items(*_ITEMS)
        for make in (poem_command, favorites_command, retrain_command, model_commands, privacy_commands):
            self.tree.add_command(make(self.strings), guild=self._test_guild)
        await self.sync_commands()
        self.services.retraining.attach(show_through(self, self.strings))

    async def sync_commands(self) -> bool:
        """Register the commands, only when they differ from what Discord has; returns whether they did."""
        # As Discord says it: discord.py 2.7 reads contexts and installation types back incompletely (its issue 10525).
        application = self.application_id or 0
        registered: Sequence[Mapping[str, Any]] = (
            await self.http.get_global_commands(application)
            if self._test_guild is None
            else await self.http.get_guild_commands(application, self._test_guild.id)
        )
        wanted = [command.to_dict(self.tree) for command in self.tree.get_commands(guild=self._test_guild)]
        # Contexts and installation types belong to global commands alone.
        unsaid = _UNSAID if self._test_guild is None else _UNSAID | {"contexts", "integration_types"}
        if _comparable(registered, unsaid) == _comparable(wanted, unsaid):
            return False
        await self.tree.sync(guild=self._test_guild)
        _log.info("Commands registered: %s", ", ".join(sorted(command["name"] for command in wanted)))
        return True

    async def on_interaction(self, interaction: discord.Interaction["Shiren"]) -> None:
        """Answer what no command and no component answers for."""
        await refuse_strays(interaction, _ITEMS)

    async def on_ready(self) -> None:
        """Say where the bot is."""
        _log.info("Ready as %s in %d servers", self.user, len(self.guilds))


_UNSAID = frozenset(
    {"id", "application_id", "guild_id", "version", "dm_permission", "default_permission", "default_member_permissions"}
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
        return {key: item for key, item in kept.items() if item not in (None, False, [], {})}
    if isinstance(value, list):
        return [_pruned(item, unsaid) for item in value]
    return value
