"""What is made to go wrong on purpose, on the next requests of a route."""

from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """One or several requests that fail."""

    route: str
    """The name of a route in `rest.py`."""
    times: int = 1
    status: int | None = None
    """What is answered, with an empty body where it is 500 or more; None: what would have been."""
    retry_after: float = 0.1
    """With a status of 429."""
    carried_out: bool = False
    """The request does what it asks; only its answer goes wrong."""
    delay: float = 0.0
    """Seconds before anything is answered."""
    close: bool = False
    """The socket is closed instead of an answer."""


class Faults:
    """Those that wait for their request."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` happen, after those of its route that were added before."""
        self._waiting.append(fault)

    def take(self, route: str) -> Fault | None:
        """What goes wrong with this request."""
        for fault in self._waiting:
            if fault.route == route:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()
