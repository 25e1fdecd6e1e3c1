"""Models that are damaged, hostile or gone: what is live stays, and what can be live is."""

import shutil
from pathlib import Path

import pytest

from bot.config import Settings
from bot.db.engine import Sessions
from bot.services import Services
from poetry_model.checkpoint import load_bundle, save_bundle
from poetry_model.errors import BundleError
from poetry_model.poem import PoemRequest
from tests.bot.conftest import MakeBundle, Rows
from tests.bot.services.installing import damage, install, install_several, opened, refused

# Files of models are damaged here, whatever keeps the poems.
pytestmark = pytest.mark.sqlite


@pytest.fixture
def bundle(made_bundle: MakeBundle) -> Path:
    """A bundle that could go live."""
    return made_bundle(50.0, 40.0)


@pytest.fixture
def own_shipped(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model that ships, where it may be damaged."""
    own = shutil.copytree(shipped, tmp_path / "shipped")
    monkeypatch.setattr("bot.services.models.PRETRAINED", own)
    return own


class TestWithoutTheModelThatShips:
    """Its bundle is damaged, or gone."""

    async def test_the_trained_one_is_live_and_the_log_says_how_to_get_the_other_back(
        self,
        settings: Settings,
        sessions: Sessions,
        bundle: Path,
        rows: Rows,
        own_shipped: Path,
        logged_errors: list[str],
    ) -> None:
        version = await install(await opened(settings, sessions), bundle, "run-1", rows)
        shipped_version = load_bundle(own_shipped).version
        damage(own_shipped)
        models = await opened(settings, sessions)
        assert (models.live_version, models.live_folder) == (version, settings.model.folder / "run-1")
        assert (await models.composer.compose(PoemRequest.checked("月"))).model == version
        [line] = logged_errors
        assert line.startswith("The model that ships is back once shiren is installed again: ")
        assert str(own_shipped) in line
        logged_errors.clear()
        assert await refused(models, shipped_version) == "model.damaged"
        await models.follow()
        assert len(logged_errors) == 1
        logged_errors.clear()

    async def test_the_trained_one_is_live_though_the_other_was_used_last(
        self,
        settings: Settings,
        sessions: Sessions,
        made_bundle: MakeBundle,
        rows: Rows,
        own_shipped: Path,
        logged_errors: list[str],
    ) -> None:
        models = await opened(settings, sessions)
        first, second = await install_several(models, made_bundle, rows, 2)
        await models.use(models_shipped := load_bundle(own_shipped).version, force=False)
        damage(own_shipped)
        damage(settings.model.folder / "run-2")
        assert (await opened(settings, sessions)).live_version == first
        # Once for the one that ships and once for its place in the chain, and once for the other.
        assert len(logged_errors) == 3
        assert sum(second in line for line in logged_errors) == 1
        assert sum(models_shipped in line for line in logged_errors) == 1
        logged_errors.clear()

    async def test_once_it_is_installed_again_it_can_be_used_again(
        self,
        settings: Settings,
        sessions: Sessions,
        bundle: Path,
        rows: Rows,
        own_shipped: Path,
        shipped: Path,
        logged_errors: list[str],
    ) -> None:
        await install(await opened(settings, sessions), bundle, "run-1", rows)
        shutil.rmtree(own_shipped)
        await opened(settings, sessions)
        logged_errors.clear()
        shutil.copytree(shipped, own_shipped)
        models = await opened(settings, sessions)
        await models.use(load_bundle(shipped).version, force=False)
        assert models.live_folder == own_shipped

    async def test_nothing_is_live_where_nothing_else_can_be(
        self,
        settings: Settings,
        sessions: Sessions,
        bundle: Path,
        rows: Rows,
        own_shipped: Path,
        logged_errors: list[str],
    ) -> None:
        await install(await opened(settings, sessions), bundle, "run-1", rows)
        damage(own_shipped)
        damage(settings.model.folder / "run-1")
        with pytest.raises(BundleError, match=str(own_shipped)):
            await opened(settings, sessions)
        assert len(logged_errors) == 1
        logged_errors.clear()


async def test_a_hostile_bundle_is_refused_and_the_live_one_writes_on(
    services: Services, made_bundle: MakeBundle, rows: Rows, logged_errors: list[str]
) -> None:
    models = services.models
    first, second = await install_several(models, made_bundle, rows, 2)
    folder = models.folder / "run-1"
    for name in ("config.json", "model.safetensors", "vocabulary.json", "prosody.json"):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        assert await refused(models, first, force=True) == "model.damaged"
        with pytest.raises(BundleError):
            await models.examine(folder)
        assert (await services.poems.write(PoemRequest.checked("月"), 1, None)).model == second
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
    await models.use(first, force=False)
    assert len(logged_errors) == 4
    logged_errors.clear()


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("metrics", None),
        ("metrics", {}),
        ("metrics", {"perplexity": "good"}),
        ("metrics", {"perplexity": 5.0, "live_perplexity": []}),
        ("metrics", {"perplexity": 5.0, "live_version": 5}),
        ("training", {"history": {"loss": 1.0}}),
        ("training", {"history": [{"loss": 1.0}]}),
        ("training", {"parent": ["x"]}),
        ("examination", {"rhyme": "all"}),
        ("examination", {"rhyme": {}}),
    ],
)
async def test_a_model_whose_figures_are_none_fails_the_examination(
    services: Services, bundle: Path, tmp_path: Path, part: str, content: object
) -> None:
    good = load_bundle(bundle)
    folder = tmp_path / "without"
    parts = (good.network, good.vocabulary, good.hold_out, {**good.metadata, part: content}, good.prosody)
    save_bundle(folder, *parts)
    with pytest.raises(BundleError, match="comes without the figures it is judged by"):
        await services.models.examine(folder)


async def test_what_the_live_model_holds_back_is_known_though_its_files_are_gone(
    services: Services, bundle: Path, rows: Rows
) -> None:
    await install(services.models, bundle, "run-1", rows)
    shutil.rmtree(services.models.folder)
    assert services.models.live_hold_out == load_bundle(bundle).hold_out
