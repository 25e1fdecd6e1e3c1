import asyncio
import io
import json
import os
import zipfile
from datetime import timedelta

import discord
import pytest
import simcord

from bot.db.privacy_queries import PERSONAL
from bot.errors import BotError
from bot.services.runs import Wish
from bot.ui.privacy_message import export_file
from tests.bot.conftest import Rows
from tests.bot.forgery import forge_press
from tests.bot.world import Actor, World, embed_of, shown, told

UNKNOWN = "I don't remember this poem any more. Ask for a new one with /poem."


async def privacy(world: World, command: str, who: Actor | None = None) -> simcord.InteractionResult:
    """What someone, alice by default, gets for a `/privacy` command."""
    return await world.ask(who or world.alice, f"privacy {command}")


async def live(world: World) -> simcord.ResponseMessage:
    """Alice asks for two poems, keeps one of them, and so does bob; gives the message of the other."""
    kept, other = shown(await world.poem("月")), shown(await world.poem("山"))
    for person in (world.alice, world.bob):
        await person.click(kept, label="Favorite")
    return other


class Question:
    """What alice is asked before anything goes; each press changes the message."""

    def __init__(self, world: World, asked: simcord.InteractionResult) -> None:
        self._world = world
        self._asked = asked

    @classmethod
    async def ask(cls, world: World) -> "Question":
        """The first question."""
        return cls(world, await privacy(world, "delete"))

    @classmethod
    async def ask_again(cls, world: World) -> "Question":
        """The second question."""
        question = await cls.ask(world)
        await question.press("Delete everything…")
        return question

    async def press(self, label: str) -> simcord.InteractionResult:
        return await self._world.alice.click(shown(self._asked), label=label)

    @property
    def embed(self) -> discord.Embed:
        return embed_of(self._asked)

    @property
    def text(self) -> str:
        return str(self.embed.description)

    @property
    def labels(self) -> list[str]:
        return [button["label"] for row in shown(self._asked).components for button in row["components"]]


def everything(rows: Rows) -> list[list[tuple[object, ...]]]:
    return [rows(f"SELECT * FROM {table}") for table in ("poems", "favorites", "training_runs", "leases")]


async def test_show_says_what_is_stored_and_how_much_of_it(world: World) -> None:
    await live(world)
    text = str(embed_of(await privacy(world, "show")).description)
    assert "Poems you asked for: **2**" in text
    assert "Poems you keep (❤): **1**" in text
    assert "Trainings you started: **0**" in text
    assert "What a model has learned stays in it." in text
    assert "until the host deletes them" in text


async def test_one_who_was_never_here_is_told_of_nothing(world: World) -> None:
    await live(world)
    text = str(embed_of(await privacy(world, "show", world.owner)).description)
    assert text.count("**0**") == len(PERSONAL)


@pytest.mark.parametrize("command", ["show", "export", "delete"])
async def test_every_answer_is_for_the_person_alone(world: World, command: str) -> None:
    await live(world)
    result = await privacy(world, command)
    assert shown(result).ephemeral
    assert shown(result).id not in {message.id for message in world.seen_by(world.bob)}


@pytest.mark.parametrize("command", ["show", "export", "delete"])
async def test_every_command_works_in_direct_messages(world: World, command: str) -> None:
    await live(world)
    result = await privacy(world, command, world.alice.user)
    assert shown(result).ephemeral
    assert "**2**" in str(shown(result).embeds) or shown(result).attachments or embed_of(result).description


async def test_export_hands_over_a_file(world: World) -> None:
    await live(world)
    [file] = shown(await privacy(world, "export")).attachments
    assert file.filename == "shiren.json"
    content = json.loads(await file.read())
    assert content["user_id"] == str(world.alice.id)
    assert [poem["start"] for poem in content["poems"]] == ["月", "山"]
    assert [favorite["poem"]["start"] for favorite in content["favorites"]] == ["月"]
    assert str(world.bob.id) not in str(content)


def test_an_export_that_is_too_large_for_discord_is_packed() -> None:
    content = json.dumps(["月明山水長"] * 1000).encode()
    assert export_file(content, len(content)).filename == "shiren.json"
    packed = export_file(content, len(content) - 1)
    assert packed.filename == "shiren.zip"
    with zipfile.ZipFile(io.BytesIO(packed.fp.read())) as archive:
        assert archive.read("shiren.json") == content


def test_an_export_that_is_too_large_even_when_packed_is_refused() -> None:
    with pytest.raises(BotError) as caught:
        export_file(os.urandom(4096), 4096 - 1)
    assert caught.value.key == "privacy.too_large"


async def test_delete_asks_twice_before_anything_goes(world: World, rows: Rows) -> None:
    await live(world)
    before = everything(rows)
    question = await Question.ask(world)
    assert question.labels == ["Delete everything…"]
    assert "Poems you asked for: **2**" in question.text
    assert "others keep **1**" in question.text
    assert "Favorites of yours: **1**" in question.text
    await question.press("Delete everything…")
    # Pressing twice at the same place is no confirmation.
    assert question.labels == ["Keep everything", "Yes, delete everything"]
    assert question.embed.title == "Are you sure? It cannot be brought back."
    assert everything(rows) == before


async def test_the_second_question_counts_anew(world: World) -> None:
    await live(world)
    question = await Question.ask(world)
    await world.poem("水")
    await question.press("Delete everything…")
    assert "Poems you asked for: **3**" in question.text


