"""Poems composed together, whenever they were asked for: a new one joins at the next character."""

from typing import TYPE_CHECKING

import torch

from poetry_model.manuscript import Manuscript, Row, Written
from poetry_model.poem import Poem, PoemRequest

if TYPE_CHECKING:
    from poetry_model.poet import Draft, Poet


class Session:
    """One poet's poems in the making. It is used by one thread at a time."""

    def __init__(self, poet: "Poet") -> None:
        self._poet = poet
        self._manuscript: Manuscript = poet.manuscript()
        self._joining: list[Row] = []
        self._tickets: dict[Row, tuple[int, Draft]] = {}
        """Of each row the ticket of its request, and what else is known of it."""
        self._done: dict[int, list[Poem]] = {}
        """Candidates of requests that are being written."""
        self._next = 0

    def __len__(self) -> int:
        """Rows in the making: as many a request as it has candidates."""
        return len(self._tickets)

    @torch.inference_mode()
    def add(self, request: PoemRequest) -> int:
        """Let a poem join at the next character; returns the ticket that comes back with it.

        Raises `RequestError` for a rhyme that the model cannot keep; nothing has joined then.
        """
        drafts = self._poet.drafts(request)
        ticket = self._next
        self._next += 1
        for draft in drafts:
            self._tickets[draft.row] = ticket, draft
            self._joining.append(draft.row)
        self._done[ticket] = []
        return ticket

    @torch.inference_mode()
    def step(self) -> list[tuple[int, Poem]]:
        """Write one character of every poem; those that are done, with their tickets."""
        self._manuscript.add(self._joining)
        self._joining = []
        finished = [self._finish(written) for written in self._manuscript.step()]
        return [found for found in finished if found is not None]

    def _finish(self, written: Written) -> tuple[int, Poem] | None:
        """The best of a request's candidates, when the last of them is done."""
        ticket, draft = self._tickets.pop(written.row)
        candidates = self._done[ticket]
        candidates.append(self._poet.poem(draft, written))
        if len(candidates) < draft.request.candidates:
            return None
        del self._done[ticket]
        return ticket, max(candidates, key=self._poet.merit) if len(candidates) > 1 else candidates[0]
