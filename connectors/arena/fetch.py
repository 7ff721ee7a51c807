"""Asks for the page: politely, with what the server said about caching, and elsewhere when the first address fails."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import httpx

from connectors.arena.flight import SLICE

LARGEST = 16 << 20  # bytes of a page; the real one has 2.5 MB
MOST_REDIRECTS = 3
JITTER = 0.2  # of the interval, to either side
LONGEST_BACKOFF_SECONDS = 900.0
HOSTS = frozenset({"arena.ai", "www.arena.ai", "lmarena.ai", "www.lmarena.ai"})
AGENT = "autotrader (leaderboard reader)"


@dataclass(frozen=True, slots=True)
class Clock:
    """``now_ns``: UTC nanoseconds; ``sleep``: seconds; ``jitter``: a draw in [0, 1)."""

    now_ns: Callable[[], int] = time.time_ns
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer that can be used. ``page`` is None where the server says that nothing has changed (304)."""

    url: str
    page: str | None
    status: int
    fallback: bool


class FetchError(Exception):
    """No address gave a page. The text has one reason for each."""

    def __init__(self, words: str, retry_after: float = 0.0) -> None:
        super().__init__(words)
        self.retry_after = retry_after


class _Refused(Exception):
    def __init__(self, words: str, retry_after: float = 0.0) -> None:
        super().__init__(words)
        self.retry_after = retry_after


@dataclass(slots=True)
class _Seen:
    """What a server said about its last page, to be said back to it."""

    etag: str = ""
    modified: str = ""

    def headers(self) -> dict[str, str]:
        said = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in said.items() if value}


@dataclass(slots=True)
class Fetcher:
    """One client for the addresses in order of preference. ``transport`` replaces the network in tests."""

    urls: Sequence[str]
    timeout_seconds: float = 20.0
    transport: httpx.AsyncBaseTransport | None = None
    clock: Clock = field(default_factory=Clock)
    _client: httpx.AsyncClient | None = None
    _seen: dict[str, _Seen] = field(default_factory=dict)

    async def fetch(self, after: str = "") -> Fetched:
        """The page, from the first address that has it; only those behind the address ``after`` are asked. FetchError
        when none has."""
        reasons, waits = [], [0.0]
        start = self.urls.index(after) + 1 if after else 0
        for number, url in enumerate(self.urls[start:], start):
            try:
                return await self._one(url, fallback=number > 0)
            except _Refused as refused:
                reasons.append(f"{url}: {refused}")
                waits.append(refused.retry_after)
        raise FetchError("; ".join(reasons), max(waits))

    def forget(self) -> None:
        """Ask for whole pages again: what was had could not be used."""
        self._seen.clear()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _one(self, url: str, *, fallback: bool) -> Fetched:
        seen = self._seen.get(url, _Seen())
        try:
            async with asyncio.timeout(self.timeout_seconds):
                answer, page = await self._get(url, seen.headers())
        except (httpx.HTTPError, TimeoutError) as error:
            raise _Refused(_words(error, self.timeout_seconds)) from None
        if answer.status_code == 304:
            return Fetched(url, None, 304, fallback)
        if answer.status_code != 200:
            raise _Refused(f"status {answer.status_code}", _retry_after(answer, self.clock.now_ns()))
        self._seen = {url: _Seen(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))}
        return Fetched(url, page, 200, fallback)

    async def _get(self, url: str, headers: dict[str, str]) -> tuple[httpx.Response, str]:
        """Follows redirects within the same host, as long as they lead to the same table."""
        if self._client is None:
            local = _is_local(url)
            self._client = httpx.AsyncClient(
                timeout=self.timeout_seconds, transport=self.transport, trust_env=not local,
                headers={"User-Agent": AGENT, "Accept": "text/html"},
            )  # fmt: skip
        at = url
        for _ in range(MOST_REDIRECTS + 1):
            async with self._client.stream("GET", at, headers=headers) as answer:
                if answer.has_redirect_location:
                    at = _followed(at, answer.headers["Location"])
                    continue
                return answer, await _read_at_most(answer)
        raise _Refused("it redirects without end")


def _followed(at: str, to: str) -> str:
    """Where a redirect leads, if it is one of the site's own hosts and the same table."""
    target = urljoin(at, to)
    parts, before = urlsplit(target), urlsplit(at)
    same = parts.netloc == before.netloc and parts.scheme == before.scheme
    moved = parts.scheme == "https" and parts.hostname in HOSTS and before.hostname in HOSTS
    if not (same or moved):
        raise _Refused(f"it redirects to another host, {parts.netloc}")
    if not parts.path.rstrip("/").endswith(SLICE):
        raise _Refused(f"it redirects to another table, {parts.path}")
    return target


async def _read_at_most(answer: httpx.Response) -> str:
    """The body as text; a page without end is none."""
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > LARGEST:
            raise _Refused(f"the page is larger than {LARGEST >> 20} MiB")
    return body.decode("utf-8", errors="replace")


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _words(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"no answer within {seconds:g} s"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _retry_after(answer: httpx.Response, now_ns: int) -> float:
    said = answer.headers.get("Retry-After", "")
    if said.isdigit():
        return min(float(said), LONGEST_BACKOFF_SECONDS)
    try:
        seconds = parsedate_to_datetime(said).timestamp() - now_ns / 1e9
    except (TypeError, ValueError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_BACKOFF_SECONDS)


def pause(interval: float, failures: int, retry_after: float, jitter: float) -> float:
    """Seconds to the next look: the interval, doubled with each failure in a row, a little earlier or later each time,
    and never sooner than the server asked for."""
    grown = min(interval * 2.0 ** min(failures, 10), max(interval, LONGEST_BACKOFF_SECONDS))
    return max(grown * (1.0 + JITTER * (2.0 * jitter - 1.0)), retry_after)
