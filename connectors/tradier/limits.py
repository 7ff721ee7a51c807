"""Tradier's rate windows, kept on our side so that it never has to refuse.

A window is a minute that begins with its first request, one for each token and group of endpoints. What the headers of
each answer say replaces what we counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from connectors.tradier.errors import RateLimited

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
    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.used = 0
        self.ends = 0.0


class RateLimits:
    """``reserve`` says how long a request has to wait. ``monotonic`` is steady seconds, ``now_ns`` UTC."""

    def __init__(self, allowed: Mapping[Group, int], monotonic: Callable[[], float], now_ns: Callable[[], int]) -> None:
        self._windows = {group: _Window(most) for group, most in allowed.items()}
        self._monotonic, self._now_ns = monotonic, now_ns

    def reserve(self, group: Group, patience: float | None) -> float:
        """Take one request of the group; returns seconds to wait. RateLimited when that is more than ``patience``."""
        window, now = self._windows[group], self._monotonic()
        if now >= window.ends:
            window.used, window.ends = 0, now + WINDOW_SECONDS
        wait = 0.0
        if window.used >= window.allowed:
            # Full windows follow one another: the request goes out in the first with room for it.
            wait = window.ends - now + (window.used // window.allowed - 1) * WINDOW_SECONDS
        if patience is not None and wait > patience:
            raise RateLimited(f"the {group} requests of this minute are used up; it may be asked again in {wait:.0f} s")
        window.used += 1
        return wait

    def heard(self, group: Group, headers: Mapping[str, str]) -> None:
        """Take over what an answer says of its window; headers that make no sense are passed over."""
        try:
            allowed, used = int(headers["X-Ratelimit-Allowed"]), int(headers["X-Ratelimit-Used"])
            left = int(headers["X-Ratelimit-Expiry"]) / 1000 - self._now_ns() / 1e9
        except (KeyError, ValueError):
            return
        if allowed <= 0 or not 0 < left <= 2 * WINDOW_SECONDS:
            return
        window = self._windows[group]
        window.allowed, window.used = allowed, max(used, 0)
        window.ends = self._monotonic() + left

    def refused(self, group: Group, until_ms: int) -> None:
        """Tradier found the window used up: believe it."""
        window, now = self._windows[group], self._monotonic()
        left = until_ms / 1000 - self._now_ns() / 1e9
        if 0 < left <= 2 * WINDOW_SECONDS:
            window.ends = now + left
        elif now >= window.ends:
            window.ends = now + WINDOW_SECONDS
        window.used = max(window.used, window.allowed)
