"""Which model is live; making another so, and laying two side by side."""

import asyncio
import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from bot.db.engine import Sessions
from bot.errors import BotError
from bot.services.composer import Composer
from bot.services.model_facts import ModelFacts
from bot.services.run_files import RunFiles
from bot.services.run_judge import Shortfall
from bot.services.versions import Version, Versions, VersionState
from poetry_model.checkpoint import PRETRAINED
from poetry_model.devices import Precision
from poetry_model.errors import BundleError
from poetry_model.holdout import HoldOut
from poetry_model.poem import Poem, PoemRequest
from poetry_model.poet import Poet

_log = logging.getLogger(__name__)

FOLLOW_SECONDS = 15.0
"""Between two looks at which model is live by the record."""

_STARTS = ("春", "日", "红", "山", "夜", "湖", "海", "月")
"""First characters a new model must write on before it goes live."""

_SAMPLES = (("月", 5, 4), ("春", 7, 4), ("山", 5, 4), ("江", 7, 4), ("秋", 5, 8))
"""Starts, forms and lines of the poems that people judge a model by."""

_COMPARED = 4
"""Of `_SAMPLES`, those that are laid side by side: eight short poems are what one message holds well."""


class _Metrics(BaseModel):
    perplexity: float
    start_perplexity: float | None = None
    live_perplexity: float | None = None
    live_version: str | None = None


class _Epoch(BaseModel):
    loss: float
    perplexity: float


class _Training(BaseModel):
    parent: str | None = None
    history: list[_Epoch] = []


class _Record(BaseModel):
    """What is looked at of a bundle's metadata."""

    metrics: _Metrics
    training: _Training = _Training()
    examination: dict[str, float | None] | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """A bundle that loads and composes."""

    poet: Poet
    metrics: Mapping[str, Any]
    examination: Mapping[str, Any] | None
    """Figures of its examination poems; None where it wrote none."""
    history: tuple[Mapping[str, float], ...]
    poems: tuple[Poem, ...]
    """What people are shown of it."""

    def perplexity_of(self, live: str) -> float | None:
        """The held-back perplexity of the version `live`, measured beside its own; None when another was measured."""
        if self.metrics.get("live_version") == live:
            return self.metrics.get("live_perplexity")
        parent = self.poet.metadata.get("training", {}).get("parent")
        return self.metrics.get("start_perplexity") if parent == live else None


@dataclass(frozen=True, slots=True)
class Pair:
    """One request, answered by two models."""

    left: Poem
    right: Poem


