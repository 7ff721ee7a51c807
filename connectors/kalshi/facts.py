"""The values of the facts in ``manifest``, from what is known of one market and the account at an instant.

What is not known is None with a reason, never zero: an empty side of a book, a book that is being fetched, a ticker
that has not come since the connection was made.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from connectors.kalshi.book import Book, Level
from connectors.kalshi.fees import FeeSchedule, Liquidity
from connectors.kalshi.manifest import DEPTH_LEVELS, RECENT_MINUTES
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.fields import Outcome
from connectors.kalshi.models.portfolio import Balance, MarketPosition
from connectors.kalshi.models.stream import MarketLifecycle, PublicTrade, Ticker
from connectors.kalshi.prices import ONE, ZERO
from connectors.kalshi.states import MarketState
from engine.market.events import NANOS, Observation, Quote

Value = float | str | bool
RECENT_MS = RECENT_MINUTES * 60_000


class Known(NamedTuple):
    """A fact's value now; None with the reason why it is unknown."""

    value: Value | None
    reason: str = ""


class Group(Enum):
    """Facts that change together."""

    PRICES = "prices"
    DEPTH = "depth"
    MARKET = "market"
    TRADES = "trades"
    ACCOUNT = "account"


class MarketView:
    """What is known of one market. The owner feeds it; ``facts`` and ``quote`` say what rules see of it.

    ``book`` is the stream's.
    """

    def __init__(self, state: MarketState, book: Book) -> None:
        self.state = state
        self.book = book
        self.ticker: Ticker | None = None
        self.position: MarketPosition | None = None
        self.balance: Balance | None = None
        self.account_read = False
        self.fees: FeeSchedule | None = None
        self.messages = 0  # of the market's life, so that an older reading does not undo them
        self._trades: deque[PublicTrade] = deque()
        self._trades_since_ms: int | None = None

    def on_ticker(self, ticker: Ticker) -> None:
        """Take a ticker message."""
        self.ticker = ticker

    def on_lifecycle(self, message: MarketLifecycle) -> None:
        """Take a message about the market's life."""
        self.state = self.state.after(message)
        self.messages += 1

    def on_trade(self, trade: PublicTrade) -> None:
        """Take a trade. Block trades are made off the book and do not count."""
        if not trade.is_block_trade:
            self._trades.append(trade)
        while self._trades and self._trades[0].ts_ms < trade.ts_ms - RECENT_MS:
            self._trades.popleft()

    def on_fees(self, fees: FeeSchedule | None) -> None:
        """Take what the market charges and will; None when that is not known."""
        self.fees = fees

    def on_account(self, position: MarketPosition | None, balance: Balance) -> None:
        """Take what the account says: ``position`` None when the venue lists none in this market."""
        self.position, self.balance, self.account_read = position, balance, True

    def listening(self, now_ns: int) -> None:
        """The connection is up and trades are subscribed from now on."""
        self._trades.clear()
        self._trades_since_ms = now_ns // 1_000_000

    def disconnected(self) -> None:
        """The connection is lost: what moves is unknown until it is told anew."""
        self.ticker = None
        self._trades.clear()
        self._trades_since_ms = None

    # -- what rules see

    def quote(self, now_ns: int) -> Quote:
        """Top of the YES book for the facts ``bid``, ``ask``, ``mid`` and ``spread``."""
        bid, ask = self._top()
        return Quote(
            self.state.ticker, now_ns,
            float(bid.price.dollars) if bid else None, float(bid.size) if bid else None,
            float(ask.price.dollars) if ask else None, float(ask.size) if ask else None,
        )  # fmt: skip

    def observations(self, now_ns: int, exchange: ExchangeStatus | None = None) -> list[Observation]:
        """All facts as events for the engine."""
        ticker = self.state.ticker
        return [Observation(ticker, now_ns, n, k.value, k.reason) for n, k in self.facts(now_ns, exchange).items()]

    def facts(self, now_ns: int, exchange: ExchangeStatus | None = None) -> dict[str, Known]:
        """All facts by name at ``now_ns``."""
        return {name: known for group in Group for name, known in self.facts_of(group, now_ns, exchange).items()}

    def facts_of(self, group: Group, now_ns: int, exchange: ExchangeStatus | None = None) -> dict[str, Known]:
        """The facts of one group by name at ``now_ns``."""
        if group is Group.PRICES:
            return self._prices()
        if group is Group.DEPTH:
            return self._depth()
        if group is Group.MARKET:
            return self._market(now_ns, exchange)
        return self._traded(now_ns) if group is Group.TRADES else self._account()

    def _top(self) -> tuple[Level | None, Level | None]:
        return (self.book.best_bid, self.book.best_ask) if self._book_known else (None, None)

    @property
    def _book_known(self) -> bool:
        return self.book.ready and not self.book.crossed

    def _prices(self) -> dict[str, Known]:
        bid, ask = self._top()
        yes_bid, yes_ask = bid and bid.price.dollars, ask and ask.price.dollars
        return {
            "yes.bid": self._told(yes_bid, "nobody bids for YES"),
            "yes.ask": self._told(yes_ask, "nobody offers YES"),
            "yes.mid": self._told(_mid(yes_bid, yes_ask), "one side of the book is empty"),
            "yes.bid_size": self._told(bid and bid.size, "nobody bids for YES"),
            "yes.ask_size": self._told(ask and ask.size, "nobody offers YES"),
            "no.bid": self._told(_rest(yes_ask), "nobody bids for NO"),
            "no.ask": self._told(_rest(yes_bid), "nobody offers NO"),
            "no.mid": self._told(_rest(_mid(yes_bid, yes_ask)), "one side of the book is empty"),
            "no.bid_size": self._told(ask and ask.size, "nobody bids for NO"),
            "no.ask_size": self._told(bid and bid.size, "nobody offers NO"),
            "market.spread": self._told(
                yes_ask - yes_bid if yes_bid is not None and yes_ask is not None else None,
                "one side of the book is empty",
            ),
        }

    def _told(self, value: Decimal | None, empty: str) -> Known:
        if value is not None:
            return Known(float(value))
        return Known(None, empty if self._book_known else "the book is not known yet")

    def _depth(self) -> dict[str, Known]:
        names = ("book.bid_depth", "book.ask_depth", "book.imbalance")
        if not self._book_known:
            return dict.fromkeys(names, Known(None, "the book is not known yet"))
        bids, asks = self.book.depth(DEPTH_LEVELS)
        both = bids + asks
        imbalance = Known(float((bids - asks) / both)) if both else Known(None, "the book is empty")
        return dict(zip(names, (Known(float(bids)), Known(float(asks)), imbalance), strict=True))

    def _market(self, now_ns: int, exchange: ExchangeStatus | None) -> dict[str, Known]:
        state, ticker = self.state, self.ticker
        can, payout = state.tradability(now_ns, exchange), state.payout
        untold = Known(None, "no ticker message has come since the connection was made")
        undecided = Known(None, "the market is not determined")
        untraded = Known(None, "nothing has traded yet")
        last = untold if ticker is None else untraded
        if ticker is not None and ticker.volume_fp > 0:
            last = Known(float(ticker.price_dollars.dollars))
        return {
            "market.last": last,
            "market.volume": self._volume(untold),
            "market.open_interest": untold if ticker is None else Known(float(ticker.open_interest_fp)),
            "market.status": Known(str(state.status)),
            "market.tradable": Known(can.orders),
            "market.why_not": Known(can.why),
            "market.close": Known(state.close_ns / NANOS),
            "market.hours_to_close": Known(max(0.0, (state.close_ns - now_ns) / NANOS / 3600)),
            "market.can_close_early": Known(state.can_close_early),
            "market.taker_fee_rate": self._fee_rate(Liquidity.TAKER, now_ns),
            "venue.fee_rate": self._fee_rate(Liquidity.TAKER, now_ns),  # what the function fee() reads
            "market.maker_fee_rate": self._fee_rate(Liquidity.MAKER, now_ns),
            "market.result": undecided if payout is None else Known(str(payout.result)),
            "market.settlement": undecided if payout is None else Known(float(payout.yes_value)),
        }

    def _volume(self, untold: Known) -> Known:
        """As the last ticker message has it; before the first, as the listing had it: at least so much."""
        volume = self.state.volume if self.ticker is None else self.ticker.volume_fp
        return untold if volume is None else Known(float(volume))

    def _fee_rate(self, liquidity: Liquidity, now_ns: int) -> Known:
        terms = self.fees.at(now_ns) if self.fees is not None else None
        if terms is None:
            return Known(None, "what the market charges is not known")
        return Known(0.0 if terms.waived(now_ns) else float(terms.rate(liquidity)))

    def _traded(self, now_ns: int) -> dict[str, Known]:
        names = ("trades.count", "trades.volume", "trades.yes_share", "trades.mean")
        start_ms = now_ns // 1_000_000 - RECENT_MS
        if self._trades_since_ms is None or self._trades_since_ms > start_ms:
            return dict.fromkeys(names, Known(None, f"trades are not known for all of {RECENT_MINUTES} minutes"))
        recent = [t for t in self._trades if t.ts_ms >= start_ms]
        volume = sum((t.count_fp for t in recent), ZERO)
        yes = sum((t.count_fp for t in recent if t.taker_outcome_side is Outcome.YES), ZERO)
        paid = sum((t.count_fp * t.yes_price_dollars.dollars for t in recent), ZERO)
        none = Known(None, f"nothing traded in the last {RECENT_MINUTES} minutes")
        shares = (Known(float(yes / volume)), Known(float(paid / volume))) if volume else (none, none)
        return dict(zip(names, (Known(float(len(recent))), Known(float(volume)), *shares), strict=True))

    def _account(self) -> dict[str, Known]:
        unread = Known(None, "the account has not been read")
        if not self.account_read or self.balance is None:
            return dict.fromkeys(_ACCOUNT_FACTS, unread)
        held, index = self.position, self.state.exchange_index
        shard = None if index is None else self.balance.on_shard(index)
        return {
            "position.contracts": Known(float(held.position_fp if held else ZERO)),
            "position.exposure": Known(float(held.market_exposure_dollars if held else ZERO)),
            "position.realized_pnl": Known(float(held.realized_pnl_dollars if held else ZERO)),
            "position.fees_paid": Known(float(held.fees_paid_dollars if held else ZERO)),
            "account.available": Known(float(self.balance.balance_dollars)),
            "account.shard_available": Known(None, "the venue does not say what is on this market's shard")
            if shard is None
            else Known(float(shard)),
            "account.portfolio_value": Known(self.balance.portfolio_value / 100),
        }


_ACCOUNT_FACTS = (
    "position.contracts", "position.exposure", "position.realized_pnl", "position.fees_paid", "account.available",
    "account.shard_available", "account.portfolio_value",
)  # fmt: skip


def _mid(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    return None if bid is None or ask is None else (bid + ask) / 2


def _rest(dollars: Decimal | None) -> Decimal | None:
    return None if dollars is None else ONE - dollars
