"""Reading minute bars up to now, of several symbols, until nothing is left between the history and the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from engine.market.events import NANOS, Bar
from engine.market.venue import PastBars

MINUTE_NS = 60 * NANOS
AT_ONCE = 4  # symbols that are read side by side
PATIENCE_SECONDS = 90.0  # a run that begins again may have positions to look after
PASSES = 5  # after which the stream's own gap is filled; where time runs fast, reading never catches up with it

Read = Callable[[str, int, int], Awaitable[list[Bar]]]


async def read_past(
    read: Read, symbols: Collection[str], since_ns: int, now_ns: Callable[[], int], settle_ns: int,
    failed: type[Exception], patience: float = PATIENCE_SECONDS,
) -> PastBars:  # fmt: skip
    """All bars that begin at ``since_ns`` or later and are over. ``read`` gives those of a symbol in [from, to);
    ``settle_ns``: how long after its end a bar may take to be in the history; ``failed``: what ``read`` raises;
    ``patience``: seconds, after which what is not read yet is missing."""
    turns = asyncio.Semaphore(AT_ONCE)
    found: list[Bar] = []
    missing: dict[str, str] = {}
    waiting: set[str] = set()

    async def one(symbol: str, from_ns: int, to_ns: int) -> None:
        try:
            async with turns:
                found.extend(await read(symbol, from_ns, to_ns))
        except failed as error:
            missing[symbol] = str(error)
        waiting.discard(symbol)

    until_ns = since_ns // MINUTE_NS * MINUTE_NS
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            for _ in range(PASSES):
                from_ns, settled_ns = until_ns, (now_ns() - settle_ns) // MINUTE_NS * MINUTE_NS
                if settled_ns <= from_ns:
                    break
                until_ns = settled_ns
                waiting.update(symbol for symbol in symbols if symbol not in missing)
                await asyncio.gather(*(one(symbol, from_ns, settled_ns) for symbol in sorted(waiting)))
    missing |= dict.fromkeys(waiting, f"not within {patience:g} s")
    return PastBars(found, until_ns, missing)
