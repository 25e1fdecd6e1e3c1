"""REST: every route behind its limits, its errors, and what is made to go wrong with it."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from benchmarks.standin.faults import Fault, Faults
from benchmarks.standin.handlers import Route
from benchmarks.standin.interactions import Ledger, Refusal
from benchmarks.standin.rates import Rates, too_many

_TOO_MANY = 429


class Rest:
    """Answers requests; raises nothing."""

    def __init__(self, token: str, ledger: Ledger, faults: Faults) -> None:
        self._token = token
        self._ledger = ledger
        self._faults = faults
        self._rates = Rates()
        self.requests: Counter[str] = Counter()
        """By the name of their route."""

    def add_to(self, application: web.Application, routes: list[Route]) -> None:
        """Serve `routes`, and count requests to any other."""
        for route in routes:
            application.router.add_route(route.method, route.path, self._guard(route))
        application.router.add_route("*", "/{path:.*}", self._unknown)

    def _guard(self, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            request["arrived"] = time.monotonic()
            self.requests[route.name] += 1
            if route.by_bot and request.headers.get("Authorization") != f"Bot {self._token}":
                self._ledger.breaches["unauthorized"] += 1
                return _json(401, {"message": "401: Unauthorized", "code": 0})
            fault = self._faults.take(route.name)
            if fault is None:
                return await self._carry_out(route, request)
            return await self._go_wrong(fault, route, request)

        return answer

    async def _carry_out(self, route: Route, request: web.Request) -> web.Response:
        headers: dict[str, str] = {}
        if route.limit is not None:
            major = request.match_info.get(route.major, "") if route.major else ""
            verdict = self._rates.spend(route.name, major, route.limit, route.per, globally=route.by_bot)
            headers = verdict.headers
            if verdict.refusal is not None:
                self._ledger.breaches[f"rate limit: {route.name}"] += 1
                return _json(_TOO_MANY, verdict.refusal, headers)
        try:
            body = await route.handler(request)
        except Refusal as refusal:
            self._ledger.breaches[refusal.breach] += 1
            if interaction := self._ledger.of_token(request.match_info.get("token", "")):
                interaction.refused.append(refusal.body["code"])
            return _json(refusal.status, refusal.body, headers)
        return web.Response(status=204, headers=headers) if body is None else _json(200, body, headers)

    async def _go_wrong(self, fault: Fault, route: Route, request: web.Request) -> web.Response:
        response = await self._carry_out(route, request) if fault.carried_out else None
        await asyncio.sleep(fault.delay)
        if fault.close:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        if fault.status == _TOO_MANY:
            return _json(_TOO_MANY, too_many(fault.retry_after), {"X-RateLimit-Scope": "shared"})
        if fault.status is not None:
            return web.Response(status=fault.status)
        return response or await self._carry_out(route, request)

    async def _unknown(self, request: web.Request) -> web.Response:
        self._ledger.breaches[f"unknown route: {request.method} {request.path}"] += 1
        return _json(404, {"message": "404: Not Found", "code": 0})


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    # discord.py takes this type alone for JSON, and a 429 without Via for one of Cloudflare's.
    fixed = {"Content-Type": "application/json", "Via": "1.1 stand-in"}
    data = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(status=status, body=data, headers={**(headers or {}), **fixed})
