import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from bot.db.engine import Sessions
from bot.errors import BotError
from bot.services import daily as daily_module
from bot.services.composer import Composer
from bot.services.daily import Daily, DailyPlan, DailyPoem, Outcome, Stop
from bot.services.daily_schedule import Schedule
from bot.services.poems import Poems
from poetry_model.poet import Poet
from poetry_model.script import Script
from poetry_model.seasons import first_character
from poetry_model.solar_terms import SolarTerm
from tests.bot.conftest import Rows
from tests.bot.world import until

GUILD, CHANNEL, MODERATOR = 2**63 - 11, 5, 6
NINE_IN_CHINA = Schedule(9, "Asia/Shanghai")


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 10, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def to(self, text: str) -> None:
        """Set it to a time in China."""
        self.now = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


class Channels:
    """Where poems arrive, and what moderators are told; `refuse` decides what becomes of the next ones."""

    def __init__(self) -> None:
        self.arrived: list[tuple[DailyPlan, DailyPoem]] = []
        self.told: list[DailyPlan] = []
        self.answer: Callable[[DailyPlan], Outcome] = lambda _: Outcome.POSTED
        self.tried = 0
        self.near: set[int] = set()
        """The servers that are this process's; none: all."""

    async def post(self, plan: DailyPlan, poem: DailyPoem) -> Outcome:
        self.tried += 1
        # Others have their turn here.
        await asyncio.sleep(0)
        outcome = self.answer(plan)
        if outcome is Outcome.POSTED:
            self.arrived.append((plan, poem))
        return outcome

    def is_open(self) -> bool:
        return True

    def is_near(self, guild_id: int) -> bool:
        return guild_id in self.near if self.near else True

    async def tell_stopped(self, plan: DailyPlan) -> None:
        self.told.append(plan)

    def days(self, guild_id: int = GUILD) -> list[date]:
        """Those whose poem reached the server."""
        return [poem.day for plan, poem in self.arrived if plan.guild_id == guild_id]


async def traditional(_: int) -> Script:
    return Script.TRADITIONAL


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def channels() -> Channels:
    return Channels()


@pytest_asyncio.fixture
async def poems(poet: Poet, sessions: Sessions) -> AsyncIterator[Poems]:
    composer = Composer(poet)
    yield Poems(composer, sessions)
    composer.close()


@pytest.fixture
def make(sessions: Sessions, poems: Poems, clock: Clock, channels: Channels) -> Callable[[], Daily]:
    """Another process on the same database."""

    def another() -> Daily:
        made = Daily(sessions, poems, traditional, clock)
        made.attach(channels)
        return made

    return another


@pytest.fixture
def daily(make: Callable[[], Daily]) -> Daily:
    return make()


async def set_up(daily: Daily, schedule: Schedule = NINE_IN_CHINA, guild_id: int = GUILD) -> DailyPlan:
    return await daily.set(guild_id, CHANNEL, schedule, MODERATOR)


async def test_a_poem_comes_each_day_at_its_hour_and_suits_the_season(
    daily: Daily, clock: Clock, channels: Channels, rows: Rows
) -> None:
    clock.to("2026-02-03 12:00")
    plan = await set_up(daily)
    assert (plan.guild_id, plan.channel_id, plan.schedule, plan.user_id) == (GUILD, CHANNEL, NINE_IN_CHINA, MODERATOR)
    await daily.run_due()
    clock.to("2026-02-04 08:59:59")
    await daily.run_due()
    assert channels.arrived == []
    clock.to("2026-02-04 09:00:00")
    assert daily.next_due(plan) == clock()
    await daily.run_due()
    await daily.run_due()
    [(where, given)] = channels.arrived
    assert where.channel_id == CHANNEL
    assert (given.day, given.term) == (date(2026, 2, 4), SolarTerm.START_OF_SPRING)
    assert given.poem.lines[0][0] == first_character(given.day, ZoneInfo("Asia/Shanghai"), GUILD)
    assert rows("SELECT id, guild_id, user_id, start FROM poems") == [
        (given.poem.id, GUILD, None, given.poem.lines[0][0])
    ]
    after = await daily.get(GUILD)
    assert after is not None
    assert daily.next_due(after) == clock() + timedelta(days=1)


