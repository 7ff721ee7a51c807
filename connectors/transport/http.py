"""HTTP to a venue as every connector does it: no redirects, reads repeated, exact numbers, the venue's clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from connectors.transport.clock import Clock, backoff
from connectors.transport.words import words_of
from engine.market.meter import REQUESTS

FIRST_BACKOFF_SECONDS = 0.25
SKEW_COUNTS_NS = 30_000_000_000  # for how long one comparison of the clocks holds
NANOS = 1_000_000_000

Answer = TypeVar("Answer")


class HttpPool:
    """One connection pool to one venue, below ``rest``. ``local``: a practice venue, reached past any proxy.

    ``connect`` and ``answer`` are seconds; ``transport`` replaces the network in tests. Use as ``async with``.
    """

    venue: ClassVar[str]  # as ``engine simulate`` and the metrics call it
    tries: ClassVar[int] = 3
    longest_backoff_seconds: ClassVar[float] = 4.0

    def __init__(
        self, rest: str, headers: Mapping[str, str], *, local: bool, connect: float, answer: float,
        clock: Clock | None, transport: httpx.AsyncBaseTransport | None,
    ) -> None:  # fmt: skip
        self.clock = clock or Clock()
        self.skew_seconds: float | None = None  # this machine's clock is ahead of the venue's by so much
        self._behind = (0, 0)  # at least so far (ns) the venue's clock is behind ours, and when that was seen
        self._rest, self._local, self._longest = rest, local, connect + answer
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(answer, connect=connect), transport=transport, trust_env=not local,
            follow_redirects=False, headers={"Accept": "application/json", "User-Agent": "autotrader", **headers},
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

    async def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send one request, once; ``content`` is for httpx. Raises httpx.HTTPError or TimeoutError."""
        sent_ns = self.clock.now_ns()
        try:
            async with asyncio.timeout(self._longest):
                answer = await self._client.request(method, self._rest + path, **content)
        except (httpx.HTTPError, TimeoutError):
            REQUESTS.answered(self.venue, None)
            raise
        REQUESTS.answered(self.venue, answer.status_code)
        self._compare_clocks(answer, sent_ns, self.clock.now_ns())
        return answer

    async def repeated(self, read: Callable[[], Awaitable[Answer]], worth: tuple[type[Exception], ...]) -> Answer:
        """``read``, again and again while it fails with an error that is ``worth`` it; the last error is raised."""
        for attempt in range(1, self.tries):
            try:
                return await read()
            except worth as error:
                wait = self.pause(error, attempt)
            await self.clock.sleep(wait)
        return await read()

    def pause(self, error: Exception, attempt: int) -> float:
        """Seconds to wait after try ``attempt`` failed."""
        return backoff(attempt, FIRST_BACKOFF_SECONDS, self.longest_backoff_seconds, self.clock.jitter())

    def at_least_ns(self, venue_ns: int) -> int:
        """An instant of the venue's clock by ours, or one before it: never later. 0 while it cannot be said."""
        least, seen_ns = self._behind
        return venue_ns + least if seen_ns else 0

    def _compare_clocks(self, answer: httpx.Response, sent_ns: int, received_ns: int) -> None:
        try:
            date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (KeyError, ValueError):
            return
        # The header is cut to whole seconds, so the venue's time is half a second more on average.
        self.skew_seconds = (sent_ns + received_ns) / 2 / NANOS - (date + 0.5)
        least, seen_ns = self._behind
        now_least = sent_ns - int(date + 1) * NANOS
        if not seen_ns or now_least > least or received_ns - seen_ns > SKEW_COUNTS_NS:
            self._behind = (now_least, received_ns)

    def no_answer(self, error: Exception) -> str:
        """What is said where no answer came."""
        return f"no answer from {self._place} ({words_of(error)})"

    def no_connection(self, error: Exception) -> str:
        """What is said where no connection could be made, so that nothing was asked."""
        mend = (
            f"start the practice venue there (engine simulate {self.venue}), or name its address"
            if self._local
            else "look at this machine's network, proxy and name server"
        )
        return f"no connection to {self._place} ({words_of(error)}): {mend}"

    @property
    def _place(self) -> str:
        return urlsplit(self._rest).netloc


def decoded(text: str) -> Any:
    """The JSON of an answer with exact numbers; None when it is no JSON, or says of a number that it is none."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except ValueError:
        return None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")
