import asyncio
import threading
from pathlib import Path

import pytest

from bot.errors import BotError, ConfigError
from bot.ui import card_press
from bot.ui.card import Card
from bot.ui.card_press import CardPress, open_press
from poetry_model.script import Script
from tests.bot.world import packaged_fonts, until

CARD = Card(("山水風雲月",), "山", ("五言",), ("二〇二六年", "一月一日"), "詩人", Script.TRADITIONAL)


class Slow:
    """Draws nothing, and only when it is let."""

    def __init__(self) -> None:
        self.going_on = 0
        self.most = 0
        self.threads: set[str] = set()
        self.let = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, card: Card, _: object) -> bytes:
        with self._lock:
            self.going_on += 1
            self.most = max(self.most, self.going_on)
            self.threads.add(threading.current_thread().name)
        self.let.wait(30)
        with self._lock:
            self.going_on -= 1
        return card.title.encode()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    monkeypatch.setattr(card_press, "draw", made)
    return made


async def test_two_cards_are_drawn_at_once_some_wait_and_no_more_are_taken(slow: Slow) -> None:
    press = CardPress(packaged_fonts(), capacity=3)
    cards = [asyncio.create_task(press.draw(CARD)) for _ in range(5)]
    await until(lambda: slow.going_on == 2)
    with pytest.raises(BotError) as refused:
        press.require_room()
    assert refused.value.key == "card.queue"
    with pytest.raises(BotError):
        await press.draw(CARD)
    slow.let.set()
    assert await asyncio.gather(*cards) == ["山".encode()] * 5
    assert slow.most == 2
    press.require_room()
    press.close()


async def test_the_loop_goes_on_while_cards_are_drawn(slow: Slow) -> None:
    press = CardPress(packaged_fonts())
    card = asyncio.create_task(press.draw(CARD))
    await until(lambda: slow.going_on == 1)
    assert all(name.startswith("cards") for name in slow.threads)
    assert not card.done()
    slow.let.set()
    await card
    press.close()


async def test_whoever_goes_away_leaves_room(slow: Slow) -> None:
    press = CardPress(packaged_fonts(), capacity=0)
    cards = [asyncio.create_task(press.draw(CARD)) for _ in range(2)]
    await until(lambda: slow.going_on == 2)
    cards[0].cancel()
    await asyncio.gather(cards[0], return_exceptions=True)
    press.require_room()
    slow.let.set()
    await cards[1]
    press.close()


async def test_the_press_draws_real_cards_until_it_is_closed() -> None:
    async with open_press("") as press:
        assert press is not None
        assert (await press.draw(CARD)).startswith(b"\x89PNG")
    assert not any(thread.name.startswith("cards") for thread in threading.enumerate())


async def test_without_any_font_the_log_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(card_press, "find_fonts", lambda _: None)
    async with open_press("") as press:
        assert press is None
    [message] = caplog.messages
    assert 'pip install "shiren[card]"' in message


async def test_a_font_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"card\.font"):
        await open_press(str(tmp_path / "none.ttf")).__aenter__()
