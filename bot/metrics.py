"""What Prometheus is told: the only room that knows its library, an extra, and is imported only where it is wanted.

Labels have few values, whatever people send: no ids of people, servers or messages, nothing that was typed.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import discord
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.observer import Observer, Outcome
from bot.services import Services
from bot.services.runs import UNFINISHED
from poetry_model.poem import PoemRequest

_TICK = 0.25
"""Seconds that the event loop is asked to sleep, again and again; what it sleeps longer is its lag."""

# Discord takes a first answer within three seconds, and an answer within fifteen minutes.
_TO_ACKNOWLEDGE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
_TO_ANSWER = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_TO_COMPOSE = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_TO_ASK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
_TO_TURN = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics(Observer):
    """Counts what it is told, and asks the rest when Prometheus does."""

    content_type = CONTENT_TYPE_LATEST
    """Of `text`."""

    def __init__(self) -> None:
        # When each was made would double what is read every few seconds.
        disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types
        self._registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._interactions = Counter(
            "shiren_interactions",
            "Interactions answered, by command (or class of component or form) and outcome",
            ("command", "outcome"),
            registry=registry,
        )
        self._to_acknowledge = Histogram(
            "shiren_acknowledgement_seconds",
            "From an interaction's start to its first answer",
            buckets=_TO_ACKNOWLEDGE,
            registry=registry,
        )
        self._to_answer = Histogram(
            "shiren_answer_seconds",
            "From an interaction's start to its last answer",
            buckets=_TO_ANSWER,
            registry=registry,
        )
        self._poems = Counter("shiren_poems", "Poems composed", ("style", "form"), registry=registry)
        self._candidates = Counter("shiren_candidates", "Candidates composed for them", registry=registry)
        self._to_compose = Histogram(
            "shiren_composing_seconds",
            "From a poem's request to the poem, waiting included",
            buckets=_TO_COMPOSE,
            registry=registry,
        )
        self._favorites = Counter(
            "shiren_favorites", "Poems that people kept and removed", ("change",), registry=registry
        )
        self._to_ask = Histogram(
            "shiren_database_seconds",
            "Of each statement and commit of the database",
            ("work",),
            buckets=_TO_ASK,
            registry=registry,
        )
        self._faults = Counter("shiren_database_errors", "Statements that failed", ("fault",), registry=registry)
        self._lag = Histogram(
            "shiren_event_loop_lag_seconds", "By which the event loop was late", buckets=_TO_TURN, registry=registry
        )
        # Those without a label are there at once; these, too, are to be nought rather than missing.
        for change in ("kept", "removed"):
            self._favorites.labels(change)

    def attended(self, command: str, outcome: Outcome, acknowledged: float | None, seconds: float) -> None:
        """Count an interaction, and how long it took."""
        self._interactions.labels(command, outcome.value).inc()
        self._to_answer.observe(seconds)
        if acknowledged is not None:
            self._to_acknowledge.observe(acknowledged)

    def composed(self, request: PoemRequest, seconds: float) -> None:
        """Count a poem."""
        self._poems.labels(request.style.value, str(request.form)).inc()
        self._candidates.inc(request.candidates)
        self._to_compose.observe(seconds)

    def kept(self) -> None:
        """Count a favorite."""
        self._favorites.labels("kept").inc()

    def removed(self) -> None:
        """Count one that is none any more."""
        self._favorites.labels("removed").inc()

    def asked_database(self, work: str, seconds: float) -> None:
        """Count a statement or a commit."""
        self._to_ask.labels(work).observe(seconds)

    def database_failed(self, fault: str) -> None:
        """Count what failed."""
        self._faults.labels(fault).inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)

    @asynccontextmanager
    async def watching(self, client: discord.AutoShardedClient, services: Services) -> AsyncIterator[None]:
        """Also tell how these are, until the end of the block."""
        state = _State(client, services)
        self._registry.register(state)
        ticking = asyncio.create_task(self._tick(), name="metrics")
        try:
            yield
        finally:
            self._registry.unregister(state)
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(_TICK)
            self._lag.observe(max(loop.time() - began - _TICK, 0.0))


class _State(Collector):
    """What is not counted but is so, at the moment of asking."""

    def __init__(self, client: discord.AutoShardedClient, services: Services) -> None:
        self._client = client
        self._services = services

    def describe(self) -> list[Metric]:
        """Nothing: the registry would ask `collect` for names, before the client has begun."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Of Discord, of the composer, of the model and of a training."""
        client, models = self._client, self._services.models
        shards = client.shards
        connected = sum(not shard.is_closed() for shard in shards.values())
        yield _gauge("shiren_servers", "Servers that the bot is in", len(client.guilds))
        yield _gauge("shiren_shards", "Shards of this process", len(shards))
        yield _gauge("shiren_shards_connected", "Shards of this process that are connected", connected)
        latency = GaugeMetricFamily("shiren_gateway_latency_seconds", "Of the last heartbeat", labels=["shard"])
        for number, shard in shards.items():
            if math.isfinite(shard.latency):
                latency.add_metric([str(number)], shard.latency)
        yield latency
        yield _gauge("shiren_poems_waiting", "Poems that wait to be written", models.composer.waiting)
        yield _gauge("shiren_poems_in_flight", "Poems that are being written", models.composer.in_flight)
        facts = models.facts
        yield InfoMetricFamily("shiren_model", "The model that is live", {"version": facts.version})
        if facts.perplexity is not None:
            yield _gauge("shiren_model_perplexity", "Of the live model on held-back verse", facts.perplexity)
        yield from self._training()

    def _training(self) -> Iterator[Metric]:
        run = self._services.retraining.current
        states = GaugeMetricFamily("shiren_training_state", "1 for the state a training is in", labels=["state"])
        for state in sorted(UNFINISHED):
            states.add_metric([state.value], float(run is not None and run.state is state))
        yield states
        if run is None:
            return
        yield _gauge("shiren_training_done_ratio", "How much of the training is done", run.done)
        perplexity = run.before if run.after is None else run.after
        if perplexity is not None:
            yield _gauge("shiren_training_perplexity", "Of the model in training on held-back verse", perplexity)
        if run.characters_per_second is not None:
            yield _gauge("shiren_training_characters_per_second", "That the training reads", run.characters_per_second)


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value)
