"""Nobody gets anything done, or broken, by what Discord's own clients would not send."""

import logging
import re
from collections.abc import Callable
from typing import Any, cast

import discord
import pytest
import simcord
from discord import app_commands

from bot.client import _ITEMS
from bot.i18n import Strings
from bot.ui.poem_message import POEM_BUTTONS
from bot.ui.responses import describe
from poetry_model.poem import PoemRequest
from tests.bot.conftest import Rows
from tests.bot.forgery import File, Forged, forge_command, forge_form, forge_press
from tests.bot.world import World, embed_of, shown, told

OPTIONS = "I can't take these options. Type the command anew, and choose from what Discord offers."
COMMAND = "This command has changed since Discord learned of it. Reload Discord, and type it anew."
COMPONENT = "This button or menu is no longer in use. Type the command anew."
UNKNOWN = "I don't remember this poem any more. Ask for a new one with /poem."
EVERYTHING = "n0::::"
"""What a page of favorites says in its ids where nothing is looked for."""

NOT_YOURS = "These are another person's favorites. Type /favorites to see your own."
OVER = "This retraining has ended already."

HUGE = 10**30

ACTIONS = tuple(button.action for button in POEM_BUTTONS)


OPTIONS_OF_A_POEM: dict[str, dict[str, object]] = {
    "a form that is not offered": {"form": 6},
    "a form in letters": {"form": "5"},
    "a form with a point": {"form": 5.0},
    "a style that is not offered": {"style": "x"},
    "a style in figures": {"style": 1},
    "no line": {"lines": 0},
    "less than none": {"lines": -4},
    "a billion lines": {"lines": 10**9},
    "more lines than a database can count": {"lines": HUGE},
    "lines that are true": {"lines": True},
    "lines that are nothing": {"lines": Forged(4, None)},
    "lines in a list": {"lines": Forged(4, [4])},
    "a number that is none": {"lines": Forged(10, "x")},
    "a start in figures": {"start": 7},
    "an empty start": {"start": ""},
    "a start over the limit": {"start": "月" * 101},
    "a start of a million characters": {"start": "月" * 1_000_000},
    "a start that is an object": {"start": Forged(3, {"a": "月"})},
    "a person for a start": {"start": Forged(6, "1")},
    "a file for a start": {"start": Forged(11, "x")},
    "an option that there is not": {"other": "月"},
    "an option with a name of Python's": {"__class__": "月"},
}

OPTIONS_OF_A_RETRAINING: dict[str, dict[str, object]] = {
    "a source that is not offered": {"source": "elsewhere"},
    "no epoch": {"epochs": 0},
    "a billion epochs": {"epochs": 10**9},
    "less than no time": {"minutes": -1},
    "minutes in letters": {"minutes": "5"},
    "a note over the limit": {"note": "長" * 201},
    "a note in figures": {"note": 5},
    "a text for a file": {"file": "x"},
    "a file that was not sent": {"file": Forged(11, "5")},
    "a file without a number": {"file": Forged(11, "x")},
    "a person for a file": {"file": Forged(6, "5")},
}

OPTIONS_OF_OTHERS: dict[str, tuple[str, dict[str, object]]] = {
    "no start": ("poem", {}),
    "no version": ("model use", {}),
    "a force in letters": ("model use", {"version": "x", "force": "yes"}),
    "a version over the limit": ("model use", {"version": "x" * 65}),
    "one version of two": ("model compare", {"a": "x"}),
    "an option where there is none": ("favorites", {"user": "1"}),
}


class TestOptions:
    async def test_a_poem_with_options_that_are_not_offered_is_refused(self, world: World, rows: Rows) -> None:
        for what, options in OPTIONS_OF_A_POEM.items():
            result = await forge_command(world, world.alice, "poem", {"start": "月"} | options)
            assert told(result) == OPTIONS, what
        assert rows("SELECT count(*) FROM poems") == [(0,)]
        assert world.seen_by(world.bob) == []

    async def test_a_retraining_with_options_that_are_not_offered_is_refused_to_its_owner_too(
        self, world: World, rows: Rows
    ) -> None:
        for what, options in OPTIONS_OF_A_RETRAINING.items():
            assert told(await forge_command(world, world.owner, "retrain", options)) == OPTIONS, what
        assert rows("SELECT count(*) FROM training_runs") == [(0,)]

    async def test_what_is_missing_or_of_another_type_is_refused(self, world: World) -> None:
        for what, (command, options) in OPTIONS_OF_OTHERS.items():
            assert told(await forge_command(world, world.owner, command, options)) == OPTIONS, what

    async def test_what_is_offered_passes(self, world: World) -> None:
        options = {"start": "月", "form": 7, "lines": 16, "style": "free"}
        assert embed_of(await forge_command(world, world.alice, "poem", options)).title == "《月》"
        result = await forge_command(world, world.owner, "retrain", {"file": File("a.zip", b"PK\x03\x04")})
        assert told(result) == "I don't open archives. Send the JSON or the text itself."


