"""Interactions, the messages that answer them, and what Discord holds a bot to while it answers."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NoReturn

from benchmarks.standin import limits, payloads
from benchmarks.standin.payloads import Json

FIRST_ANSWER = 3.0
"""Seconds within which an interaction must be answered for the first time."""

TOKEN_LIFE = 15 * 60.0
"""Seconds for which an interaction can be answered further."""


class Kind(IntEnum):
    """Of an interaction, in Discord's numbers."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Callback(IntEnum):
    """Of a first answer, in Discord's numbers."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


_FITTING = {
    Kind.COMMAND: {Callback.MESSAGE, Callback.DEFERRED_MESSAGE, Callback.MODAL},
    Kind.COMPONENT: set(Callback) - {Callback.CHOICES},
    Kind.AUTOCOMPLETE: {Callback.CHOICES},
    Kind.MODAL: set(Callback) - {Callback.CHOICES, Callback.MODAL},
}


class Refusal(Exception):  # noqa: N818 # an answer of Discord's, no failure here
    """A request that Discord refuses; `breach` names the rule it broke."""

    def __init__(self, status: int, code: int, message: str, breach: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"code": code, "message": message}
        self.breach = breach


@dataclass(slots=True)
class Message:
    """One of the bot's."""

    id: int
    channel: int
    ephemeral: bool
    body: Json
    answers: "Interaction | None" = None
    loading: bool = False
    deleted: bool = False

    def as_json(self) -> Json:
        """As Discord shows it."""
        answers = (self.answers.id, int(self.answers.kind), self.answers.person) if self.answers else None
        return payloads.message(
            self.id, self.channel, self.body, ephemeral=self.ephemeral, loading=self.loading, answers=answers
        )

    def as_seen(self) -> Json:
        """As Discord shows it, with what it says in flags put plainly."""
        return {**self.as_json(), "ephemeral": self.ephemeral, "loading": self.loading}

    def fill(self, body: Json) -> None:
        """Put in what is given; raises `Refusal` when Discord would not take the whole."""
        whole = {**self.body, **body}
        if problem := limits.message_fault(whole):
            _refuse_form(problem)
        if limits.is_empty(whole):
            raise Refusal(400, 50006, "Cannot send an empty message", "message: empty")
        self.body, self.loading = whole, False


@dataclass(slots=True)
class Interaction:
    """One, from the person's click to the bot's last word."""

    id: int
    token: str
    kind: Kind
    name: str
    person: int
    channel: int
    source: Message | None
    """The message whose component was used."""
    fired: float = field(default_factory=time.monotonic)
    first: Callback | None = None
    acknowledged: float | None = None
    """Seconds after `fired`."""
    answered: float | None = None
    """Seconds after `fired`, of the first thing the person could read."""
    original: Message | None = None
    messages: list[Message] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    """Codes of Discord's errors about it."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Answered, or never to be."""

    @property
    def age(self) -> float:
        """Seconds since it was fired."""
        return time.monotonic() - self.fired

    def settle(self) -> None:
        """The person has an answer."""
        if self.answered is None:
            self.answered = self.age
        self.settled.set()

    def new_message(self, body: Json, *, loading: bool = False) -> Message:
        """A message that answers it."""
        message = Message(payloads.snowflake(), self.channel, payloads.is_ephemeral(body), {}, self, loading)
        if not loading:
            message.fill(body)
        self.messages.append(message)
        return message

    def as_json(self) -> Json:
        """What `driver.Record` reads."""
        return {
            "id": self.id,
            "name": self.name,
            "person": self.person,
            "acknowledged": self.acknowledged,
            "answered": self.answered,
            "refused": self.refused,
            "messages": [message.as_seen() for message in self.messages if not message.deleted],
        }


