"""The services, made from the settings and closed in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.config import Settings
from bot.db.engine import open_sessions
from bot.db.migrate import upgrade
from bot.observer import Observer
from bot.services import (
    Admission,
    Daily,
    Favorites,
    Lease,
    Linked,
    Models,
    Poems,
    Preferences,
    Privacy,
    Retraining,
    Services,
    Storage,
    Top,
)
from bot.services.favorites_export import Exporter
from bot.services.run_plan import Planner
from bot.services.run_records import RunRecords
from poetry_model.devices import use_threads


@asynccontextmanager
async def assemble(settings: Settings, observer: Observer | None = None) -> AsyncIterator[Services]:
    """Migrate the database, load the live model, and start what works in the background.

    Open it before the client: its tasks belong to the process, not to a connection. `observer` is told what
    happens, where there is one.
    """
    use_threads(settings.model.threads)
    await asyncio.to_thread(upgrade, settings.database.place)
    async with open_sessions(settings.database.place) as sessions:
        storage = Storage(sessions)
        model = settings.model
        models = await Models.open(model.folder, model.device, sessions, settings.limits.queue, model.precision)
        if observer is not None:
            storage.report_to(observer)
            models.composer.report_to(observer)
        records = RunRecords(sessions, settings.model.folder)
        exporter = Exporter(
            sessions,
            per_person=settings.retrain.favorites_per_person,
            per_poem=settings.retrain.favorites_per_poem,
        )
        planner = Planner(models, settings.retrain, settings.model.device, exporter)
        retraining = Retraining(records, planner, models, settings.retrain)
        await retraining.recover()
        retraining.start()
        models.start()
        poems = Poems(models.composer, sessions)
        preferences = Preferences(sessions)
        daily = Daily(sessions, poems, preferences.script_of_guild)
        daily.start()
        linked = Linked(models.composer, sessions)
        await linked.forget_abandoned()
        try:
            yield Services(
                admission=Admission(settings.limits),
                poems=poems,
                favorites=Favorites(sessions, observer),
                models=models,
                retraining=retraining,
                privacy=Privacy(sessions, records, preferences),
                daily=daily,
                preferences=preferences,
                linked=linked,
                top=Top(sessions),
                storage=storage,
                registering=Lease("commands", sessions),
                identifying=Lease("identify", sessions),
            )
        finally:
            await daily.close()
            await retraining.close()
            await models.close()
            await asyncio.to_thread(models.composer.close)
            await preferences.close()