class TestCommands:
    async def test_a_command_that_there_is_not_is_answered_in_one_sentence(self, world: World) -> None:
        for name in ("no", "model", "model no", "model use no", "poem no", "retrain start", "favorites 1"):
            assert told(await forge_command(world, world.owner, name)) == COMMAND, name
        for kind in (2, 3):
            result = await forge_command(world, world.owner, "retrain", type=kind, target_id="1")
            assert told(result) == COMMAND

    async def test_whatever_is_typed_into_a_version_is_answered_with_choices(self, world: World) -> None:
        for typed in (5, 0.5, "x" * 10_000, "\ud800x", Forged(3, None), Forged(3, ["a"])):
            result = await forge_command(world, world.owner, "model use", {"version": typed}, typing="version")
            assert result.autocomplete_choices == []

    async def test_what_cannot_be_completed_is_passed_over(self, world: World) -> None:
        for name, option in (("no", "x"), ("poem", "seed"), ("model use", "force"), ("model use", "x")):
            result = await forge_command(world, world.owner, name, {option: "x"}, typing=option)
            assert not result.acknowledged

    async def test_a_failure_while_somebody_types_offers_nothing(
        self, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail(_: object) -> None:
            raise RuntimeError("the secret of the house")

        monkeypatch.setattr("bot.services.versions.Versions.all", fail)
        assert await world.owner.autocomplete(world.channel, "model use", "version", "x") == []
        assert caplog.messages[-1] == "An autocompletion could not be answered: RuntimeError"

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (app_commands.CommandNotFound("x", []), COMMAND),
            (app_commands.AppCommandError("no"), COMMAND),
            (
                app_commands.TransformerError("x", discord.AppCommandOptionType.string, app_commands.Transformer()),
                OPTIONS,
            ),
            (app_commands.CheckFailure("no"), "That is not for you to do here."),
            (app_commands.NoPrivateMessage(), "That is not for you to do here."),
            (app_commands.MissingPermissions(["administrator"]), "That is not for you to do here."),
        ],
    )
    def test_whatever_discord_py_refuses_has_its_sentence(
        self, strings: Strings, error: Exception, sentence: str
    ) -> None:
        assert describe(error, strings) == sentence


STRAYS = [
    "",
    "x",
    "shiren",
    "shiren:",
    "shiren:button",
    "shiren:poem",
    "shiren:drop:1",
    "shiren:favorite:",
    "shiren:favorite:-1",
    "shiren:favorite:x",
    "shiren:favorite:1 ",
    "shiren:favorite:1\n",
    " shiren:favorite:1",
    "shiren:favorite:１",
    f"shiren:favorite:{HUGE}",
    "SHIREN:favorite:1",
    "shiren:delete:1:1",
    "shiren:delete:0x1",
    "shiren:card:1:1",
    "shiren:card:light:plain:1",
    "shiren:card:blue:plain:1:1",
    "shiren:card:drop:1:x",
    f"shiren:card:dark:marks:1:{HUGE}",
    "shiren:retrain:cancel:-1",
    f"shiren:retrain:cancel:{HUGE}",
    "shiren:retrain:start:1",
    "shiren:favorites:page:1",
    "shiren:favorites:page:-1:n0::::",
    f"shiren:favorites:page:{HUGE}:n0::::",
    "shiren:favorites:page:1:n0::::\n",
    "shiren:favorites:page:1:n0:::a:",
    "shiren:favorites:page:1:n0::::%",
    "shiren:favorites:remove:x:n0::::",
    "shiren:favorites:undo:1:1",
    "shiren:favorites:export:x0::::",
    "shiren:favorites:file:exe:n0::::",
    "shiren:favorites:open:x",
    "shiren:top:page:month:1000",
    "shiren:top:since:today",
    f"shiren:top:open:{HUGE}",
]


