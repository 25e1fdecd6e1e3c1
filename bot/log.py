"""The log: lines of text, or of JSON for a collector; each names the interaction that it belongs to."""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from bot.attendance import attendance

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_handler = logging.StreamHandler()


def set_up_log(style: LogFormat = "text", level: LogLevel = "info") -> None:
    """Write to standard error from now on, in `style`, what is of `level` or graver.

    May be called again. Where whoever embeds the bot has set the log up, that stays.
    """
    logging.basicConfig(handlers=[_handler])
    root = logging.getLogger()
    if _handler not in root.handlers:
        return
    _handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root.setLevel(level.upper())
    # Migrations are announced by what they do, not by how.
    logging.getLogger("alembic").setLevel(max(logging.WARNING, root.level))


class TextFormatter(logging.Formatter):
    """A line for people, the interaction in brackets where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(interaction)s%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line, and below it an exception's."""
        current = attendance()
        record.interaction = f"[{current.interaction} {current.command}] " if current else ""
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """One line of ASCII for each event, whatever stands in its message."""

    def format(self, record: logging.LogRecord) -> str:
        """An object with `time` (ISO 8601, UTC), `level`, `logger` and `message`.

        Where they apply, also with `interaction`, `command`, `exception` and `stack`.
        """
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        current = attendance()
        if current is not None:
            # A string: as a number it is more than JavaScript, and many a collector, can hold.
            event |= {"interaction": str(current.interaction), "command": current.command}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            event["stack"] = self.formatStack(record.stack_info)
        return json.dumps(event)
