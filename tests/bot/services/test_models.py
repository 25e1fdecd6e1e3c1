import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config import Settings
from bot.db.engine import Sessions
from bot.services import Services
from bot.services.models import Models
from poetry_model.checkpoint import load_bundle, save_bundle
from poetry_model.errors import BundleError, PoetryError
from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import Poet
from tests.bot.conftest import Rows


@pytest.fixture
def bundle(made_bundle: Callable[[float, float], Path]) -> Path:
    """A bundle that could go live."""
    return made_bundle(50.0, 40.0)


def add_run(rows: Rows) -> None:
    """The training run that a version comes from."""
    rows(
        "INSERT INTO training_runs (user_id, channel_id, epochs, parent, state, started_at)"
        " VALUES (1, 1, 1, 'old', 'accepted', '2026-01-01 00:00:00')"
    )


async def opened(settings: Settings, sessions: Sessions) -> Models:
    return await Models.open(settings.model.folder, "cpu", sessions)


async def install(models: Models, bundle: Path, name: str, rows: Rows) -> str:
    """Put the bundle where a run would have left it and make it live; returns its version."""
    folder = models.folder / name
    shutil.copytree(bundle, folder)
    add_run(rows)
    poet, _ = await models.examine(folder)
    await models.install(poet, folder, run_id=rows("SELECT max(id) FROM training_runs")[0][0])
    return poet.version


def damage(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])


async def test_the_model_that_ships_is_live_at_first(services: Services, shipped: Path) -> None:
    assert services.models.live_version == load_bundle(shipped).version
    assert services.models.live_folder == shipped


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
    settings: Settings, sessions: Sessions, bundle: Path, rows: Rows, tmp_path: Path, logged_errors: list[str]
) -> None:
    models = await opened(settings, sessions)
    first = await install(models, bundle, "run-1", rows)
    second = load_bundle(bundle)
    second.network.bias.add_(0.01)
    save_bundle(
        tmp_path / "second", second.network, second.vocabulary, second.hold_out, second.metadata, second.prosody
    )
    assert await install(models, tmp_path / "second", "run-2", rows) != first
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


async def test_a_version_that_is_installed_again_is_the_last_activated(
    settings: Settings, sessions: Sessions, bundle: Path, rows: Rows
) -> None:
    models = await opened(settings, sessions)
    version = await install(models, bundle, "run-1", rows)
    assert await install(models, bundle, "run-2", rows) == version
    assert rows("SELECT version, folder, run_id FROM model_versions") == [(version, "run-2", 2)]


async def test_nothing_can_be_opened_without_the_model_that_ships(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bot.services.models.PRETRAINED", tmp_path / "nowhere")
    with pytest.raises(PoetryError, match="nowhere"):
        await opened(settings, sessions)


async def test_an_examined_model_comes_with_its_figures(services: Services, bundle: Path) -> None:
    poet, metrics = await services.models.examine(bundle)
    assert poet.version == load_bundle(bundle).version
    assert (metrics["start_perplexity"], metrics["perplexity"]) == (50.0, 40.0)
    assert services.models.live_version != poet.version


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
