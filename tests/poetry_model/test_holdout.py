import random

from hypothesis import given
from hypothesis import strategies as st

from poetry_model.corpus import Verse
from poetry_model.holdout import HoldOut

_LINES = [
    "月山水雲風",
    "花春秋江天",
    "人日夜雨雪",
    "松竹石鳥馬",
    "門樓舟遠深",
    "清寒白青紅",
    "長新來去歸",
    "行見聞思憶",
]
_verses = st.lists(
    st.lists(st.sampled_from(_LINES), min_size=1, max_size=4).map(lambda lines: Verse(tuple(lines))),
    max_size=20,
    unique=True,
)


def _lines(verses: tuple[Verse, ...]) -> set[str]:
    return {line for verse in verses for line in verse.lines}


def _chosen_and_not(rule: HoldOut) -> tuple[Verse, Verse]:
    """A poem that the hash holds back, and one that it does not."""
    poems = [Verse((line,)) for line in _LINES]
    held = rule.split(poems).held_back
    return held[0], next(poem for poem in poems if poem not in held)


@given(verses=_verses)
def test_no_line_stands_on_both_sides_and_no_poem_is_lost(verses: list[Verse]) -> None:
    split = HoldOut(one_in=3).split(verses)
    assert not _lines(split.training) & _lines(split.held_back)
    assert sorted(split.training + split.held_back, key=verses.index) == verses


@given(verses=_verses, seed=st.integers(0, 2**32))
def test_the_order_of_the_poems_does_not_matter(verses: list[Verse], seed: int) -> None:
    shuffled = verses.copy()
    random.Random(seed).shuffle(shuffled)
    assert set(HoldOut(3).split(shuffled).held_back) == set(HoldOut(3).split(verses).held_back)


def test_about_one_poem_in_twenty_is_held_back() -> None:
    generator = random.Random(1)
    letters = "".join(_LINES)
    verses = [Verse(("".join(generator.sample(letters, 5)),)) for _ in range(2000)]
    assert 60 <= len(HoldOut().split(verses).held_back) <= 140


def test_shared_lines_reach_from_poem_to_poem() -> None:
    rule = HoldOut(one_in=3)
    chosen, free = _chosen_and_not(rule)
    chain = [chosen, Verse((*chosen.lines, "甲甲甲甲甲")), Verse(("甲甲甲甲甲", "乙乙乙乙乙")), Verse(("乙乙乙乙乙",))]
    assert rule.split([*reversed(chain), free]).held_back == tuple(reversed(chain))


def test_lines_once_held_back_stay_so_on_other_verse() -> None:
    chosen, free = _chosen_and_not(HoldOut(3))
    elsewhere = Verse(("甲甲甲甲甲", *free.lines))
    remembering = HoldOut(3).remember([free])
    assert elsewhere not in HoldOut(1_000_000).split([elsewhere]).held_back
    assert remembering.split([elsewhere, free, chosen]).held_back == (elsewhere, free, chosen)


def test_remembering_its_own_held_back_side_changes_nothing(verses: tuple[Verse, ...]) -> None:
    split = HoldOut().split(verses)
    assert split.held_back
    assert HoldOut().remember(split.held_back).split(verses) == split


def test_what_is_remembered_adds_up() -> None:
    first, second = Verse((_LINES[0],)), Verse((_LINES[1],))
    both = HoldOut().remember([first]).remember([second])
    assert both == HoldOut().remember([first, second])
    assert len(both.lines) == 2


def test_the_rule_names_its_hash_and_its_share() -> None:
    assert HoldOut(one_in=7).rule == "sha256/7"
