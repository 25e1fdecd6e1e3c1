from types import SimpleNamespace
from typing import cast

import discord
import pytest

from bot.authority import may_retrain
from bot.config import RetrainSettings

NAMED = RetrainSettings(admins=frozenset({1}), admin_guilds=frozenset({10}))
NOBODY = RetrainSettings()


class Application:
    """A client whose application belongs to user 9."""

    async def is_owner(self, user: discord.abc.Snowflake) -> bool:
        return user.id == 9


def asked_by(
    user_id: int, guild_id: int | None, *, administrator: bool = False, bot: bool = False
) -> discord.Interaction:
    permissions = discord.Permissions(administrator=administrator)
    user = SimpleNamespace(id=user_id, bot=bot)
    asked = SimpleNamespace(user=user, guild_id=guild_id, permissions=permissions, client=Application())
    return cast(discord.Interaction, asked)


@pytest.mark.parametrize("guild_id", [None, 10, 11])
async def test_the_owner_and_whoever_is_named_may_anywhere(guild_id: int | None) -> None:
    assert await may_retrain(asked_by(1, guild_id), NAMED)
    assert await may_retrain(asked_by(9, guild_id), NAMED)
    assert await may_retrain(asked_by(9, guild_id), NOBODY)


@pytest.mark.parametrize("guild_id", [None, 10, 11])
async def test_a_stranger_may_nowhere(guild_id: int | None) -> None:
    assert not await may_retrain(asked_by(2, guild_id), NAMED)


async def test_an_administrator_may_in_a_server_that_is_named_alone() -> None:
    assert await may_retrain(asked_by(2, 10, administrator=True), NAMED)
    assert not await may_retrain(asked_by(2, 11, administrator=True), NAMED)
    assert not await may_retrain(asked_by(2, 10, administrator=True), NOBODY)


async def test_the_permissions_of_a_direct_message_count_for_nothing() -> None:
    assert not await may_retrain(asked_by(2, None, administrator=True), NAMED)


@pytest.mark.parametrize("user_id", [1, 2, 9])
async def test_a_bot_may_not_whoever_names_it(user_id: int) -> None:
    assert not await may_retrain(asked_by(user_id, 10, administrator=True, bot=True), NAMED)


async def test_whoever_was_named_once_may_not_when_the_name_is_gone() -> None:
    assert not await may_retrain(asked_by(1, 10), NOBODY)