async def test_a_poem_is_written_in_the_script_of_its_server(
    sessions: Sessions, poems: Poems, clock: Clock, channels: Channels
) -> None:
    async def script_of(guild_id: int) -> Script:
        return Script.SIMPLIFIED if guild_id == 1 else Script.TRADITIONAL

    daily = Daily(sessions, poems, script_of, clock)
    daily.attach(channels)
    for guild_id in (1, 2):
        await set_up(daily, guild_id=guild_id)
    for _ in range(8):
        clock.now += timedelta(days=1)
        await daily.run_due()
    scripts = {plan.guild_id: given.poem.script for plan, given in channels.arrived}
    assert scripts == {1: Script.SIMPLIFIED, 2: Script.TRADITIONAL}
    simplified = "".join(given.poem.start for plan, given in channels.arrived if plan.guild_id == 1)
    assert set("歲陽臘凍關獨鵲鴉窮嚴爐燈舊門") & set(simplified) == set()
    assert all(given.poem.lines[0].startswith(given.poem.start) for _, given in channels.arrived)


async def test_a_day_is_caught_up_once_however_many_were_missed(daily: Daily, clock: Clock, channels: Channels) -> None:
    clock.to("2026-01-10 12:00")
    await set_up(daily)
    clock.to("2026-01-14 03:00")
    await daily.run_due()
    await daily.run_due()
    assert channels.days() == [date(2026, 1, 13)]
    clock.to("2026-01-14 09:00")
    await daily.run_due()
    assert channels.days() == [date(2026, 1, 13), date(2026, 1, 14)]


async def test_processes_that_share_a_database_post_it_once(
    make: Callable[[], Daily], clock: Clock, channels: Channels
) -> None:
    processes = [make() for _ in range(4)]
    for guild_id in range(1, 4):
        await set_up(processes[0], guild_id=guild_id)
    clock.now += timedelta(days=1)
    await asyncio.gather(*(process.run_due() for process in processes))
    assert sorted(plan.guild_id for plan, _ in channels.arrived) == [1, 2, 3]
    assert channels.tried == 3


async def test_a_process_leaves_the_servers_of_others_to_them_for_a_minute(
    make: Callable[[], Daily], clock: Clock, channels: Channels, sessions: Sessions, poems: Poems
) -> None:
    elsewhere = Daily(sessions, poems, traditional, clock)
    theirs = Channels()
    elsewhere.attach(theirs)
    channels.near, theirs.near = {1}, {2}
    here = make()
    for guild_id in (1, 2):
        await set_up(here, guild_id=guild_id)
    clock.to("2026-02-04 09:00")
    await here.run_due()
    assert [plan.guild_id for plan, _ in channels.arrived] == [1]
    await elsewhere.run_due()
    assert [plan.guild_id for plan, _ in theirs.arrived] == [2]
    # The next day that process is no more.
    clock.to("2026-02-05 09:00:59")
    await here.run_due()
    assert len(channels.days(2)) == 0
    clock.to("2026-02-05 09:01")
    await here.run_due()
    await here.run_due()
    assert channels.days(2) == [date(2026, 2, 5)]


