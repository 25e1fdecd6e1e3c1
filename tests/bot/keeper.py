"""A bot that keeps one poem, says so, and then waits to be killed: `python keeper.py BUNDLE DATABASE MODELS`."""

import asyncio
import sys
from pathlib import Path
from unittest.mock import patch

from bot.config import DatabaseSettings, ModelSettings, Settings
from tests.bot.world import World, shown, told


async def main(bundle: Path, database: Path, models: Path) -> None:
    """Keep a poem as a person does, and print the answer as soon as they have it."""
    settings = Settings(database=DatabaseSettings(path=database), model=ModelSettings(device="cpu", folder=models))
    world = World(settings)
    with patch("bot.services.models.PRETRAINED", bundle):
        await world.open()
    answer = told(await world.bob.click(shown(await world.poem()), label="Favorite"))
    print(world.bob.id, answer, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*(Path(argument) for argument in sys.argv[1:])))
