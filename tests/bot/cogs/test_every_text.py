"""Whatever a person types, and into whatever option: an answer, nobody mentioned, nothing too long for Discord."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import AppCommandOptionType, app_commands
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.i18n import Strings
from bot.services.run_judge import EXAMINATION_FIGURES, Shortfall
from bot.services.runs import RunState, Snapshot
from bot.services.versions import Version, VersionState
from bot.ui.model_message import history_embed, status_embed
from bot.ui.retrain_message import retrain_embed
from tests.bot.conftest import Rows
from tests.bot.forgery import File, forge_command, leaves
from tests.bot.world import World

HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            (
                *("@everyone", "@here", "<@1>", "<@&1>", "<#1>", "<:x:1>", "<t:1:R>", "</poem:1>", "<id:browse>"),
                *(
                    "https://a.b",
                    "[a](https://b.c)",
                    "discord.gg/x",
                    "**",
                    "```",
                    "||",
                    "\n# ",
                    "\n> ",
                    "\n-# ",
                    "\n1. ",
                ),
                *("\u202e", "\u200d", "\u200b", "\ufe0f", "\x00", "\x1b[31m", "\ud800", "\ue000", "\U0010ffff"),
                *("אב", "❤️", "月", "春风", "'; DROP TABLE poems; --", "../../etc/passwd", " ", "\n", "\\", "{0}", "%s"),
            )
        ),
        st.characters(exclude_categories=()),
    ),
    max_size=20,
).map("".join)

TEXTS = st.one_of(
    HOSTILE,
    st.text(st.characters(exclude_categories=())),
    st.text(st.sampled_from("月山水风云花春天人秋"), max_size=8),
    st.builds(lambda text, times: text * times, HOSTILE, st.integers(1, 3000)),
)
"""All of Unicode, surrogates too, as JSON can carry them; and much that Discord would act on."""

GIVEN = {"start": "月", "heads": "春江", "line": "水日不花月"}
"""What is given for an option that must be there, while another is tried."""

LIVE = re.compile(
    r"@everyone|@here|<@[!&]?\d+>|<#\d+>|<a?:\w+:\d+>|<t:-?\d+(?::\w)?>|</[^>]+:\d+>|<id:\w+>|https?://|discord\.gg|\]\("
)
"""What Discord makes more of than text."""


_HEALTH = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
    HealthCheck.differing_executors,  # each database runs it in an instance of its own
]


def typed_into(world: World) -> list[tuple[app_commands.Command[Any, ..., Any], app_commands.Parameter]]:
    """Every option that takes a text of a person's, a file's name among them."""
    kinds = {AppCommandOptionType.string, AppCommandOptionType.attachment}
    return [(command, each) for command in leaves(world) for each in command.parameters if each.type in kinds]


def texts_of(body: Mapping[str, Any]) -> Iterator[str]:
    """The parts of a message that Discord reads for markdown."""
    yield body.get("content") or ""
    for embed in body.get("embeds") or []:
        yield embed.get("title", "")
        yield embed.get("description", "")
        for field in embed.get("fields", []):
            yield from (field["name"], field["value"])


def check_message(body: Mapping[str, Any]) -> None:
    """Fails for a message that Discord would refuse, or act on."""
    json.dumps(body, ensure_ascii=False).encode()
    assert len(body.get("content") or "") <= 2000
    for embed in body.get("embeds") or []:
        assert len(discord.Embed.from_dict(embed)) <= 6000
        assert len(embed.get("title", "")) <= 256
        assert len(embed.get("description", "")) <= 4096
        assert len(embed.get("footer", {}).get("text", "")) <= 2048
        assert len(embed.get("fields", [])) <= 25
        assert all(
            1 <= len(field["name"]) <= 256 and 1 <= len(field["value"]) <= 1024 for field in embed.get("fields", [])
        )
    for row in body.get("components") or []:
        for component in row["components"]:
            assert len(component.get("custom_id", "")) <= 100
            assert len(component.get("label") or "") <= 80
            assert all(len(option["label"]) <= 100 for option in component.get("options", []))
    if body.get("content"):
        assert body["allowed_mentions"]["parse"] == []
    for text in texts_of(body):
        assert not LIVE.search(text)


class TestEveryOption:
    @pytest.fixture
    async def quiet(self, world: World) -> World:
        """A world whose retrainings wait for ever: nobody works them off."""
        await world.services.retraining.close()
        return world

    @given(text=TEXTS)
    @settings(max_examples=25, suppress_health_check=_HEALTH)
    async def test_any_text_is_answered(self, quiet: World, rows: Rows, logged_errors: list[str], text: str) -> None:
        for command, option in typed_into(quiet):
            seen = len(quiet.env.http_requests)
            needed = {each.name: GIVEN.get(each.name, "x") for each in command.parameters if each.required}
            value = (
                File(text, text.encode(errors="replace")) if option.type is AppCommandOptionType.attachment else text
            )
            result = await forge_command(quiet, quiet.owner, command.qualified_name, needed | {option.name: value})
            assert result.acknowledged
            assert not result.deferred, "the answer never came"
            if option.autocomplete:
                typed = await forge_command(
                    quiet, quiet.owner, command.qualified_name, {option.name: text}, typing=option.name
                )
                assert typed.autocomplete_choices is not None
            for request in quiet.env.http_requests[seen:]:
                body = request.json or {}
                check_message(body.get("data", {}) if "/callback" in request.path else body)
            for (run_id,) in rows("SELECT id FROM training_runs WHERE state = 'waiting'"):
                await quiet.services.retraining.release(run_id)
            assert logged_errors == []

    async def test_every_option_is_found(self, world: World) -> None:
        found = {(command.qualified_name, option.name) for command, option in typed_into(world)}
        assert found >= {("poem", "start"), ("retrain", "note"), ("retrain", "file"), ("model use", "version")}


def version(note: str | None) -> Version:
    """A model on record, with as much to say of it as there can be."""
    shortfalls = tuple(Shortfall(figure, 0.5, 0.9) for figure in ("perplexity", *EXAMINATION_FIGURES))
    return Version(
        name="0123456789ab",
        state=VersionState.CANDIDATE,
        folder=Path("x"),
        is_shipped=False,
        shortfalls=shortfalls,
        examination=dict.fromkeys(EXAMINATION_FIGURES, 0.5),
        activated_at=None,
        run_id=1,
        user_id=10**18,
        source="favorites",
        made_at=datetime(2026, 1, 1, tzinfo=UTC),
        note=note,
        perplexity=123.4,
        live_perplexity=123.4,
    )


class TestWhatWasKept:
    """Notes and sayings out of the database, where they may be older than the rules for them."""

    @given(text=TEXTS)
    def test_any_note_is_shown_in_the_history(self, strings: Strings, text: str) -> None:
        plain = history_embed([version(None)] * 10, "", strings).to_dict()
        noted = history_embed([version(text)] * 10, "", strings).to_dict()
        check_sizes(noted)
        [before, *_], [after, *_] = plain["fields"], noted["fields"]
        assert after["value"].startswith(before["value"])
        assert len(noted["fields"]) >= 7
        note = after["value"].removeprefix(before["value"])
        assert "\n" not in note.lstrip("\n")
        assert not LIVE.search(note)
        check_sizes(status_embed(version(text), None, None, 3, strings).to_dict())

    @given(text=TEXTS)
    def test_any_note_and_any_last_word_are_shown_with_the_run(self, strings: Strings, text: str) -> None:
        snapshot = Snapshot(1, RunState.FAILED, 1, note=text, said=text, can_go_on=True)
        embed = retrain_embed(snapshot, strings).to_dict()
        check_message({"embeds": [embed]})
        assert "\n" not in str(retrain_embed(replace(snapshot, can_go_on=False), strings).footer.text)


def check_sizes(embed: Any) -> None:
    """As `check_message`, for an embed that names people and times on purpose."""
    assert len(discord.Embed.from_dict(embed)) <= 6000
    bare = json.loads(re.sub(r"<@\d+>|<t:\d+:f>", "", json.dumps(embed)))
    check_message({"embeds": [bare]})
