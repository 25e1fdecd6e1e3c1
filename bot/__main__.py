"""The entry: `python -m bot` runs the bot, on Discord with a token, on a local page without one."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from bot.config import TOKEN_VARIABLE, Settings, load_settings
from bot.errors import ConfigError
from bot.log import set_up_log
from poetry_model.errors import PoetryError

_FAILED = 1
_BAD_SETTINGS = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    set_up_log()
    try:
        settings = _settings(options.config)
        set_up_log(settings.log.format, settings.log.level)
        if options.command == "db":
            return _database(settings, options)
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
    database = commands.add_parser("db", parents=[common], help="migrate, back up, check, restore or copy the database")
    tasks = database.add_subparsers(dest="task", metavar="task")
    tasks.add_parser("migrate", parents=[common], help="bring it up to date (the default)")
    tasks.add_parser("check", parents=[common], help="say whether it is whole and up to date")
    backup = tasks.add_parser("backup", parents=[common], help="copy it, also while the bot is running")
    backup.add_argument("file", type=Path, help="where the copy goes, a new file")
    restore = tasks.add_parser("restore", parents=[common], help="put a backup in its place, while the bot is stopped")
    restore.add_argument("file", type=Path, help="the backup")
    copy = tasks.add_parser("copy", parents=[common], help="move everything to another database, and compare the two")
    copy.add_argument("source", metavar="from", help="the database that is there: a path or a URL")
    copy.add_argument("target", metavar="to", help="an empty one, or a new file: a path or a URL")
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


def _database(settings: Settings, options: argparse.Namespace) -> int:
    from bot.db import commands  # noqa: PLC0415 # each command imports what it needs: --help answers at once

    place = settings.database.place
    match options.task:
        case "backup":
            return commands.backup_command(place, options.file)
        case "check":
            return commands.check_command(place)
        case "restore":
            return commands.restore_command(place, options.file)
        case "copy":
            return commands.copy_command(options.source, options.target)
    return commands.migrate_command(place)


def _export_favorites(settings: Settings, file: Path) -> int:
    from bot.services.favorites_export import export_command  # noqa: PLC0415 # as in _database

    return export_command(
        settings.database.place,
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
    import discord  # noqa: PLC0415 # as in _database

    from bot.assembly import assemble  # noqa: PLC0415 # likewise
    from bot.client import Shiren  # noqa: PLC0415 # likewise
    from bot.i18n import Languages  # noqa: PLC0415 # likewise
    from bot.monitor import monitored, open_metrics  # noqa: PLC0415 # likewise
    from bot.services.reading import prepare  # noqa: PLC0415 # likewise
    from bot.stopping import run_until_stopped  # noqa: PLC0415 # likewise
    from bot.ui.card_press import open_press  # noqa: PLC0415 # likewise

    stop = _stop_event()
    metrics = open_metrics(settings.monitor)
    await asyncio.to_thread(prepare)
    async with open_press(settings.card.font) as press, assemble(settings, metrics) as services:
        client = Shiren(
            services,
            Languages.load(),
            settings.retrain,
            test_guild=settings.discord.test_guild,
            press=press,
            observer=metrics,
            shards=settings.shards,
        )
        try:
            async with monitored(settings.monitor, client, services, metrics):
                await run_until_stopped(client, services, stop, settings.token)
        except discord.LoginFailure:
            print(f"Discord refused the token; correct discord.token or {TOKEN_VARIABLE}.", file=sys.stderr)
            return _FAILED
        except OSError as error:
            print(f"Discord cannot be reached ({error}); check the connection and start again.", file=sys.stderr)
            return _FAILED
    return 0


def _stop_event() -> asyncio.Event:
    """Set by Ctrl-C and by SIGTERM, each time."""
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
