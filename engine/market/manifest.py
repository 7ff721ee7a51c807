"""Facts that every run has: bars, quotes, time, positions, orders, the account, statistics of closed trades."""

from __future__ import annotations

from engine.market.facts import FactSpec, Manifest, Scope

_CLOSE = "at the close of the bar"
_FILL = "as soon as a fill is booked"


def _bar(name: str, kind: str, about: str, nullable: bool = False, unit: str = "") -> FactSpec:
    return FactSpec(name, kind, Scope.BAR, about, _CLOSE, nullable, unit)


def _quote(name: str, kind: str, about: str, unit: str = "$ per unit") -> FactSpec:
    return FactSpec(name, kind, Scope.QUOTE, about, "when the quote arrives", True, unit, live=True)


def _clock(name: str, kind: str, about: str, nullable: bool = False) -> FactSpec:
    return FactSpec(name, kind, Scope.CLOCK, about, "at each tick", nullable)


def _position(name: str, kind: str, about: str, nullable: bool = True) -> FactSpec:
    return FactSpec(name, kind, Scope.POSITION, about, _FILL, nullable)


def _portfolio(name: str, kind: str, about: str, nullable: bool = False) -> FactSpec:
    return FactSpec(name, kind, Scope.PORTFOLIO, about, _FILL, nullable)


def _order(name: str, kind: str, about: str, nullable: bool = False) -> FactSpec:
    return FactSpec(name, kind, Scope.ORDER, about, "when the order is wanted", nullable)


def _stats(name: str, kind: str, about: str) -> FactSpec:
    return FactSpec(name, kind, Scope.STATS, about, "when a trade is closed", True)


BARS: Manifest = (
    _bar("open", "price", "First price of the bar.", unit="$ per unit"),
    _bar("high", "price", "Highest price of the bar.", unit="$ per unit"),
    _bar("low", "price", "Lowest price of the bar.", unit="$ per unit"),
    _bar("close", "price", "Last price of the bar.", unit="$ per unit"),
    _bar("volume", "quantity", "Units traded in the bar; unknown for an index, which trades nothing.", True, "units"),
)

QUOTES: Manifest = (
    _quote("bid", "price", "Best bid."),
    _quote("ask", "price", "Best ask."),
    _quote("mid", "price", "Half way between bid and ask; unknown when either is."),
    _quote("spread", "price", "Ask minus bid."),
    _quote("spread_ratio", "ratio", "Spread as a share of the mid price; compare it with basis points.", ""),
    _quote("bid_size", "quantity", "Units bid at the best price.", "units"),
    _quote("ask_size", "quantity", "Units offered at the best price.", "units"),
    FactSpec("last", "price", Scope.QUOTE, "Latest known price: the close of the last bar, or the mid price where "
             "there are none.", _CLOSE, unit="$ per unit"),
)

CLOCK: Manifest = (
    _clock("now", "time", "The instant of this tick."),
    _clock("time_of_day", "clock", "Wall-clock time in the pack's timezone."),
    _clock("today", "date", "Local date in the pack's timezone."),
    _clock("weekday", "text", 'Local day of the week: "mon" to "sun".'),
    _clock("session.open", "bool", "Whether the exchange is in regular hours."),
    _clock("session.ordinal", "number", "Number of the trading day; unknown outside regular hours.", True),
    _clock("session.minutes", "number", "Minutes since the open; unknown outside regular hours.", True),
    _clock("session.minutes_left", "number", "Minutes to the close; unknown outside regular hours.", True),
)

INSTRUMENT: Manifest = (
    FactSpec("symbol", "text", Scope.INSTRUMENT, "The symbol under evaluation.", "always"),
    FactSpec("instrument.tick_size", "price", Scope.INSTRUMENT, "Smallest price step.", "always"),
    FactSpec("instrument.lot_size", "quantity", Scope.INSTRUMENT, "Smallest quantity step.", "always"),
    FactSpec("venue.fee_per_unit", "price", Scope.INSTRUMENT, "Fee per unit traded.", "always"),
    FactSpec("venue.fee_minimum", "money", Scope.INSTRUMENT, "Least fee of an order.", "always"),
    FactSpec(
        "venue.fee_rate", "number", Scope.INSTRUMENT,
        "Fee of contracts that pay $1, as a multiple of C × P × (1 − P); 0 where fees go by the unit.",
        "at the start, and when the venue changes it",
    ),
    FactSpec("venue.slippage_ratio", "ratio", Scope.INSTRUMENT, "Expected slippage as a share of price.", "always"),
)

POSITION: Manifest = (
    _position("position.open", "bool", "Whether this strategy holds a position in the symbol.", False),
    _position("position.quantity", "quantity", "Units held, positive for long and short alike; 0 when flat.", False),
    _position("position.is_long", "bool", "Whether the position is long."),
    _position("position.entry", "price", "Average entry price of what is still open."),
    _position("position.gain", "price", "Gain per unit at the last price; negative when losing."),
    _position("position.gain_ratio", "ratio", "Gain as a share of the entry price."),
    _position("position.profit", "money", "Gain on the open quantity, before fees."),
    _position("position.age", "duration", "Time since the first fill."),
    _position("position.bars", "number", "Bars since the first fill."),
    _position("position.high", "price", "Highest price known to be since the entry."),
    _position("position.low", "price", "Lowest price known to be since the entry."),
    _position("position.stop", "price", "The protective stop, also while it gives way to an exit."),
    _position("position.target", "price", "The target, also while it gives way to an exit."),
)

