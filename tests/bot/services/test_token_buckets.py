from fractions import Fraction
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.services.token_buckets import TokenBuckets

DEPTHS = st.integers(1, 4)
RATES = st.sampled_from([7.0, 11.0, 30.0, 300.0])
"""Tokens a minute."""
CROWDS = st.lists(st.tuples(st.integers(1, 2), st.integers(0, 12), st.integers(1, 3)), max_size=12)
"""Who comes, how long after the one before, in quarters of the time in which a token flows in, how often at once."""
START = 1_000_000.0
"""Seconds on the clock at first: a machine that has been up for eleven days."""
TOLERANCE = Fraction(1, 1000)
"""Of a token."""

Visit = tuple[int, float, bool]
"""Who came, when, and whether there was a token."""


def visits(buckets: TokenBuckets, per_minute: float, crowds: list[tuple[int, int, int]]) -> list[Visit]:
    now, seen = START, []
    for key, pause, size in crowds:
        now += pause * 15 / per_minute
        for _ in range(size):
            is_granted = not buckets.wait(key, now)
            if is_granted:
                buckets.take(key, now)
            seen.append((key, now, is_granted))
    return seen


@settings(max_examples=300)
@given(depth=DEPTHS, per_minute=RATES, crowds=CROWDS)
def test_nobody_ever_gets_more_than_the_depth_and_what_has_flowed_in(
    depth: int, per_minute: float, crowds: list[tuple[int, int, int]]
) -> None:
    seen = visits(TokenBuckets(depth, per_minute), per_minute, crowds)
    for key in (1, 2):
        times = [Fraction(now) for other, now, is_granted in seen if other == key and is_granted]
        for first, last in combinations(range(len(times)), 2):
            flowed = Fraction(per_minute) / 60 * (times[last] - times[first])
            assert last - first + 1 <= depth + flowed + TOLERANCE


@settings(max_examples=300)
@given(depth=DEPTHS, per_minute=RATES, crowds=CROWDS)
def test_there_is_a_token_where_an_exact_bucket_has_one_and_nowhere_else(
    depth: int, per_minute: float, crowds: list[tuple[int, int, int]]
) -> None:
    tokens = {key: Fraction(depth) for key in (1, 2)}
    before = dict.fromkeys(tokens, Fraction(START))
    for key, now, is_granted in visits(TokenBuckets(depth, per_minute), per_minute, crowds):
        flowed = Fraction(per_minute) / 60 * (Fraction(now) - before[key])
        tokens[key] = min(Fraction(depth), tokens[key] + flowed)
        before[key] = Fraction(now)
        assert tokens[key] > 1 - TOLERANCE if is_granted else tokens[key] < 1
        tokens[key] -= is_granted


@settings(max_examples=300)
@given(depth=DEPTHS, per_minute=RATES, crowds=CROWDS)
def test_whoever_comes_back_when_told_to_gets_a_token_and_not_before(
    depth: int, per_minute: float, crowds: list[tuple[int, int, int]]
) -> None:
    buckets = TokenBuckets(depth, per_minute)
    for key, now, is_granted in visits(buckets, per_minute, crowds)[-1:]:
        wait = buckets.wait(key, now)
        assert 0 <= wait <= 60 / per_minute + 1e-6
        assert is_granted or wait > 0
        assert buckets.wait(key, now + wait) == 0
        assert wait < 0.01 or buckets.wait(key, now + wait - 0.01) > 0


def test_a_full_bucket_gives_all_it_holds_at_once_and_then_at_its_rate() -> None:
    buckets = TokenBuckets(3, 30)
    for _ in range(3):
        assert buckets.wait(1, 0.0) == 0
        buckets.take(1, 0.0)
    assert buckets.wait(1, 0.0) == 2
    assert buckets.wait(1, 1.5) == 0.5
    assert buckets.wait(1, 2.0) == 0
    assert buckets.wait(2, 0.0) == 0


def test_without_a_rate_there_is_no_limit_and_nothing_is_kept() -> None:
    buckets = TokenBuckets(1, 0)
    for _ in range(100):
        assert buckets.wait(1, 0.0) == 0
        buckets.take(1, 0.0)
    assert len(buckets) == 0


def test_of_people_who_left_nothing_is_kept() -> None:
    buckets = TokenBuckets(10, 30)
    most = 0
    for person in range(100_000):
        buckets.take(person, person / 100)
        most = max(most, len(buckets))
    # A bucket fills in 20 s, in which 2,000 come.
    assert 2_000 <= most <= 4_001
    buckets.take(7, 100_000.0)
    assert len(buckets) == 1
