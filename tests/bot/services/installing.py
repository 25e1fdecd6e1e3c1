"""Models as runs leave them, and what becomes of them."""

import shutil
from pathlib import Path

import pytest

from bot.config import Settings
from bot.db.engine import Sessions
from bot.errors import BotError
from bot.services.models import Models
from bot.services.run_files import RunFiles
from bot.services.run_judge import Shortfall
from tests.bot.conftest import MakeBundle, Rows


async def opened(settings: Settings, sessions: Sessions) -> Models:
    """The models as a bot that starts finds them."""
    return await Models.open(settings.model.folder, "cpu", sessions)


async def install(models: Models, bundle: Path, name: str, rows: Rows, shortfalls: tuple[Shortfall, ...] = ()) -> str:
    """Put the bundle where a run would have left it, and let it take its chance; returns its version."""
    files = RunFiles(models.folder, name)
    shutil.copytree(bundle, files.bundle)
    rows(
        "INSERT INTO training_runs (user_id, channel_id, epochs, parent, state, started_at)"
        " VALUES (1, 1, 1, 'old', 'accepted', '2026-01-01 00:00:00')"
    )
    run_id = rows("SELECT max(id) FROM training_runs")[0][0]
    version = await models.settle(await models.examine(files.bundle), files, run_id, shortfalls)
    return version.name


async def install_several(models: Models, made_bundle: MakeBundle, rows: Rows, count: int) -> list[str]:
    """So many versions, one after the other, each live until the next."""
    nudges = [0.01 * number for number in range(1, count + 1)]
    return [
        await install(models, made_bundle(nudge=nudge), f"run-{number}", rows)
        for number, nudge in enumerate(nudges, start=1)
    ]


async def refused(models: Models, version: str, *, force: bool = False) -> str:
    """Why the version cannot be used."""
    live = models.live_version
    with pytest.raises(BotError) as caught:
        await models.use(version, force=force)
    assert models.live_version == live
    return caught.value.key


def damage(folder: Path) -> None:
    """Cut off the end of the weights."""
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
