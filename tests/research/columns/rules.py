"""Rules for shares and indices, of which some are drawn at random."""

from __future__ import annotations

PACK = """\
kind: pack
name: p
venue: paper
timezone: America/New_York
calendar: XNYS
universe: {universe}
symbols: {{IDX: SPY}}
instruments:
  IDX: {{kind: index}}
{more}"""
STRATEGIES = {
    "cross": """
kind: strategy
name: cross
params: {fast: {default: FAST}, slow: {default: SLOW}}
let: {fast_ema: "ema(close, fast)", slow_ema: "ema(close, slow)"}
when: ["fast_ema crosses above slow_ema", "not position.open"]
then: {buy: {size: "risk_size($50, stop_distance = 2 * atr(5))",
             bracket: {stop: close - 2 * atr(5), target: close + 3 * atr(5)}}}
""",
    "patient": """
kind: strategy
name: patient
priority: 1
cooldown: COOLm
when: ["close < sma(close, SLOW)", "rising(close)", "not position.open"]
then: {buy: {symbol: execution_symbol, size: 25, limit: "or_else(mid, last) - $0.01", within: 3m, fallback: market,
             bracket: {stop: close - $0.2, target: close + $0.15}}}
""",
    "brief": """
kind: strategy
name: brief
when: ["rsi(close, 5) > 60", "not position.open"]
then: {sell: {symbol: execution_symbol, size: 12, limit: close + $0.01, within: 90s, bracket: {stop: close + $0.3}}}
""",
    "breaks": """
kind: strategy
name: breaks
cooldown: 5m
when: ["close >= highest(close, FAST)", "not position.open"]
then: {buy: {size: 7.9, stop: high + $0.02, within: 4m, bracket: {stop: close - $0.15}}}
""",
    "breaks_limited": """
kind: strategy
name: breaks_limited
cooldown: 5m
when: ["close <= lowest(close, FAST)", "not position.open"]
then: {sell: {size: 9, stop: low - $0.01, limit: low - $0.06, within: 10m, bracket: {target: close - $0.2}}}
""",
    "pyramid": """
kind: strategy
name: pyramid
when: ["close > close[1]", "close[1] > close[2]", "position.quantity < 40"]
then: {buy: {size: 10 + position.quantity / 4, bracket: {stop: close - $0.25}}}
""",
    "by_the_clock": """
kind: strategy
name: by_the_clock
on: every(5m)
when: ["session.minutes > 20", "time_of_day < 15:00", "close > open", "not position.open"]
then: {buy: {symbol: execution_symbol, size: 5, bracket: {stop: close * 0.998, target: close * 1.002}}}
""",
    "on_quotes": """
kind: strategy
name: on_quotes
on: quote
cooldown: 2m
when: ["spread_ratio < 4bps", "age(bid) < 5m", "not position.open"]
then: {buy: {size: 6, limit: bid, within: 5m, bracket: {stop: bid - $0.1, target: ask + $0.1}}}
""",
    "on_signals": """
kind: strategy
name: on_signals
on: signal(options)
when: ["options.volume > 500", "options.put_call_ratio < 1", "not position.open"]
then: {buy: {size: options.volume / 100, bracket: {stop: close - $0.3}}}
""",
    "higher": """
kind: strategy
name: higher
on: bar(5m)
cooldown: 30m
when: ["on(5m, close) > on(5m, ema(close, 3))", "not position.open"]
then: {buy: {size: 3}}
""",
    "chosen": """
kind: strategy
name: chosen
universe: close > sma(close, 10)
when: ["close > open", "close - open > or_else(spread, $0.03)", "not position.open"]
cooldown: 12m
then: {buy: {size: 4, bracket: {stop: close - 3 * atr(5)}}}
""",
    "sustained": """
kind: strategy
name: sustained
when: ["close > sma(close, 5) for 4m", "not position.open"]
cooldown: 15m
then: {buy: {size: 20, bracket: {target: close + $0.1}}}
""",
}
EXITS = {
    "back": """
kind: exit
name: back
unknown: hold
when: ema(close, 3) crosses below ema(close, 7)
then: {close: all}
""",
    "half": """
kind: exit
name: half
once: true
unknown: hold
when: position.gain > $0.05
then: {close: 50%, stop: position.entry}
""",
    "some": """
kind: exit
name: some
unknown: hold
when: rsi(close, 5) < 35
then: {close: 3, limit: close, within: 3m, fallback: market}
""",
    "waiting": """
kind: exit
name: waiting
unknown: hold
when: close < close[1]
then: {close: all, limit: close + $0.06, within: 100s}
""",
    "waiting_part": """
kind: exit
name: waiting_part
priority: 4
unknown: hold
when: rsi(close, 5) < 50
then: {close: 40%, limit: close + $0.04, within: 3m, stop: position.low - $0.02}
""",
    "losing_sight": """
kind: exit
name: losing_sight
unknown: close
when: volume > 1000000
then: {close: all}
""",
    "enough": """
kind: exit
name: enough
priority: 3
unknown: hold
when: position.gain_ratio > 0.2% or position.bars > 25 or position.age > 50m
then: {close: all, limit: close, within: 2m, fallback: market}
""",
    "trail": """
kind: exit
name: trail
unknown: hold
when: position.gain > $0.02
then: {trail: {by: $0.06}}
""",
    "trail_share": """
kind: exit
name: trail_share
unknown: hold
when: close > 0
then: {trail: {by: 0.1%, after: position.profit > $1}}
""",
    "from_entry": """
kind: exit
name: from_entry
unknown: hold
when: close < position.at_entry(close - atr(5)) for 2m or position.high - position.low > position.at_entry(4 * atr(5))
then: {close: all}
""",
    "turn": """
kind: exit
name: turn
unknown: hold
when: position.gain crosses below $0.00
then: {stop: position.low}
""",
    "end": """
kind: exit
name: end
priority: 0
unknown: close
when: session.minutes_left <= 200
then: {close: all}
""",
}
GUARDS = {
    "few": """
kind: guard
name: few
for: entries
require: positions.count + orders.open < 3
else: {block: enough is held}
""",
    "capped": """
kind: guard
name: capped
for: entries
require: order.notional < $900
else: {cap: {notional: $900}}
""",
    "not_much": """
kind: guard
name: not_much
for: entries
require: order.quantity <= 11
else: {cap: {quantity: 10.5}}
""",
    "deep": """
kind: guard
name: deep
for: entries
require: pnl.drawdown < 0.05% and pnl.today > -$9
else: {halt: until tomorrow, because: enough was lost}
""",
    "pause": """
kind: guard
name: pause
for: entries
require: pnl.total > -$3
else: {halt: 20m, because: a pause}
""",
    "flee": """
kind: guard
name: flee
for: entries
require: entries.today < 9
else: {flatten: all}
""",
    "keep": """
kind: guard
name: keep
for: exits
require: position.age > 2m or position.gain > $0.00
else: {block: too early}
""",
    "risky": """
kind: guard
name: risky
for: all
require: or_else(order.risk < $30, true) and order.side in ["buy", "sell"] and order.symbol in ["SPY", "QQQ"]
else: {block: too risky}
""",
    "rich": """
kind: guard
name: rich
for: entries
require: account.cash - order.notional > $500 and entries.in_symbol_today < 12
else: {block: too little would be left}
""",
    "realised": """
kind: guard
name: realised
for: entries
require: pnl.realized_today > -$6 and positions.in_symbol < 2 and orders.open_in_symbol < 1
else: {halt: until session end, because: enough was lost}
""",
}
SESSIONS = """
---
kind: session
name: morning
hours: 09:35 - 11:00
limits: {entries: 6, positions: 3}
---
kind: session
name: later
calendar: XNYS
hours: [10:30-12:10, 14:00-15:30]
limits: {entries_per_symbol: 4, positions_per_symbol: 2, orders: 2}
---
kind: session
name: elsewhere
calendar: 24/7
timezone: Asia/Tokyo
hours: [23:40-00:25, 13:10-15:00]
"""
LIMITS = "limits: {quantity: 15, notional: $1200}\n"
