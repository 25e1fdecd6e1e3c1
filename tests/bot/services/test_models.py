import asyncio
import shutil
from pathlib import Path

import pytest

from bot.config import Settings
from bot.db.engine import Sessions
from bot.errors import BotError
from bot.services import Services
from bot.services.models import Models
from bot.services.run_judge import Shortfall
from bot.services.versions import Version, Versions, VersionState
from poetry_model.checkpoint import load_bundle
from poetry_model.errors import BundleError, PoetryError
from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import Poet
from tests.bot.conftest import GOOD, MakeBundle, Rows
from tests.bot.services.installing import damage, install, install_several, opened, refused
from tests.bot.world import until

WORSE = (Shortfall("perplexity", 120.0, 101.0), Shortfall("metre", 0.9, 0.97))


@pytest.fixture
def bundle(made_bundle: MakeBundle) -> Path:
    """A bundle that could go live."""
    return made_bundle(50.0, 40.0)


async def states(models: Models) -> dict[str, VersionState]:
    """What became of each version."""
    return {version.name: version.state for version in await models.versions.all()}


async def test_the_model_that_ships_is_live_at_first(services: Services, shipped: Path) -> None:
    assert services.models.live_version == load_bundle(shipped).version
    assert services.models.live_folder == shipped


async def test_processes_that_start_together_record_what_ships_once(
    sessions: Sessions, settings: Settings, shipped: Path, rows: Rows
) -> None:
    processes = [Versions(sessions, settings.model.folder, shipped) for _ in range(4)]
    await asyncio.gather(*(process.know_shipped("m") for process in processes))
    assert rows("SELECT version, state FROM model_versions") == [("m", "accepted")]


async def test_an_installed_model_writes_the_next_poem(services: Services, bundle: Path, rows: Rows) -> None:
    version = await install(services.models, bundle, "run-1", rows)
    poem = await services.poems.write(PoemRequest.checked("月"), 1, None)
    assert poem.model == version == load_bundle(bundle).version
    assert services.models.live_folder == services.models.folder / "run-1"


async def test_an_installed_model_is_live_after_a_restart(
    settings: Settings, sessions: Sessions, bundle: Path, rows: Rows
) -> None:
    version = await install(await opened(settings, sessions), bundle, "run-1", rows)
    again = await opened(settings, sessions)
    assert again.live_version == version
    assert again.live_folder == settings.model.folder / "run-1"


async def test_a_damaged_model_is_passed_over_for_the_one_that_ships(
    settings: Settings, sessions: Sessions, bundle: Path, rows: Rows, shipped: Path, logged_errors: list[str]
) -> None:
    version = await install(await opened(settings, sessions), bundle, "run-1", rows)
    damage(settings.model.folder / "run-1")
    assert (await opened(settings, sessions)).live_version == load_bundle(shipped).version
    [line] = logged_errors
    assert line.startswith(f"Model {version} is passed over: ")
    logged_errors.clear()


async def test_a_damaged_model_is_passed_over_for_the_one_before(
    settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows, logged_errors: list[str]
) -> None:
    first, _ = await install_several(await opened(settings, sessions), made_bundle, rows, 2)
    damage(settings.model.folder / "run-2")
    assert (await opened(settings, sessions)).live_version == first
    assert len(logged_errors) == 1
    logged_errors.clear()


async def test_a_model_whose_folder_was_deleted_is_passed_over(
    settings: Settings, sessions: Sessions, bundle: Path, rows: Rows, shipped: Path, logged_errors: list[str]
) -> None:
    await install(await opened(settings, sessions), bundle, "run-1", rows)
    shutil.rmtree(settings.model.folder)
    assert (await opened(settings, sessions)).live_version == load_bundle(shipped).version
    assert len(logged_errors) == 1
    logged_errors.clear()


async def test_weights_that_are_known_are_kept_once_and_go_live_again(
    settings: Settings, sessions: Sessions, bundle: Path, made_bundle: MakeBundle, rows: Rows
) -> None:
    models = await opened(settings, sessions)
    version = await install(models, bundle, "run-1", rows)
    await install(models, made_bundle(nudge=0.02), "run-2", rows)
    assert await install(models, bundle, "run-3", rows) == version == models.live_version
    assert rows("SELECT folder, run_id FROM model_versions WHERE version = ?", version) == [("run-1", 1)]
    assert models.live_folder == settings.model.folder / "run-1"
    assert not (settings.model.folder / "run-3").exists()


