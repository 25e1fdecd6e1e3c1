import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.db.engine import Sessions
from bot.errors import BotError
from bot.services import Services
from bot.services.linked import Linked, LinkedPoem, Mode
from bot.services.poems import Kind, Poems
from poetry_model.errors import RequestError
from poetry_model.metre_view import Rule
from poetry_model.next_line import view_next_line
from poetry_model.poem import PoemRequest, Style
from poetry_model.script import Script
from tests.bot.conftest import Rows

ALICE, BOB, SERVER, CHANNEL = 1, 2, 3, 4

FITTING = "水日不花月"
"""A first line that keeps a pattern."""

BROKEN = "水日日日月"
"""One that keeps none."""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def begin(linked: Linked, **options: object) -> LinkedPoem:
    chosen = {"form": 5, "length": 4, "mode": Mode.EASY, "script": Script.SIMPLIFIED} | options
    return await linked.begin(ALICE, SERVER, CHANNEL, **chosen)  # type: ignore[arg-type]


async def test_people_and_the_bot_take_turns_until_the_poem_is_whole(services: Services, rows: Rows) -> None:
    linked = services.linked
    poem = await begin(linked, length=8)
    for number in range(0, 8, 2):
        turn = await linked.add(poem.id, number, (ALICE, BOB)[number // 2 % 2], FITTING)
        assert turn.after is not None
        assert [line.by_bot for line in turn.after.lines] == [False, True] * (number // 2 + 1)
        assert (turn.finished is None) == (number < 6)
    assert turn.finished is not None
    assert await services.poems.get(turn.finished.id) == turn.finished
    assert (turn.finished.kind, turn.finished.start, len(turn.finished.lines)) == (Kind.LINKED, FITTING, 8)
    assert turn.finished.lines[::2] == (FITTING,) * 4
    assert rows("SELECT DISTINCT user_id FROM linked_lines WHERE NOT by_bot ORDER BY user_id") == [(ALICE,), (BOB,)]
    assert rows("SELECT written, poem_id FROM linked_poems") == [(8, turn.finished.id)]
    with pytest.raises(BotError, match=r"linked\.over"):
        await linked.get(poem.id)


async def test_whoever_is_second_rhymes_and_the_bot_s_own_lines_keep_the_rules(services: Services) -> None:
    prosody = services.poems.prosody
    assert prosody is not None
    for form, typed in ((5, "山花一日風"), (7, "水日山花一日風")):
        poem = await begin(services.linked, form=form, length=8, bot_first=True, script=Script.TRADITIONAL)
        assert [line.by_bot for line in poem.lines] == [True]
        for number in range(1, 8, 2):
            turn = await services.linked.add(poem.id, number, BOB, typed)
            assert turn.after is not None
            lines = [line.traditional for line in turn.after.lines]
            for place in range(0, len(lines), 2):
                view = view_next_line(lines[:place], lines[place], prosody)
                # It keeps the pattern, and cannot take up a line that does not.
                assert {fault.rule for fault in view.faults} <= {Rule.ADHESION}, lines
        assert turn.finished is not None
        assert turn.finished.lines[1::2] == (typed,) * 4


async def test_a_poem_without_a_fault_is_regulated_and_one_with_faults_free(services: Services) -> None:
    prosody = services.poems.prosody
    assert prosody is not None
    fine = await begin(services.linked)
    await services.linked.add(fine.id, 0, ALICE, FITTING)
    after = (await services.linked.get(fine.id)).lines
    # A third line in the pattern that the first two have chosen: what the model itself would write there.
    written = [line.traditional for line in after]
    request = PoemRequest.resumed(written[:1], written[1], 5, 4, script=Script.TRADITIONAL)
    poem = await services.poems.write(request, ALICE, None)
    turn = await services.linked.add(fine.id, 2, BOB, poem.traditional[2])
    assert turn.view is not None
    assert turn.view.faults == ()
    assert turn.finished is not None
    assert (turn.finished.style, turn.finished.pattern is None) == (Style.REGULATED, False)
    rough = await begin(services.linked)
    await services.linked.add(rough.id, 0, ALICE, BROKEN)
    turn = await services.linked.add(rough.id, 2, BOB, BROKEN)
    assert turn.finished is not None
    assert (turn.finished.style, turn.finished.pattern) == (Style.FREE, None)


async def test_in_strict_mode_a_line_with_faults_is_not_taken(services: Services, rows: Rows) -> None:
    poem = await begin(services.linked, mode=Mode.STRICT)
    turn = await services.linked.add(poem.id, 0, ALICE, BROKEN)
    assert (turn.after, turn.finished, turn.line) == (None, None, BROKEN)
    assert turn.view is not None
    assert turn.view.faults
    assert rows("SELECT count(*) FROM linked_lines") == [(0,)]
    assert (await services.linked.add(poem.id, 0, ALICE, FITTING)).after is not None


@pytest.mark.parametrize("line", ["水日不花", "水日不花月月", "水日x花月", "", "，。"])
@pytest.mark.parametrize("mode", Mode)
async def test_the_form_is_exact_in_either_mode(services: Services, rows: Rows, mode: Mode, line: str) -> None:
    poem = await begin(services.linked, mode=mode)
    with pytest.raises(RequestError):
        await services.linked.add(poem.id, 0, ALICE, line)
    assert rows("SELECT count(*) FROM linked_lines") == [(0,)]


async def test_of_two_who_write_one_line_the_second_is_told(services: Services, rows: Rows) -> None:
    poem = await begin(services.linked, length=8)
    results = await asyncio.gather(
        *(services.linked.add(poem.id, 0, who, FITTING) for who in (ALICE, BOB)), return_exceptions=True
    )
    [error] = [each for each in results if isinstance(each, BaseException)]
    assert isinstance(error, BotError)
    assert (error.key, error.values) == ("linked.taken", {"line": 1, "typed": FITTING})
    assert rows("SELECT number FROM linked_lines ORDER BY number") == [(0,), (1,)]
    with pytest.raises(BotError, match=r"linked\.taken"):
        await services.linked.add(poem.id, 0, BOB, FITTING)


async def test_what_was_typed_stays_as_it_was_typed(services: Services) -> None:
    # 乾 is simplified to 干; whoever typed it keeps it, in every line and in the finished poem.
    poem = await begin(services.linked)
    for number in (0, 2):
        turn = await services.linked.add(poem.id, number, ALICE, "水日乾云月")
    assert turn.finished is not None
    found = await services.poems.get(turn.finished.id)
    assert found.lines[::2] == ("水日乾云月",) * 2
    assert found.traditional[0][3] == "雲"
    assert found.text.startswith("水日乾云月，\n")


async def test_another_of_a_linked_poem_goes_on_from_its_first_line(services: Services) -> None:
    poem = await begin(services.linked)
    for number in (0, 2):
        turn = await services.linked.add(poem.id, number, ALICE, FITTING)
    assert turn.finished is not None
    again = turn.finished.again(Script.SIMPLIFIED)
    assert (again.start, again.form, again.lines) == (FITTING, 5, 4)


async def test_after_a_day_nobody_goes_on_and_nothing_is_left(
    services: Services, sessions: Sessions, rows: Rows
) -> None:
    clock = Clock()
    linked = Linked(services.models.composer, sessions, clock)
    poem = await begin(linked)
    assert poem.ends_at == clock.now + timedelta(days=1)
    clock.now += timedelta(hours=23)
    await linked.add(poem.id, 0, ALICE, FITTING)
    clock.now += timedelta(hours=23)
    assert len((await linked.get(poem.id)).lines) == 2
    clock.now += timedelta(hours=2)
    for late in (linked.get(poem.id), linked.add(poem.id, 2, ALICE, FITTING), linked.end(poem.id)):
        with pytest.raises(BotError, match=r"linked\.over"):
            await late
    await begin(linked)
    assert rows("SELECT id FROM linked_poems") == [(2,)]
    assert rows("SELECT count(*) FROM linked_lines") == [(0,)]


async def test_a_finished_poem_stays_however_old(services: Services, sessions: Sessions, rows: Rows) -> None:
    clock = Clock()
    linked = Linked(services.models.composer, sessions, clock)
    poem = await begin(linked)
    for number in (0, 2):
        turn = await linked.add(poem.id, number, BOB, FITTING)
    clock.now += timedelta(days=400)
    await linked.forget_abandoned()
    assert turn.finished is not None
    assert rows("SELECT DISTINCT user_id FROM linked_lines WHERE NOT by_bot") == [(BOB,)]
    assert await Poems(services.models.composer, sessions).get(turn.finished.id) == turn.finished


async def test_one_that_is_ended_is_a_poem_of_the_lines_it_has(services: Services, rows: Rows) -> None:
    poem = await begin(services.linked, length=8)
    await services.linked.add(poem.id, 0, BOB, FITTING)
    before, finished = await services.linked.end(poem.id)
    assert finished is not None
    assert finished.lines == tuple(line.shown for line in before.lines)
    assert len(finished.lines) == 2
    with pytest.raises(BotError, match=r"linked\.over"):
        await services.linked.end(poem.id)
    empty = await begin(services.linked)
    assert (await services.linked.end(empty.id))[1] is None
    assert rows("SELECT count(*) FROM linked_poems") == [(1,)]


async def test_the_id_of_one_that_is_gone_is_never_given_again(services: Services) -> None:
    first = await begin(services.linked)
    await services.linked.end(first.id)
    assert (await begin(services.linked)).id > first.id
