"""The entry: `python -m bot` runs the bot, on Discord with a token, on a local page without one."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from bot.config import TOKEN_VARIABLE, Settings, load_settings
from bot.errors import ConfigError
from poetry_model.errors import PoetryError

_FAILED = 1
_BAD_SETTINGS = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    # Migrations are announced by what they do, not by how.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings = _settings(options.config)
        if options.command == "db":
            return _migrate(settings)
        if options.command == "favorites":
            return _export_favorites(settings, options.file)
        if options.command == "preview" or not settings.token:
            return asyncio.run(_preview(settings))
        return asyncio.run(_discord(settings))
    except (ConfigError, PoetryError) as error:
        print(error, file=sys.stderr)
        return _BAD_SETTINGS


def _parser() -> argparse.ArgumentParser:
    # Before the command or after it; left out where it is not given, so that one place does not undo the other.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", type=Path, help="settings (default: config.toml, where there is one)")
    parser = argparse.ArgumentParser(
        prog="python -m bot", description="Shiren 诗人, a poet for Discord.", parents=[common]
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("run", parents=[common], help="on Discord, or on a local page without a token (the default)")
    commands.add_parser("preview", parents=[common], help="on a local page")
    commands.add_parser("db", parents=[common], help="migrate the database")
    favorites = commands.add_parser("favorites", help="what people kept").add_subparsers(
        required=True, metavar="command"
    )
    export = favorites.add_parser(
        "export", parents=[common], help="write it to a file, for python -m poetry_model train --favorites"
    )
    export.add_argument("file", type=Path, help="where it goes")
    parser.set_defaults(command="run", config=None)
    return parser


def _settings(named: Path | None) -> Settings:
    if named and not named.exists():
        raise ConfigError(f"There is no {named}; name a file that exists, or leave --config out.")
    return load_settings(named or Path("config.toml"))


def _migrate(settings: Settings) -> int:
    from bot.db.migrate import upgrade  # noqa: PLC0415 # each command imports what it needs: --help answers at once

    upgrade(settings.database.path)
    print(f"{settings.database.path} is up to date")
    return 0


def _export_favorites(settings: Settings, file: Path) -> int:
    from bot.services.favorites_export import export_command  # noqa: PLC0415 # as in _migrate

    return export_command(
        settings.database.path,
        file,
        per_person=settings.retrain.favorites_per_person,
        per_poem=settings.retrain.favorites_per_poem,
    )


async def _preview(settings: Settings) -> int:
    # What discord.py says of a gateway is not about the page.
    logging.getLogger("discord").setLevel(logging.ERROR)
    try:
        from bot.preview import run_preview  # noqa: PLC0415 # an extra that may not be installed
    except ModuleNotFoundError as error:
        if error.name != "simcord":
            raise
        raise ConfigError(
            f"There is no Discord token and no local page: set {TOKEN_VARIABLE}, or install shiren[preview]."
        ) from error
    await run_preview(settings, _stop_event())
    return 0


async def _discord(settings: Settings) -> int:
    import discord  # noqa: PLC0415 # as in _migrate

    from bot.assembly import assemble  # noqa: PLC0415 # likewise
    from bot.client import Shiren  # noqa: PLC0415 # likewise
    from bot.i18n import Strings  # noqa: PLC0415 # likewise

    stop = _stop_event()
    async with assemble(settings) as services:
        client = Shiren(services, Strings.load(), settings.retrain, test_guild=settings.discord.test_guild)
        async with client:
            running = asyncio.create_task(client.start(settings.token))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not running.done():
                # While its message can still be edited.
                await services.retraining.close()
                await client.close()
            try:
                await running
            except discord.LoginFailure:
                print(f"Discord refused the token; correct discord.token or {TOKEN_VARIABLE}.", file=sys.stderr)
                return _FAILED
            except OSError as error:
                print(f"Discord cannot be reached ({error}); check the connection and start again.", file=sys.stderr)
                return _FAILED
    return 0


def _stop_event() -> asyncio.Event:
    """Set by Ctrl-C and by SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt instead
            break
    return stop


if __name__ == "__main__":
    sys.exit(main())