async def test_a_process_that_cannot_send_claims_nothing(
    daily: Daily, clock: Clock, channels: Channels, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(daily)
    clock.now += timedelta(days=1)
    monkeypatch.setattr(channels, "is_open", lambda: False)
    await daily.run_due()
    assert rows("SELECT count(*) FROM poems") == [(0,)]


async def test_a_process_that_dies_between_claim_and_answer_is_followed_by_no_second_poem(
    make: Callable[[], Daily], clock: Clock, channels: Channels
) -> None:
    dying, living = make(), make()
    await set_up(dying)
    clock.now += timedelta(days=1)
    sending = asyncio.Event()

    class Line(Channels):
        async def post(self, plan: DailyPlan, poem: DailyPoem) -> Outcome:
            sending.set()
            await asyncio.Event().wait()
            return await super().post(plan, poem)

    dying.attach(Line())
    task = asyncio.create_task(dying.run_due())
    await sending.wait()
    await living.run_due()
    # Nothing it does on its way out tells the database anything.
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for _ in range(3):
        await living.run_due()
    assert channels.arrived == []
    clock.now += timedelta(days=1)
    await living.run_due()
    assert len(channels.days()) == 1


async def test_two_moderators_who_set_it_at_once_leave_one(make: Callable[[], Daily], rows: Rows) -> None:
    schedules = [Schedule(hour, "UTC") for hour in range(6)]
    plans = await asyncio.gather(*(set_up(make(), schedule) for schedule in schedules))
    assert len(plans) == 6
    [(hour,)] = rows("SELECT hour FROM dailies")
    assert hour in range(6)


async def test_what_may_have_been_posted_is_not_posted_again(
    daily: Daily, clock: Clock, channels: Channels, logged_errors: list[str]
) -> None:
    def break_down(_: DailyPlan) -> Outcome:
        raise ConnectionResetError

    channels.answer = break_down
    await set_up(daily)
    await set_up(daily, guild_id=1)
    clock.now += timedelta(days=1)
    await daily.run_due()
    # Each server for itself.
    assert channels.tried == 2
    channels.answer = lambda _: Outcome.POSTED
    await daily.run_due()
    assert channels.tried == 2
    assert len(logged_errors) == 2
    logged_errors.clear()
    clock.now += timedelta(days=1)
    await daily.run_due()
    assert len(channels.days()) == 1


async def test_what_was_certainly_not_posted_is_posted_the_next_time(
    daily: Daily, clock: Clock, channels: Channels, rows: Rows
) -> None:
    channels.answer = lambda _: Outcome.LATER
    await set_up(daily)
    clock.now += timedelta(days=1)
    for _ in range(3):
        await daily.run_due()
    assert channels.tried == 3
    channels.answer = lambda _: Outcome.POSTED
    await daily.run_due()
    await daily.run_due()
    assert channels.tried == 4
    assert len(channels.days()) == 1
    # It was written once.
    assert rows("SELECT count(*) FROM poems") == [(1,)]


async def test_what_could_not_be_written_is_written_the_next_time(
    daily: Daily, clock: Clock, channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise BotError("limits.queue")

    await set_up(daily)
    clock.now += timedelta(days=1)
    with monkeypatch.context() as patch:
        patch.setattr(Poems, "write", refuse)
        await daily.run_due()
    assert channels.arrived == []
    await daily.run_due()
    assert len(channels.days()) == 1


@pytest.mark.parametrize(("outcome", "stop"), [(Outcome.FORBIDDEN, Stop.FORBIDDEN), (Outcome.GONE, Stop.GONE)])
async def test_a_channel_that_takes_none_switches_it_off_and_the_moderator_is_told(
    daily: Daily, clock: Clock, channels: Channels, outcome: Outcome, stop: Stop
) -> None:
    await set_up(daily)
    await set_up(daily, guild_id=1)
    channels.answer = lambda plan: outcome if plan.guild_id == GUILD else Outcome.POSTED
    for _ in range(3):
        clock.now += timedelta(days=1)
        await daily.run_due()
    assert [(plan.guild_id, plan.user_id, plan.stop) for plan in channels.told] == [(GUILD, MODERATOR, stop)]
    assert channels.tried == 4
    assert len(channels.days(1)) == 3
    plan = await daily.get(GUILD)
    assert plan is not None
    assert plan.stop is stop
    # Set again with an hour to come, today's poem comes: nobody saw one.
    channels.answer = lambda _: Outcome.POSTED
    assert (await set_up(daily, Schedule(clock().hour + 2, "UTC"))).stop is None
    clock.now += timedelta(hours=2)
    await daily.run_due()
    assert channels.days() == [clock().date()]


async def test_a_channel_that_was_changed_meanwhile_is_not_switched_off(
    sessions: Sessions, poems: Poems, clock: Clock
) -> None:
    class Moving(Channels):
        async def post(self, plan: DailyPlan, poem: DailyPoem) -> Outcome:
            if plan.channel_id == CHANNEL:
                await moved.set(GUILD, CHANNEL + 1, NINE_IN_CHINA, MODERATOR)
                return Outcome.GONE
            return await super().post(plan, poem)

    channels = Moving()
    moved = Daily(sessions, poems, traditional, clock)
    moved.attach(channels)
    await set_up(moved)
    for _ in range(2):
        clock.now += timedelta(days=1)
        await moved.run_due()
    assert channels.told == []
    assert [plan.channel_id for plan, _ in channels.arrived] == [CHANNEL + 1]


async def test_no_day_has_two_however_it_is_set(daily: Daily, clock: Clock, channels: Channels) -> None:
    clock.to("2026-01-10 08:00")
    await set_up(daily)
    clock.to("2026-01-10 09:00")
    await daily.run_due()
    # Later the same day, by another hour; off, and on again; by the calendar of a zone that is behind.
    await set_up(daily, Schedule(18, "Asia/Shanghai"))
    assert await daily.off(GUILD)
    assert not await daily.off(GUILD)
    await set_up(daily, Schedule(20, "America/Los_Angeles"))
    clock.to("2026-01-11 12:30")
    await daily.run_due()
    assert channels.days() == [date(2026, 1, 10)]
    clock.to("2026-01-12 12:30")
    await daily.run_due()
    assert channels.days() == [date(2026, 1, 10), date(2026, 1, 11)]


async def test_what_is_switched_off_stays_off(daily: Daily, clock: Clock, channels: Channels) -> None:
    assert await daily.get(GUILD) is None
    assert not await daily.off(GUILD)
    await set_up(daily)
    assert await daily.off(GUILD)
    clock.now += timedelta(days=3)
    await daily.run_due()
    plan = await daily.get(GUILD)
    assert plan is not None
    assert plan.stop is Stop.ASKED
    assert channels.tried == 0


async def test_a_zone_that_is_not_known_any_more_keeps_nobody_else_waiting(
    daily: Daily, clock: Clock, channels: Channels, rows: Rows
) -> None:
    await set_up(daily)
    await set_up(daily, guild_id=1)
    rows("UPDATE dailies SET zone = 'Asia/Atlantis' WHERE guild_id = 1")
    clock.now += timedelta(days=1)
    await daily.run_due()
    assert [plan.guild_id for plan, _ in channels.arrived] == [GUILD]


async def test_until_there_is_a_way_to_people_it_waits(
    sessions: Sessions, poems: Poems, clock: Clock, channels: Channels
) -> None:
    daily = Daily(sessions, poems, traditional, clock)
    await set_up(daily)
    clock.now += timedelta(days=1)
    await daily.run_due()
    daily.attach(channels)
    await daily.run_due()
    assert len(channels.days()) == 1


async def test_it_works_by_itself_and_outlives_a_database_that_fails(
    daily: Daily, clock: Clock, channels: Channels, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[datetime] = []

    def soon(moment: datetime) -> float:
        looks.append(moment)
        return 0.01

    monkeypatch.setattr(daily_module, "_seconds_to_next_look", soon)
    await set_up(daily)
    clock.now += timedelta(days=1)
    await asyncio.to_thread(rows, "ALTER TABLE dailies RENAME TO elsewhere")
    daily.start()
    await until(lambda: len(looks) > 2)
    await asyncio.to_thread(rows, "ALTER TABLE elsewhere RENAME TO dailies")
    await until(lambda: len(channels.arrived) == 1)
    await daily.close()
    await daily.close()
    assert len(channels.days()) == 1


async def test_the_end_waits_for_the_poem_under_way_and_begins_no_other(
    daily: Daily, clock: Clock, channels: Channels
) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()
    post = channels.post

    async def slowly(plan: DailyPlan, poem: DailyPoem) -> Outcome:
        began.set()
        await go_on.wait()
        return await post(plan, poem)

    channels.post = slowly  # type: ignore[method-assign]
    for guild_id in (1, 2):
        await set_up(daily, guild_id=guild_id)
    clock.now += timedelta(days=1)
    daily.start()
    await began.wait()
    closing = asyncio.create_task(daily.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    go_on.set()
    await closing
    assert [plan.guild_id for plan, _ in channels.arrived] == [1]


def test_the_next_look_is_at_the_next_full_minute() -> None:
    moment = datetime(2026, 1, 1, 9, 59, 59, 250_000, tzinfo=UTC)
    assert daily_module._seconds_to_next_look(moment) == 0.75
    assert daily_module._seconds_to_next_look(moment.replace(second=0, microsecond=0)) == 60


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param("03-05 03-12, 04-02 04-09, 09-24 10-08, 10-29 11-05", id="the changes of the clock"),
        pytest.param("01-15 12-31", id="a year", marks=pytest.mark.soak),
    ],
)
async def test_each_day_has_one_poem_in_three_zones_that_put_their_clocks_forward_and_back(
    make: Callable[[], Daily], clock: Clock, channels: Channels, spans: str
) -> None:
    """Two processes look at random, and are away for hours; between two `spans` of 2026, for weeks."""
    schedules = {
        1: Schedule(1, "America/New_York"),
        2: Schedule(2, "Australia/Lord_Howe"),
        3: Schedule(9, "Pacific/Auckland"),
    }
    chance = random.Random(7)
    processes = [make(), make()]
    for guild_id, schedule in schedules.items():
        await set_up(processes[0], schedule, guild_id)
    for first, last in (tuple(map(day_of_2026, span.split())) for span in spans.split(", ")):
        clock.now = datetime.combine(first, time(), UTC)
        while clock().date() <= last:
            # Discord fails now and then.
            outcome = Outcome.LATER if chance.random() < 1 / 20 else Outcome.POSTED
            channels.answer = lambda _, outcome=outcome: outcome  # type: ignore[misc] # mypy's Callable knows no defaults
            await asyncio.gather(*(process.run_due() for process in processes))
            clock.now += timedelta(hours=chance.uniform(0, 20 if chance.random() < 1 / 10 else 8))
        for guild_id in schedules:
            given = [day for day in channels.days(guild_id) if first < day < last - timedelta(days=1)]
            assert given == [first + timedelta(days=number) for number in range(1, (last - first).days - 1)]
    for guild_id in schedules:
        days = channels.days(guild_id)
        assert days == sorted(set(days))


def day_of_2026(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")
