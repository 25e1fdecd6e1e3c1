"""How much each may do: so many at once, and so many more each minute."""

_SECONDS_A_MINUTE = 60.0

_SLACK = 1e-6
"""Seconds that rounding may add up to."""


class TokenBuckets:
    """A bucket of tokens for each key: full at first, it gains tokens at a steady rate up to its depth.

    Of a bucket only the time is kept at which it is full again, as in the generic cell rate algorithm (ITU-T
    Recommendation I.371), and of one that is full nothing. Times are in seconds, by a clock that does not go back.
    """

    def __init__(self, depth: int, per_minute: float) -> None:
        """`per_minute` 0: without limit."""
        self._interval = _SECONDS_A_MINUTE / per_minute if per_minute else 0.0
        self._filling = depth * self._interval
        """Seconds in which an empty bucket fills."""
        self._full_at: dict[int, float] = {}
        self._swept_at = float("-inf")

    def __len__(self) -> int:
        """Of how many something is kept."""
        return len(self._full_at)

    def wait(self, key: int, now: float) -> float:
        """Seconds until the bucket has a token; 0 when it has one."""
        wait = self._full_at.get(key, now) + self._interval - self._filling - now
        return wait if wait > _SLACK else 0.0

    def take(self, key: int, now: float) -> None:
        """Take a token; `wait` has said that there is one."""
        if not self._interval:
            return
        if now - self._swept_at > self._filling:
            # Every bucket that was not used since the last time is full, and most of the others.
            self._full_at = {other: full_at for other, full_at in self._full_at.items() if full_at > now}
            self._swept_at = now
        self._full_at[key] = max(self._full_at.get(key, now), now) + self._interval