class TestComponents:
    @pytest.mark.parametrize("is_planted", [True, False])
    async def test_an_id_that_no_component_has_is_refused(self, world: World, rows: Rows, *, is_planted: bool) -> None:
        message = shown(await world.poem())
        for custom_id in STRAYS:
            result = await forge_press(world, world.owner, message, custom_id, is_planted=is_planted)
            assert told(result) == COMPONENT, custom_id
        assert rows("SELECT count(*) FROM favorites") == [(0,)]
        assert [each.id for each in world.seen_by(world.bob)] == [message.id]

    async def test_the_id_of_another_poem_does_nothing_in_a_message_that_does_not_carry_it(
        self, world: World, rows: Rows
    ) -> None:
        mine, others = shown(await world.poem()), shown(await world.bob.slash(world.channel, "poem", start="山"))
        for action in ACTIONS:
            result = await forge_press(world, world.alice, others, f"shiren:{action}:1", is_planted=False)
            assert told(result) == COMPONENT
        assert [each.id for each in world.seen_by(world.admin)] == [mine.id, others.id]
        assert rows("SELECT count(*) FROM favorites") == [(0,)]

    async def test_a_menu_that_is_pressed_as_a_button_does_nothing(self, world: World) -> None:
        await world.alice.click(shown(await world.poem()), label="Favorite")
        page = shown(await world.favorites())
        result = await forge_press(
            world, world.alice, page, f"shiren:favorites:remove:1:{EVERYTHING}", is_planted=False
        )
        assert told(result) == COMPONENT

    async def test_the_id_of_no_poem_is_answered_in_one_sentence(self, world: World, rows: Rows) -> None:
        message = shown(await world.poem())
        for action in ACTIONS:
            for poem_id in (0, 2, 10**17, 10**18 - 1):
                result = await forge_press(world, world.alice, message, f"shiren:{action}:{poem_id}")
                assert told(result) == UNKNOWN
        assert rows("SELECT count(*) FROM favorites") == [(0,)]
        assert [each.id for each in world.seen_by(world.bob)] == [message.id]

    async def test_a_poem_of_direct_messages_is_nobody_else_s_to_see(self, world: World, rows: Rows) -> None:
        await world.alice.user.slash("poem", start="春")
        message = shown(await world.poem("山"))
        own = shown(await world.bob.user.slash("poem", start="秋"))
        for action in ACTIONS:
            for who in (world.bob, world.owner, world.alice):
                assert told(await forge_press(world, who, message, f"shiren:{action}:1")) == UNKNOWN
            assert told(await forge_press(world, world.bob.user, own, f"shiren:{action}:1")) == UNKNOWN
        assert rows("SELECT count(*) FROM favorites") == [(0,)]
        assert rows("SELECT count(*) FROM poems") == [(3,)]

    async def test_a_poem_of_another_server_is_not_known_in_this_one(self, world: World) -> None:
        elsewhere = world.env.create_guild("Elsewhere")
        member = elsewhere.add_member(world.bob.user)
        await member.slash(elsewhere.create_text_channel("verse"), "poem", start="春")
        message = shown(await world.poem("山"))
        for action in ACTIONS:
            assert told(await forge_press(world, world.bob, message, f"shiren:{action}:1")) == UNKNOWN

    async def test_a_form_that_nobody_was_shown_is_answered_in_one_sentence(self, world: World) -> None:
        assert told(await forge_form(world, world.alice, "shiren:note")) == COMPONENT

    async def test_a_cancel_button_of_no_run_cancels_none(
        self, world: World, child: Callable[[str], None], rows: Rows
    ) -> None:
        child("wait()")
        await world.retrain(world.owner)
        for run_id in (0, 2, 10**18 - 1):
            result = await forge_press(world, world.owner, world.progress, f"shiren:retrain:cancel:{run_id}")
            assert told(result) == OVER
        assert rows("SELECT state FROM training_runs")[0][0] in {"waiting", "running"}

    @pytest.mark.parametrize("item", _ITEMS)
    def test_the_longest_id_that_a_component_can_have_is_one_that_discord_takes(self, item: Any) -> None:
        _, longest = cast(Any, re)._parser.parse(item.__discord_ui_compiled_template__.pattern).getwidth()
        assert longest <= 100

    async def test_a_forged_component_leaves_no_trace_in_the_log(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        message = shown(await world.poem())
        with caplog.at_level(logging.WARNING):
            for custom_id in STRAYS:
                await forge_press(world, world.bob, message, custom_id)
            await forge_command(world, world.bob, "poem", {"start": Forged(11, "x")})
        assert [record.getMessage() for record in caplog.records] == []


class TestFavorites:
    @pytest.fixture
    async def page(self, world: World) -> simcord.ResponseMessage:
        """Alice's first page of two."""
        for start in "春夏秋冬山水":
            poem = await world.services.poems.write(PoemRequest.checked(start), world.alice.id, world.guild.id)
            await world.services.favorites.add(world.alice.id, poem.id)
        return shown(await world.favorites())

    async def test_nobody_turns_another_s_page(self, world: World, page: simcord.ResponseMessage) -> None:
        before = [embed.to_dict() for embed in page.embeds]
        for number in (1, 2):
            for who in (world.bob, world.owner):
                assert (
                    told(await forge_press(world, who, page, f"shiren:favorites:page:{number}:{EVERYTHING}"))
                    == NOT_YOURS
                )
        assert [embed.to_dict() for embed in page.embeds] == before

    async def test_nobody_removes_what_another_kept(
        self, world: World, page: simcord.ResponseMessage, rows: Rows
    ) -> None:
        result = await forge_press(world, world.bob, page, f"shiren:favorites:remove:1:{EVERYTHING}", ["1", "2"])
        assert told(result) == NOT_YOURS
        assert rows("SELECT count(*) FROM favorites WHERE user_id = ?", world.alice.id) == [(6,)]

    async def test_the_ids_of_another_s_favorites_remove_nothing_from_one_s_own_page(
        self, world: World, page: simcord.ResponseMessage, rows: Rows
    ) -> None:
        assert page.ephemeral
        poem = await world.services.poems.write(PoemRequest.checked("月"), world.bob.id, world.guild.id)
        await world.services.favorites.add(world.bob.id, poem.id)
        own = shown(await world.favorites(world.bob))
        assert (
            await forge_press(world, world.bob, own, f"shiren:favorites:remove:1:{EVERYTHING}", ["1", "2"])
        ).acknowledged
        counts = rows("SELECT user_id, count(*) FROM favorites GROUP BY user_id ORDER BY user_id")
        assert counts == [(world.alice.id, 6), (world.bob.id, 1)]
        assert len(own.embeds[0].fields) == 1

    async def test_a_message_that_all_can_see_is_no_page(self, world: World) -> None:
        poem = shown(await world.poem())
        for custom_id, values in (
            (f"shiren:favorites:page:1:{EVERYTHING}", None),
            (f"shiren:favorites:remove:1:{EVERYTHING}", ["1"]),
        ):
            assert told(await forge_press(world, world.alice, poem, custom_id, values)) == NOT_YOURS
        assert poem.embeds[0].title == "《月》"

    async def test_a_choice_that_is_no_id_removes_nothing(
        self, world: World, page: simcord.ResponseMessage, rows: Rows
    ) -> None:
        for value in ("", "x", "-1", "1; DROP TABLE favorites", "１", str(HUGE), "\ud800"):
            result = await forge_press(
                world, world.alice, page, f"shiren:favorites:remove:1:{EVERYTHING}", ["1", value]
            )
            assert told(result) == COMPONENT
        assert rows("SELECT count(*) FROM favorites") == [(6,)]

    async def test_a_page_far_past_the_end_is_the_last(self, world: World, page: simcord.ResponseMessage) -> None:
        await forge_press(world, world.alice, page, f"shiren:favorites:page:999999:{EVERYTHING}")
        assert page.embeds[0].footer.text == "Page 2 of 2 · 6 kept"
        await forge_press(world, world.alice, page, f"shiren:favorites:page:0:{EVERYTHING}")
        assert page.embeds[0].footer.text == "Page 1 of 2 · 6 kept"

    async def test_nobody_opens_exports_or_takes_back_what_another_keeps(
        self, world: World, page: simcord.ResponseMessage, rows: Rows
    ) -> None:
        await world.alice.select(page, ["6"])
        own = shown(await world.favorites(world.bob))
        answers = {
            "open:1": "You don't keep this poem any more. Type /favorites to see those you do.",
            f"undo:6:1:{EVERYTHING}": "This can't be undone any more. Press ❤ under the poem to keep it again.",
            f"file:json:{EVERYTHING}": "You keep no such poem, so there is nothing to export.",
        }
        for custom_id, answer in answers.items():
            result = await forge_press(world, world.bob, own, f"shiren:favorites:{custom_id}")
            assert told(result).startswith(answer)
        assert rows("SELECT count(*) FROM favorites WHERE user_id <> ?", world.alice.id) == [(0,)]

    async def test_what_is_looked_for_can_be_forged_only_so_that_it_could_have_been_typed(
        self, world: World, page: simcord.ResponseMessage
    ) -> None:
        for state in ("n0:::é:", "n0::::_月", "n0:0001:::", "n0:::，:", "n0::::月__山"):
            for custom_id in (f"page:1:{state}", f"undo:1:1:{state}", f"export:{state}", f"file:text:{state}"):
                result = await forge_press(world, world.alice, page, f"shiren:favorites:{custom_id}")
                assert told(result) == COMPONENT
