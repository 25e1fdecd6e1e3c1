"""The bot under load: `python benchmarks/load.py` prints a table, and exits with 1 when a promise was broken.

A stand-in for Discord runs in one process and the bot, as it is, in another; they speak over real sockets. People fire
`/poem` and press ❤ under what comes. Limits per person and per server are lifted; the queue of poems has its default.
`--retrain CORPUS` lets a retraining run meanwhile, `--minutes` and `--rate` make it a soak; `--together 1` composes a
poem at a time, to compare with. Linux alone.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from benchmarks.load_run import Load, run_load
from poetry_model.corpus import corpus_files
from poetry_model.devices import Precision
from poetry_model.errors import PoetryError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code."""
    options = _parser().parse_args(arguments)
    begin = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - begin:6.0f} s  {what}", file=sys.stderr, flush=True)

    is_soak = options.minutes is not None
    seconds = options.minutes * 60 if is_soak else options.seconds
    load = Load(
        commands=max(round(options.rate * seconds), 1) if is_soak else options.commands,
        seconds=seconds,
        people=options.people,
        hearts=options.hearts,
        model=options.model,
        precision=options.precision,
        together=options.together,
        corpus=options.retrain,
    )
    try:
        if load.corpus is not None:
            # Told at once, and not by the bot after a minute.
            corpus_files(load.corpus)
        with TemporaryDirectory(prefix="shiren-") as folder:
            report = asyncio.run(run_load(load, Path(folder), say, is_soak=is_soak))
    except PoetryError as error:
        print(error, file=sys.stderr)
        return 1
    broken = report.broken(options.poems, is_soak=is_soak)
    if options.json:
        print(json.dumps({**report.as_json(), "broken": broken}, ensure_ascii=False))
    else:
        print(report.as_markdown())
        print(f"\n{load.people} people in {seconds:g} s, {os.cpu_count()} cores.")
    for sentence in broken:
        print(f"Broken: {sentence}.", file=sys.stderr)
    for logged in report.errors[:10]:
        print(f"Logged: {logged}", file=sys.stderr)
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="load.py", description="Put the bot under load, on a stand-in for Discord.")
    parser.add_argument("--commands", type=int, default=1000, help="how many /poem (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="in which they are fired (default: %(default)g)")
    parser.add_argument("--people", type=int, default=200, help="who fire them (default: %(default)s)")
    parser.add_argument("--hearts", type=float, default=0.3, help="share of poems kept (default: %(default)g)")
    parser.add_argument("--poems", type=float, default=0.95, help="share that must be poems (default: %(default)g)")
    parser.add_argument("--minutes", type=float, help="a soak of that length, at --rate, in place of --commands")
    parser.add_argument("--rate", type=float, default=5.0, help="commands a second of a soak (default: %(default)g)")
    parser.add_argument("--retrain", type=Path, metavar="CORPUS", help="retrain meanwhile, in chinese-poetry's layout")
    parser.add_argument("--model", type=Path, help="bundle (default: the one that ships)")
    parser.add_argument("--precision", choices=get_args(Precision), default="auto", help="(default: %(default)s)")
    parser.add_argument("--together", type=int, metavar="ROWS", help="rows written at once; 1: a poem at a time")
    parser.add_argument("--json", action="store_true", help="print JSON, with the memory over time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
