"""From the log of a machine to decisions, fills and trades."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import numpy as np

from engine.decide.actions import Verdict, client_id
from engine.market.instrument import Instrument
from engine.market.orders import Fill, Leg, OrderType, Side
from engine.plan.arrays import Floats, Ints
from engine.research.columns.machine import layout
from engine.research.columns.tables import Records, Tables
from engine.research.columns.terms import FillTerms, Units
from engine.research.trades import END_OF_DATA

VERDICTS = (Verdict.FIRED, Verdict.BLOCKED, Verdict.UNKNOWN, Verdict.COOLING)
LEGS = (Leg.ENTRY, Leg.EXIT, Leg.STOP, Leg.TARGET)
TYPES = (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT)
IN_THE_WAY = {
    layout.BY_NOTHING: "", layout.BY_MARKET: "market", layout.BY_SAME_ORDER: "same order",
    layout.BY_COOLDOWN: "cooldown", layout.BY_SESSION: "session", layout.BY_SIZE: "size", layout.BY_LIMIT: "limit",
    layout.BY_STOP: "stop", layout.BY_TIME_LIMIT: "time limit", layout.BY_PRICE: "price",
    layout.BY_BRACKET: "bracket", layout.BY_TARGET: "target",
}  # fmt: skip
ZERO = Decimal(0)
NANOS = 1_000_000_000  # order prices are in 1e-9
SETTLED = "the market was settled"  # as the paper broker says it
BY_SETTLEMENT = -len(LEGS)  # in the place of a rule
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
NUMBER, TICK, SYMBOL, SIDE, QUANTITY, TYPE, LEG, STRATEGY, RULE = 1, 3, 4, 5, 6, 7, 8, 9, 10  # of LOG_ORDER


@dataclass(slots=True)
class Reader:
    """Reads one set's log. ``names`` of symbols, ``rules`` by number, ``strategies`` how many of them come first.

    ``instants``: of all ticks (UTC nanoseconds); on its way to another process, of those that the log speaks of, which
    are ``ticks`` then. ``lots``: lot size and the machine's units in one lot, ``binary`` whether it is a contract that
    pays $1, by symbol. ``ruleset_sha``: of the rules, which client ids are made from.
    """

    log: Ints
    instants: Ints
    ticks: Ints | None
    names: list[str]
    rules: list[str]
    lots: list[tuple[Decimal, int]]
    binary: list[bool]
    units: Units
    terms: FillTerms
    ruleset_sha: str
    _order_rows: list[int] | None = None

    @classmethod
    def of(
        cls, tables: Tables, log: Ints, times: Ints, instruments: Mapping[str, Instrument], units: Units,
        terms: FillTerms, ruleset_sha: str,
    ) -> Reader:  # fmt: skip
        """The reader of a run. ``times``: of all ticks."""
        lots = [
            (instruments[name].lot_size, int(instruments[name].lot_size * units.quantity))
            for name in tables.names[: len(tables.symbols)] if name in instruments
        ]  # fmt: skip
        binary = [bool(symbol["binary"]) for symbol in tables.symbols]
        return cls(log, times, None, tables.names, tables.rules, lots, binary, units, terms, ruleset_sha)

    def __reduce__(self) -> tuple[Any, ...]:
        ticks = self._spoken_of() if self.ticks is None else self.ticks
        instants = self.instants[ticks] if self.ticks is None else self.instants
        names = [each.name for each in fields(self)][3:-1]
        return Reader, (self.log, instants, ticks, *(getattr(self, name) for name in names))

    @property
    def times(self) -> dict[int, int]:
        """The instant of each tick that the log speaks of."""
        if self.ticks is not None:
            return dict(zip(self.ticks.tolist(), self.instants.tolist(), strict=True))
        ticks = self._spoken_of()
        return dict(zip(ticks.tolist(), self.instants[ticks].tolist(), strict=True))

    def _spoken_of(self) -> Ints:
        kinds = self.log[:, 0]
        places = ((layout.LOG_DECISION, 1), (layout.LOG_ORDER, TICK), (layout.LOG_FILL, 5))
        found: Ints = np.unique(np.concatenate([self.log[kinds == kind, at] for kind, at in places]))
        return found

    def sha256(self) -> str:
        """The running hash of all decisions, as ``engine.decide.actions.DecisionHash`` takes it."""
        digest = hashlib.sha256()
        digest.update("".join(self.canonical()).encode())
        return digest.hexdigest()

    def canonical(self) -> Iterator[str]:
        """One line a decision."""
        times, rules, names = self.times, self.rules, self.names
        verdicts = [verdict.value for verdict in VERDICTS]
        chosen = self.log[self.log[:, 0] == layout.LOG_DECISION, 1:9]
        at, actions = self._actions()
        chosen[:, 6:] = np.searchsorted(at, chosen[:, 6:])
        for tick, rule, strategy, symbol, verdict, guard, begin, end in chosen.tolist():
            by = rules[guard] if guard >= 0 else IN_THE_WAY[guard]
            what = "".join(actions[begin:end])[1:]
            yield (
                f"{times[tick]}|{rules[rule]}|{rules[strategy]}|{names[symbol]}|{verdicts[verdict]}|{by}|{what}\n"
            )

    def _actions(self) -> tuple[Ints, list[str]]:
        """The text of each action with what stands between it and the one before, and the rows of the log in which they
        stand."""
        kinds, log = self.log[:, 0], self.log
        ordered = kinds == layout.LOG_ORDER
        at = np.flatnonzero(ordered | (kinds == layout.LOG_CANCEL) | (kinds == layout.LOG_REPLACE))
        orders = iter(self._orders(log[ordered].tolist(), log[np.flatnonzero(ordered) + 1, 1:3].tolist()))
        times = self.times if len(at) > np.count_nonzero(ordered) else {}
        found: list[str] = []
        for kind, number, _, third in log[at, :4].tolist():
            if kind == layout.LOG_ORDER:
                found.append(next(orders))
            elif kind == layout.LOG_CANCEL:
                found.append(f"{';cancel/' if third else '/'}{self._client_id(number, times)}")
            else:
                found.append(f";replace/{self._client_id(number, times)}/{plain(third, NANOS)}")
        return at, found

    def _orders(self, rows: list[list[int]], prices: list[list[int]]) -> Iterator[str]:
        """The text of each order; what they have in common is written once."""
        price_of, head_of = _Plain(NANOS), _Heads(self.names, self.units.quantity)
        leg_of = [f"/{leg.value}" for leg in LEGS]
        for row, (limit, stop) in zip(rows, prices, strict=True):
            head = head_of[row[11], row[SIDE], row[QUANTITY], row[SYMBOL], row[TYPE]]
            yield f"{head}{price_of[limit]}/{price_of[stop]}{leg_of[row[LEG]]}"

    def _client_id(self, number: int, times: Mapping[int, int]) -> str:
        return self.id_of(self.log[self.order_rows()[number - 1]].tolist(), times)

    def id_of(self, row: Sequence[int], times: Mapping[int, int]) -> str:
        """The client id of an order, as ``engine.decide`` derives it."""
        rule, strategy = self.rules[row[RULE]], self.rules[row[STRATEGY]]
        begins = rule if row[RULE] == row[STRATEGY] else f"{rule}|{strategy}"
        return client_id(self.ruleset_sha, begins, self.names[row[SYMBOL]], times[row[TICK]], LEGS[row[LEG]])

    def order_rows(self) -> list[int]:
        """Where the row of each order stands, by number from 1."""
        if self._order_rows is None:
            self._order_rows = np.flatnonzero(self.log[:, 0] == layout.LOG_ORDER).tolist()
        return self._order_rows

    def fills(self) -> Iterator[tuple[int, Fill]]:
        """All fills in order, each with its tick; decimals are written as the paper broker writes them."""
        rows, times = self.log.tolist(), self.times
        orders = self.order_rows()
        filled: dict[int, tuple[Decimal, Decimal]] = {}  # of an order, and the fee it has paid
        for row in rows:
            if row[0] != layout.LOG_FILL:
                continue
            _, number, units, price, fee, tick, count = row[:7]
            if number == 0:
                yield tick, self._settled(row)
                continue
            order = rows[orders[number - 1]]
            name = self.id_of(order, times)
            lot, in_lot = self.lots[order[SYMBOL]]
            quantity = Decimal(units // in_lot) * lot
            before, paid = filled.get(number, (ZERO, ZERO))
            charged = self._fee(order[SYMBOL], before + quantity, paid, fee)
            filled[number] = (before + quantity, paid + charged)
            yield tick, Fill(
                f"{name}/{count}", name, self.names[order[SYMBOL]], self.rules[order[STRATEGY]],
                Side.BUY if order[SIDE] > 0 else Side.SELL, quantity, Decimal(price).scaleb(-4), charged,
                row[layout.FILLED_AT], LEGS[order[LEG]], self.reason(order),
            )  # fmt: skip

    def _settled(self, row: Sequence[int]) -> Fill:
        """What a market paid for a position in it."""
        strategy, symbol = self.rules[row[7]], self.names[row[8]]
        lot, in_lot = self.lots[row[8]]
        return Fill(
            f"settlement/{symbol}/{strategy}", "", symbol, strategy, Side.BUY if row[9] > 0 else Side.SELL,
            Decimal(row[2] // in_lot) * lot, Decimal(row[3]).scaleb(-4), ZERO, row[layout.FILLED_AT],
            Leg.EXIT, SETTLED,
        )  # fmt: skip

    def _fee(self, symbol: int, quantity: Decimal, paid: Decimal, fee: int) -> Decimal:
        if not self.binary[symbol]:
            return max(self.terms.fee_minimum, self.terms.fee_per_unit * quantity) - paid
        return Decimal(fee * 10_000 // self.units.money).scaleb(-4)

    def reason(self, order: Sequence[int]) -> str:
        """Why an order was made: the name of the exit or guard, nothing of entries and their legs."""
        if order[RULE] == order[STRATEGY]:
            return ""
        return self.rules[order[RULE]].partition(".")[2]


class _Plain(dict[int, str]):
    """Prices in text; a missing one is a dash."""

    def __init__(self, scale: int) -> None:
        super().__init__({layout.NONE: "-"})
        self._scale = scale

    def __missing__(self, value: int) -> str:
        self[value] = text = plain(value, self._scale)
        return text


class _Heads(dict[tuple[int, int, int, int, int], str]):
    """What orders of the same side, quantity, symbol and type begin with, after what stands before them."""

    def __init__(self, names: Sequence[str], unit: int) -> None:
        super().__init__()
        self._names, self._unit = names, unit

    def __missing__(self, key: tuple[int, int, int, int, int]) -> str:
        first, side, quantity, symbol, kind = key
        self[key] = text = (
            f"{';' if first else '+'}{'buy' if side > 0 else 'sell'}/{plain(quantity, self._unit)}/"
            f"{self._names[symbol]}/{TYPES[kind].value}/"
        )
        return text


def plain(value: int, scale: int) -> str:
    """An exact decimal without trailing zeros."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    left = value % scale
    if left == 0:
        return f"{sign}{value // scale}"
    digits = len(str(scale)) - 1
    return f"{sign}{value // scale}." + f"{left:0{digits}d}".rstrip("0")


