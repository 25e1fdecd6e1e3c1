"""The live poet, off the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import Poet


class Composer:
    """One worker thread composes with the live poet; the poet can be exchanged at any time."""

    def __init__(self, poet: Poet) -> None:
        self._poet = poet
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="composer")

    @property
    def version(self) -> str:
        """Version of the live model."""
        return self._poet.version

    async def compose(self, request: PoemRequest) -> Poem:
        """The poem asked for, by the poet that is live when its turn comes."""
        loop = asyncio.get_running_loop()
        [poem] = await loop.run_in_executor(self._executor, lambda: self._poet.compose([request]))
        return poem

    def exchange(self, poet: Poet) -> None:
        """Let `poet` write from the next poem on; one being written is finished by the old one."""
        self._poet = poet

    def close(self) -> None:
        """Wait for the poem being written and drop those that wait."""
        self._executor.shutdown(cancel_futures=True)
