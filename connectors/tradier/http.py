"""HTTP to Tradier: asks for JSON, keeps to the rate windows, repeats reads and never writes, types every failure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import httpx

from connectors.kalshi.clock import Clock, backoff
from connectors.tradier.errors import BadAnswer, NotSent, OutcomeUnknown, RateLimited, Unavailable, error_of
from connectors.tradier.hosts import Hosts
from connectors.tradier.limits import ALLOWED, RateLimits, group_of
from connectors.transport.turns import read_patience
from engine.market.meter import REQUESTS

TRIES = 3
FIRST_BACKOFF_SECONDS = 0.25
LONGEST_BACKOFF_SECONDS = 4.0
LOCAL_ARRIVE_SECONDS = 15.0
SKEW_COUNTS_NS = 30_000_000_000
NANOS = 1_000_000_000

Fields = Mapping[str, str]


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


class TradierHttp:
    """One connection pool with one token, which goes into the header and nowhere else. Use as ``async with``."""

    def __init__(
        self, hosts: Hosts, token: str, environment: str, *, clock: Clock | None = None,
        timeouts: Timeouts | None = None, transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        self.hosts, self.token = hosts, token
        self.clock = clock or Clock()
        self.timeouts = timeouts or CALL
        self.limits = RateLimits(
            ALLOWED[environment], self.clock.monotonic, self.clock.now_ns, self.clock.sleep
        )
        self._behind = (0, 0)  # at least so far (ns) Tradier's clock is behind ours, and when that was seen
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(self.timeouts.answer, connect=self.timeouts.connect), transport=transport,
            trust_env=not hosts.local, follow_redirects=False,
            headers={
                "Accept": "application/json", "User-Agent": "autotrader", "Authorization": f"Bearer {token}",
            },
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pool. What is still under way ends with an error."""
        await self._client.aclose()

    async def read(self, path: str, query: Fields | None = None, *, form: Fields | None = None) -> dict[str, Any]:
        """GET ``path`` (below the version), or POST ``form`` where a read is asked for so, and return the JSON.

        Tried three times on broken connections, server faults, transient faults, pages of HTML, and full windows.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return await self._read_once(path, query, form)
            except (Unavailable, RateLimited, NotSent, BadAnswer) as error:
                if attempt == TRIES:
                    raise
                wait = backoff(attempt, FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, self.clock.jitter())
                if isinstance(error, RateLimited) and not error.until_ms:
                    wait = max(wait, FIRST_BACKOFF_SECONDS * attempt)
            await self.clock.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def write(self, method: str, path: str, form: Fields | None = None) -> dict[str, Any]:
        """Send one request that changes the account, once. OutcomeUnknown when it may have been done."""
        request = f"{method} {path}"
        try:
            answer = await self._send(method, path, None, form or {}, self.timeouts.turn)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"{request}: not sent, {self._no_connection(error)}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutcomeUnknown(
                f"{request}: no answer from {self._place} ({_words(error)}); it may have been done: look for its tag "
                "in the order list before asking again"
            ) from error
        return self._judged(request, answer, writes=True)

    async def _read_once(self, path: str, query: Fields | None, form: Fields | None) -> dict[str, Any]:
        method = "GET" if form is None else "POST"
        request = f"{method} {path}"
        try:
            answer = await self._send(method, path, query, form, read_patience())
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotSent(f"{request}: {self._no_connection(error)}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unavailable(f"{request}: no answer from {self._place}: {_words(error)}") from error
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
        sent_ns = self.clock.now_ns()
        try:
            async with asyncio.timeout(self.timeouts.connect + self.timeouts.answer):
                answer = await self._client.request(
                    method, self.hosts.rest + path, params=query, content=content, headers=headers
                )
        except (httpx.HTTPError, TimeoutError):
            REQUESTS.answered("tradier", None)
            raise
        finally:
            self.limits.landed(group)
        REQUESTS.answered("tradier", answer.status_code)
        self._note_skew(answer, sent_ns, self.clock.now_ns())
        self.limits.heard(group, answer.headers)
        return answer

    def _judged(self, request: str, answer: httpx.Response, *, writes: bool) -> dict[str, Any]:
        body = _decode(answer.text)
        error = error_of(request, answer.status_code, body, answer.text, writes=writes)
        if isinstance(error, RateLimited):
            method, _, path = request.partition(" ")
            error.wait_seconds = self.limits.refused(group_of(method, path), error.until_ms)
        if error is not None:
            raise error
        assert isinstance(body, dict)
        return body

    def at_least_ns(self, venue_ns: int) -> int:
        """An instant of Tradier's clock by ours, or one before it; 0 while it cannot be said."""
        least, seen_ns = self._behind
        return venue_ns + least if seen_ns else 0

    def _note_skew(self, answer: httpx.Response, sent_ns: int, received_ns: int) -> None:
        try:
            date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (KeyError, ValueError):
            return
        least, seen_ns = self._behind
        now_least = sent_ns - int(date + 1) * NANOS
        if not seen_ns or now_least > least or received_ns - seen_ns > SKEW_COUNTS_NS:
            self._behind = (now_least, received_ns)

    @property
    def _place(self) -> str:
        return urlsplit(self.hosts.rest).netloc

    def _no_connection(self, error: httpx.HTTPError) -> str:
        mend = (
            "start the practice venue there (engine simulate tradier), or name its address"
            if self.hosts.local
            else "look at this machine's network, proxy and name server"
        )
        return f"no connection to {self._place} ({_words(error)}): {mend}"


def _decode(text: str) -> dict[str, Any] | None:
    """The JSON object of an answer with exact numbers; None when it is none."""
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