class Models:
    """The live model, and those on record."""

    def __init__(
        self,
        versions: Versions,
        folder: Path,
        device: str,
        poet: Poet,
        live_folder: Path,
        queue: float,
        unusable: Mapping[str, str] | None = None,
        precision: Precision = "single",
    ) -> None:
        """`poet` was loaded from `live_folder`; `Models.open` finds both, and which versions are `unusable` and why."""
        self.folder = folder
        """Where new bundles go."""
        self.live_folder = live_folder
        """Where the live model's bundle is."""
        self.composer = Composer(poet, queue)
        self.versions = versions
        self._device = device
        self._precision: Precision = precision
        self._poet = poet
        self._turn = asyncio.Lock()
        """One change of the live model at a time."""
        self._unusable = dict(unusable or {})
        self._awaited: str | None = None
        self._following: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        folder: Path,
        device: str,
        sessions: Sessions,
        queue: float = math.inf,
        precision: Precision = "single",
    ) -> Self:
        """The last accepted model is live again, else the one that ships; damaged ones are passed over, aloud.

        `queue`: how many poems may wait. Raises `PoetryError` when not even the one that ships can be loaded.
        """
        versions = Versions(sessions, folder, PRETRAINED)
        unusable: dict[str, str] = {}
        try:
            poet, live_folder = await asyncio.to_thread(Poet.load, PRETRAINED, device, precision), PRETRAINED
            await versions.know_shipped(poet.version)
        except BundleError as error:
            trained = [version for version in await versions.chain() if not version.is_shipped]
            if (found := await _first_usable(trained, device, unusable, precision)) is None:
                raise
            poet, live_folder = found
            _log.error("The model that ships is back once shiren is installed again: %s", error)  # likewise
        models = cls(versions, folder, device, poet, live_folder, queue, unusable, precision)
        await models.follow()
        _log.info(
            "Model %s%s is live", models.live_version, ", which ships," if models.live_folder == PRETRAINED else ""
        )
        return models

    @property
    def live_version(self) -> str:
        """Version of the live model."""
        return self._poet.version

    @property
    def facts(self) -> ModelFacts:
        """What can be told of the live model."""
        return ModelFacts.of(self._poet)

    @property
    def awaited(self) -> str | None:
        """The version that is live by the record but could not be read here, if any; it is tried again and again."""
        return self._awaited

    def start(self) -> None:
        """Follow what other processes make live, in a task of its own, until `close`."""
        self._following = asyncio.create_task(self._keep_following(), name="models")

    async def close(self) -> None:
        """Follow no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def follow(self) -> None:
        """Let the model that is live by the record be live here, for another process may have changed it.

        Where it cannot be read, the one that was live stays, unless it was rolled back: then the next in the chain is.
        """
        async with self._turn:
            await self._catch_up()

    async def examine(self, folder: Path) -> Examined:
        """Load the bundle in `folder` and let it compose.

        Raises `BundleError` when it does not load or does not write what is asked.
        """
        return await asyncio.to_thread(self._examine, folder)

    async def settle(
        self, examined: Examined, files: RunFiles, run_id: int, shortfalls: Sequence[Shortfall]
    ) -> Version:
        """Record what a run made, and make it live, now and after a restart, unless it falls short."""
        async with self._turn:
            version = await self.versions.record(examined.poet.version, files, run_id, shortfalls, examined.examination)
            if version.folder != files.bundle:
                await asyncio.to_thread(files.remove_all)
            if not shortfalls:
                self._exchange(examined.poet, version.folder)
        return version

    async def use(self, name: str, *, force: bool) -> None:
        """Make a version live; `force`: though it falls short. Raises `BotError` when it cannot be."""
        async with self._turn:
            await self._catch_up()
            version = await self._known(name)
            if name == self.live_version and self._awaited is None:
                raise BotError("model.live_already", version=name)
            if version.state is VersionState.CANDIDATE and not force:
                raise BotError("model.needs_force", version=name, shortfalls=version.shortfalls)
            poet = await self._load(version)
            await self.versions.activate(name)
            self._exchange(poet, version.folder)

    async def rollback(self) -> str:
        """Make the model live that was before this one; returns the version that was. `BotError` when there is none."""
        async with self._turn:
            await self._catch_up()
            before = self._awaited or self.live_version
            chain = await self.versions.chain()
            names = [version.name for version in chain]
            earlier = chain[names.index(before) + 1 :] if before in names else chain
            if not await self._take_first(earlier):
                raise BotError("model.nothing_before")
            await self.versions.withdraw(before)
            await self._catch_up()
        return before

    async def compare(self, left: str, right: str) -> list[Pair]:
        """What two versions make of the same requests and seeds; `BotError` when one cannot be loaded."""
        poets = [await self._poet_of(name) for name in (left, right)]
        requests = _sample_requests()[:_COMPARED]
        first, second = [await asyncio.to_thread(poet.compose, requests) for poet in poets]
        return [Pair(*poems) for poems in zip(first, second, strict=True)]

    async def prune(self, keep: int, needed: Collection[str]) -> None:
        """Delete the bundles of all but the last `keep` versions, those `needed`, and the live one."""
        async with self._turn:
            for name in await self.versions.prune(keep, {*needed, self.live_version}):
                _log.info("Model %s is too old to be kept", name)

    @property
    def live_hold_out(self) -> HoldOut:
        """What the live model never learns."""
        return self._poet.hold_out

    async def _poet_of(self, name: str) -> Poet:
        return self._poet if name == self.live_version else await self._load(await self._known(name))

    async def _known(self, name: str) -> Version:
        version = await self.versions.get(name)
        if version is None:
            raise BotError("model.unknown", version=name)
        if version.state is VersionState.REMOVED:
            raise BotError("model.removed", version=name)
        return version

    async def _load(self, version: Version) -> Poet:
        try:
            return await asyncio.to_thread(_read, version, self._device, self._precision)
        except BundleError as error:
            _log.error("Model %s cannot be used: %s", version.name, error)  # the sentence says it all
            raise BotError("model.damaged", version=version.name) from error

    async def _keep_following(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                await self.follow()
            except Exception as error:  # noqa: BLE001 # a database that cannot be reached may be again
                _log.warning("Which model is live cannot be found out: %s", error)

    async def _catch_up(self) -> None:
        """As `follow`, for whoever has the turn."""
        announced = await self.versions.live()
        if announced != self.live_version:
            chain = await self.versions.chain()
            names = [version.name for version in chain]
            if self.live_version in names:
                chain = chain[: names.index(self.live_version)]
            await self._take_first(chain)
        self._awaited = announced if announced != self.live_version else None

    async def _take_first(self, versions: Iterable[Version]) -> bool:
        """Make the first of `versions` live that can be loaded; whether there was one."""
        if (found := await _first_usable(versions, self._device, self._unusable, self._precision)) is None:
            return False
        self._exchange(*found)
        return True

    def _exchange(self, poet: Poet, folder: Path) -> None:
        self._unusable.pop(poet.version, None)
        self._awaited = None
        self._poet, self.live_folder = poet, folder
        self.composer.exchange(poet)
        _log.info("Model %s is live", poet.version)

    def _examine(self, folder: Path) -> Examined:
        poet = Poet.load(folder, self._device, self._precision)
        requests = [PoemRequest.checked(start, form, seed=0) for start in _STARTS for form in (5, 7)]
        for request, poem in zip(requests, poet.compose(requests), strict=True):
            if not poem.text.startswith(request.start):
                raise BundleError(f"The model in {folder} does not begin with {request.start} when asked to.")
        try:
            record = _Record.model_validate(poet.metadata)
        except ValidationError as error:
            raise BundleError(f"The model in {folder} comes without the figures it is judged by.") from error
        return Examined(
            poet=poet,
            metrics=record.metrics.model_dump(),
            examination=record.examination,
            history=tuple(epoch.model_dump() for epoch in record.training.history),
            poems=tuple(poet.compose(_sample_requests())),
        )


async def _first_usable(
    versions: Iterable[Version], device: str, unusable: dict[str, str], precision: Precision
) -> tuple[Poet, Path] | None:
    """The first of `versions` that can be loaded, and where it lies; those that cannot be join the `unusable`."""
    for version in versions:
        try:
            return await asyncio.to_thread(_read, version, device, precision), version.folder
        except BundleError as error:
            # Each time it is tried, the same is said once.
            if unusable.get(version.name) != str(error):
                _log.error("Model %s is passed over: %s", version.name, error)  # the sentence says it all
            unusable[version.name] = str(error)
    return None


def _read(version: Version, device: str, precision: Precision) -> Poet:
    """The poet of a version; `BundleError` when its bundle is damaged, or is another version's."""
    poet = Poet.load(version.folder, device, precision)
    if poet.version != version.name:
        raise BundleError(f"The bundle {version.folder} holds another model, {poet.version}.")
    return poet


def _sample_requests() -> list[PoemRequest]:
    """Other seeds each time: chosen ones would flatter."""
    return [PoemRequest.checked(*sample) for sample in _SAMPLES]
