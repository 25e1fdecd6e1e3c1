"""From what somebody asks for to what the training process is told, or to the sentence why it cannot be."""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from bot.config import MAX_EPOCHS, RetrainSettings
from bot.errors import BotError
from bot.services.favorites_export import Exporter
from bot.services.models import Models
from bot.services.run_files import RunFiles, room_for_training
from bot.services.runs import Source, Wish
from bot.services.training_process import TrainingOrder
from bot.services.uploads import Upload, check_size, check_upload
from bot.services.versions import VersionState
from poetry_model.reading import LARGEST_JSON, read_file

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run trains. It is kept on disk, so that a run goes on as it began, whatever settings have changed."""

    source: Source
    epochs: int
    minutes: float | None
    corpus: str | None
    """A folder; None: the corpus that was sent for it."""
    judge: str | None
    """A folder whose held-back side judges what was sent; None: the corpus judges itself."""
    learning_rate: float | None
    favorites_share: float | None

    def write(self, file: Path) -> None:
        """To a file; blocks."""
        file.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Self:
        """From what `write` wrote; `OSError` or `ValueError` when it cannot be had."""
        return TypeAdapter(cls).validate_json(read_file(file, LARGEST_JSON))

    @property
    def is_fresh(self) -> bool:
        """Whether it begins with random weights."""
        return self.source is Source.FRESH

    def corpus_of(self, files: RunFiles) -> Path:
        """Where its corpus is."""
        return files.corpus if self.corpus is None else Path(self.corpus)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run needs on disk beside its plan."""

    upload: Upload | None
    favorites: dict[str, Any] | None

    def write(self, files: RunFiles) -> None:
        """Put it there; blocks."""
        files.folder.mkdir(parents=True, exist_ok=True)
        if self.upload is not None:
            self.upload.write(files.corpus)
        if self.favorites is not None:
            files.favorites.write_text(json.dumps(self.favorites, ensure_ascii=False), encoding="utf-8")


class Planner:
    """Finds out whether a run can be had, before anything is recorded."""

    def __init__(self, models: Models, settings: RetrainSettings, device: str, exporter: Exporter) -> None:
        self._models = models
        self._settings = settings
        self._device = device
        self._exporter = exporter

    def check_upload_size(self, size: int) -> None:
        """`BotError` for a file of so many bytes that it is not worth fetching."""
        check_size(size, self._upload_limit)

    async def read_upload(self, name: str, content: bytes) -> Upload:
        """The corpus in a file that was sent; `BotError` when there is none, or too little."""
        hold_out = self._models.live_hold_out
        upload = await asyncio.to_thread(check_upload, name, content, self._upload_limit, hold_out)
        if self._settings.corpus is None:
            upload.require_both_sides()
        return upload

    async def plan(self, wish: Wish) -> tuple[Plan, Inputs]:
        """How to do what is asked for; `BotError` when it cannot be done."""
        settings = self._settings
        is_fresh = wish.source is Source.FRESH
        # A corpus that was sent is judged by the configured one, so that its model can be compared with others.
        if wish.upload is None or settings.corpus is not None:
            await self._check_corpus()
        favorites = await self._favorites() if wish.source is Source.FAVORITES else None
        await self._check_room()
        by_default = settings.fresh_epochs if is_fresh else settings.epochs
        configured = str(settings.corpus.absolute()) if settings.corpus else None
        plan = Plan(
            source=wish.source,
            # Who names the minutes alone wants them used.
            epochs=wish.epochs or (by_default if wish.minutes is None else MAX_EPOCHS),
            minutes=wish.minutes,
            corpus=configured if wish.upload is None else None,
            judge=configured if wish.upload is not None else None,
            learning_rate=None if is_fresh else settings.learning_rate,
            favorites_share=settings.favorites_share if favorites else None,
        )
        return plan, Inputs(wish.upload, favorites)

    async def read_plan(self, files: RunFiles, parent_name: str) -> Plan:
        """The plan of a run that is to go on; `BotError` when it cannot."""
        try:
            plan = await asyncio.to_thread(Plan.read, files.plan)
        except (OSError, ValueError):
            raise BotError("retrain.nothing_to_resume") from None
        folders = [plan.corpus_of(files), *([Path(plan.judge)] if plan.judge else [])]
        if not all(await asyncio.gather(*(asyncio.to_thread(folder.is_dir) for folder in folders))):
            raise BotError("retrain.corpus_missing")
        if not plan.is_fresh:
            await self._bundle_of(parent_name)
        await self._check_room()
        return plan

    async def order(self, plan: Plan, files: RunFiles, parent_name: str) -> TrainingOrder:
        """What the training process is told now; `parent_name` was the live version when the run began."""
        settings, live = self._settings, self._models.live_folder
        parent = None if plan.is_fresh else await self._bundle_of(parent_name)
        return TrainingOrder(
            corpus=plan.corpus_of(files),
            out=files.bundle,
            judge=Path(plan.judge) if plan.judge else None,
            parent=parent,
            # A parent is measured before it learns; another live model only when it is asked for.
            rival=None if parent == live else live,
            epochs=plan.epochs,
            minutes=plan.minutes,
            learning_rate=plan.learning_rate,
            favorites=None if plan.favorites_share is None else files.favorites,
            favorites_share=plan.favorites_share,
            resume=await asyncio.to_thread(files.partial.is_dir),
            threads=settings.threads,
            niceness=settings.niceness,
            device=self._device,
        )

    async def _check_room(self) -> None:
        """`BotError` when the disk is too full for a training."""
        room = await asyncio.to_thread(room_for_training, self._models.folder, self._models.live_folder)
        if room.free < room.needed:
            raise BotError(
                "retrain.no_room", needed=-(-room.needed // _MIB), free=room.free // _MIB, folder=self._models.folder
            )

    async def _bundle_of(self, name: str) -> Path:
        if name == self._models.live_version:
            return self._models.live_folder
        version = await self._models.versions.get(name)
        if version is None or version.state is VersionState.REMOVED:
            raise BotError("retrain.parent_missing", version=name)
        return version.folder

    async def _check_corpus(self) -> None:
        if self._settings.corpus is None:
            raise BotError("retrain.no_corpus")
        if not await asyncio.to_thread(self._settings.corpus.is_dir):
            raise BotError("retrain.corpus_missing")

    async def _favorites(self) -> dict[str, Any]:
        favorites = await self._exporter.export()
        if not favorites["poems"]:
            raise BotError("retrain.no_favorites")
        return favorites

    @property
    def _upload_limit(self) -> int:
        return round(self._settings.upload_limit * _MIB)
