"""Why a model falls short of what a live one must be, in words."""

from collections.abc import Iterable

from bot.i18n import Strings
from bot.services.run_judge import Shortfall


def list_shortfalls(shortfalls: Iterable[Shortfall], strings: Strings) -> str:
    """A line each."""
    return "\n".join(
        "• " + strings(f"model.shortfall.{shortfall.figure}", value=shortfall.value, limit=shortfall.limit)
        for shortfall in shortfalls
    )
