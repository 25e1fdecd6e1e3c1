"""A bot that trains until it is killed: `python trainer.py BUNDLE DATABASE MODELS CORPUS LEASE_SECONDS`.

It says in JSON lines how the run goes, and which process trains.
"""

import asyncio
import json
import sys
from pathlib import Path
from unittest.mock import patch

from bot.assembly import assemble
from bot.config import ModelSettings, RetrainSettings, Settings
from bot.services.runs import Snapshot, Wish
from tests.bot.places import database_at

EPOCHS = 30


async def main(bundle: Path, database: str, models: Path, corpus: Path) -> None:
    """Start a run for person 7 and tell of it, for ever."""
    settings = Settings(
        database=database_at(database),
        model=ModelSettings(device="cpu", folder=models),
        retrain=RetrainSettings(corpus=corpus, tolerance=1.0),
    )
    with patch("bot.services.models.PRETRAINED", bundle):
        async with assemble(settings) as services:
            retraining = services.retraining

            async def tell(snapshot: Snapshot) -> bool:
                run = retraining._current
                pid = run.process._running().pid if run and run.process else None
                print(json.dumps({"state": snapshot.state, "child": pid, "epochs": snapshot.after}), flush=True)
                return True

            retraining.attach(tell)
            snapshot = await retraining.reserve(7, 8, Wish(epochs=EPOCHS))
            await retraining.launch(snapshot.run_id, 8, 9)
            await asyncio.Event().wait()


if __name__ == "__main__":
    bundle, models, corpus = (Path(sys.argv[number]) for number in (1, 3, 4))
    with (
        patch("bot.services.lease.LEASE_SECONDS", float(sys.argv[5])),
        patch("bot.services.lease.BEAT_SECONDS", float(sys.argv[5]) / 4),
        patch("bot.services.retraining._SHOW_EVERY", 0.0),
        patch("bot.services.training_process._lower_priority"),
    ):
        asyncio.run(main(bundle, sys.argv[2], models, corpus))
