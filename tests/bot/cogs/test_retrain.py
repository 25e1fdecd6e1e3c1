from collections.abc import Callable
from pathlib import Path

import discord
import pytest
import simcord

from tests.bot.conftest import Rows
from tests.bot.world import World, embed_of, shown, told, until

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

FORBIDDEN = "Only the bot's owner and the people they named in retrain.admins can retrain the poet."
STARTED = "Retraining has begun. I'll go on answering, and report in the message here."
NO_CORPUS = "No corpus is configured."


def progress(world: World) -> discord.Message:
    """The message that shows the retraining."""
    [message] = [
        message
        for message in world.channel.history()
        if message.embeds and message.embeds[0].title == "Retraining" and not message.flags.ephemeral
    ]
    return message


def status(world: World) -> str:
    return str(progress(world).embeds[0].description)


@pytest.mark.usefixtures("eager")
async def test_a_retraining_ends_with_a_new_model_that_stays_after_a_restart(world: World) -> None:
    old = world.services.models.live_version
    assert told(await world.retrain(world.owner, epochs=1)) == STARTED
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {old}")
    await until(lambda: "is live now" in status(world))
    new = world.services.models.live_version
    assert new != old
    assert status(world).startswith(f"Model {new} is live now.\nHeld-back perplexity ")
    assert progress(world).components == []
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {new}")
    await world.restart()
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {new}")


async def test_the_progress_is_an_ordinary_message_that_is_edited(
    world: World, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)
    child("wait()")
    await world.retrain(world.owner, epochs=3)
    await until(lambda: "50 %" in status(world))
    assert status(world) == (
        "▰▰▰▰▰▰▰▰▱▱▱▱▱▱▱▱ 50 %\nEpoch 1 of 3 · loss 6.500\n"
        "1,234 characters/s · 1:15 left\nHeld-back perplexity before: 50.0"
    )
    [message] = world.seen_by(world.bob)
    assert message.id == progress(world).id
    edits = [request.path for request in world.env.http_requests if request.method == "PATCH"]
    assert f"/channels/{world.channel.id}/messages/{message.id}" in edits


async def test_others_are_answered_while_a_retraining_runs(world: World, child: Callable[[str], None]) -> None:
    child("wait()")
    await world.retrain(world.owner)
    poem = await world.poem()
    assert told(await world.bob.click(shown(poem), label="Favorite")).startswith("❤ Kept.")
    assert status(world) == "Reading the corpus…"


async def test_a_second_retraining_is_refused_while_one_is_under_way(
    world: World, child: Callable[[str], None]
) -> None:
    child("wait()")
    await world.retrain(world.owner)
    answer = told(await world.retrain(world.owner))
    assert answer == "A retraining is under way already. Wait until it ends, or cancel it first."
    assert len(world.seen_by(world.bob)) == 1


async def test_a_model_that_did_worse_is_refused_and_the_old_one_stays(
    world: World, child: Callable[[str], None], made_bundle: Callable[[float, float], Path]
) -> None:
    old = world.services.models.live_version
    child(f"shutil.copytree({str(made_bundle(10.0, 30.0))!r}, out)")
    await world.retrain(world.owner)
    await until(lambda: "the old one stays" in status(world))
    assert status(world).endswith("Held-back perplexity 10.0 → 30.0 (lower is better).")
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {old}")


async def test_a_training_that_fails_is_reported(
    world: World, child: Callable[[str], None], logged_errors: list[str]
) -> None:
    child("sys.exit('out of luck')")
    await world.retrain(world.owner)
    await until(lambda: status(world) != "Reading the corpus…")
    assert status(world) == "The training stopped with an error, so the old model stays. The bot's log says why."
    [line] = logged_errors
    assert line.endswith("ended with code 1: out of luck")
    logged_errors.clear()


async def test_the_message_says_interrupted_when_the_services_stop(world: World, child: Callable[[str], None]) -> None:
    child("wait()")
    await world.retrain(world.owner)
    await world.restart()
    assert status(world) == "Interrupted, because the bot was stopped. The old model stays."


async def test_without_a_corpus_one_sentence_says_where_to_get_it(world: World) -> None:
    await world.restart(corpus=None)
    answer = told(await world.retrain(world.owner))
    assert answer.startswith(NO_CORPUS)
    assert "https://github.com/chinese-poetry/chinese-poetry" in answer
    assert "`retrain.corpus`" in answer
    assert world.seen_by(world.bob) == []


async def test_a_corpus_that_is_not_there_is_named_by_its_setting(world: World, tmp_path: Path) -> None:
    await world.restart(corpus=tmp_path / "nowhere")
    assert told(await world.retrain(world.owner)).startswith("The folder in `retrain.corpus` of config.toml")


