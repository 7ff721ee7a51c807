"""Asks Polygon whether its key counts and what the plan of it includes. It reads, and opens no stream: one key has one
connection for each family of tickers, and a second one would cut off a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from engine.cli.checks.check import Check, Outcome, fail, ok, unknown, warn
from engine.cli.errors import UserError
from engine.market.events import NANOS
from engine.settings import Settings

if TYPE_CHECKING:
    from connectors.polygon.rest import PolygonRest

PATIENCE_SECONDS = 12.0
KEY_MEND = "set AUTOTRADER__POLYGON__API_KEY in the environment or in .env"
PLAN_MEND = "upgrade the plan, or leave it out"
AGAIN = "try again when it does"
LOOK_BACK_NS = 7 * 86_400 * NANOS
SHARE, INDEX = "SPY", "I:SPX"


def check_polygon(settings: Settings) -> list[Check]:
    """Nothing where Polygon is not set up; otherwise its key, and what it may be asked for."""
    polygon = settings.polygon
    wanted = settings.tradier.market_data == "polygon"
    if not wanted and polygon == type(polygon)():
        return []
    files = _flat_files(settings)
    if polygon.api_key is None:
        return [(fail if wanted else warn)("polygon key", "is not set", KEY_MEND), *files]
    where = "a practice vendor" if polygon.base_url is not None else polygon.domain
    late = ", 15 minutes late" if polygon.delayed else ""
    try:
        return [ok("polygon", f"{where}{late}"), *asyncio.run(_ask(settings)), *files]
    except UserError as error:
        found, _, mend = str(error).partition("; ")
        return [unknown("polygon", found, mend), *files]


def _flat_files(settings: Settings) -> list[Check]:
    keys = {
        "FLATFILES_ACCESS_KEY": settings.polygon.flatfiles_access_key,
        "FLATFILES_SECRET_KEY": settings.polygon.flatfiles_secret_key,
    }
    missing = [name for name, key in keys.items() if key is None]
    if len(missing) != 1:
        return []
    return [warn("polygon flat files", "one of the two keys is set", f"set AUTOTRADER__POLYGON__{missing[0]}, too")]


async def _ask(settings: Settings) -> list[Check]:
    from connectors.polygon.errors import PolygonError
    from engine.cli.polygon import polygon_hosts, polygon_rest

    rest = polygon_rest(settings)
    found: list[Check] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), rest.http:
            now_ns = await _now(settings)
            found.append(await _bars(rest, now_ns))
            if found[0].outcome is not Outcome.OK:
                return found
            found.append(await _included(rest, "quotes", lambda: rest.last_quote(SHARE)))
            found.append(await _indices(rest))
    except (PolygonError, TimeoutError) as error:
        words = str(error) or f"no answer of {polygon_hosts(settings).rest} within {PATIENCE_SECONDS:g} s"
        found.append(unknown("polygon", f"polygon cannot say: {words}", AGAIN))
    return found


async def _now(settings: Settings) -> int:
    from connectors.polygon.practice import market_clock
    from engine.cli.polygon import polygon_hosts

    return (await market_clock(polygon_hosts(settings), delayed=settings.polygon.delayed)).now_ns()


async def _bars(rest: PolygonRest, now_ns: int) -> Check:
    from connectors.polygon.errors import BadKey, NotEntitled
    from connectors.polygon.history import read_bars

    name = "polygon bars"
    try:
        bars = await read_bars(rest, SHARE, now_ns - LOOK_BACK_NS, now_ns)
    except BadKey as error:
        return fail("polygon key", f"polygon says {error}", KEY_MEND)
    except NotEntitled as error:
        return fail(name, f"the plan has no minute bars of the past: {error}", PLAN_MEND)
    if not bars:
        return warn(name, f"there is none of {SHARE} in the last week", "see whether polygon.delayed fits the plan")
    return ok(name, f"the plan has minute bars; the newest of {SHARE} ended {_ago(now_ns - bars[-1].known_ns)} ago")


async def _included(rest: PolygonRest, what: str, ask: Callable[[], Awaitable[object]]) -> Check:
    from connectors.polygon.errors import NotEntitled, NotFound

    name = f"polygon {what}"
    try:
        await ask()
    except NotEntitled:
        return warn(name, f"the plan has no {what}: rules that read bid or ask do not know them", PLAN_MEND)
    except NotFound:
        return unknown(name, f"there are none of {SHARE} now", "ask again in regular hours")
    return ok(name, f"the plan has {what}")


async def _indices(rest: PolygonRest) -> Check:
    from connectors.polygon.errors import NotEntitled

    name = "polygon indices"
    try:
        told = await rest.indices([INDEX])
    except NotEntitled:
        told = []
    if not told or told[0].error:
        return warn(name, "the plan has no indices", "look at the fund that follows one (SPY), or upgrade the plan")
    return ok(name, "the plan has indices")


def _ago(nanos: int) -> str:
    minutes = max(nanos, 0) // (60 * NANOS)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
