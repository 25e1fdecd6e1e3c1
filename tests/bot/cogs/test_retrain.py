import re
from collections.abc import Callable
from pathlib import Path

import discord
import pytest
import simcord

from poetry_model.checkpoint import load_bundle
from tests.bot.conftest import MakeBundle, Rows
from tests.bot.world import World, embed_of, shown, told, until

FORBIDDEN = "Only the bot's owner and the people they named in retrain.admins can retrain the poet."
STARTED = "Retraining begins. I'll go on answering, and report in the message here."
NO_CORPUS = "No corpus is configured."


def copy(bundle: Path) -> str:
    """A child that makes this bundle."""
    return f"shutil.copytree({str(bundle)!r}, out)"


@pytest.mark.usefixtures("eager")
async def test_a_retraining_ends_with_a_new_model_that_stays_after_a_restart(world: World) -> None:
    old = world.services.models.live_version
    assert told(await world.retrain(world.owner, epochs=1)) == STARTED
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {old}")
    await until(lambda: "is live now" in world.status)
    new = world.services.models.live_version
    assert new != old
    assert world.status.startswith(f"Model {new} is live now.\nHeld-back perplexity ")
    [embed] = world.progress.embeds
    assert len(embed.fields) == 5
    [picture] = world.progress.attachments
    assert (await picture.read()).startswith(b"\x89PNG")
    assert str(embed.image.url).endswith(picture.filename)
    assert world.progress.components == []
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {new}")
    await world.restart()
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {new}")


