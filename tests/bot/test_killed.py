import os
import signal
import subprocess
import sys
from pathlib import Path

from bot.config import Settings
from tests.bot.conftest import Rows
from tests.bot.world import World, embed_of

ROOT = Path(__file__).parents[2]


def keep_and_die(bundle: Path, settings: Settings) -> tuple[int, str]:
    """Let a bot of its own keep a poem and kill it as soon as that is confirmed; gives who kept it, and the answer."""
    command = [sys.executable, "-m", "tests.bot.keeper", bundle, settings.database.path, settings.model.folder]
    words = [str(word) for word in command]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ) as keeper:
        assert keeper.stdout is not None
        user, _, answer = keeper.stdout.readline().strip().partition(" ")
        keeper.kill()
    assert keeper.returncode == -signal.SIGKILL
    return int(user), answer


async def test_a_favorite_that_was_confirmed_is_there_after_the_bot_was_killed(
    settings: Settings, shipped: Path, rows: Rows
) -> None:
    user, answer = keep_and_die(shipped, settings)
    assert answer == "❤ Kept. /favorites shows all you have kept."
    assert rows("SELECT user_id, poem_id FROM favorites") == [(user, 1)]

    world = World(settings)
    await world.open()
    # People have the same ids at every start.
    assert world.bob.id == user
    assert [field.name for field in embed_of(await world.favorites(world.bob)).fields] == ["1. 《月》"]
    await world.close()
