"""Shiren among people: SimCord stands in for Discord, the database and the model are real."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache

import discord
import simcord

from bot.assembly import assemble
from bot.client import Shiren
from bot.config import Settings
from bot.i18n import Languages, Strings
from bot.services import Services
from bot.ui.card_press import CardPress
from bot.ui.fonts import Fonts, find_fonts

Actor = simcord.MemberActor | simcord.UserHandle

Target = (
    simcord.RoleHandle
    | simcord.MemberActor
    | simcord.UserHandle
    | discord.Role
    | discord.Member
    | discord.User
    | discord.ClientUser
)
"""Whom SimCord lets permissions be given to."""

Option = int | str | bool | tuple[str, bytes] | simcord.ChannelHandle
"""Of a command; a file is its name and what is in it."""

_DEADLINE = 120.0
"""Seconds after which something will not happen any more, on a busy machine too."""


async def until(condition: Callable[[], bool], deadline: float = _DEADLINE) -> None:
    """Wait for `condition`."""
    end = time.perf_counter() + deadline
    while not condition():
        assert time.perf_counter() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


def shown(result: simcord.InteractionResult) -> simcord.ResponseMessage:
    """The message that answers an interaction."""
    assert result.acknowledged
    assert not result.deferred, "the answer never came"
    assert result.response is not None
    return result.response


def told(result: simcord.InteractionResult) -> str:
    """The sentence that the person alone is answered with."""
    assert result.acknowledged
    [message] = result.followups or [shown(result)]
    assert message.ephemeral
    assert not message.embeds
    return message.content


def embed_of(result: simcord.InteractionResult) -> discord.Embed:
    """The embed that answers an interaction."""
    [embed] = shown(result).embeds
    return embed


@cache
def packaged_fonts() -> Fonts:
    """The fonts of the extra `card`, looked for once."""
    fonts = find_fonts(folders=())
    assert fonts is not None
    return fonts


class World:
    """A server with people and Shiren in it; `restart` puts a new bot on the same files."""

    def __init__(self, settings: Settings, languages: Languages | None = None) -> None:
        self.settings = settings
        self.languages = languages or Languages.load()
        self.fonts: Fonts | None = packaged_fonts()
        """What cards are drawn with from the next start on."""
        self._owner_ids: set[int] = set()
        self._running = AsyncExitStack()
        self._bots: list[Shiren] = []

    async def open(self) -> None:
        """Start Shiren, and let people in."""
        self.env = simcord.Env(await self._start(), shard_count=2)
        await self.env.start()
        self.guild = self.env.create_guild("Poets")
        self.channel = self.guild.create_text_channel("verse")
        administrator = self.guild.create_role("admin", permissions=discord.Permissions(administrator=True))
        self.alice = self.guild.add_member(self.env.create_user("alice"))
        self.bob = self.guild.add_member(self.env.create_user("bob"))
        self.admin = self.guild.add_member(self.env.create_user("admin"), roles=[administrator])
        self.owner = self.guild.add_member(self.env.create_user("owner"), roles=[administrator])
        self._owner_ids = {self.owner.id}
        self.bot.owner_ids = self._owner_ids

    @property
    def bot(self) -> Shiren:
        """The bot that is running."""
        return self._bots[-1]

    @property
    def strings(self) -> Strings:
        """The English strings."""
        return self.languages.default

    @property
    def services(self) -> Services:
        """Its services."""
        return self.bot.services

    async def restart(
        self, languages: Languages | None = None, test_guild: int | None = None, **retrain: object
    ) -> None:
        """Stop the bot and start a new one, with other strings or settings of `retrain` where they are given."""
        changed = self.settings.retrain.model_copy(update=retrain)
        self.settings = self.settings.model_copy(update={"retrain": changed})
        self.languages = languages or self.languages
        await self._running.aclose()
        await self.env.restart_bot(await self._start(test_guild))

    async def reconnect(self) -> None:
        """Put a new client on the services that are running."""
        await self.env.restart_bot(self._client(self.services))

    async def close(self) -> None:
        """Stop everything; raises what SimCord saw going wrong."""
        await self._running.aclose()
        await self.env.shutdown()
        for bot in self._bots:
            await bot.close()
        self.env.raise_errors()

    async def poem(self, start: str = "月", /, **options: int | str) -> simcord.InteractionResult:
        """What alice gets for `/poem`."""
        return await self.alice.slash(self.channel, "poem", start=start, **options)

    async def favorites(self, who: Actor | None = None, /, **options: Option) -> simcord.InteractionResult:
        """What someone, alice by default, gets for `/favorites`, in the channel or in direct messages."""
        return await self.ask(who or self.alice, "favorites", **options)

    async def retrain(self, who: Actor, **options: Option) -> simcord.InteractionResult:
        """What someone gets for `/retrain`, in the channel or in direct messages."""
        return await self.ask(who, "retrain", **options)

    async def model(self, command: str, who: Actor | None = None, /, **options: Option) -> simcord.InteractionResult:
        """What someone, the owner by default, gets for a `/model` command."""
        return await self.ask(who or self.owner, f"model {command}", **options)

    async def ask(self, who: Actor, command: str, /, **options: Option) -> simcord.InteractionResult:
        """What someone gets for a command, in the channel or in direct messages."""
        if isinstance(who, simcord.MemberActor):
            return await who.slash(self.channel, command, **options)
        result = await who.slash(command, **options)
        assert isinstance(result, simcord.InteractionResult)
        return result

    @property
    def progress(self) -> discord.Message:
        """The message in the channel that shows the retraining."""
        [message] = [
            message
            for message in self.channel.history()
            if message.embeds and message.embeds[0].title == "Retraining" and not message.flags.ephemeral
        ]
        return message

    @property
    def status(self) -> str:
        """What it says."""
        return str(self.progress.embeds[0].description)

    def seen_by(self, who: simcord.MemberActor) -> list[discord.Message]:
        """What a member sees in the channel."""
        return self.channel.history(viewer=who)

    async def _start(self, test_guild: int | None = None) -> Shiren:
        return self._client(await self._running.enter_async_context(assemble(self.settings)), test_guild)

    def _client(self, services: Services, test_guild: int | None = None) -> Shiren:
        press = CardPress(self.fonts) if self.fonts else None
        if press is not None:
            self._running.callback(press.close)
        bot = Shiren(
            services,
            self.languages,
            self.settings.retrain,
            test_guild=test_guild,
            owner_ids=self._owner_ids,
            press=press,
        )
        self._bots.append(bot)
        return bot
