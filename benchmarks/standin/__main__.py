"""`python -m benchmarks.standin`: serve until stdin ends; the first line on stdout says the port."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import TextIO

from aiohttp import web

from benchmarks.standin.control import Control
from benchmarks.standin.faults import Faults
from benchmarks.standin.gateway import Gateway
from benchmarks.standin.handlers import Handlers
from benchmarks.standin.interactions import TOKEN_LIFE, Ledger
from benchmarks.standin.payloads import Json
from benchmarks.standin.rest import Rest

_HOST = "127.0.0.1"

_LONGEST_LINE = 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; the exit code."""
    asyncio.run(_serve(_parser().parse_args(arguments)))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    ledger, faults = Ledger(options.token_life), Faults()
    gateway = Gateway(options.token, ledger.breaches, heartbeat=options.heartbeat)
    handlers = Handlers(ledger, lambda: gateway.address)
    rest = Rest(options.token, ledger, faults)
    application = web.Application(client_max_size=32 * 2**20)
    application.router.add_get("/gateway", gateway.handle)
    rest.add_to(application, handlers.routes())
    # A bot that hangs up is not waited for.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, options.port, backlog=1024).start()
        port = runner.addresses[0][1]
        gateway.address = f"ws://{_HOST}:{port}/gateway"
        _say(sys.stdout, {"port": port})
        await _listen(Control(ledger, gateway, handlers, rest, faults), sys.stdout)
    finally:
        await runner.cleanup()


async def _listen(control: Control, out: TextIO) -> None:
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def obey(line: bytes) -> None:
        _say(out, await control.obey(json.loads(line)))

    async with asyncio.TaskGroup() as group:
        tasks: set[asyncio.Task[None]] = set()
        while line := await reader.readline():
            task = group.create_task(obey(line))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        # Nobody hears what they would find out.
        for task in tasks:
            task.cancel()


def _say(out: TextIO, what: Json) -> None:
    print(json.dumps(what, ensure_ascii=False), file=out, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.standin", description="A stand-in for Discord.")
    parser.add_argument("--port", type=int, default=0, help="on this machine (default: a free one)")
    parser.add_argument("--token", default="stand-in", help="of the bot (default: %(default)s)")
    parser.add_argument("--heartbeat", type=float, default=41.25, help="seconds between two (default: %(default)s)")
    parser.add_argument(
        "--token-life", type=float, default=TOKEN_LIFE, help="seconds of an interaction's (default: %(default)g)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
