import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import simcord

from bot.services.run_files import RunFiles
from bot.services.run_judge import Shortfall
from tests.bot.conftest import MakeBundle, Rows
from tests.bot.world import World, embed_of, told, until

COMMANDS = {"status", "history", "use", "rollback", "compare", "cancel"}
NEEDED = {"use": {"version": "x"}, "compare": {"a": "x", "b": "y"}}
FORBIDDEN = "Only the bot's owner and the people they named in retrain.admins can retrain the poet."


async def add(
    world: World, bundle: Path, rows: Rows, shortfalls: tuple[Shortfall, ...] = (), note: str | None = None
) -> str:
    """A model as a retraining leaves it; returns its version."""
    models = world.services.models
    rows(
        "INSERT INTO training_runs (user_id, channel_id, source, note, epochs, parent, state, started_at, finished_at,"
        " perplexity, parent_perplexity)"
        " VALUES (?, 1, 'favorites', ?, 1, 'old', 'accepted', '2026-01-01', '2026-01-02', 44.4, 55.5)",
        world.owner.id,
        note,
    )
    run_id = rows("SELECT max(id) FROM training_runs")[0][0]
    files = RunFiles(models.folder, f"run-{run_id}")
    shutil.copytree(bundle, files.bundle)
    return (await models.settle(await models.examine(files.bundle), files, run_id, shortfalls)).name


@pytest.fixture
async def versions(world: World, made_bundle: MakeBundle, rows: Rows) -> tuple[str, str]:
    """A model that went live, and a candidate."""
    first = await add(world, made_bundle(nudge=0.01), rows, note="the first")
    return first, await add(world, made_bundle(nudge=0.02), rows, (Shortfall("metre", 0.9, 0.97),))


async def model_of_a_poem(world: World) -> str:
    """Which model writes now."""
    return str(embed_of(await world.poem()).footer.text).rsplit(" ", 1)[1]


class TestWhoMay:
    @pytest.mark.parametrize("command", sorted(COMMANDS))
    async def test_strangers_and_administrators_may_not(self, world: World, command: str) -> None:
        options = NEEDED.get(command, {})
        assert told(await world.model(command, world.alice.user, **options)) == FORBIDDEN
        assert told(await world.model(command, world.admin, **options)) == FORBIDDEN

    async def test_a_person_named_in_the_settings_may(self, world: World) -> None:
        await world.restart(admins=frozenset({world.alice.id}))
        assert told(await world.model("rollback", world.alice.user)) == "There is no model to go back to."

    async def test_discord_shows_the_commands_to_administrators(self, world: World) -> None:
        commands = {f"model {command}" for command in COMMANDS}
        assert commands <= set(world.admin.available_commands(world.channel))
        assert not commands & set(world.alice.available_commands(world.channel))

    async def test_strangers_are_offered_no_versions(self, world: World, versions: tuple[str, str]) -> None:
        assert versions
        assert await world.admin.autocomplete(world.channel, "model use", "version", "") == []


async def test_a_candidate_goes_live_by_force_and_the_old_one_comes_back(
    world: World, versions: tuple[str, str]
) -> None:
    live, candidate = versions
    assert told(await world.model("use", version=candidate)) == (
        f"Model {candidate} falls short:\n• 90.0% of its examination poems keep the metre, and at least 97.0% must\n"
        "Add `force:true` to install it all the same."
    )
    assert await model_of_a_poem(world) == live
    assert told(await world.model("use", version=candidate, force=True)) == f"Model {candidate} is live now."
    assert await model_of_a_poem(world) == candidate
    answer = told(await world.model("rollback"))
    assert answer == f"Model {live} is live again, and {candidate} is withdrawn. `/model use` brings it back."
    assert await model_of_a_poem(world) == live
    await world.restart()
    assert await model_of_a_poem(world) == live


async def test_what_cannot_be_used_is_refused_with_a_sentence(world: World, versions: tuple[str, str]) -> None:
    live, _ = versions
    assert told(await world.model("use", version="no such")) == (
        "There is no model no such. `/model history` lists those there are."
    )
    assert told(await world.model("use", version=live)) == f"Model {live} is live already."


async def test_one_bit_flipped_is_refused_though_forced(
    world: World, versions: tuple[str, str], logged_errors: list[str]
) -> None:
    live, candidate = versions
    [folder] = [version.folder for version in await world.services.models.versions.all() if version.name == candidate]
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    answer = told(await world.model("use", version=candidate, force=True))
    assert answer == f"Model {candidate} is damaged and cannot be used. The bot's log says why."
    assert await model_of_a_poem(world) == live
    assert "does not match the checksum" in logged_errors.pop()


