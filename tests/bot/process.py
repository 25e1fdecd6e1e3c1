"""A bot among several: `python -m tests.bot.process PORT CONFIG BUNDLE LEASE_SECONDS`, on the stand-in at that port.

It is the bot as it runs on Discord, and in as much of a hurry as its lease is short.
"""

import sys
from contextlib import ExitStack
from unittest.mock import patch

from benchmarks.standin.bot import main

LOOK_SECONDS = 0.3
"""Between two looks at anything."""


def hurry(lease_seconds: float) -> ExitStack:
    """Let all that waits wait no longer than it must for a lease of so many seconds."""
    patches = ExitStack()
    for name, value in {
        "lease.LEASE_SECONDS": lease_seconds,
        "lease.BEAT_SECONDS": lease_seconds / 4,
        "models.FOLLOW_SECONDS": LOOK_SECONDS,
        "run_upkeep._EVERY": LOOK_SECONDS,
        "retraining._SHOW_EVERY": 1.0,
        "training_process._lower_priority": lambda *_: None,
        "daily._seconds_to_next_look": lambda _: LOOK_SECONDS,
    }.items():
        patches.enter_context(patch(f"bot.services.{name}", value))
    return patches


if __name__ == "__main__":
    port, config, bundle, lease_seconds = sys.argv[1:]
    with hurry(float(lease_seconds)):
        sys.exit(main(["--port", port, "--config", config, "--model", bundle]))
