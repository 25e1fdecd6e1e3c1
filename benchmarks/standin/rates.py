"""Rate limits: the headers on every answer, and 429 for who goes past them.

Discord documents the headers, the answer and the fifty requests a second, and asks clients not to rely on the other
figures; those here are our own choice. Interactions are not bound to the limit of fifty.
"""

import hashlib
import math
import time
from dataclasses import dataclass

from benchmarks.standin.payloads import Json

_MOST_WINDOWS = 10_000
"""Beyond it the windows that are over are forgotten."""

_GLOBAL = (50, 1.0)


@dataclass(slots=True)
class _Window:
    limit: int
    left: int
    ends: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request is told: headers, and in a refusal the body of its 429."""

    headers: dict[str, str]
    refusal: Json | None = None


class Rates:
    """Counts requests in fixed windows."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def spend(self, route: str, major: str, limit: int, per: float, *, globally: bool) -> Verdict:
        """Count one request to `route` about `major` (a channel, a token): `limit` of them in `per` seconds."""
        now = time.monotonic()
        if globally:
            whole = self._window("", *_GLOBAL, now)
            if not whole.left:
                return self._refuse(whole.ends - now, {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"})
            whole.left -= 1
        window = self._window(f"{route}:{major}", limit, per, now)
        rest = window.ends - now
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(window.left - 1, 0)),
            "X-RateLimit-Reset": f"{time.time() + rest:.3f}",
            "X-RateLimit-Reset-After": f"{rest:.3f}",
            "X-RateLimit-Bucket": hashlib.blake2b(route.encode(), digest_size=8).hexdigest(),
        }
        if not window.left:
            return self._refuse(rest, {**headers, "X-RateLimit-Scope": "user"})
        window.left -= 1
        return Verdict(headers)

    def _window(self, key: str, limit: int, per: float, now: float) -> _Window:
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            if len(self._windows) > _MOST_WINDOWS:
                self._windows = {name: kept for name, kept in self._windows.items() if kept.ends > now}
            window = self._windows[key] = _Window(limit, limit, now + per)
        return window

    @staticmethod
    def _refuse(rest: float, headers: dict[str, str]) -> Verdict:
        is_global = "X-RateLimit-Global" in headers
        return Verdict({**headers, "Retry-After": str(math.ceil(rest))}, too_many(rest, is_global=is_global))


def too_many(retry_after: float, *, is_global: bool = False) -> Json:
    """The body of a 429."""
    return {"message": "You are being rate limited.", "retry_after": round(retry_after, 3), "global": is_global}
