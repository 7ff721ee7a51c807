"""HTTP to Tradier: asks for JSON, keeps to the rate windows, repeats reads and never writes, types every failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from connectors.tradier.errors import BadAnswer, NotSent, OutcomeUnknown, RateLimited, Unavailable, error_of
from connectors.tradier.hosts import Hosts
from connectors.tradier.limits import ALLOWED, RateLimits, group_of
from connectors.transport.clock import Clock
from connectors.transport.http import FIRST_BACKOFF_SECONDS, HttpPool, decoded
from connectors.transport.turns import read_patience

LOCAL_ARRIVE_SECONDS = 15.0

Fields = Mapping[str, str]
Listener = Callable[[str, str], None]
MARKET = "/markets/"  # where answers are of the market and of no account
SESSIONS = "/markets/events/"  # whose answers are keys to streams


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``turn``: how long an order may wait for room in its rate window; ``answer``: how long Tradier may take
    once it has the request; ``arrive``: how long a request whose sender has given up may still come to be carried
    out. Tradier's requests carry no time of expiry, so that this is a judgement and no promise."""

    connect: float = 5.0
    answer: float = 10.0
    turn: float = 5.0
    arrive: float = 30.0


CALL = Timeouts()


def longest_way_seconds(timeouts: Timeouts | None = None, *, local: bool = False) -> float:
    """How long after it was asked for an order may still come into Tradier's lists; on this machine nothing lies on
    the way for longer than a practice venue holds it up."""
    timeouts = timeouts or CALL
    arrives = LOCAL_ARRIVE_SECONDS if local else timeouts.arrive
    return timeouts.turn + max(timeouts.connect + timeouts.answer, arrives)


class TradierHttp(HttpPool):
    """One connection pool with one token, which goes into the header and nowhere else. Use as ``async with``.

    ``heard``: gets each answer about the market as it came, with its request.
    """

    venue = "tradier"

    def __init__(
        self, hosts: Hosts, token: str, environment: str, *, clock: Clock | None = None,
        timeouts: Timeouts | None = None, transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        self.hosts, self.token = hosts, token
        self.timeouts = timeouts or CALL
        super().__init__(
            hosts.rest, {"Authorization": f"Bearer {token}"}, local=hosts.local, connect=self.timeouts.connect,
            answer=self.timeouts.answer, clock=clock, transport=transport,
        )  # fmt: skip
        self.limits = RateLimits(
            ALLOWED[environment], self.clock.monotonic, self.clock.now_ns, self.clock.sleep
        )
        self.heard: Listener | None = None

    async def read(self, path: str, query: Fields | None = None, *, form: Fields | None = None) -> dict[str, Any]:
        """GET ``path`` (below the version), or POST ``form`` where a read is asked for so, and return the JSON.

        Tried three times on broken connections, server faults, transient faults, pages of HTML, and full windows.
        """
        worth = (Unavailable, RateLimited, NotSent, BadAnswer)
        return await self.repeated(lambda: self._read_once(path, query, form), worth)

    def pause(self, error: Exception, attempt: int) -> float:
        wait = super().pause(error, attempt)
        unsaid = isinstance(error, RateLimited) and not error.until_ms
        return max(wait, FIRST_BACKOFF_SECONDS * attempt) if unsaid else wait

    async def write(self, method: str, path: str, form: Fields | None = None) -> dict[str, Any]:
        """Send one request that changes the account, once. OutcomeUnknown when it may have been done."""
        request = f"{method} {path}"
        try:
            answer = await self._send(method, path, None, form or {}, self.timeouts.turn)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"{request}: not sent, {self.no_connection(error)}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutcomeUnknown(
                f"{request}: {self.no_answer(error)}; it may have been done: look for its tag in the order "
                "list before asking again"
            ) from error
        return self._judged(request, answer, writes=True)

    async def _read_once(self, path: str, query: Fields | None, form: Fields | None) -> dict[str, Any]:
        method = "GET" if form is None else "POST"
        request = f"{method} {path}"
        try:
            answer = await self._send(method, path, query, form, read_patience())
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotSent(f"{request}: {self.no_connection(error)}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unavailable(f"{request}: {self.no_answer(error)}") from error
        return self._judged(request, answer, writes=False)

    async def _send(
        self, method: str, path: str, query: Fields | None, form: Fields | None, patience: float | None
    ) -> httpx.Response:
        group = group_of(method, path)
        headers, content = {}, None
        if form is not None:
            content = urlencode(form).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(content))}
        await self.limits.turn(group, patience)
        try:
            answer = await self.request(method, path, params=query, content=content, headers=headers)
        finally:
            self.limits.landed(group)
        self.limits.heard(group, answer.headers)
        if self.heard is not None and path.startswith(MARKET) and not path.startswith(SESSIONS):
            self.heard(f"{method} {path}", answer.text)
        return answer

    def _judged(self, request: str, answer: httpx.Response, *, writes: bool) -> dict[str, Any]:
        body = decoded(answer.text)
        body = body if isinstance(body, dict) else None
        error = error_of(request, answer.status_code, body, answer.text, writes=writes)
        if isinstance(error, RateLimited):
            method, _, path = request.partition(" ")
            error.wait_seconds = self.limits.refused(group_of(method, path), error.until_ms)
        if error is not None:
            raise error
        assert isinstance(body, dict)
        return body
