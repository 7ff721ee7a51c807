"""The facts of a Kalshi market and account that rules may read. All are unknown until the venue has told them."""

from __future__ import annotations

from engine.market.facts import FactSpec, Manifest, Scope

_BOOK = "with every change of the book; unknown while the connection is down or the book is being fetched"
_TOLD = "when the market's record is read, and with every message about its life"
_FEES = "when the fees of series and event are read, and when they change"
_TICKER = "with every ticker message"
_TRADE = "with every trade message"
_ACCOUNT = "when the account is read, after every connection and fill"

RECENT_MINUTES = 5
DEPTH_LEVELS = 5


def _book(name: str, kind: str, about: str, unit: str = "") -> FactSpec:
    return FactSpec(name, kind, Scope.SIGNAL, about, _BOOK, True, unit, live=True)


def _side(side: str, other: str) -> Manifest:
    """The facts of one side. The other side's bids are this side's asks."""
    words = side.upper()
    return (
        _book(f"{side}.bid", "probability", f"Best bid for {words}, $ per contract; unknown when nobody bids."),
        _book(f"{side}.ask", "probability", f"Best offer of {words}: $1 less the best bid for {other.upper()}."),
        _book(f"{side}.mid", "probability", f"Half way between bid and ask for {words}; unknown when either is."),
        _book(f"{side}.bid_size", "quantity", f"Contracts bid at the best price for {words}.", "contracts"),
        _book(f"{side}.ask_size", "quantity", f"Contracts offered at the best price of {words}.", "contracts"),
    )


def _market(
    name: str, kind: str, about: str, known: str = _TOLD, *, settlement: bool = False, live: bool = False
) -> FactSpec:
    return FactSpec(f"market.{name}", kind, Scope.SIGNAL, about, known, True, settlement=settlement, live=live)


MARKET: Manifest = (
    _book("market.spread", "ratio", "YES ask less YES bid, as a share of the $1 that a contract pays."),
    _market("last", "probability", "YES price of the last trade; unknown before the first.", _TICKER, live=True),
    _market("volume", "quantity", "Contracts traded since the market opened.", _TICKER),
    _market("open_interest", "quantity", "Contracts open.", _TICKER),
    _market("status", "text", '"initialized", "active", "inactive" (paused), "closed", "determined", "finalized" …'),
    _market("tradable", "bool", "Whether an order can be placed now: market and exchange open, close not reached."),
    _market("why_not", "text", 'Why no order can be placed, in words; "" when one can.'),
    _market("close", "time", "When trading ends; it may come earlier where the market can close early."),
    _market("hours_to_close", "number", "Hours until trading ends, 0 after that.", "at each tick"),
    _market("can_close_early", "bool", "Whether the market closes as soon as its outcome is known."),
    _market("taker_fee_rate", "number", "Fee of a taker, as a multiple of C × P × (1 − P): 0.07 × multiplier.", _FEES),
    _market("maker_fee_rate", "number", "The same of a resting order; 0 where makers pay nothing.", _FEES),
    _market("result", "text", '"yes", "no" or "scalar".', "when the market is determined", settlement=True),
    _market("settlement", "probability", "Dollars that one YES contract pays.", "when the market is determined",
            settlement=True),
)  # fmt: skip

BOOK: Manifest = (
    _book("book.bid_depth", "quantity", f"Contracts bid for YES at the best {DEPTH_LEVELS} prices.", "contracts"),
    _book("book.ask_depth", "quantity", f"Contracts of YES offered at the best {DEPTH_LEVELS} prices.", "contracts"),
    _book("book.imbalance", "number", "(bid depth − ask depth) / (bid depth + ask depth): -1 all offers, 1 all bids."),
)

TRADES: Manifest = (
    FactSpec("trades.count", "number", Scope.SIGNAL, f"Trades of the last {RECENT_MINUTES} minutes.", _TRADE, True),
    FactSpec("trades.volume", "quantity", Scope.SIGNAL, f"Contracts traded in the last {RECENT_MINUTES} minutes.",
             _TRADE, True, "contracts"),
    FactSpec("trades.yes_share", "ratio", Scope.SIGNAL,
             "Share of that volume whose taker bought YES; unknown when nothing traded.", _TRADE, True),
    FactSpec("trades.mean", "probability", Scope.SIGNAL,
             "Mean YES price of that volume; unknown when nothing traded.", _TRADE, True),
)  # fmt: skip

ACCOUNT: Manifest = (
    FactSpec("position.contracts", "quantity", Scope.SIGNAL, "Contracts held at the venue: above 0 YES, below 0 NO.",
             _ACCOUNT, True, "contracts"),
    FactSpec("position.exposure", "money", Scope.SIGNAL, "What the position at the venue has cost.", _ACCOUNT, True),
    FactSpec("position.realized_pnl", "money", Scope.SIGNAL, "Profit locked in at the venue in this market.",
             _ACCOUNT, True),
    FactSpec("position.fees_paid", "money", Scope.SIGNAL, "Fees paid to the venue in this market.", _ACCOUNT, True),
    FactSpec("account.available", "money", Scope.SIGNAL, "Money at the venue, over all its shards.", _ACCOUNT, True),
    FactSpec("account.shard_available", "money", Scope.SIGNAL,
             "Money on this market's shard, the only one its orders can use.", _ACCOUNT, True),
    FactSpec("account.portfolio_value", "money", Scope.SIGNAL, "What the venue values all positions at.", _ACCOUNT,
             True),
)  # fmt: skip

KALSHI: Manifest = _side("yes", "no") + _side("no", "yes") + MARKET + BOOK + TRADES + ACCOUNT