PORTFOLIO: Manifest = (
    _portfolio("positions.count", "number", "Open positions over all strategies and symbols."),
    _portfolio("positions.in_symbol", "number", "Open positions in the symbol over all strategies."),
    _portfolio("orders.open", "number", "Entry orders sent and not yet done."),
    _portfolio("orders.open_in_symbol", "number", "Entry orders of the symbol not yet done."),
    _portfolio("entries.today", "number", "Entries ordered today over all strategies."),
    _portfolio("entries.in_symbol_today", "number", "Entries ordered today in the symbol."),
    _portfolio("entries.cost_today", "money", "What the entries of today cost before fees, orders under way included."),
    _portfolio("exposure.total", "money", "What all positions cost, and what entry orders under way may cost."),
    _portfolio("exposure.in_symbol", "money", "The same in the symbol."),
    _portfolio("exposure.in_event", "money", "The same in all symbols that settle on the symbol's event."),
    _portfolio("account.cash", "money", "Cash that could be spent, less what entry orders under way may "
               "cost; a contract sold keeps back $1."),
    _portfolio("account.equity", "money", "Cash plus the value of all positions at last prices."),
    _portfolio("pnl.today", "money", "Profit and loss since the day began, open positions included."),
    _portfolio("pnl.realized_today", "money", "Profit and loss of what was closed today, after fees."),
    _portfolio("pnl.total", "money", "Profit and loss since the run began."),
    _portfolio("pnl.drawdown", "ratio", "Fall of equity from its highest value, as a share of it."),
)

ORDER: Manifest = (
    _order("order.symbol", "text", "Symbol that would be ordered."),
    _order("order.strategy", "text", "Strategy that wants the order."),
    _order("order.side", "text", '"buy" or "sell".'),
    _order("order.quantity", "quantity", "Units wanted, after sizing and the caps before."),
    _order("order.price", "price", "Limit or stop price of an entry, else the mid price, or the last without a quote; "
           "of an exit the last price."),
    _order("order.notional", "money", "Quantity times price."),
    _order("order.cost", "money", "What the order ties up: quantity times price, or for contracts sold $1 less it."),
    _order("order.risk", "money", "Loss if the attached stop is hit; unknown without a stop.", True),
)

STATS: Manifest = (
    _stats("stats.trades", "number", "Closed trades."),
    _stats("stats.events", "number", "Independent events among them: legs of one event, else a symbol on a day."),
    _stats("stats.days", "number", "UTC days on which a trade closed."),
    _stats("stats.expectancy", "money", "Mean net result of a trade."),
    _stats("stats.expectancy_low", "money", "Lower 95% bound of the mean, by bootstrap over events."),
    _stats("stats.expectancy_low_anytime", "money", "Lower 95% bound of the mean that holds however often one looks."),
    _stats("stats.profit_factor", "number", "Sum of wins over sum of losses."),
    _stats("stats.win_rate", "ratio", "Share of trades that won."),
    _stats("stats.break_even_win_rate", "ratio", "Win rate at which trades come out even, such as price plus fee."),
    _stats("stats.max_drawdown", "ratio", "Deepest fall of equity from a peak, as a share of the peak."),
    _stats("stats.cost_coverage", "ratio", "Share of traded fills whose spread, slippage and fee are kept, not all 0."),
    _stats("stats.largest_ticker_share", "ratio", "Share of one symbol in the sum of absolute results by symbol."),
    _stats("stats.largest_event_share", "ratio", "Share of one event in the sum of absolute results by event."),
    _stats("stats.effective_events", "number", "How many equal events would be as concentrated: 1 over their HHI."),
    _stats("stats.net_without_best", "money", "Net result without the five best trades."),
    _stats("stats.event_sharpe", "number", "Mean over standard deviation of an event's net result; not per year."),
    _stats("stats.probabilistic_sharpe", "probability", "Chance that the Sharpe ratio of events is above zero."),
    _stats("stats.trials", "number", "Sets of parameters ever evaluated for the pack, by the trial ledger."),
    _stats("stats.deflated_sharpe", "probability", "The same chance against the best of as many trials without skill."),
    _stats("stats.overfitting", "probability", "Probability of back-test overfitting of the trials (PBO by CSCV)."),
    _stats("stats.placebo_p", "probability", "Share of placebos (event results with random signs) that do as well."),
)

SETTLEMENT: Manifest = (
    FactSpec(
        "settlement.value", "money", Scope.STATS, "What a contract paid out, per unit.", "when the venue publishes it",
        True, "$ per unit", settlement=True,
    ),
)  # fmt: skip

CORE: Manifest = BARS + QUOTES + CLOCK + INSTRUMENT + POSITION + PORTFOLIO + ORDER + STATS + SETTLEMENT
