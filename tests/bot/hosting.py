"""The local page in a process of its own, as `make run` starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

_HOST = """
import pathlib, sys
import bot.services.models
from bot.__main__ import main
if len(sys.argv) > 2:
    bot.services.models.PRETRAINED = pathlib.Path(sys.argv[2])
sys.exit(main(["preview", "--config", sys.argv[1]]))
"""


class Host(NamedTuple):
    """The process."""

    process: subprocess.Popen[str]
    said: str
    """Its first line, which has the address."""
    log: Path

    @property
    def address(self) -> str:
        """Of the page."""
        return self.said.split()[-1]

    def end(self) -> str:
        """Wait for it; returns its log."""
        self.process.wait(timeout=60)
        return self.log.read_text(encoding="utf-8")


@contextmanager
def hosted(config: Path, bundle: Path | None = None) -> Iterator[Host]:
    """A host with the settings of `config`, in its folder; `bundle` stands in for the model that ships."""
    log = config.with_suffix(".log")
    with (
        log.open("w", encoding="utf-8") as complaints,
        subprocess.Popen(
            [sys.executable, "-c", _HOST, config, *([bundle] if bundle else [])],
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            cwd=config.parent,
            # The code that is here, whatever is installed.
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield Host(process, process.stdout.readline(), log)
            process.terminate()
            process.wait(timeout=60)
        finally:
            process.kill()
