"""HTTP to the vendor: the key in a header and nowhere else, paced, repeated where that helps, every failure typed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx

from connectors.kalshi.clock import Clock, backoff
from connectors.kalshi.limits import Bucket, Budget
from connectors.polygon.errors import BadAnswer, PolygonError, RateLimited, Unavailable, error_of, shorten
from connectors.polygon.hosts import Hosts
from engine.market.meter import REQUESTS

TRIES = 4
FIRST_BACKOFF_SECONDS = 0.25
LONGEST_BACKOFF_SECONDS = 8.0
LIMITED_SECONDS = 15.0  # a lockout lasts up to minutes and is not announced
LONGEST_LIMITED_SECONDS = 60.0
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
MOST_A_SECOND = 50.0  # the vendor asks paying users to stay below 100

Params = Mapping[str, str | int | bool | Decimal | None]
Listener = Callable[[str, str], None]


class PolygonHttp:
    """One connection pool with one key. ``per_minute``: requests that the plan allows, None for no stated limit.

    ``transport`` replaces the network in tests. ``heard``: gets each answer as it came, with its request. Use as
    ``async with``.
    """

    def __init__(
        self,
        hosts: Hosts,
        key: str,
        *,
        per_minute: int | None = None,
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.hosts = hosts
        self.clock = clock or Clock()
        self.heard: Listener | None = None
        budget = Budget(per_minute / 60, per_minute) if per_minute else Budget(MOST_A_SECOND, MOST_A_SECOND)
        self._bucket = Bucket(budget, self.clock.monotonic())
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
            trust_env=not hosts.local,
            follow_redirects=False,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json", "User-Agent": "autotrader"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pool."""
        await self._client.aclose()

    async def read(self, path: str, params: Params | None = None) -> Any:
        """GET ``path`` and return the decoded JSON; numbers come as Decimal or int.

        Tried four times on 429, server faults, broken connections and answers that are no JSON.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return await self._read_once(path, params)
            except (Unavailable, RateLimited, BadAnswer) as error:
                if attempt == TRIES:
                    raise
                await self.clock.sleep(self._wait(error, attempt))
        raise AssertionError("the last try returns or raises")

    async def pages(self, path: str, params: Params | None = None) -> AsyncIterator[dict[str, Any]]:
        """All pages of a list, one after the other. BadAnswer when a page leads back to one that was read."""
        seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
        request = path
        while True:
            body = await self.read(path, params)
            if not isinstance(body, dict):
                raise BadAnswer(f"GET {request}: a list was promised as an object, and {type(body).__name__} came")
            yield body
            following = body.get("next_url")
            if not following:
                return
            # Only path and query: the key goes to the host that was chosen, whatever the answer says.
            parts = urlsplit(str(following))
            query = tuple((name, value) for name, value in parse_qsl(parts.query) if name.lower() != "apikey")
            path, params = parts.path, dict(query)
            if (path, query) in seen:
                raise BadAnswer(f"GET {request}: next_url leads to a page that was read already")
            seen.add((path, query))

    def _wait(self, error: PolygonError, attempt: int) -> float:
        if isinstance(error, RateLimited):
            self._bucket.drain(self.clock.monotonic())
            asked = error.wait if error.wait is not None else LIMITED_SECONDS * attempt
            return min(LONGEST_LIMITED_SECONDS, asked)
        return backoff(attempt, FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, self.clock.jitter())

    async def _read_once(self, path: str, params: Params | None) -> Any:
        request = f"GET {path}"
        wait = self._bucket.wait(1, self.clock.monotonic())
        self._bucket.take(1)
        if wait > 0:
            await self.clock.sleep(wait)
        try:
            async with asyncio.timeout(CONNECT_SECONDS + ANSWER_SECONDS):
                answer = await self._client.get(self.hosts.rest + path, params=_query(params))
        except (httpx.HTTPError, TimeoutError) as error:
            REQUESTS.answered("polygon", None)
            raise Unavailable(f"{request}: no answer from {self._place}: {_words(error)}{self._mend}") from error
        REQUESTS.answered("polygon", answer.status_code)
        if self.heard is not None:
            self.heard(request, answer.text)
        return _body_of(request, answer)

    @property
    def _place(self) -> str:
        return urlsplit(self.hosts.rest).netloc

    @property
    def _mend(self) -> str:
        return "; is the practice vendor running there (engine simulate polygon)?" if self.hosts.local else ""


def _body_of(request: str, answer: httpx.Response) -> Any:
    try:
        body = json.loads(answer.text, parse_float=Decimal)
    except ValueError:
        body = None
    if not answer.is_success:
        raise error_of(request, answer.status_code, body, answer.text, _retry_after(answer))
    if not isinstance(body, dict | list):
        raise BadAnswer(f"{request}: {answer.status_code} but no JSON: {shorten(answer.text)!r}", status=200)
    if isinstance(body, dict) and body.get("status") in ("ERROR", "NOT_AUTHORIZED"):
        raise error_of(request, answer.status_code, body, answer.text)
    return body


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _query(params: Params | None) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (params or {}).items()
        if value is not None
    }


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
