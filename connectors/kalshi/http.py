"""HTTP to the venue: signs, keeps to the rate limits, repeats reads and never writes, and types every failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.kalshi.errors import (
    BadAnswer,
    ClockSkewError,
    KalshiError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    VenueUnavailable,
    error_of,
)
from connectors.kalshi.hosts import Hosts
from connectors.kalshi.limits import RateLimits
from connectors.kalshi.sign import Signer
from connectors.transport.clock import Clock
from connectors.transport.http import HttpPool, decoded
from connectors.transport.turns import read_patience
from connectors.transport.words import shorten

SIGNATURE_SECONDS = 30.0  # recorded: 5 s is not too old, 30 s is
PRACTICE_SIGNATURE_SECONDS = 15.0
LARGEST_SKEW_SECONDS = 5.0
REPEATABLE = frozenset({408, 425, 429})
NANOS = 1_000_000_000

Params = Mapping[str, str | int | bool | list[str] | None]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``turn`` is how long an order may wait until the rate limits let it go, ``answer`` how long the venue
    may take after it has the request. A call ends ``connect`` and ``answer`` after its turn, whatever happens."""

    connect: float = 5.0
    answer: float = 10.0
    turn: float = 5.0


CALL = Timeouts()


def longest_way_seconds(hosts: Hosts, timeouts: Timeouts | None = None) -> float:
    """How long after it was asked for an order may still come to the venue and be taken.

    Its call may wait for its turn, for a connection and for the answer; and what is held up on the way may come for as
    long as its signature counts, by a clock that may be behind. The practice exchange has this machine's clock.
    """
    timeouts = timeouts or CALL
    counts = PRACTICE_SIGNATURE_SECONDS if hosts.local else SIGNATURE_SECONDS + LARGEST_SKEW_SECONDS
    return timeouts.turn + max(timeouts.connect + timeouts.answer, counts)


class VenueHttp(HttpPool):
    """One connection pool to one venue with one key. ``signer`` None allows public reads only.

    ``transport`` replaces the network in tests. Use as ``async with``.
    """

    venue = "kalshi"

    def __init__(
        self,
        hosts: Hosts,
        signer: Signer | None,
        *,
        clock: Clock | None = None,
        timeouts: Timeouts | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.hosts = hosts
        self.timeouts = timeouts or CALL
        super().__init__(
            hosts.rest, {}, local=hosts.local, connect=self.timeouts.connect, answer=self.timeouts.answer,
            clock=clock, transport=transport,
        )  # fmt: skip
        self.limits = RateLimits(self.clock.monotonic, self.clock.sleep)
        self.by_venue_clock = False  # sign for the venue's clock, as far as it is known
        self._signer = signer
        self._root = urlsplit(hosts.rest).path

    async def read(self, path: str, params: Params | None = None, *, also: frozenset[int] = frozenset()) -> Any:
        """GET ``path`` (below the API's root) and return the decoded JSON; numbers come as Decimal or int.

        Tried three times on 408, 425, 429, server faults, broken connections and answers that are no JSON.
        ``also``: statuses whose JSON is the answer although they are errors.
        """
        worth = (VenueUnavailable, RateLimited, NotSent, BadAnswer)
        return await self.repeated(lambda: self._read_once(path, params, also), worth)

    async def write(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        items: int = 1,
        patience: float | None = None,
        orders: bool = False,
    ) -> Any:
        """Send one request that changes the account, once. Returns the decoded JSON, None for an empty 204.

        ``items``: orders in a batch; ``patience``: seconds that it may wait for its turn; ``orders``: it is about an
        order. OutcomeUnknown when it may have been done without our knowing.
        """
        request = f"{method} {path}"
        try:
            answer = await self._send(method, path, params, body, items, patience)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"{request}: not sent, {self.no_connection(error)}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutcomeUnknown(
                f"{request}: {self.no_answer(error)}; it may have been done: "
                "read the order list before asking again"
            ) from error
        if answer.status_code == 204:
            return None
        found = _object(answer.text)
        if not answer.is_success:
            raise self._error(request, answer, found, writes=True, orders=orders)
        if found is None:
            raise OutcomeUnknown(
                f"{request}: {answer.status_code} but no JSON ({shorten(answer.text)!r}); it may have been done: "
                "read the order list before asking again",
                status=answer.status_code, body=answer.text,
            )  # fmt: skip
        return found

    async def check_clock(self) -> float:
        """Seconds that this machine's clock is ahead of the venue's (to a second or so).

        ClockSkewError when it is more than five either way, and BadAnswer when the venue does not say its time.
        """
        await self.read("/exchange/status", also=frozenset({503, 504}))
        if self.skew_seconds is None:
            raise BadAnswer("GET /exchange/status: the answer carries no Date, so that the clock cannot be checked")
        if abs(self.skew_seconds) > LARGEST_SKEW_SECONDS:
            raise ClockSkewError(self._skew_words())
        return self.skew_seconds

    async def _read_once(self, path: str, params: Params | None, also: frozenset[int]) -> Any:
        request = f"GET {path}"
        try:
            answer = await self._send("GET", path, params, None, 1, read_patience())
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotSent(f"{request}: {self.no_connection(error)}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise VenueUnavailable(f"{request}: {self.no_answer(error)}") from error
        found = _object(answer.text)
        if not answer.is_success and not (answer.status_code in also and found is not None):
            raise self._error(request, answer, found, writes=False)
        if found is None:
            raise BadAnswer(
                f"{request}: {answer.status_code} but no JSON: {shorten(answer.text)!r}",
                status=answer.status_code, body=answer.text,
            )  # fmt: skip
        return found

    async def _send(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: Mapping[str, Any] | None,
        items: int,
        patience: float | None,
    ) -> httpx.Response:
        full = self._root + path
        await self.limits.turn(method, full, items, patience)
        ahead_ns = int((self.skew_seconds or 0) * NANOS) if self.by_venue_clock else 0
        stamp_ns = self.clock.now_ns() - ahead_ns
        headers = self._signer.headers(method, full, stamp_ns // 1_000_000) if self._signer else None
        return await self.request(method, path, params=_query(params), json=body, headers=headers)

    def _error(
        self, request: str, answer: httpx.Response, found: Any, *, writes: bool, orders: bool = False
    ) -> KalshiError:
        error = error_of(request, answer.status_code, found, answer.text, writes=writes, orders=orders)
        if isinstance(error, RateLimited):
            method, _, path = request.partition(" ")
            error.wait_seconds = self.limits.refused(method, self._root + path)
        if isinstance(error, ClockSkewError):
            return ClockSkewError(
                f"{error}; {self._skew_words()}",
                status=error.status, code=error.code, details=error.details, body=error.body,
            )  # fmt: skip
        return error

    def _skew_words(self) -> str:
        if self.skew_seconds is None:
            return "set this machine's clock by NTP"
        way = "ahead of" if self.skew_seconds > 0 else "behind"
        return f"this machine's clock is {abs(self.skew_seconds):.0f} s {way} the venue's: set it by NTP"


def _object(text: str) -> dict[str, Any] | None:
    found = decoded(text)
    return found if isinstance(found, dict) else None


def _query(params: Params | None) -> dict[str, str | int | list[str]]:
    found: dict[str, str | int | list[str]] = {}
    for name, value in (params or {}).items():
        if value is None:
            continue
        found[name] = ("true" if value else "false") if isinstance(value, bool) else value
    return found