class Trades:
    """Round trips as columns, straight from a log."""

    def __init__(self, reader: Reader, held: Records, holds: list[int], end_ns: int) -> None:
        self._reader, self._held, self._holds, self._end_ns = reader, held, holds, end_ns
        log = reader.log
        self._at = np.flatnonzero(log[:, 0] == layout.LOG_FILL)
        self._fills = log[self._at]
        self._orders = log[log[:, 0] == layout.LOG_ORDER]

    def arrays(self) -> tuple[Ints, Floats, list[str]]:
        """Integers (symbol, strategy, reason, side, opened and closed in UTC nanoseconds) and floats (quantity, entry,
        exit, gross, fees, net), shape (trades, 6) each, and what the numbers of the reasons mean."""
        fills, units = self._fills, self._reader.units
        order = self._orders_of(fills)
        symbols = len(self._reader.names)
        key = order[:, STRATEGY] * symbols + order[:, SYMBOL]
        by_key = np.argsort(key, kind="stable")
        fills, order, key, at = fills[by_key], order[by_key], key[by_key], self._at[by_key]
        signed = fills[:, 2] * order[:, SIDE]
        position = np.cumsum(signed)
        position -= _before(position, signed, key)
        closes = position == 0
        opens = np.concatenate(([True], closes[:-1]))[: len(closes)] | np.concatenate(
            ([True], key[1:] != key[:-1])
        )[: len(closes)]
        trade = np.cumsum(opens) - 1
        count = int(trade[-1]) + 1 if len(trade) else 0
        entering = (order[:, LEG] == layout.ENTRY).astype(np.int64)
        notional = fills[:, 2] * fills[:, 3]
        first, last = np.flatnonzero(opens), _lasts(trade, count)
        entered = np.bincount(trade, fills[:, 2] * entering, count).astype(np.int64) if count else np.zeros(0, np.int64)
        bought, sold, fees = (np.zeros(count, dtype=np.int64) for _ in range(3))
        np.add.at(bought, trade, notional * entering)
        np.add.at(sold, trade, notional * (1 - entering))
        np.add.at(fees, trade, fills[:, 4])
        reasons, names = self._reasons(order[last])
        ints = np.stack([
            order[first, SYMBOL], order[first, STRATEGY], reasons, order[first, SIDE],
            fills[first, layout.FILLED_AT], fills[last, layout.FILLED_AT],
        ], axis=1) if count else np.zeros((0, 6), dtype=np.int64)  # fmt: skip
        scale = 10_000 * units.quantity
        gross = (sold - bought) * ints[:, 3] * (units.money // scale)
        floats = np.stack([
            entered / units.quantity, bought / (entered * 10_000), sold / (entered * 10_000), gross / units.money,
            fees / units.money, (gross - fees) / units.money,
        ], axis=1) if count else np.zeros((0, 6))  # fmt: skip
        self._end(ints, floats, closes[last], fees, bought, sold, entered, names)
        order_of = self._rank(ints, at[last], closes[last])
        return ints[order_of], floats[order_of], names

    def _orders_of(self, fills: Ints) -> Ints:
        """The row of each fill's order; settlements have one made up."""
        if not len(fills):
            return np.zeros((0, layout.LOG_COLUMNS), dtype=np.int64)
        found: Ints = self._orders[np.maximum(fills[:, 1] - 1, 0)]
        settled = fills[:, 1] == 0
        found[np.ix_(settled, (STRATEGY, SYMBOL, SIDE))] = fills[settled, 7:10]
        found[settled, LEG], found[settled, RULE] = layout.EXIT, BY_SETTLEMENT
        return found

    def _reasons(self, orders: Ints) -> tuple[Ints, list[str]]:
        """A number for the reason of each closing order, and the reasons."""
        codes = np.where(orders[:, LEG] >= layout.STOP, -orders[:, LEG], orders[:, RULE])
        found, numbers = np.unique(codes, return_inverse=True)
        rules = self._reader.rules
        others = {-layout.STOP: Leg.STOP.value, -layout.TARGET: Leg.TARGET.value, BY_SETTLEMENT: SETTLED}
        names = [others[c] if c < 0 else rules[c].partition(".")[2] for c in found.tolist()]
        return numbers.astype(np.int64).reshape(-1), names

    def _end(
        self, ints: Ints, floats: Floats, closed: Flags, fees: Ints, bought: Ints,
        sold: Ints, entered: Ints, names: list[str],
    ) -> None:  # fmt: skip
        """What is still open is closed at its last price; no fee, no slippage."""
        units = self._reader.units
        for n in np.flatnonzero(~closed).tolist():
            h = next(
                self._held[k] for k in self._holds
                if self._held[k]["strategy"] == ints[n, 1] and self._held[k]["symbol"] == ints[n, 0]
            )  # fmt: skip
            left = Decimal(abs(int(h["quantity"]))) / units.quantity
            paid = left * Decimal(repr(float(h["last"])))
            scale = Decimal(10_000 * units.quantity)
            out = Decimal(int(sold[n])) / scale + paid
            quantity, fee = Decimal(int(entered[n])) / units.quantity, Decimal(int(fees[n])) / units.money
            gross = (out - Decimal(int(bought[n])) / scale) * int(ints[n, 3])
            if END_OF_DATA not in names:
                names.append(END_OF_DATA)
            ints[n, 2], ints[n, 5] = names.index(END_OF_DATA), self._end_ns
            floats[n, 2] = float(out / quantity)
            floats[n, 3], floats[n, 5] = float(gross) + 0.0, float(gross - fee) + 0.0  # no negative zero

    def _rank(self, ints: Ints, row: Ints, closed: Flags) -> Ints:
        """The order in which they closed; those that the end of the data closes last, as they were opened."""
        keys = [(int(self._held[k]["strategy"]), int(self._held[k]["symbol"])) for k in self._holds]
        place = {key: n for n, key in enumerate(keys)}
        rank = row.copy()
        for n in np.flatnonzero(~closed).tolist():
            rank[n] = len(self._reader.log) + place[int(ints[n, 1]), int(ints[n, 0])]
        return np.argsort(rank, kind="stable")


def _before(position: Ints, signed: Ints, key: Ints) -> Ints:
    """What the running sum was before each key's first fill."""
    if not len(position):
        return position
    starts = np.concatenate(([True], key[1:] != key[:-1]))
    base: Ints = (position - signed)[starts][np.cumsum(starts) - 1]
    return base


def _lasts(trade: Ints, count: int) -> Ints:
    """The last fill of each trade."""
    if not count:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate((trade[1:] != trade[:-1], [True])))

