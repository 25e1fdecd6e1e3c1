"""Who is told what happens, so that it can be counted: by itself nobody, who pays no heed and costs nothing."""

from enum import StrEnum

from poetry_model.poem import PoemRequest


class Outcome(StrEnum):
    """What became of an interaction."""

    ANSWERED = "answered"
    MISTAKE = "mistake"
    """Of the person's; a sentence says which."""
    LIMITED = "limited"
    """Refused by the limits: the person or the server is too fast, or too many poems wait."""
    STOPPING = "stopping"
    """Told that the bot is being restarted."""
    GONE = "gone"
    """Discord took no answer any more."""
    FAILED = "failed"


class Observer:
    """Told what happens; `bot/metrics.py` has one that counts. Called on the event loop, if not said otherwise."""

    def attended(self, command: str, outcome: Outcome, acknowledged: float | None, seconds: float) -> None:
        """An interaction is over: seconds to its first answer, None where it had none, and to the last."""

    def composed(self, request: PoemRequest, seconds: float) -> None:
        """A poem was written, `seconds` after it was asked for."""

    def kept(self) -> None:
        """A person keeps one poem more."""

    def removed(self) -> None:
        """A person keeps one poem less."""

    def asked_database(self, work: str, seconds: float) -> None:
        """A "statement" or a "commit" took so long. Called in any thread."""

    def database_failed(self, fault: str) -> None:
        """A statement failed, for no reason of its own. Called in any thread."""