async def test_the_progress_is_an_ordinary_message_that_is_edited(
    world: World, child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.retraining._SHOW_EVERY", 0.0)
    monkeypatch.setattr("bot.services.retraining._PAUSE", 0.0)
    child("wait()")
    await world.retrain(world.owner, epochs=3)
    await until(lambda: "50 %" in world.status)
    assert world.status == (
        "▰▰▰▰▰▰▰▰▱▱▱▱▱▱▱▱ 50 %\nEpoch 1 of 3 · loss 6.500\n"
        "1,234 characters/s · 1:15 left\nHeld-back perplexity before: 50.0"
    )
    [message] = world.seen_by(world.bob)
    assert message.id == world.progress.id
    edits = [request.path for request in world.env.http_requests if request.method == "PATCH"]
    assert f"/channels/{world.channel.id}/messages/{message.id}" in edits


async def test_others_are_answered_while_a_retraining_runs(world: World, child: Callable[[str], None]) -> None:
    child("wait()")
    await world.retrain(world.owner)
    poem = await world.poem()
    assert told(await world.bob.click(shown(poem), label="Favorite")).startswith("❤ Kept.")
    assert world.status == "Reading the corpus…"


async def test_a_second_retraining_is_refused_while_one_is_under_way(
    world: World, child: Callable[[str], None]
) -> None:
    child("wait()")
    await world.retrain(world.owner)
    answer = told(await world.retrain(world.owner))
    assert re.fullmatch(
        rf"<@{world.owner.id}> started a retraining <t:\d+:R>\. Wait until it ends, or stop it with `/model cancel`\.",
        answer,
    )
    assert len(world.seen_by(world.bob)) == 1


async def test_a_model_that_falls_short_is_a_candidate_and_the_old_one_stays(
    world: World, child: Callable[[str], None], made_bundle: MakeBundle
) -> None:
    old = world.services.models.live_version
    bundle = made_bundle(10.0, 30.0, {"format": 1.0, "rhyme": 0.5, "metre": None, "copied_lines": 0.0})
    child(copy(bundle))
    await world.retrain(world.owner)
    await until(lambda: "the old one stays" in world.status)
    new = load_bundle(bundle).version
    assert world.status == (
        f"The new model {new} falls short, so the old one stays:\n"
        "• its held-back perplexity is 30.0, and at most 20.0 will do\n"
        "• 50.0% of its examination poems rhyme, and at least 97.0% must\n"
        f"`/model use {new} force:true` installs it all the same.\n"
        "Held-back perplexity 10.0 → 30.0 (lower is better)."
    )
    assert len(world.progress.attachments) == 1
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {old}")


async def test_a_training_that_fails_is_reported(
    world: World, child: Callable[[str], None], logged_errors: list[str]
) -> None:
    child("sys.exit('out of luck')")
    await world.retrain(world.owner)
    await until(lambda: world.status != "Reading the corpus…")
    assert world.status == (
        "The training stopped with an error, so the old model stays. The bot's log says why.\n"
        "Nothing was saved yet. Start again with `/retrain`."
    )
    [line] = logged_errors
    assert line.endswith("ended with code 1: out of luck")
    logged_errors.clear()


async def test_what_the_trainer_cannot_use_is_told_in_its_own_words(
    world: World, child: Callable[[str], None], logged_errors: list[str]
) -> None:
    child("print('a warning', file=sys.stderr); print('There is no verse; use more.', file=sys.stderr); sys.exit(2)")
    await world.retrain(world.owner)
    await until(lambda: world.status != "Reading the corpus…")
    assert world.status.startswith("The training stopped, so the old model stays: There is no verse; use more\\.\n")
    logged_errors.clear()


async def test_the_message_says_interrupted_when_the_services_stop(world: World, child: Callable[[str], None]) -> None:
    child("os.mkdir(out + '.partial'); wait()")
    await world.retrain(world.owner)
    await until(lambda: bool(list(world.settings.model.folder.glob("*.partial"))))
    await world.restart()
    assert world.status == (
        "Interrupted. The old model stays.\n`/retrain source:resume` goes on from where it was saved."
    )


async def test_a_message_of_a_bot_that_was_killed_is_brought_up_to_date(
    world: World, child: Callable[[str], None], rows: Rows
) -> None:
    child("os.mkdir(out + '.partial'); wait()")
    await world.retrain(world.owner)
    await until(lambda: bool(list(world.settings.model.folder.glob("*.partial"))))
    await world.restart()
    # As a bot leaves it that is killed in the middle.
    await world.progress.edit(embed=discord.Embed(title="Retraining", description="50 %"))
    rows("UPDATE training_runs SET state = 'running', finished_at = NULL, told = FALSE")
    await world.restart()
    await until(lambda: world.status.startswith("Interrupted."))
    assert world.status.endswith("`/retrain source:resume` goes on from where it was saved.")
    assert world.progress.components == []


async def test_an_interrupted_run_goes_on_in_a_message_of_its_own(
    world: World, child: Callable[[str], None], made_bundle: MakeBundle, rows: Rows
) -> None:
    child("os.mkdir(out + '.partial'); wait()")
    await world.retrain(world.owner, note="second thoughts")
    await until(lambda: bool(list(world.settings.model.folder.glob("*.partial"))))
    await world.restart()
    child(copy(made_bundle()))
    assert told(await world.retrain(world.owner, source="resume")) == STARTED
    await until(lambda: rows("SELECT state FROM training_runs") == [("accepted",)])
    earlier, later = sorted(world.seen_by(world.bob), key=lambda message: message.id)
    await until(lambda: "is live now" in str(world.seen_by(world.bob)[-1].embeds[0].description))
    assert str(earlier.embeds[0].description).startswith("Interrupted.")
    assert str(later.embeds[0].footer.text) == "From the corpus · second thoughts"


async def test_without_a_corpus_one_sentence_says_where_to_get_it(world: World) -> None:
    await world.restart(corpus=None)
    answer = told(await world.retrain(world.owner))
    assert answer.startswith(NO_CORPUS)
    assert "`python -m poetry_model corpus download chinese-poetry`" in answer
    assert "`retrain.corpus`" in answer
    assert world.seen_by(world.bob) == []


async def test_a_corpus_that_is_not_there_is_named_by_its_setting(world: World, tmp_path: Path) -> None:
    await world.restart(corpus=tmp_path / "nowhere")
    assert told(await world.retrain(world.owner)).startswith("The folder in `retrain.corpus` of config.toml")


@pytest.mark.usefixtures("eager")
async def test_the_taste_of_people_is_learned_compared_and_taken_back_without_a_restart(
    world: World, rows: Rows
) -> None:
    old = world.services.models.live_version
    for start in "月山水風春":
        await world.bob.click(shown(await world.poem(start)), label="Favorite")
    await world.retrain(world.owner, source="favorites", minutes=1, epochs=2)
    await until(lambda: "is live now" in world.status)
    new = world.services.models.live_version
    compared = embed_of(await world.model("compare", a=old, b=new))
    assert [str(field.name).split(" · ")[-1] for field in compared.fields[:2]] == [old, new]
    assert told(await world.model("rollback")).startswith(f"Model {old} is live again")
    assert str(embed_of(await world.poem()).footer.text).endswith(f"Model {old}")
    assert rows("SELECT source, minutes, epochs, state FROM training_runs") == [("favorites", 1.0, 2, "accepted")]


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


async def test_the_favorites_of_people_are_learned_from(world: World, child: Callable[[str], None], rows: Rows) -> None:
    answer = told(await world.retrain(world.owner, source="favorites"))
    assert answer == "Nobody has kept a poem yet that I could learn from. Press ❤ under a few first."
    await world.bob.click(shown(await world.poem()), label="Favorite")
    child("wait()")
    assert told(await world.retrain(world.owner, source="favorites", minutes=2)) == STARTED
    assert rows("SELECT source, minutes FROM training_runs") == [("favorites", 2.0)]
    assert world.progress.embeds[0].footer.text == "From the corpus and people's favorites"


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


async def test_a_run_that_lost_its_place_before_it_began_leaves_no_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(*_: object) -> bool:
        return False

    monkeypatch.setattr("bot.services.lease.Lease.renew", lose)
    assert told(await world.retrain(world.owner)) == "This retraining has ended already."
    assert world.seen_by(world.bob) == []


@pytest.mark.parametrize("epochs", [0, 101])
async def test_discord_itself_refuses_other_numbers_of_epochs(world: World, epochs: int) -> None:
    with pytest.raises(simcord.OptionError):
        await world.retrain(world.owner, epochs=epochs)
