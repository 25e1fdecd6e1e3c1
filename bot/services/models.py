"""Which model is live, and which were before."""

import asyncio
import logging
from pathlib import Path
from typing import Any, Self

from bot.db import queries
from bot.db.engine import Sessions
from bot.services.composer import Composer
from poetry_model.checkpoint import PRETRAINED
from poetry_model.errors import BundleError
from poetry_model.poem import PoemRequest
from poetry_model.poet import Poet

_log = logging.getLogger(__name__)

_EXAMINATION = ("春", "日", "红", "山", "夜", "湖", "海", "月")
"""First characters a new model must write on before it goes live."""


class Models:
    """The bundles under one folder; the database says which of them is live."""

    def __init__(self, folder: Path, device: str, sessions: Sessions, live: Poet, live_folder: Path) -> None:
        """`live` was loaded from `live_folder`; `Models.open` finds both."""
        self.folder = folder
        """Where new bundles go."""
        self.live_folder = live_folder
        """Where the live model's bundle is."""
        self.composer = Composer(live)
        self._device = device
        self._sessions = sessions

    @classmethod
    async def open(cls, folder: Path, device: str, sessions: Sessions) -> Self:
        """The last accepted model is live again, else the one that ships; damaged ones are passed over, aloud.

        Raises `PoetryError` when not even the one that ships can be loaded.
        """
        async with sessions() as session:
            rows = await queries.versions(session)
        for row in rows:
            try:
                poet = await asyncio.to_thread(Poet.load, folder / row.folder, device)
            except BundleError as error:
                _log.error("Model %s is passed over: %s", row.version, error)  # the sentence says it all
            else:
                _log.info("Model %s is live", poet.version)
                return cls(folder, device, sessions, poet, folder / row.folder)
        poet = await asyncio.to_thread(Poet.load, PRETRAINED, device)
        _log.info("Model %s, which ships with shiren, is live", poet.version)
        return cls(folder, device, sessions, poet, PRETRAINED)

    @property
    def live_version(self) -> str:
        """Version of the live model."""
        return self.composer.version

    async def examine(self, folder: Path) -> tuple[Poet, dict[str, Any]]:
        """Load the bundle in `folder` and let it compose; returns it with the metrics of its making.

        Raises `BundleError` when it does not load or does not write what is asked.
        """
        return await asyncio.to_thread(self._examine, folder)

    async def install(self, poet: Poet, folder: Path, run_id: int) -> None:
        """Make an examined model the live one, now and after a restart."""
        async with self._sessions.begin() as session:
            await queries.activate(session, poet.version, folder.name, run_id)
        self.composer.exchange(poet)
        self.live_folder = folder
        _log.info("Model %s is live", poet.version)

    def _examine(self, folder: Path) -> tuple[Poet, dict[str, Any]]:
        poet = Poet.load(folder, self._device)
        requests = [PoemRequest.checked(start, form, seed=0) for start in _EXAMINATION for form in (5, 7)]
        for request, poem in zip(requests, poet.compose(requests), strict=True):
            if not poem.text.startswith(request.start):
                raise BundleError(f"The model in {folder} does not begin with {request.start} when asked to.")
        return poet, dict(poet.metadata["metrics"])
