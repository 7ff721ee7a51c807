"""HTTP to the vendor: the key in a header and nowhere else, paced, repeated where that helps, every failure typed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from connectors.polygon.errors import BadAnswer, RateLimited, Unavailable, error_of
from connectors.polygon.hosts import Hosts
from connectors.transport.bucket import Bucket, Budget
from connectors.transport.clock import Clock
from connectors.transport.http import HttpPool, decoded
from connectors.transport.words import shorten

LIMITED_SECONDS = 15.0  # a lockout lasts up to minutes and is not announced
LONGEST_LIMITED_SECONDS = 60.0
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
MOST_A_SECOND = 50.0  # the vendor asks paying users to stay below 100

Params = Mapping[str, str | int | bool | Decimal | None]
Listener = Callable[[str, str], None]


class PolygonHttp(HttpPool):
    """One connection pool with one key. ``per_minute``: requests that the plan allows, None for no stated limit.

    ``transport`` replaces the network in tests. ``heard``: gets each answer as it came, with its request. Use as
    ``async with``.
    """

    venue = "polygon"
    tries = 4
    longest_backoff_seconds = 8.0

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
        super().__init__(
            hosts.rest, {"Authorization": f"Bearer {key}"}, local=hosts.local, connect=CONNECT_SECONDS,
            answer=ANSWER_SECONDS, clock=clock, transport=transport,
        )  # fmt: skip
        self.heard: Listener | None = None
        budget = Budget(per_minute / 60, per_minute) if per_minute else Budget(MOST_A_SECOND, MOST_A_SECOND)
        self._bucket = Bucket(budget, self.clock.monotonic())

    async def read(self, path: str, params: Params | None = None) -> Any:
        """GET ``path`` and return the decoded JSON; numbers come as Decimal or int.

        Tried four times on 429, server faults, broken connections and answers that are no JSON.
        """
        return await self.repeated(lambda: self._read_once(path, params), (Unavailable, RateLimited, BadAnswer))

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

    def pause(self, error: Exception, attempt: int) -> float:
        if isinstance(error, RateLimited):
            self._bucket.drain(self.clock.monotonic())
            asked = error.wait if error.wait is not None else LIMITED_SECONDS * attempt
            return min(LONGEST_LIMITED_SECONDS, asked)
        return super().pause(error, attempt)

    async def _read_once(self, path: str, params: Params | None) -> Any:
        request = f"GET {path}"
        wait = self._bucket.wait(1, self.clock.monotonic())
        self._bucket.take(1)
        if wait > 0:
            await self.clock.sleep(wait)
        try:
            answer = await self.request("GET", path, params=_query(params))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unavailable(f"{request}: {self.no_connection(error)}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unavailable(f"{request}: {self.no_answer(error)}") from error
        if self.heard is not None:
            self.heard(request, answer.text)
        return _body_of(request, answer)


def _body_of(request: str, answer: httpx.Response) -> Any:
    body = decoded(answer.text)
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
