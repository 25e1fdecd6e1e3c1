import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.assembly import assemble
from bot.config import LimitSettings, Settings
from bot.errors import BotError
from bot.metrics import Metrics
from bot.observer import Outcome
from bot.services import Services
from bot.ui.responses import outcome_of
from poetry_model.poem import PoemRequest, Style
from tests.bot.world import World, embed_of, shown, told


def figures(metrics: Metrics) -> dict[str, float]:
    """What Prometheus reads, by name and labels."""
    lines = [line for line in metrics.text().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


class Watched(World):
    """A server whose bot counts."""

    metrics: Metrics


@pytest_asyncio.fixture
async def watched(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """A server with limits, whose bot is counted."""
    made = Watched(settings.model_copy(update={"limits": LimitSettings(person_burst=4, person_per_minute=1)}))
    made.metrics = Metrics()
    monkeypatch.setattr("tests.bot.world.assemble", lambda settings: assemble(settings, made.metrics))
    await made.open()
    made.bot.observer = made.metrics
    yield made
    await made.close()


async def test_interactions_are_counted_by_command_and_outcome(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, logged_errors: list[str]
) -> None:
    poem = shown(await watched.poem())
    await watched.alice.click(poem, label="Favorite")
    await watched.poem("x")

    async def fall(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(type(watched.services.favorites), "page", fall)
    await watched.favorites()
    logged_errors.clear()
    assert told(await watched.poem()).startswith("You are faster")
    found = figures(watched.metrics)
    assert {name: count for name, count in found.items() if name.startswith("shiren_interactions_total")} == {
        'shiren_interactions_total{command="poem",outcome="answered"}': 1,
        'shiren_interactions_total{command="FavoriteButton",outcome="answered"}': 1,
        'shiren_interactions_total{command="poem",outcome="mistake"}': 1,
        'shiren_interactions_total{command="favorites",outcome="failed"}': 1,
        'shiren_interactions_total{command="poem",outcome="limited"}': 1,
    }
    assert found["shiren_acknowledgement_seconds_count"] == 5
    assert found["shiren_answer_seconds_count"] == 5


async def test_poems_favorites_and_the_database_are_counted(watched: Watched) -> None:
    before = figures(watched.metrics)
    assert (before['shiren_favorites_total{change="kept"}'], before["shiren_candidates_total"]) == (0, 0)
    poem = shown(await watched.poem(form=7))
    await watched.alice.click(poem, label="Favorite")
    await watched.services.favorites.remove(watched.alice.id, 1)
    await watched.services.favorites.restore(watched.alice.id, 1)
    found = figures(watched.metrics)
    assert found['shiren_poems_total{form="7",style="regulated"}'] == 1
    assert found["shiren_candidates_total"] == PoemRequest.checked("月").candidates
    assert found["shiren_composing_seconds_count"] == 1
    assert found['shiren_favorites_total{change="kept"}'] == 2
    assert found['shiren_favorites_total{change="removed"}'] == 1
    for work in ("statement", "commit"):
        assert found[f'shiren_database_seconds_count{{work="{work}"}}'] > (
            before.get(f'shiren_database_seconds_count{{work="{work}"}}', 0)
        )


async def test_what_is_asked_when_prometheus_asks_is_as_it_is_then(watched: Watched) -> None:
    async with watched.metrics.watching(watched.bot, watched.services):
        found = figures(watched.metrics)
        assert found["shiren_servers"] == 1
        assert found["shiren_shards"] == 2
        assert (found["shiren_poems_waiting"], found["shiren_poems_in_flight"]) == (0, 0)
        assert found[f'shiren_model_info{{version="{watched.services.models.live_version}"}}'] == 1
        assert found["shiren_model_perplexity"] > 1
        assert found['shiren_training_state{state="running"}'] == 0
        assert "shiren_training_perplexity" not in found
        assert found["process_resident_memory_bytes"] > 2**20
    assert "shiren_servers" not in figures(watched.metrics)


async def test_no_label_tells_of_a_person_a_server_or_what_was_typed(watched: Watched) -> None:
    await watched.poem("山")
    await watched.poem("evil")
    await watched.alice.click(shown(await watched.poem("水")), label="Favorite")
    async with watched.metrics.watching(watched.bot, watched.services):
        told_ = watched.metrics.text().decode()
    labels = set(re.findall(r'="([^"]*)"', told_))
    assert not any(re.search(r"\d{15,}", label) for label in labels)
    assert not labels & {"山", "水", "evil", "alice", "verse", "Poets"}
    # Whatever a message's buttons call themselves, the classes that answer them are few.
    assert {"poem", "FavoriteButton"} <= labels


async def test_a_statement_that_fails_is_counted_by_its_fault_and_a_favorite_kept_twice_is_none(
    settings: Settings,
) -> None:
    metrics = Metrics()
    async with assemble(settings, metrics) as services:
        await services.poems.write(PoemRequest.checked("月", style=Style.FREE), 1, None)
        assert [await services.favorites.add(1, 1) for _ in range(2)] == [True, False]
        assert not [name for name in figures(metrics) if name.startswith("shiren_database_errors_total")]
        with pytest.raises(DBAPIError):
            async with services.storage._sessions() as session:
                await session.execute(text("SELECT * FROM nowhere"))
        assert [name for name in figures(metrics) if name.startswith("shiren_database_errors_total")]
    assert figures(metrics)['shiren_poems_total{form="5",style="free"}'] == 1


async def test_without_metrics_nothing_listens_to_the_database(services: Services) -> None:
    engine = services.storage._sessions.kw["bind"].sync_engine
    assert not engine.dispatch.before_cursor_execute
    assert not engine.dispatch.commit


@pytest.mark.parametrize(
    ("key", "outcome"),
    [
        ("limits.person", Outcome.LIMITED),
        ("limits.guild", Outcome.LIMITED),
        ("limits.queue", Outcome.LIMITED),
        ("error.stopping", Outcome.STOPPING),
        ("poem.unknown", Outcome.MISTAKE),
    ],
)
def test_what_a_person_is_told_says_what_became_of_it(key: str, outcome: Outcome) -> None:
    assert outcome_of(BotError(key)) is outcome


async def test_a_poem_that_waits_is_counted_as_one_that_waits(world: World) -> None:
    composer = world.services.models.composer
    assert (composer.waiting, composer.in_flight) == (0, 0)
    assert embed_of(await world.poem()).title == "《月》"
    assert (composer.waiting, composer.in_flight) == (0, 0)