async def test_whoever_confirms_twice_is_forgotten(world: World, rows: Rows) -> None:
    other = await live(world)
    question = await Question.ask_again(world)
    await question.press("Yes, delete everything")
    assert question.embed.title == "Done, it is deleted."
    assert question.text.splitlines() == [
        "- Poems deleted: **1**",
        "- Favorites deleted: **1**",
        "- Poems that stay with others, without your id: **1**",
        "- Trainings without your id: **0**",
    ]
    assert question.labels == []
    assert rows("SELECT start, user_id, guild_id FROM poems") == [("月", None, world.guild.id)]
    assert rows("SELECT user_id FROM favorites") == [(world.bob.id,)]
    for label in ("Favorite", "Another", "Delete"):
        assert told(await world.alice.click(other, label=label)) == UNKNOWN
    assert told(await privacy(world, "delete")) == "I store nothing about you, so there is nothing to delete."


async def test_a_poem_that_is_nobodys_stays_with_its_keepers_and_is_not_deleted_for_who_asked(world: World) -> None:
    kept = shown(await world.poem())
    await world.bob.click(kept, label="Favorite")
    await (await Question.ask_again(world)).press("Yes, delete everything")
    assert [field.name for field in embed_of(await world.favorites(world.bob)).fields] == ["1. 《月》"]
    await world.alice.click(kept, label="Delete")
    assert kept.id in {message.id for message in world.seen_by(world.bob)}
    assert embed_of(await world.bob.click(kept, label="Another")).title == "《月》"


async def test_one_who_thinks_better_of_it_keeps_everything(world: World, rows: Rows) -> None:
    await live(world)
    before = everything(rows)
    question = await Question.ask_again(world)
    await question.press("Keep everything")
    assert (question.embed.title, question.labels) == ("Nothing is deleted.", [])
    assert everything(rows) == before


async def test_the_questions_outlive_a_restart(world: World, rows: Rows) -> None:
    await live(world)
    question = await Question.ask(world)
    await world.restart()
    await question.press("Delete everything…")
    await world.restart()
    await question.press("Yes, delete everything")
    assert rows("SELECT count(*) FROM favorites WHERE user_id = ?", world.alice.id) == [(0,)]


async def test_a_question_that_is_too_old_deletes_nothing(world: World, rows: Rows) -> None:
    await live(world)
    before = everything(rows)
    question = await Question.ask_again(world)
    await world.env.advance_time(timedelta(minutes=5, seconds=2).total_seconds())
    for label in ("Yes, delete everything", "Keep everything"):
        assert told(await question.press(label)) == "This button is too old. Ask again with `/privacy delete`."
    assert everything(rows) == before


async def test_nobody_presses_anothers_button(world: World, rows: Rows) -> None:
    await live(world)
    poem = shown(await world.poem())
    before = everything(rows)
    for action in ("ask", "keep", "confirm"):
        custom_id = f"shiren:privacy:{action}:{world.alice.id}:99999999999"
        answer = told(await forge_press(world, world.bob, poem, custom_id, is_planted=True))
        assert answer == "This button is for somebody else. Yours comes with `/privacy delete`."
    assert everything(rows) == before


async def test_a_button_that_no_message_carries_deletes_nothing(world: World, rows: Rows) -> None:
    await live(world)
    poem = shown(await world.poem())
    before = everything(rows)
    custom_id = f"shiren:privacy:confirm:{world.alice.id}:99999999999"
    await forge_press(world, world.alice, poem, custom_id, is_planted=False)
    assert everything(rows) == before


async def test_whoever_has_a_training_under_way_is_told_to_wait(world: World, rows: Rows) -> None:
    await live(world)
    question = await Question.ask_again(world)
    await world.services.retraining.reserve(world.alice.id, world.channel.id, Wish())
    before = everything(rows)
    for result in (await privacy(world, "delete"), await question.press("Yes, delete everything")):
        assert told(result).startswith("A training of yours is under way")
    assert everything(rows) == before


async def test_a_deletion_that_cannot_be_written_is_not_confirmed(
    world: World, rows: Rows, logged_errors: list[str]
) -> None:
    await live(world)
    question = await Question.ask_again(world)
    await asyncio.to_thread(rows, "ALTER TABLE leases RENAME TO hidden")
    answer = told(await question.press("Yes, delete everything"))
    assert answer.startswith("I can't reach my notebook just now")
    assert rows("SELECT count(*) FROM favorites WHERE user_id = ?", world.alice.id) == [(1,)]
    await asyncio.to_thread(rows, "ALTER TABLE hidden RENAME TO leases")
    assert len(logged_errors) == 1
    logged_errors.clear()


async def test_a_training_without_its_person_is_listed_without_one(
    world: World, rows: Rows, logged_errors: list[str]
) -> None:
    rows(
        "INSERT INTO training_runs (id, user_id, channel_id, epochs, parent, state, started_at)"
        " VALUES (1, ?, 2, 1, 'm', 'candidate', '2026-01-01')",
        world.alice.id,
    )
    rows("INSERT INTO model_versions (version, folder, run_id, state) VALUES ('v', 'run-1', 1, 'candidate')")
    await (await Question.ask_again(world)).press("Yes, delete everything")
    fields = embed_of(await world.model("history")).fields
    [made] = [str(field.value) for field in fields if str(field.name).startswith("v ")]
    assert made.endswith("· From the corpus")
    assert "@" not in made
    assert not logged_errors
