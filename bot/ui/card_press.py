"""Drawing poem cards beside the event loop, a few at once."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from bot.errors import BotError
from bot.ui.card import Card, draw
from bot.ui.card_paper import texture
from bot.ui.fonts import HOW_TO_GET, Fonts, find_fonts

_log = logging.getLogger(__name__)

_TOGETHER = 2
"""Cards drawn at once: a card keeps a core busy for a tenth of a second, and poems want theirs."""

_WAITING = 30
"""Cards that may wait: the last of them for two seconds."""


class CardPress:
    """Draws cards in threads of its own."""

    def __init__(self, fonts: Fonts, capacity: int = _WAITING) -> None:
        """`capacity`: how many cards may wait."""
        self._fonts = fonts
        self._capacity = capacity
        self._ordered = 0
        self._threads = ThreadPoolExecutor(_TOGETHER, "cards")

    def require_room(self) -> None:
        """`BotError` when no more cards may wait."""
        if self._ordered >= _TOGETHER + self._capacity:
            raise BotError("card.queue")

    async def draw(self, card: Card) -> bytes:
        """The card as PNG. Raises `BotError` when too many wait, and as `bot.ui.card.draw` does."""
        self.require_room()
        self._ordered += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, draw, card, self._fonts)
        finally:
            self._ordered -= 1

    def close(self) -> None:
        """Wait for the cards being drawn and drop those that wait."""
        self._threads.shutdown(cancel_futures=True)


@asynccontextmanager
async def open_press(font: str) -> AsyncIterator[CardPress | None]:
    """What draws cards with `font` (see `find_fonts`), until the end; None, and the log says why, without any font.

    Raises `ConfigError` when `font` is not there or is no font.
    """
    fonts = await asyncio.to_thread(_find, font)
    if fonts is None:
        _log.warning(HOW_TO_GET)
        yield None
        return
    press = CardPress(fonts)
    try:
        yield press
    finally:
        await asyncio.to_thread(press.close)


def _find(font: str) -> Fonts | None:
    """The fonts; the paper is made too, or the first card would wait for it."""
    fonts = find_fonts(font)
    if fonts is not None:
        texture()
    return fonts
