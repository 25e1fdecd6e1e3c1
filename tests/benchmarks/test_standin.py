"""The stand-in holds a bot to Discord's rules; here a bot breaks each of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from benchmarks.standin.driver import StandIn
from benchmarks.standin.limits import choices_fault, message_fault, modal_fault
from benchmarks.standin.payloads import APPLICATION, CHANNEL

Json = dict[str, Any]


class Bot:
    """One that says what it is told to, right or wrong."""

    def __init__(self, session: aiohttp.ClientSession, line: StandIn) -> None:
        self._session = session
        self.line = line
        self.base = f"http://127.0.0.1:{line.port}/api/v10"
        self.socket: aiohttp.ClientWebSocketResponse | None = None

    async def ask(self, method: str, path: str, body: Any = None, token: str = "stand-in") -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {token}"}
        async with self._session.request(method, self.base + path, json=body, headers=headers) as response:
            self.headers = response.headers
            return response.status, json.loads(await response.text() or "null")

    async def connect(self) -> None:
        self.socket = await self._session.ws_connect(f"http://127.0.0.1:{self.line.port}/gateway")
        await self.say(2, {"token": "stand-in"})
        await self.line.ready()

    async def say(self, op: int, data: Any) -> None:
        assert self.socket is not None
        await self.socket.send_json({"op": op, "d": data})

    async def told(self, event: str) -> Json:
        """The next event of that name."""
        assert self.socket is not None
        while True:
            said = json.loads((await self.socket.receive(10.0)).data)
            if said.get("t") == event:
                data: Json = said["d"]
                return data

    async def poem(self) -> Json:
        """A `/poem` that waits for an answer."""
        await self.line.slash(1, "poem", start="月")
        return await self.told("INTERACTION_CREATE")

    async def answer(self, interaction: Json, kind: int, **data: Any) -> tuple[int, Any]:
        path = f"/interactions/{interaction['id']}/{interaction['token']}/callback"
        return await self.ask("POST", path, {"type": kind, "data": data})

    def answers(self, interaction: Json, which: str = "") -> str:
        return f"/webhooks/{APPLICATION}/{interaction['token']}" + (which and f"/messages/{which}")


@pytest_asyncio.fixture
async def bot(request: pytest.FixtureRequest) -> AsyncIterator[Bot]:
    """On a stand-in with a `/poem`; a parameter is its command line."""
    async with StandIn.start(*getattr(request, "param", ())) as line, aiohttp.ClientSession() as session:
        made = Bot(session, line)
        command = {"name": "poem", "type": 1, "options": [{"name": "start", "type": 3}]}
        await made.ask("PUT", f"/applications/{APPLICATION}/commands", [command])
        await made.connect()
        assert made.socket is not None
        yield made
        await made.socket.close()


async def test_an_interaction_is_answered_once_and_then_further(bot: Bot) -> None:
    interaction = await bot.poem()
    assert (await bot.answer(interaction, 5))[0] == 200
    status, body = await bot.answer(interaction, 4, content="again")
    assert (status, body["code"]) == (400, 40060)
    assert (await bot.ask("PATCH", bot.answers(interaction, "@original"), {"content": "one"}))[0] == 200
    assert (await bot.ask("POST", bot.answers(interaction), {"content": "two", "flags": 64}))[0] == 200
    record = await bot.line.wait(int(interaction["id"]))
    assert [(message["content"], message["ephemeral"]) for message in record.messages] == [
        ("one", False),
        ("two", True),
    ]
    assert record.acknowledged is not None
    assert record.answered is not None
    assert record.acknowledged <= record.answered
    assert record.refused == [40060]
    assert (await bot.line.stats()).breaches == {"second first answer": 1}


async def test_the_first_message_after_a_deferral_takes_its_place_and_is_as_public(bot: Bot) -> None:
    interaction = await bot.poem()
    await bot.answer(interaction, 5)
    await bot.ask("POST", bot.answers(interaction), {"content": "one", "flags": 64})
    [message] = (await bot.line.wait(int(interaction["id"]))).messages
    assert (message["content"], message["ephemeral"]) == ("one", False)


async def test_who_does_not_answer_within_three_seconds_cannot_any_more(bot: Bot) -> None:
    interaction = await bot.poem()
    record = await bot.line.wait(int(interaction["id"]), 10.0)
    assert (record.acknowledged, record.answered) == (None, None)
    status, body = await bot.answer(interaction, 5)
    assert (status, body["code"]) == (404, 10062)
    assert (await bot.line.stats()).breaches == {"no first answer within 3 s": 1, "first answer too late": 1}


@pytest.mark.parametrize("bot", [("--token-life", "0.2")], indirect=True)
async def test_a_token_ends(bot: Bot) -> None:
    interaction = await bot.poem()
    await bot.answer(interaction, 5)
    await asyncio.sleep(0.3)
    status, body = await bot.ask("PATCH", bot.answers(interaction, "@original"), {"content": "late"})
    assert (status, body["code"]) == (401, 50027)
    assert (await bot.line.stats()).breaches == {"token expired": 1}


async def test_what_was_never_asked_or_acknowledged_cannot_be_answered(bot: Bot) -> None:
    interaction = await bot.poem()
    assert (await bot.ask("POST", bot.answers(interaction), {"content": "one"}))[1]["code"] == 10015
    assert (await bot.answer({"id": "1", "token": "x"}, 5))[1]["code"] == 10062
    assert (await bot.answer(interaction, 6))[1]["code"] == 50035
    assert (await bot.answer(interaction, 4, content=""))[1]["code"] == 50006
    await bot.answer(interaction, 4, content="now")
    assert (await bot.ask("GET", bot.answers(interaction, "7")))[1]["code"] == 10008
    assert (await bot.ask("GET", "/users/@me", token="another"))[0] == 401
    assert (await bot.ask("GET", "/guilds/1"))[0] == 404
    assert (await bot.line.stats()).breaches == {
        "answer before the first answer": 1,
        "unknown interaction": 1,
        "message: type 6: not for this interaction": 1,
        "message: empty": 1,
        "unknown message": 1,
        "unauthorized": 1,
        "unknown route: GET /api/v10/guilds/1": 1,
    }


async def test_who_goes_past_a_rate_limit_is_told_when_to_come_back(bot: Bot) -> None:
    left = []
    for _ in range(5):
        assert (await bot.ask("POST", f"/channels/{CHANNEL}/messages", {"content": "one"}))[0] == 200
        left.append(bot.headers["X-RateLimit-Remaining"])
    assert left == ["4", "3", "2", "1", "0"]
    status, body = await bot.ask("POST", f"/channels/{CHANNEL}/messages", {"content": "one"})
    assert status == 429
    assert 0 < body["retry_after"] <= 5.0
    assert int(bot.headers["Retry-After"]) >= body["retry_after"]
    assert float(bot.headers["X-RateLimit-Reset-After"]) <= 5.0
    assert (await bot.line.stats()).breaches == {"rate limit: send": 1}
    assert len(await bot.line.messages()) == 5


async def test_a_fault_happens_as_often_as_it_is_asked_for(bot: Bot) -> None:
    await bot.line.fault("me", status=502, times=2)
    assert [(await bot.ask("GET", "/users/@me"))[0] for _ in range(3)] == [502, 502, 200]
    await bot.line.fault("send", status=429, retry_after=7.0, carried_out=True)
    status, body = await bot.ask("POST", f"/channels/{CHANNEL}/messages", {"content": "one"})
    assert (status, body["retry_after"]) == (429, 7.0)
    assert [message["content"] for message in await bot.line.messages()] == ["one"]
    await bot.line.fault("send", close=True)
    with pytest.raises(aiohttp.ClientError):
        await bot.ask("POST", f"/channels/{CHANNEL}/messages", {"content": "two"})
    assert [message["content"] for message in await bot.line.messages()] == ["one"]


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (2, {"token": "another"}, 4004),
        (8, {}, 4001),
        (1, "x" * 5000, 4002),
    ],
)
async def test_the_gateway_hangs_up_on_who_breaks_its_rules(bot: Bot, op: int, data: Any, code: int) -> None:
    assert bot.socket is not None
    await bot.say(op, data)
    while (await bot.socket.receive(10.0)).type is aiohttp.WSMsgType.TEXT:
        pass
    assert bot.socket.close_code == code
    assert len((await bot.line.stats()).breaches) == 1


async def test_a_bot_that_identifies_twice_in_a_row_gets_no_session(bot: Bot) -> None:
    assert bot.socket is not None
    await bot.say(2, {"token": "stand-in"})
    while (said := json.loads((await bot.socket.receive(10.0)).data))["op"] != 9:
        pass
    assert said["d"] is False
    assert (await bot.line.stats()).breaches == {"gateway: identified too soon": 1}


@pytest.mark.parametrize("bot", [("--heartbeat", "0.2")], indirect=True)
async def test_a_bot_without_a_heartbeat_is_given_up(bot: Bot) -> None:
    assert bot.socket is not None
    while (await bot.socket.receive(10.0)).type is aiohttp.WSMsgType.TEXT:
        pass
    assert bot.socket.close_code == 4009


async def test_the_stand_in_ends_with_whoever_started_it_whatever_they_were_waiting_for() -> None:
    async with asyncio.timeout(10.0):
        async with StandIn.start() as line:
            waiting = asyncio.create_task(line.ready(600.0))
            await line.stats()
        with pytest.raises(RuntimeError, match="has ended"):
            await waiting


async def test_what_the_stand_in_cannot_do_it_says(bot: Bot) -> None:
    with pytest.raises(RuntimeError, match="KeyError: 'song'"):
        await bot.line.slash(1, "song")


def rows(*components: Json) -> Json:
    return {"content": "x", "components": [{"type": 1, "components": [component]} for component in components]}


BUTTON = {"type": 2, "label": "x", "custom_id": "a"}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"content": "x" * 2000}, None),
        ({"content": "x" * 2001}, "content: too long"),
        ({"embeds": [{"title": "x"}] * 11}, "embeds: too many"),
        ({"embeds": [{"title": "x" * 257}]}, "embeds.title: too long"),
        ({"embeds": [{"description": "x" * 4097}]}, "embeds.description: too long"),
        ({"embeds": [{"footer": {"text": "x" * 2049}}]}, "embeds.footer.text: too long"),
        ({"embeds": [{"fields": [{"name": "x", "value": "x"}] * 26}]}, "embeds.fields: too many"),
        ({"embeds": [{"fields": [{"name": "x", "value": ""}]}]}, "embeds.fields.value: length"),
        ({"embeds": [{"fields": [{"name": "x" * 257, "value": "x"}]}]}, "embeds.fields.name: length"),
        ({"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]}, "embeds: too long together"),
        (rows(BUTTON), None),
        (rows(BUTTON, BUTTON), "components.custom_id: twice"),
        (rows({**BUTTON, "custom_id": "x" * 101}), "components.custom_id: length"),
        (rows({**BUTTON, "label": "x" * 81}), "components.label: too long"),
        (rows({**BUTTON, "label": ""}), "components: a button without a face"),
        ({"components": [BUTTON]}, "components: not in rows"),
        ({"components": [{"type": 1, "components": []}]}, "components: a row holds 1 to 5"),
        (rows({"type": 3, "custom_id": "a", "options": []}), "components.options: 1 to 25"),
        (rows(*({**BUTTON, "custom_id": str(number)} for number in range(6))), "components: too many rows"),
        (
            rows({"type": 3, "custom_id": "a", "options": [{"label": "x" * 101, "value": "x"}]}),
            "components.options.label: too long",
        ),
        ({"flags": 1 << 15, "components": [{"type": 10, "content": "x" * 4001}]}, "components: too long together"),
    ],
)
def test_a_message_is_refused_for_what_discord_would_refuse(body: Json, fault: str | None) -> None:
    assert message_fault(body) == fault


def test_modals_and_choices_have_limits_too() -> None:
    assert modal_fault({"title": "x" * 46, "custom_id": "a", "components": [{}]}) == "title: length"
    assert modal_fault({"title": "x", "custom_id": "a", "components": [{}]}) is None
    assert choices_fault({"choices": [{"name": "x", "value": "x"}] * 26}) == "choices: too many"
    assert choices_fault({"choices": [{"name": "", "value": "x"}]}) == "choices.name: length"
    assert choices_fault({"choices": []}) is None