class Ledger:
    """All interactions and messages, and each breach by kind."""

    def __init__(self, token_life: float = TOKEN_LIFE) -> None:
        self._token_life = token_life
        self.interactions: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        self.messages: dict[int, Message] = {}
        self._by_nonce: dict[str, Message] = {}
        self.breaches: Counter[str] = Counter()

    def open(self, interaction: Interaction) -> None:
        """From now on it waits for its first answer."""
        self.interactions[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        asyncio.get_running_loop().call_later(FIRST_ANSWER, self._check, interaction)

    def _check(self, interaction: Interaction) -> None:
        if interaction.first is None:
            self.breaches["no first answer within 3 s"] += 1
            interaction.settled.set()

    def of_token(self, token: str) -> Interaction | None:
        """The interaction of that token."""
        return self._by_token.get(token)

    def answer_first(self, number: int, token: str, arrived: float, body: Json) -> Json:
        """The first answer, which came in at `arrived`; raises `Refusal`."""
        interaction = self.interactions.get(number)
        if interaction is None or interaction.token != token:
            raise Refusal(404, 10062, "Unknown interaction", "unknown interaction")
        if interaction.first is not None:
            raise Refusal(400, 40060, "Interaction has already been acknowledged.", "second first answer")
        after = arrived - interaction.fired
        if after > FIRST_ANSWER:
            raise Refusal(404, 10062, "Unknown interaction", "first answer too late")
        kind = int(body.get("type") or 0)
        if kind not in _FITTING[interaction.kind]:
            _refuse_form(f"type {kind}: not for this interaction")
        data: Json = body.get("data") or {}
        message = self._carry_out(interaction, Callback(kind), data)
        interaction.first = Callback(kind)
        interaction.acknowledged = after
        told = {"id": str(number), "type": int(interaction.kind), "response_message_id": message and str(message.id)}
        resource: Json = {"type": kind}
        if message is not None:
            resource["message"] = message.as_json()
        return {"interaction": told, "resource": resource}

    def _carry_out(self, interaction: Interaction, kind: Callback, data: Json) -> Message | None:
        match kind:
            case Callback.MESSAGE | Callback.DEFERRED_MESSAGE:
                message = interaction.new_message(data, loading=kind is Callback.DEFERRED_MESSAGE)
                self.messages[message.id] = interaction.original = message
            case Callback.UPDATE | Callback.DEFERRED_UPDATE:
                message = _existing(interaction.source)
                interaction.original = message
                if kind is Callback.UPDATE:
                    message.fill(data)
            case Callback.CHOICES | Callback.MODAL:
                problem = limits.modal_fault(data) if kind is Callback.MODAL else limits.choices_fault(data)
                if problem:
                    _refuse_form(problem)
                interaction.settle()
                return None
        if kind in {Callback.MESSAGE, Callback.UPDATE}:
            interaction.settle()
        return message

    def alive(self, token: str) -> Interaction:
        """The interaction that may be answered further with that token; raises `Refusal`."""
        interaction = self._by_token.get(token)
        if interaction is None:
            raise Refusal(401, 50027, "Invalid Webhook Token", "unknown token")
        if interaction.first is None:
            raise Refusal(404, 10015, "Unknown Webhook", "answer before the first answer")
        if interaction.age > self._token_life:
            raise Refusal(401, 50027, "Invalid Webhook Token", "token expired")
        return interaction

    def follow_up(self, token: str, body: Json) -> Message:
        """A message after the first answer; the first after a deferral takes its place, as private as that was."""
        interaction = self.alive(token)
        original = interaction.original
        if original is not None and original.loading and not original.deleted:
            original.fill(body)
            message = original
        else:
            message = interaction.new_message(body)
            self.messages[message.id] = message
        interaction.settle()
        return message

    def answer_message(self, token: str, which: str) -> Message:
        """The message `which` (an id or @original) of an interaction; raises `Refusal`."""
        interaction = self.alive(token)
        if which == "@original":
            return _existing(interaction.original)
        own = {str(message.id): message for message in [*interaction.messages, interaction.source] if message}
        return _existing(own.get(which))

    def edit_answer(self, token: str, which: str, body: Json) -> Message:
        """Change one of them; raises `Refusal`."""
        message = self.answer_message(token, which)
        message.fill(body)
        self.alive(token).settle()
        return message

    def delete_answer(self, token: str, which: str) -> None:
        """Take one of them away; raises `Refusal`."""
        self.answer_message(token, which).deleted = True
        self.alive(token).settle()

    def channel_message(self, channel: int, number: int) -> Message:
        """An ordinary message; raises `Refusal`."""
        message = _existing(self.messages.get(number))
        if message.channel != channel:
            _existing(None)
        return message

    def send(self, channel: int, body: Json) -> Message:
        """An ordinary message, or the one that was sent with the same nonce; raises `Refusal`."""
        nonce = f"{channel} {body['nonce']}" if body.get("enforce_nonce") else None
        if nonce is not None and nonce in self._by_nonce:
            return self._by_nonce[nonce]
        message = Message(payloads.snowflake(), channel, ephemeral=False, body={})
        message.fill(body)
        self.messages[message.id] = message
        if nonce is not None:
            self._by_nonce[nonce] = message
        return message


def _existing(message: Message | None) -> Message:
    if message is None or message.deleted:
        raise Refusal(404, 10008, "Unknown Message", "unknown message")
    return message


def _refuse_form(problem: str) -> NoReturn:
    raise Refusal(400, 50035, f"Invalid Form Body: {problem}", f"message: {problem}")
