"""Where `/retrain` reports, and a corpus that comes with it."""

import re
from collections.abc import Callable
from pathlib import Path

import discord
import pytest
import simcord

from bot.services.runs import RunState, Snapshot
from bot.ui.retrain_message import show_through
from tests.bot.conftest import MakeBundle, Rows
from tests.bot.world import Target, World, told, until

FORBIDDEN = "Only the bot's owner and the people they named in retrain.admins can retrain the poet."
STARTED = "Retraining begins. I'll go on answering, and report in the message here."
APART = "I'm not allowed to write in this channel, so I'll report to you by direct message."


def sent_to(user: simcord.UserHandle) -> list[discord.Message]:
    """What the bot wrote to a person, apart from answers."""
    return [message for message in user.dm_channel.history() if not message.flags.ephemeral]


def copy(bundle: Path) -> str:
    """A child that makes this bundle."""
    return f"shutil.copytree({str(bundle)!r}, out)"


async def forbid_writing(world: World, name: str = "send_messages") -> simcord.ChannelHandle:
    """A channel where the bot lacks a permission."""
    assert world.bot.user is not None
    deny: dict[Target, discord.PermissionOverwrite] = {world.bot.user: discord.PermissionOverwrite(**{name: False})}
    return world.guild.create_text_channel("quiet", overwrites=deny)


async def test_a_retraining_can_be_followed_in_direct_messages(world: World, child: Callable[[str], None]) -> None:
    child("wait()")
    assert told(await world.retrain(world.owner.user)) == STARTED
    assert [message.embeds[0].title for message in sent_to(world.owner.user)] == ["Retraining"]


class TestWhereTheBotMayNotWrite:
    @pytest.mark.parametrize("denied", ["send_messages", "view_channel"])
    async def test_it_says_so_before_it_starts_and_reports_by_direct_message(
        self, world: World, child: Callable[[str], None], made_bundle: MakeBundle, denied: str
    ) -> None:
        child(copy(made_bundle()))
        quiet = await forbid_writing(world, denied)
        assert told(await world.owner.slash(quiet, "retrain")).startswith(APART)
        [message] = sent_to(world.owner.user)
        await until(lambda: "is live now" in str(sent_to(world.owner.user)[0].embeds[0].description))
        [message] = sent_to(world.owner.user)
        assert len(message.attachments) == 1

    async def test_where_it_may_write_neither_there_nor_to_the_person_it_does_not_start(
        self, world: World, rows: Rows, child: Callable[[str], None]
    ) -> None:
        quiet = await forbid_writing(world)
        direct = world.owner.user.dm_channel
        world.env.inject_error(
            "POST",
            f"/channels/{direct.id}/messages",
            status=403,
            code=50007,
            message="Cannot send messages to this user",
        )
        answer = told(await world.owner.slash(quiet, "retrain"))
        assert answer.startswith("I can write neither in this channel nor to you.")
        assert rows("SELECT state FROM training_runs") == [("cancelled",)]
        child("wait()")
        assert told(await world.retrain(world.owner)) == STARTED

    async def test_where_it_may_not_attach_files_the_end_is_told_without_the_picture(
        self, world: World, child: Callable[[str], None], made_bundle: MakeBundle
    ) -> None:
        child("[step(n) for n in range(5)]; " + copy(made_bundle()))
        await world.retrain(world.owner)
        message = world.progress
        await until(lambda: "is live now" in world.status)
        # SimCord lets anyone who may write attach; Discord does not.
        show = show_through(world.bot, world.languages)
        world.env.inject_error(
            "PATCH",
            f"/channels/{world.channel.id}/messages/{message.id}",
            status=403,
            code=50013,
            message="Missing Permissions",
        )
        snapshot = Snapshot(
            1,
            RunState.ACCEPTED,
            1,
            channel_id=world.channel.id,
            message_id=message.id,
            version="v",
            history=({"loss": 1.0, "perplexity": 2.0},),
        )
        assert await show(snapshot)
        assert world.status == "Model v is live now."


class TestACorpusByUpload:
    async def test_what_was_kept_and_dropped_is_told_before_it_starts(
        self, world: World, child: Callable[[str], None], corpus_folder: Path, rows: Rows
    ) -> None:
        child("wait()")
        await world.restart(corpus=None)
        [file] = (corpus_folder / "全唐诗").glob("*.json")
        answer = told(await world.retrain(world.owner, file=("../../etc/passwd.json", file.read_bytes())))
        kept, *_, started = answer.splitlines()
        assert re.fullmatch(r"Kept: [\d,]+ poems \([\d,]+ characters\), [\d,]+ of them held back .*", kept)
        assert started == STARTED
        kinds = {path.name.split(".", 1)[1] for path in world.settings.model.folder.glob("*.*")}
        assert kinds - {"log"} == {"corpus", "plan.json"}
        assert rows("SELECT source FROM training_runs") == [("corpus",)]

    async def test_a_file_over_the_limit_is_refused_before_it_is_fetched(self, world: World, rows: Rows) -> None:
        await world.restart(upload_limit=0.5)
        answer = told(await world.retrain(world.owner, file=("mine.txt", b"x" * 600_000)))
        assert answer == "The file has 0.6 MiB, and I take at most 0.5. Send a part of it."
        assert rows("SELECT count(*) FROM training_runs") == [(0,)]

    async def test_an_archive_is_refused(self, world: World) -> None:
        answer = told(await world.retrain(world.owner, file=("mine.zip", b"PK\x03\x04" + b"x" * 100)))
        assert answer == "I don't open archives. Send the JSON or the text itself."

    async def test_a_strangers_file_is_not_even_looked_at(self, world: World) -> None:
        carol = world.env.create_user("carol")
        assert told(await world.retrain(carol, file=("mine.zip", b"PK\x03\x04"))) == FORBIDDEN

    async def test_an_interrupted_run_takes_no_other_corpus(self, world: World, corpus_folder: Path) -> None:
        [file] = (corpus_folder / "全唐诗").glob("*.json")
        answer = told(await world.retrain(world.owner, source="resume", file=("mine.json", file.read_bytes())))
        assert answer == "An interrupted retraining goes on as it began. Leave `epochs`, `minutes` and `file` out."