class TestWhoMay:
    """Without a corpus, whoever may retrain is told so; whoever may not learns nothing of it."""

    async def test_the_owner_may(self, world: World) -> None:
        await world.restart(corpus=None)
        assert told(await world.retrain(world.owner)).startswith(NO_CORPUS)
        assert told(await world.retrain(world.owner.user)).startswith(NO_CORPUS)

    async def test_a_stranger_may_not(self, world: World, rows: Rows) -> None:
        carol = world.env.create_user("carol")
        assert told(await world.retrain(carol)) == FORBIDDEN
        assert told(await world.retrain(world.alice.user)) == FORBIDDEN
        assert rows("SELECT count(*) FROM training_runs") == [(0,)]

    async def test_an_administrator_of_a_server_that_is_not_named_may_not(self, world: World, rows: Rows) -> None:
        await world.restart(admin_guilds=frozenset({world.guild.id + 1}))
        assert told(await world.retrain(world.admin)) == FORBIDDEN
        assert rows("SELECT count(*) FROM training_runs") == [(0,)]

    async def test_a_person_named_in_the_settings_may(self, world: World) -> None:
        await world.restart(corpus=None, admins=frozenset({world.alice.id, world.admin.id}))
        assert told(await world.retrain(world.alice.user)).startswith(NO_CORPUS)
        assert told(await world.retrain(world.admin)).startswith(NO_CORPUS)

    async def test_an_administrator_of_a_named_server_may_there_alone(self, world: World) -> None:
        await world.restart(corpus=None, admin_guilds=frozenset({world.guild.id}))
        assert told(await world.retrain(world.admin)).startswith(NO_CORPUS)
        assert told(await world.retrain(world.admin.user)) == FORBIDDEN

    async def test_a_plain_member_of_a_named_server_may_not(self, world: World) -> None:
        await world.restart(corpus=None, admin_guilds=frozenset({world.guild.id}))
        [command] = [each for each in await world.bot.tree.fetch_commands() if each.name == "retrain"]
        world.guild.set_command_permissions(command, {world.alice: True})
        assert told(await world.retrain(world.alice)) == FORBIDDEN

    async def test_discord_shows_the_command_to_administrators(self, world: World) -> None:
        assert "retrain" in world.admin.available_commands(world.channel)
        assert "retrain" not in world.alice.available_commands(world.channel)


@pytest.mark.parametrize("denied", ["send_messages", "view_channel"])
async def test_a_channel_where_the_bot_may_not_write_is_refused_and_the_place_is_free_again(
    world: World, rows: Rows, denied: str
) -> None:
    assert world.bot.user is not None
    deny: dict[Target, discord.PermissionOverwrite] = {world.bot.user: discord.PermissionOverwrite(**{denied: False})}
    quiet = world.guild.create_text_channel("quiet", overwrites=deny)
    for _ in range(2):
        answer = told(await world.owner.slash(quiet, "retrain"))
        assert answer.startswith("I'm not allowed to write in this channel.")
    assert rows("SELECT state FROM training_runs") == [("cancelled",)] * 2


async def test_a_failure_of_discord_gives_the_place_back(
    world: World, rows: Rows, logged_errors: list[str], child: Callable[[str], None]
) -> None:
    world.env.inject_error("POST", "/channels/*/messages", status=500, code=0, message="Server error")
    assert told(await world.retrain(world.owner)).startswith("Something went wrong on my side.")
    assert rows("SELECT state FROM training_runs") == [("cancelled",)]
    logged_errors.clear()
    child("wait()")
    assert told(await world.retrain(world.owner)) == STARTED


async def test_a_lost_connection_gives_the_place_back(
    world: World, monkeypatch: pytest.MonkeyPatch, logged_errors: list[str], child: Callable[[str], None]
) -> None:
    async def fail(*_: object, **__: object) -> discord.Message:
        raise ConnectionResetError("the line is dead")

    with monkeypatch.context() as patch:
        patch.setattr(discord.PartialMessageable, "send", fail)
        assert told(await world.retrain(world.owner)).startswith("Something went wrong on my side.")
    logged_errors.clear()
    child("wait()")
    assert told(await world.retrain(world.owner)) == STARTED


async def test_a_retraining_can_be_followed_in_direct_messages(world: World, child: Callable[[str], None]) -> None:
    child("wait()")
    assert told(await world.retrain(world.owner.user)) == STARTED
    messages = [message for message in world.owner.user.dm_channel.history() if not message.flags.ephemeral]
    assert [message.embeds[0].title for message in messages] == ["Retraining"]


@pytest.mark.parametrize("epochs", [0, 101])
async def test_discord_itself_refuses_other_numbers_of_epochs(world: World, epochs: int) -> None:
    with pytest.raises(simcord.OptionError):
        await world.retrain(world.owner, epochs=epochs)
