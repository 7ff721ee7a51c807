"""Tradier's rate windows, kept on our side so that it never has to refuse.

A window is a minute that begins with its first request, one for each token and group of endpoints. What the headers of
each answer say replaces what we counted. Who goes first in a window: see ``connectors.transport.turns``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from math import ceil

from connectors.tradier.errors import RateLimited
from connectors.transport.turns import NoTurn, Turns

WINDOW_SECONDS = 60.0


class Group(StrEnum):
    """Endpoints that share a window."""

    MARKET = "market"
    STANDARD = "standard"
    TRADE = "trade"


ALLOWED = {
    "production": {Group.MARKET: 120, Group.STANDARD: 120, Group.TRADE: 60},
    "sandbox": {Group.MARKET: 60, Group.STANDARD: 60, Group.TRADE: 60},
}


def group_of(method: str, path: str) -> Group:
    """Which window a request falls into; ``path`` is below the version."""
    if path.startswith("/markets"):
        return Group.MARKET
    return Group.TRADE if method != "GET" and "/orders" in path else Group.STANDARD


class _Window:
    """Implements ``Meter``, in requests. ``flying``: those that were sent and have no answer yet."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.used = 0.0
        self.ends = 0.0
        self.flying = 0

    @property
    def most(self) -> float:
        return self.allowed

    def wait(self, cost: float, now: float, keep: float = 0.0) -> float:
        """Full windows follow one another: a request goes out in the first with room for it."""
        if now >= self.ends:
            self.used, self.ends = 0.0, now + WINDOW_SECONDS
        usable = max(self.allowed - keep, 1.0)
        over = cost - max(usable - self.used, 0.0)
        return 0.0 if over <= 0 else self.ends - now + (ceil(over / usable) - 1) * WINDOW_SECONDS

    def take(self, cost: float) -> None:
        self.used += cost


class RateLimits:
    """Gives requests their turns. ``now_ns`` is UTC, and ``monotonic`` steady seconds, by which ``sleep`` waits."""

    def __init__(
        self, allowed: Mapping[Group, int], monotonic: Callable[[], float], now_ns: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._windows = {group: _Window(most) for group, most in allowed.items()}
        self._turns = {group: Turns(window, monotonic, sleep) for group, window in self._windows.items()}
        self._monotonic, self._now_ns = monotonic, now_ns

    async def turn(self, group: Group, patience: float | None) -> None:
        """Wait for the turn of one request; RateLimited when that would take more than ``patience`` seconds.

        Every request that had its turn has to be reported as ``landed``.
        """
        try:
            await self._turns[group].turn(1, patience)
        except NoTurn as late:
            words = (
                f"not sent, as the {group} requests of this minute are used up; it may be asked again in "
                f"{late.seconds:.0f} s"
            )
            raise RateLimited(words, wait_seconds=late.seconds) from None
        self._windows[group].flying += 1

    def landed(self, group: Group) -> None:
        """A request has its answer, or will have none."""
        self._windows[group].flying -= 1

    def heard(self, group: Group, headers: Mapping[str, str]) -> None:
        """Take over what an answer says of its window; headers that make no sense are passed over.

        Requests still on their way may not be counted there yet.
        """
        try:
            allowed, used = int(headers["X-Ratelimit-Allowed"]), int(headers["X-Ratelimit-Used"])
            left = int(headers["X-Ratelimit-Expiry"]) / 1000 - self._now_ns() / 1e9
        except (KeyError, ValueError):
            return
        if allowed <= 0 or not 0 < left <= 2 * WINDOW_SECONDS:
            return
        window = self._windows[group]
        window.allowed, window.used = allowed, max(used, 0) + window.flying
        window.ends = self._monotonic() + left
        self._turns[group].changed()

    def refused(self, group: Group, until_ms: int) -> float:
        """Tradier found the window used up: believe it. Returns the seconds until it is over."""
        window, now = self._windows[group], self._monotonic()
        left = until_ms / 1000 - self._now_ns() / 1e9
        if 0 < left <= 2 * WINDOW_SECONDS:
            window.ends = now + left
        elif now >= window.ends:
            window.ends = now + WINDOW_SECONDS
        window.used = max(window.used, window.allowed)
        self._turns[group].changed()
        return window.ends - now

    def close(self) -> None:
        """What waits is not sent, and from now on only what may go at once."""
        for turns in self._turns.values():
            turns.close()