async def test_nothing_can_be_opened_without_the_model_that_ships(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bot.services.models.PRETRAINED", tmp_path / "nowhere")
    with pytest.raises(PoetryError, match="nowhere"):
        await opened(settings, sessions)


async def test_an_examined_model_comes_with_its_figures(services: Services, bundle: Path, shipped: Path) -> None:
    examined = await services.models.examine(bundle)
    assert examined.poet.version == load_bundle(bundle).version
    assert examined.perplexity_of(load_bundle(shipped).version) == 50.0
    assert examined.perplexity_of("another") is None
    assert examined.metrics["perplexity"] == 40.0
    assert examined.examination == GOOD
    assert {poem.model for poem in examined.poems} == {examined.poet.version}
    assert services.models.live_version != examined.poet.version


async def test_a_damaged_model_fails_the_examination(services: Services, bundle: Path) -> None:
    damage(bundle)
    with pytest.raises(BundleError):
        await services.models.examine(bundle)


async def test_a_model_that_does_not_begin_as_asked_fails_the_examination(
    services: Services, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = Poet.compose

    def stubborn(self: Poet, requests: list[PoemRequest]) -> list[Poem]:
        return compose(self, [PoemRequest.checked("無", request.form) for request in requests])

    monkeypatch.setattr(Poet, "compose", stubborn)
    with pytest.raises(BundleError, match="does not begin with"):
        await services.models.examine(bundle)


class TestUsing:
    async def test_a_version_of_before_is_live_again_now_and_after_a_restart(
        self, settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows, shipped: Path
    ) -> None:
        models = await opened(settings, sessions)
        first, _ = await install_several(models, made_bundle, rows, 2)
        for version in (first, load_bundle(shipped).version):
            await models.use(version, force=False)
            assert (await models.composer.compose(PoemRequest.checked("月"))).model == version
            assert (await opened(settings, sessions)).live_version == version

    async def test_a_candidate_needs_force(self, services: Services, bundle: Path, rows: Rows) -> None:
        models = services.models
        candidate = await install(models, bundle, "run-1", rows, WORSE)
        assert models.live_version != candidate
        with pytest.raises(BotError) as caught:
            await models.use(candidate, force=False)
        assert (caught.value.key, caught.value.values["shortfalls"]) == ("model.needs_force", WORSE)
        await models.use(candidate, force=True)
        assert models.live_version == candidate
        [version] = [each for each in await models.versions.all() if each.name == candidate]
        assert (version.state, version.shortfalls) == (VersionState.ACCEPTED, WORSE)

    async def test_what_cannot_be_used_is_told_apart(
        self, services: Services, made_bundle: MakeBundle, rows: Rows, logged_errors: list[str]
    ) -> None:
        models = services.models
        first, second, third = await install_several(models, made_bundle, rows, 3)
        assert await refused(models, "no such") == "model.unknown"
        assert await refused(models, third) == "model.live_already"
        damage(models.folder / "run-2")
        assert await refused(models, second, force=True) == "model.damaged"
        assert len(logged_errors) == 1
        logged_errors.clear()
        await models.prune(2, ())
        assert await refused(models, first, force=True) == "model.removed"

    async def test_the_bundle_of_another_version_is_not_taken_for_it(
        self, services: Services, made_bundle: MakeBundle, rows: Rows, logged_errors: list[str]
    ) -> None:
        models = services.models
        first, _ = await install_several(models, made_bundle, rows, 2)
        shutil.rmtree(models.folder / "run-1")
        shutil.copytree(models.folder / "run-2", models.folder / "run-1")
        assert await refused(models, first) == "model.damaged"
        assert "holds another model" in logged_errors.pop()


class TestRollingBack:
    async def test_each_rollback_goes_one_further_back_and_never_forward(
        self, settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows, shipped: Path
    ) -> None:
        models = await opened(settings, sessions)
        first, second = await install_several(models, made_bundle, rows, 2)
        assert await models.rollback() == second
        assert models.live_version == first
        assert await models.rollback() == first
        assert models.live_version == load_bundle(shipped).version
        with pytest.raises(BotError) as caught:
            await models.rollback()
        assert caught.value.key == "model.nothing_before"
        assert (await opened(settings, sessions)).live_version == load_bundle(shipped).version
        assert {state for name, state in (await states(models)).items() if name in {first, second}} == {
            VersionState.WITHDRAWN
        }

    async def test_a_version_that_was_withdrawn_can_be_used_again(
        self, services: Services, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        models = services.models
        first, second = await install_several(models, made_bundle, rows, 2)
        await models.rollback()
        await models.use(second, force=False)
        assert models.live_version == second
        await models.rollback()
        assert models.live_version == first

    async def test_a_damaged_model_is_not_gone_back_to(
        self, services: Services, made_bundle: MakeBundle, rows: Rows, shipped: Path, logged_errors: list[str]
    ) -> None:
        await install_several(services.models, made_bundle, rows, 2)
        damage(services.models.folder / "run-1")
        await services.models.rollback()
        assert services.models.live_version == load_bundle(shipped).version
        assert "is passed over" in logged_errors.pop()

    async def test_a_candidate_is_not_gone_back_to(
        self, services: Services, made_bundle: MakeBundle, rows: Rows, shipped: Path
    ) -> None:
        await install(services.models, made_bundle(nudge=0.01), "run-1", rows, WORSE)
        await install(services.models, made_bundle(nudge=0.02), "run-2", rows)
        await services.models.rollback()
        assert services.models.live_version == load_bundle(shipped).version


class TestComparing:
    async def test_two_versions_answer_the_same_requests(
        self, services: Services, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        first, second = await install_several(services.models, made_bundle, rows, 2)
        pairs = await services.models.compare(first, second)
        assert len(pairs) == 4
        for pair in pairs:
            assert pair.left.request == pair.right.request
            assert (pair.left.model, pair.right.model) == (first, second)

    async def test_a_version_is_like_itself(self, services: Services, made_bundle: MakeBundle, rows: Rows) -> None:
        first, _ = await install_several(services.models, made_bundle, rows, 2)
        assert all(pair.left == pair.right for pair in await services.models.compare(first, first))

    async def test_what_is_not_there_cannot_be_compared(self, services: Services) -> None:
        with pytest.raises(BotError) as caught:
            await services.models.compare(services.models.live_version, "no such")
        assert caught.value.key == "model.unknown"


class TestKeeping:
    async def test_the_last_ones_the_live_one_and_the_shipped_one_are_kept(
        self, services: Services, made_bundle: MakeBundle, rows: Rows, shipped: Path
    ) -> None:
        models = services.models
        names = await install_several(models, made_bundle, rows, 5)
        await models.use(names[0], force=False)
        await models.prune(2, {names[1]})
        assert sorted(path.name for path in models.folder.iterdir()) == ["run-1", "run-2", "run-4", "run-5"]
        assert {name for name, state in (await states(models)).items() if state is VersionState.REMOVED} == {names[2]}
        await models.use(load_bundle(shipped).version, force=False)

    async def test_what_could_not_be_deleted_is_deleted_the_next_time(
        self, services: Services, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        models = services.models
        await install_several(models, made_bundle, rows, 2)
        await models.prune(1, ())
        (models.folder / "run-1").mkdir()
        await models.prune(1, ())
        assert [path.name for path in models.folder.iterdir()] == ["run-2"]


class TestTheShippedModel:
    async def test_a_new_one_takes_the_place_of_the_old_one_in_the_chain(
        self,
        settings: Settings,
        sessions: Sessions,
        made_bundle: MakeBundle,
        rows: Rows,
        shipped: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        models = await opened(settings, sessions)
        await install(models, made_bundle(nudge=0.02), "run-1", rows)
        await models.use(load_bundle(shipped).version, force=False)
        updated = made_bundle(nudge=0.05)
        monkeypatch.setattr("bot.services.models.PRETRAINED", updated)
        again = await opened(settings, sessions)
        assert again.live_version == load_bundle(updated).version
        assert (await states(again))[load_bundle(shipped).version] is VersionState.REMOVED

    async def test_a_new_one_does_not_push_aside_what_the_owner_trained(
        self,
        settings: Settings,
        sessions: Sessions,
        made_bundle: MakeBundle,
        rows: Rows,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        trained = await install(await opened(settings, sessions), made_bundle(nudge=0.02), "run-1", rows)
        monkeypatch.setattr("bot.services.models.PRETRAINED", made_bundle(nudge=0.05))
        assert (await opened(settings, sessions)).live_version == trained


async def test_what_another_process_made_live_is_followed(
    settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows, shipped: Path
) -> None:
    here, there = await opened(settings, sessions), await opened(settings, sessions)
    version = await install(there, made_bundle(), "run-1", rows)
    await here.follow()
    assert here.live_version == version
    await there.rollback()
    await here.follow()
    assert here.live_version == load_bundle(shipped).version


class TestFollowing:
    """Two processes that share a database and a folder."""

    async def test_what_cannot_be_read_is_said_once_and_tried_until_it_can(
        self, settings: Settings, sessions: Sessions, bundle: Path, rows: Rows, logged_errors: list[str]
    ) -> None:
        here, there = await opened(settings, sessions), await opened(settings, sessions)
        old = here.live_version
        version = await install(there, bundle, "run-1", rows)
        away = settings.model.folder / "away"
        (settings.model.folder / "run-1").rename(away)
        for _ in range(3):
            await here.follow()
        assert (here.live_version, here.awaited) == (old, version)
        assert (await here.composer.compose(PoemRequest.checked("月"))).model == old
        [line] = logged_errors
        assert line.startswith(f"Model {version} is passed over: ")
        logged_errors.clear()
        away.rename(settings.model.folder / "run-1")
        await here.follow()
        assert (here.live_version, here.awaited) == (version, None)

    async def test_it_is_followed_by_itself_whatever_goes_wrong_in_between(
        self,
        settings: Settings,
        sessions: Sessions,
        bundle: Path,
        rows: Rows,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("bot.services.models.FOLLOW_SECONDS", 0.01)
        here, there = await opened(settings, sessions), await opened(settings, sessions)
        rows("ALTER TABLE model_versions RENAME TO hidden")
        here.start()
        await until(lambda: "cannot be found out" in caplog.text)
        rows("ALTER TABLE hidden RENAME TO model_versions")
        version = await install(there, bundle, "run-1", rows)
        await until(lambda: here.live_version == version)
        await there.rollback()
        await until(lambda: here.live_version == there.live_version != version)
        await here.close()

    async def test_where_nothing_has_changed_one_name_is_asked_for(
        self, settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = await opened(settings, sessions)

        async def dear() -> list[Version]:
            raise AssertionError

        monkeypatch.setattr(here.versions, "chain", dear)
        await here.follow()

    async def test_what_was_rolled_back_is_not_kept_for_one_that_cannot_be_read(
        self, settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows, logged_errors: list[str]
    ) -> None:
        here, there = await opened(settings, sessions), await opened(settings, sessions)
        shipped = here.live_version
        first, _ = await install_several(there, made_bundle, rows, 2)
        await here.follow()
        await there.rollback()
        damage(settings.model.folder / "run-1")
        await here.follow()
        assert (here.live_version, here.awaited) == (shipped, first)
        assert first in logged_errors.pop()

    async def test_a_process_that_is_behind_rolls_back_what_all_the_others_have(
        self, settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        here, there = await opened(settings, sessions), await opened(settings, sessions)
        first, second = await install_several(there, made_bundle, rows, 2)
        assert await here.rollback() == second
        await there.follow()
        assert (here.live_version, there.live_version) == (first, first)

    async def test_one_that_cannot_read_what_the_others_have_can_take_it_away_from_them(
        self, settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows, logged_errors: list[str]
    ) -> None:
        here, there = await opened(settings, sessions), await opened(settings, sessions)
        first, second = await install_several(there, made_bundle, rows, 2)
        damage(settings.model.folder / "run-2")
        await here.follow()
        assert (here.live_version, here.awaited) == (first, second)
        logged_errors.clear()
        await here.use(first, force=False)
        await there.follow()
        assert (here.awaited, there.live_version) == (None, first)

    async def test_what_is_live_by_the_record_is_never_too_old_to_be_kept(
        self, settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        here, there = await opened(settings, sessions), await opened(settings, sessions)
        first, *_ = await install_several(there, made_bundle, rows, 3)
        await here.follow()
        await there.use(first, force=False)
        await here.prune(1, ())
        assert (settings.model.folder / "run-1").is_dir()

    async def test_the_last_one_made_live_is_live_though_the_clock_of_the_one_before_goes_ahead(
        self, settings: Settings, sessions: Sessions, made_bundle: MakeBundle, rows: Rows
    ) -> None:
        models = await opened(settings, sessions)
        first, _ = await install_several(models, made_bundle, rows, 2)
        rows("UPDATE model_versions SET activated_at = '2099-01-01 00:00:00.000000' WHERE folder = 'run-2'")
        await models.use(first, force=False)
        assert (await opened(settings, sessions)).live_version == first
