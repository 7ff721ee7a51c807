"""Asks Tradier what only Tradier knows: whose token it is, how old its prices are, what time it is. It reads and never
writes, and opens no stream: a second session would end that of a run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.cli.checks.check import Check, fail, ok, unknown, warn
from engine.market.events import NANOS
from engine.settings import Settings

if TYPE_CHECKING:
    from connectors.tradier.client import TradierRest
    from engine.cli.venues.tradier import TradierPort

PATIENCE_SECONDS = 12.0
ODD_SECONDS, WRONG_SECONDS = 2.5, 6.0  # Tradier tells whole seconds
OLD_NS = 5 * 60 * NANOS
ASKED = "SPY"  # trades every second
AGAIN = "try again when it does"
TOKEN_MEND = "set AUTOTRADER__TRADIER__ACCESS_TOKEN to one of this environment: sandbox and production differ"


def ask_tradier(port: TradierPort, settings: Settings) -> list[Check]:
    """Account, clock and prices, as far as Tradier answers."""
    return asyncio.run(_ask(port, settings))


async def _ask(port: TradierPort, settings: Settings) -> list[Check]:
    from connectors.tradier.client import TradierRest
    from connectors.tradier.errors import TradierError
    from connectors.tradier.http import Timeouts
    from connectors.tradier.practice import practice_time
    from connectors.transport.clock import Clock

    tradier = settings.tradier
    assert tradier.access_token is not None and tradier.account_id is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            clock = (await practice_time(port.hosts)).clock() if port.hosts.local else Clock()
            async with TradierRest(
                port.hosts, tradier.access_token.get_secret_value(), tradier.environment, tradier.account_id,
                clock=clock, timeouts=Timeouts(3, 5),
            ) as rest:  # fmt: skip
                account = await _account(rest)
                if account.outcome == "fail":
                    return [account]
                return [account, await _clock(rest), await _prices(rest, settings)]
    except (TradierError, TimeoutError) as error:
        words = str(error) or f"no answer within {PATIENCE_SECONDS:g} s"
        return [unknown("tradier account", f"tradier cannot say: {words}", AGAIN)]


async def _account(rest: TradierRest) -> Check:
    from connectors.tradier.errors import NotAuthorized

    name = "tradier account"
    try:
        accounts = {account.number: account for account in (await rest.profile()).accounts}
    except NotAuthorized as error:
        return fail(name, f"tradier says {error}", TOKEN_MEND)
    found = accounts.get(rest.account)
    if found is None:
        has = ", ".join(sorted(accounts)) or "none"
        return fail(name, f"the token has no account {rest.account}, but {has}", "correct tradier.account_id")
    if found.status not in ("", "active"):
        return fail(name, f"{rest.account} is {found.status}", "ask Tradier what it lacks")
    balances = await rest.balances()
    return ok(name, f"{rest.account} ({found.type}) is reached, with {balances.total_cash:f} of cash")


async def _clock(rest: TradierRest) -> Check:
    name, before = "tradier clock", rest.http.clock.now_ns()
    told = (await rest.clock()).time_ns
    ahead = ((before + rest.http.clock.now_ns()) // 2 - told) / NANOS - 0.5  # it tells the second that is under way
    said = f"{abs(ahead):.1f} s {'ahead of' if ahead >= 0 else 'behind'} tradier, give or take half a second"
    if abs(ahead) >= WRONG_SECONDS:
        return fail(name, said, "put the clock right (NTP): minutes would begin and end at the wrong time")
    return warn(name, said, "put the clock right (NTP)") if abs(ahead) >= ODD_SECONDS else ok(name, said)


async def _prices(rest: TradierRest, settings: Settings) -> Check:
    name = "tradier prices"
    if settings.tradier.market_data == "polygon":
        return ok(name, "come from polygon")
    if not rest.http.hosts.market_socket:
        return warn(
            name, "the sandbox streams none, and tells them 15 minutes late",
            "good for trying orders; set tradier.market_data to polygon to decide on prices of now",
        )  # fmt: skip
    state = (await rest.clock()).state
    quote = (await rest.quotes([ASKED])).found.get(ASKED)
    newest = max(quote.bid_ns or 0, quote.ask_ns or 0) if quote is not None else 0
    if state != "open":
        return unknown(name, f"the market is {state}, so that their age tells nothing", "ask again in regular hours")
    if not newest:
        return warn(name, f"there is no quote of {ASKED}", "see whether the account may have market data")
    age_ns = rest.http.clock.now_ns() - newest
    if age_ns > OLD_NS:
        said = f"the newest quote of {ASKED} is {age_ns / 60 / NANOS:.0f} minutes old"
        return warn(name, said, "ask Tradier for real-time data, or set tradier.market_data to polygon")
    return ok(name, f"of now: the newest quote of {ASKED} is {max(age_ns, 0) / NANOS:.0f} s old")
