"""Records and codes that the compiled machine works on. Times are UTC nanoseconds.

Integers stand for exact decimals: quantities in ``1 / RUN.unit`` units, prices of orders in ``1e-9``, prices of fills
in ``1e-4``, money in ``1 / RUN.money``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

NEVER: Final = 2**63 - 1
NONE: Final = -1

# Why the machine gave up; each has its words in ``prepare.GAVE_UP``.
FINE: Final = 0
TOO_LARGE: Final = 1
TOO_FINE: Final = 2
STALE: Final = 3
LATE_LEGS: Final = 4
NO_TIME: Final = 5
INEXACT: Final = 6
FULL: Final = 100  # not given up: the tables need more room

# Legs, order types, sides as in engine.market.orders.
ENTRY: Final = 0
EXIT: Final = 1
STOP: Final = 2
TARGET: Final = 3
MARKET_ORDER: Final = 0
LIMIT_ORDER: Final = 1
STOP_ORDER: Final = 2
STOP_LIMIT_ORDER: Final = 3

# Fill models.
PESSIMISTIC: Final = 0
CENTRAL: Final = 1
OPTIMISTIC: Final = 2

# Standing of an order in a bar.
OUT: Final = 0
WHOLE: Final = 1
BORN: Final = 2
LATE: Final = 3

# Verdicts.
FIRED: Final = 0
BLOCKED: Final = 1
UNKNOWN: Final = 2
COOLING: Final = 3

# What stood in the way of an entry, where it was no guard; guards are numbered from 0.
BY_NOTHING: Final = -1
BY_MARKET: Final = -2
BY_SAME_ORDER: Final = -3
BY_COOLDOWN: Final = -4
BY_SESSION: Final = -5
BY_SIZE: Final = -6
BY_LIMIT: Final = -7
BY_STOP: Final = -8
BY_TIME_LIMIT: Final = -9
BY_PRICE: Final = -10
BY_BRACKET: Final = -11
BY_TARGET: Final = -12

# Triggers.
ON_BAR: Final = 0
ON_QUOTE: Final = 1
ON_SIGNAL: Final = 2
ON_EVERY: Final = 3

# Guards.
JUDGES_ENTRIES: Final = 0
JUDGES_EXITS: Final = 1
JUDGES_ALL: Final = 2
BLOCKS: Final = 0
CAPS: Final = 1
HALTS: Final = 2
FLATTENS: Final = 3
UNTIL_TOMORROW: Final = 0
UNTIL_SESSION_END: Final = 1
UNTIL_RESUMED: Final = 2
FOR_A_WHILE: Final = 3

# Rows of the log: what it is, then its numbers. A decision's actions stand before it. Place: where the order stands.
LOG_COLUMNS: Final = 12
LOG_DECISION: Final = 0  # tick, rule, strategy, symbol, verdict, guard, first row of its actions, one past the last
LOG_ORDER: Final = 1  # number, place, tick, symbol, side, quantity, type, leg, strategy, rule, if it is first
LOG_PRICES: Final = 2  # of the order before: limit, stop, parent's number
LOG_REPLACE: Final = 3  # number, place, stop
LOG_FILL: Final = 4  # number, quantity, price, fee, tick, fills of the order so far; of a settlement, which has no
# order, the number is 0, and strategy, symbol and side follow; in FILLED_AT when it was
FILLED_AT: Final = 10
LOG_CANCEL: Final = 5  # number, place, whether it begins a Cancel

# What a tick must be stopped at for, in `stops`; and the bit of `marks` that exits have. Below it are strategies' bits.
MAY_ENTER: Final = 1
MAY_EXIT: Final = 2
EXITS: Final = 1 << 61

# Tick flags.
NEW_DAY: Final = 1
WINDOWS_MOVED: Final = 2


def record(ints: str, floats: str = "", more: Sequence[tuple[str, object]] = ()) -> np.dtype[np.void]:
    """A record of 64-bit integers and floats."""
    fields: list[tuple[str, object]] = [(name, np.int64) for name in ints.split()]
    fields += [(name, np.float64) for name in floats.split()]
    return np.dtype([*fields, *more])


RUN = record(
    "t now status logged numbered cash realised realised_at_day inexact holds pendings legs ended closed "
    "halted halt_until halt_guard free live model latency part part_scale unit money price_money fee_unit fee_least "
    "cash_check symbols strategies packs reads_realised orders fills version "
    "entries_today kernel local setting_packs wanted unsteady resting looked spare_log spare_orders capped "
    "effects strategy_codes strategy_packs side_codes by_name bar_ns",
    "cash_float initial equity_at_day peak slippage money_float unit_float entered_today",
)
ORDER = record(
    "number used next prev symbol strategy rule side leg type quantity total remaining filled fee fills parent group "
    "created placed_ns from_ns expires deadline fallback triggered at_market met in_book pending started leg_seq "
    "exiting leftover limit_nanos stop_nanos lost_legs standing",
    "limit stop stop_wanted below above reserve reference",
    (("taken", np.int64),),
)
HELD = record(
    "open strategy symbol quantity entry_sum entry_over bars opened_ns fired trailing values exits_begin exits_end "
    "segment_begin segment_end facts_begin facts_end entries_begin entries_end memory_begin memory_end guards_begin "
    "guards_end position exiting steady",
    "last entry amount high low",
)
SYMBOL = record(
    "tradable calendar lot tick bands_begin bands_end late_begin late_end guard_begin guard_end loads_begin loads_end "
    "clock_begin clock_end account_begin account_end moved_begin moved_end facts_begin facts_end watches_begin "
    "watches_end order_begin head tail bar_seen quoted pendings held entries computed orders every remembers "
    "barred synced last_column close_column bid_column ask_column deadline binary event rate rate_scale lowest highest "
    "version",
    "tick_size last bid ask close quote_bid quote_ask below above",
)
WATCH = record(
    "strategy kind bits seconds conditions_begin conditions_end universe facts_begin facts_end held entries_begin "
    "entries_end entry target ordered cooldown pack feeding flat_only mark "
    "symbol priority",
)
ENTRY_RULE = record("side amount limit stop within fallback bracket_stop bracket_target captures_begin captures_end")
EXIT_RULE = record(
    "rule once closes_unknown when_begin when_end close_all close close_is_share limit within fallback stop trail_by "
    "trail_is_share trail_after",
)
GUARD_RULE = record(
    "rule judged effect require_begin require_end cap cap_is_money halt_for until flatten_all",
)
PACK = record("limited_quantity limited_notional", "quantity notional")
DAY = record("begin end ordinal opens closes has_session session_ordinal", "weekday")
BAND = record("start end step")
