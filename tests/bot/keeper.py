"""Bots to be killed: `python -m tests.bot.keeper BUNDLE DATABASE MODELS`.

For each line that comes in, which is a seed, a bot starts in a process of its own, forked from this one, which has
loaded everything already and written some poems. It says which favorites it finds, and then people keep and remove
poems until it is killed. It says what they are about to do, and `done` as their answer goes out; each line is JSON.
"""

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from unittest.mock import patch

import discord
import simcord

from bot.config import LimitSettings, ModelSettings, Settings
from bot.ui.poem_message import poem_view
from tests.bot.places import database_at
from tests.bot.world import World, shown, told

POEMS = 5
"""As many as a page of favorites holds."""


LONGEST_ANSWER = 60.0
"""Seconds; SimCord by itself gives up after 5."""


def say(*words: object) -> None:
    """One line, in one write: a killed process leaves nothing behind in a buffer."""
    os.write(sys.stdout.fileno(), (json.dumps(words) + "\n").encode())


async def write_poems(world: World) -> None:
    """Start and end in order."""
    await world.open()
    for _ in range(POEMS):
        await world.poem()
    await world.close()


async def live(world: World, seed: int) -> None:
    """Start as a bot always starts, and let people press its buttons at random."""
    draw = random.Random(seed)
    await world.open()
    # A bot that hangs is found out all the same; one that a busy machine holds up is not taken for it.
    world.env.settle_timeout = LONGEST_ANSWER
    world.env.backend.http_requests = answers = Answers()
    people = [world.alice, world.bob]
    pages = [await world.services.favorites.page(person.id) for person in people]
    kept = [{favorite.poem.id for favorite in page.favorites} for page in pages]
    messages = {poem_id: await show(world, poem_id) for poem_id in range(1, POEMS + 1)}
    found = [[person.id, poem] for person, poems in zip(people, kept, strict=True) for poem in poems]
    say("ready", os.getpid(), found)
    while True:
        poem, (person, poems) = draw.randint(1, POEMS), draw.choice([*zip(people, kept, strict=True)])
        if poem in poems:
            page = shown(await world.favorites(person))
            answers.expect("remove", person.id, poem)
            await person.select(page, [str(poem)])
            # The page without it is the answer.
            assert str(poem) not in {option["value"] for row in page.components for option in options_of(row)}
            poems.remove(poem)
        else:
            answers.expect("keep", person.id, poem)
            assert told(await person.click(messages[poem], label="Favorite")).startswith("❤ Kept.")
            poems.add(poem)


class Answers(list[simcord.HttpLogEntry]):
    """Stands in for SimCord's record of requests: says `done` as the answer to what is under way leaves the bot.

    By the time SimCord gives an answer to a person, the bot has done all that it does besides.
    """

    is_awaited = False

    def append(self, request: simcord.HttpLogEntry) -> None:
        """An interaction's first answer only acknowledges it; what it is answered with goes to its webhook."""
        super().append(request)
        if self.is_awaited and request.path.startswith("/webhooks/"):
            self.is_awaited = False
            say("done")

    def expect(self, action: str, user_id: int, poem_id: int) -> None:
        """Say what somebody is about to do, whose answer is the next."""
        say(action, user_id, poem_id)
        self.is_awaited = True


async def show(world: World, poem_id: int) -> discord.Message:
    """A message with the poem's buttons, as it stood before the bot was killed; SimCord's do not outlast it."""
    view = poem_view(await world.services.poems.get(poem_id), world.strings, world.bot)
    message = await world.bot.get_partial_messageable(world.channel.id).send(view=view)
    await world.env.settle()
    return message


def options_of(row: dict[str, list[dict[str, list[dict[str, str]]]]]) -> list[dict[str, str]]:
    """What can be chosen in a row of components."""
    return [option for component in row["components"] for option in component.get("options", [])]


def serve(bundle: Path, database: str, models: Path) -> None:
    """Fork a bot for each seed that comes in, and see each off."""
    settings = Settings(
        database=database_at(database),
        model=ModelSettings(device="cpu", folder=models),
        limits=LimitSettings(person_per_minute=0, guild_per_minute=0),
    )
    with patch("bot.services.models.PRETRAINED", bundle):
        asyncio.run(write_poems(World(settings)))
        for line in sys.stdin:
            if (child := os.fork()) == 0:
                asyncio.run(live(World(settings), int(line)))
            _, status = os.waitpid(child, 0)
            say("dead", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