async def test_the_history_tells_of_every_model(world: World, versions: tuple[str, str], shipped: Path) -> None:
    assert shipped
    live, candidate = versions
    embed = embed_of(await world.model("history"))
    assert [field.name for field in embed.fields][:2] == [f"{candidate} · candidate", f"{live} · live"]
    assert str(embed.fields[2].name).endswith(" · kept")
    assert embed.fields[2].value == "Ships with shiren."
    first, second = (str(field.value).splitlines() for field in embed.fields[:2])
    assert re.fullmatch(rf"<t:\d+:f> by <@{world.owner.id}> · From the corpus and people's favorites", second[0])
    assert second[1:] == [
        "Held-back perplexity 55.5 → 44.4 (lower is better).",
        "form 100% · rhyme 100.0% · metre 98.0% · copied lines 0.0%",
        "*the first*",
    ]
    assert first[3:] == ["It falls short:", "• 90.0% of its examination poems keep the metre, and at least 97.0% must"]
    assert embed.footer.text == "3 of 3"


async def test_a_long_history_shows_the_last_ten(world: World, versions: tuple[str, str], rows: Rows) -> None:
    rows("UPDATE training_runs SET note = ?", "長" * 200)
    for number in range(20):
        rows(
            "INSERT INTO model_versions (version, state, folder, run_id) VALUES (?, 'removed', 'x', 1)", f"old{number}"
        )
    embed = embed_of(await world.model("history"))
    assert versions[0] not in {str(field.name).split(" ")[0] for field in embed.fields}
    assert (len(embed.fields), embed.footer.text) == (10, "10 of 23")
    assert len(embed) < 6000


async def test_the_status_tells_what_is_live_and_what_is_going_on(
    world: World, versions: tuple[str, str], child: Callable[[str], None]
) -> None:
    live, _ = versions
    embed = embed_of(await world.model("status"))
    assert [field.name for field in embed.fields] == [f"Live: {live}", "Retraining"]
    assert embed.fields[1].value == "None is under way."
    assert embed.footer.text == "Models on disk: 3"
    child("os.mkdir(out + '.partial'); wait()")
    await world.retrain(world.owner)
    embed = embed_of(await world.model("status"))
    assert re.fullmatch(rf"<@{world.owner.id}> started one <t:\d+:R>\.", str(embed.fields[1].value))
    await until(lambda: bool(list(world.settings.model.folder.glob("*.partial"))))
    await world.restart()
    embed = embed_of(await world.model("status"))
    assert embed.fields[1].value == (
        "None is under way.\nOne was interrupted (From the corpus). `/retrain source:resume` goes on with it."
    )


async def test_two_models_are_laid_side_by_side(world: World, versions: tuple[str, str]) -> None:
    live, candidate = versions
    embed = embed_of(await world.model("compare", a=live, b=candidate))
    assert embed.title == f"{live} and {candidate}"
    names = [str(field.name) for field in embed.fields]
    assert len(names) == 12
    for left, right in zip(names[::3], names[1::3], strict=True):
        assert left.endswith(live)
        assert right.endswith(candidate)
        assert left.removesuffix(live) == right.removesuffix(candidate)


async def test_a_retraining_is_cancelled(world: World, child: Callable[[str], None], rows: Rows) -> None:
    assert told(await world.model("cancel")) == "This retraining has ended already."
    child("wait()")
    await world.retrain(world.owner)
    assert told(await world.model("cancel")) == "I'm stopping the retraining."
    await until(lambda: rows("SELECT state FROM training_runs") == [("cancelled",)])


async def test_versions_are_offered_while_one_types(world: World, versions: tuple[str, str]) -> None:
    live, candidate = versions
    every = await world.owner.autocomplete(world.channel, "model use", "version", "")
    assert [choice["value"] for choice in every][:2] == [candidate, live]
    assert [choice["name"] for choice in every][:2] == [f"{candidate} · candidate", f"{live} · live"]
    some = await world.owner.autocomplete(world.channel, "model compare", "b", f" {live[:6].upper()} ", a=candidate)
    assert [choice["value"] for choice in some] == [live]


async def test_answers_are_for_the_owner_alone(world: World, versions: tuple[str, str]) -> None:
    for command, options in (("status", {}), ("history", {}), ("compare", {"a": versions[0], "b": versions[0]})):
        result = await world.model(command, **options)
        assert isinstance(result, simcord.InteractionResult)
        assert all(message.ephemeral for message in result.followups)
    assert world.seen_by(world.bob) == []


async def test_the_status_says_when_what_should_be_live_cannot_be_read(
    world: World, versions: tuple[str, str], logged_errors: list[str]
) -> None:
    live, other = versions
    await world.model("use", version=other, force=True)
    services = world.services
    folder = services.models.live_folder
    await services.models.use(live, force=False)
    folder.rename(folder.with_name("away"))
    # As another process does, that can read it.
    await services.models.versions.activate(other)
    await services.models.follow()
    embed = embed_of(await world.model("status"))
    assert str(embed.description).startswith(f"⚠ {other} should be live, but this process of the bot cannot read it")
    assert embed.fields[0].name == f"Live: {live}"
    assert "is passed over" in logged_errors.pop()
    folder.with_name("away").rename(folder)
    await services.models.follow()
    embed = embed_of(await world.model("status"))
    assert (embed.description, embed.fields[0].name) == (None, f"Live: {other}")
