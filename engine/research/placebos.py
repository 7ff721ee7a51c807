"""Tries gates on simulated strategies: those without edge should not pass, those with one should.

The market is a venue of contracts that pay $1: prices in cents from 15 to 85, a spread of 1 to 4 cents, the fee
``roundup(0.07 C P (1 - P))`` of Kalshi's schedule, 10 contracts a trade, 10 events a day, $1,000 of cash. Each strategy
is the best of some sets of parameters, mostly 200, on a history of its own, because that is how strategies come about;
the results of the sets are half in common. The gates judge it through the same code that judges paper runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.market.events import NANOS
from engine.market.orders import Side
from engine.research.golive import GateBench, PaperRun
from engine.research.statistics import Floats
from engine.research.statistics.break_even import wilson_interval
from engine.research.statistics.draws import Generator, generator
from engine.research.statistics.trials import Trials
from engine.research.trades import ClosedTrade
from engine.ruleset.rules import Gate, Ruleset

IN_COMMON = 0.5
CONTRACTS = 10
CASH = Decimal(1_000)
EVENTS_A_DAY = 10
EVENTS_A_RUN = 50
FEE_RATE = 0.07
_DAY_NS = 86_400 * NANOS
_CENTS = [Decimal(cents) / 100 for cents in range(10_001)]
_ZERO, _ONE, _QUANTITY = Decimal(0), Decimal(1), Decimal(CONTRACTS)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of having an edge or none. Money per contract, after costs unless it says otherwise.

    ``edge``: what the best set of parameters expects to make; others make from nothing to that. ``fair``: prices are
    fair, so that spread and fee are lost. ``late``: its signal is that of the event before. ``sets`` were tried on
    ``history`` events; ``trades``: events of the paper runs. ``seen``: paper runs begin on the very history that the
    set was chosen on. ``patient``: it is asked after every run until it passes, not once at the end.
    """

    name: str
    edge: float = 0.0
    fair: bool = False
    late: bool = False
    history: int = 400
    trades: int = 400
    seen: bool = False
    patient: bool = False
    sets: int = 200


PLACEBOS = (
    Kind("a coin that just pays its costs"),
    Kind("a coin at fair prices, spread and fee lost", fair=True),
    Kind("a good signal one event late", late=True),
    Kind("best of 200, judged on what chose it, costs just paid", seen=True),
    Kind("best of 200, judged on what chose it, spread and fee lost", seen=True, fair=True),
    Kind("a coin that just pays its costs, asked weekly to 1,000 trades", trades=1_000, patient=True),
    Kind("best of 2, costs just paid, asked weekly to 1,000 trades", trades=1_000, patient=True, sets=2),
    Kind("best of 200 on what chose it, then asked weekly to 1,000 trades", trades=1_000, seen=True, patient=True),
)
WITH_EDGE = (
    Kind("4c a contract, history 400, 400 trades", edge=0.04),
    Kind("4c a contract, history 4,000, 1,000 trades", edge=0.04, history=4_000, trades=1_000),
    Kind("8c a contract, history 400, 400 trades", edge=0.08),
    Kind("8c a contract, history 4,000, 400 trades", edge=0.08, history=4_000),
    Kind("8c a contract, history 4,000, 1,000 trades", edge=0.08, history=4_000, trades=1_000),
    Kind("12c a contract, history 4,000, 400 trades", edge=0.12, history=4_000),
)


@dataclass(frozen=True, slots=True)
class Share:
    """``passed`` of ``count`` strategies."""

    passed: int
    count: int

    @property
    def rate(self) -> float:
        return self.passed / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% Wilson interval."""
        return wilson_interval(self.passed, self.count, 0.95)

    @property
    def text(self) -> str:
        low, high = self.interval
        return f"{self.rate:.1%} [{low:.1%}, {high:.1%}]"

    def to_json(self) -> dict[str, object]:
        low, high = self.interval
        return {"passed": self.passed, "strategies": self.count, "rate": self.rate, "low": low, "high": high}


@dataclass(frozen=True, slots=True)
class Row:
    """How often each gate, and all of them at once, let strategies of one kind through."""

    name: str
    by_gate: Mapping[str, Share]
    all_gates: Share

    def to_json(self) -> dict[str, object]:
        gates = {gate: share.to_json() for gate, share in self.by_gate.items()}
        return {"kind": self.name, "gates": gates, "all_gates": self.all_gates.to_json()}


@dataclass(frozen=True, slots=True)
class PlaceboReport:
    """What came of it, kind by kind."""

    gates: tuple[str, ...]
    placebos: tuple[Row, ...]
    with_edge: tuple[Row, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "gates": list(self.gates),
            "without_edge": [row.to_json() for row in self.placebos],
            "with_edge": [row.to_json() for row in self.with_edge],
        }


def try_placebos(
    ruleset: Ruleset, gates: Sequence[Gate], strategies: int, seed: int, advance: Callable[[float], None],
    placebos: Sequence[Kind] = PLACEBOS, with_edge: Sequence[Kind] = WITH_EDGE,
) -> PlaceboReport:  # fmt: skip
    """Judge ``strategies`` of each kind by each of ``gates``; ``advance`` is told the share of the work done.

    The same seed gives the same strategies, whichever gates judge them.
    """
    kinds = [*placebos, *with_edge]
    rows = []
    for number, kind in enumerate(kinds):
        looks = []
        for one in range(strategies):
            looks.append(_passed(ruleset, gates, kind, generator((seed, number, one))))
            advance(1 / strategies / len(kinds))
        rows.append(_row(kind, gates, looks))
    return PlaceboReport(tuple(g.key for g in gates), tuple(rows[: len(placebos)]), tuple(rows[len(placebos) :]))


def _row(kind: Kind, gates: Sequence[Gate], looks: Sequence[NDArray[np.bool_]]) -> Row:
    """From who passed at which look: rows are looks, columns gates."""
    each = np.array([found.any(axis=0) for found in looks]).sum(axis=0)
    together = sum(bool(found.all(axis=1).any()) for found in looks)
    shares = {gate.key: Share(int(passed), len(looks)) for gate, passed in zip(gates, each, strict=True)}
    return Row(kind.name, shares, Share(together, len(looks)))


def _passed(ruleset: Ruleset, gates: Sequence[Gate], kind: Kind, source: Generator) -> NDArray[np.bool_]:
    """Whether each gate (column) has passed at each look (row) at one strategy of this kind."""
    strategy = simulate(kind, source)
    runs = _runs(strategy, next(gate.judged[0] for gate in gates if gate.judged))
    looks = range(1, len(runs) + 1) if kind.patient else range(len(runs), len(runs) + 1)
    benches = [GateBench(ruleset, gate, strategy.trials) for gate in gates]
    return np.array([[bench.passed(runs[:end]) for bench in benches] for end in looks], dtype=np.bool_)


# -- a strategy and its market -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Strategy:
    """What paper runs show of one: by event, in order, the ``cost`` of a contract in cents, whether it was ``won``, and
    the ``fee`` of the trade in cents; and what had been tried.
    """

    cost: NDArray[np.int64]
    won: NDArray[np.bool_]
    fee: NDArray[np.int64]
    trials: Trials


def simulate(kind: Kind, source: Generator) -> Strategy:
    """One strategy of this kind: sets are tried on a history, the one that made most is traded on paper."""
    cost, fee, half_spread = _market(kind.history, source)
    edges = np.linspace(0.0, kind.edge, kind.sets)
    chance = _chance(kind, cost, fee, half_spread)[:, None] + edges
    shape = (kind.history, kind.sets)
    common = source.random(kind.history)[:, None]
    luck = np.where(source.random(shape) < IN_COMMON, common, source.random(shape))
    won = luck < chance
    results = (CONTRACTS * (100.0 * won - cost[:, None]) - fee[:, None]) / 100
    best = int(results.mean(axis=0).argmax())
    trials = Trials(kind.sets, np.full(kind.sets, float(kind.history)), results)
    if kind.seen and kind.trades <= kind.history:
        return Strategy(cost, won[:, best], fee, trials)
    fresh = kind.trades - (kind.history if kind.seen else 0)
    more_cost, more_fee, more_half = _market(fresh, source)
    if kind.late:
        more_won = _late(more_cost, more_half, source)
    else:
        more_won = source.random(fresh) < _chance(kind, more_cost, more_fee, more_half) + edges[best]
    if not kind.seen:
        return Strategy(more_cost, more_won, more_fee, trials)
    return Strategy(
        np.concatenate((cost, more_cost)), np.concatenate((won[:, best], more_won)), np.concatenate((fee, more_fee)),
        trials,
    )  # fmt: skip


def _market(events: int, source: Generator) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each event, in cents: what a contract costs, the fee of a trade, and twice the half spread."""
    cost = source.integers(15, 86, events)
    fee = np.ceil(np.round(FEE_RATE * CONTRACTS * cost * (100 - cost) / 100, 9)).astype(np.int64)
    return cost, fee, source.integers(1, 5, events)


def _chance(kind: Kind, cost: NDArray[np.int64], fee: NDArray[np.int64], spread: NDArray[np.int64]) -> Floats:
    """Of winning without edge: where prices are fair that of the mid, else the one that just pays price and fee."""
    even = (cost - spread / 2 if kind.fair else cost + fee / CONTRACTS) / 100
    chance: Floats = even.astype(np.float64)
    return chance


def _late(cost: NDArray[np.int64], spread: NDArray[np.int64], source: Generator) -> NDArray[np.bool_]:
    """Prices are wrong by 6 cents or so and the signal knows it, but it comes one event late.

    The side is that of the event before, so what it wins is the mid plus or minus an error it knows nothing about.
    """
    error = source.normal(0.0, 0.06, len(cost) + 1)
    side = np.sign(error[:-1])
    chance = np.clip((cost - spread / 2) / 100 + side * error[1:], 0.0, 1.0)
    won: NDArray[np.bool_] = source.random(len(cost)) < chance
    return won


# -- as paper runs -----------------------------------------------------------------------------------------------------


def _runs(strategy: Strategy, name: str) -> list[PaperRun]:
    """Its trades as one kept run a week of `EVENTS_A_RUN` events; fills with all costs kept."""
    trades = [
        _trade(number, name, int(cost), bool(won), int(fee))
        for number, (cost, won, fee) in enumerate(zip(strategy.cost, strategy.won, strategy.fee, strict=True))
    ]
    runs: list[PaperRun] = []
    for start in range(0, len(trades), EVENTS_A_RUN):
        part = trades[start : start + EVENTS_A_RUN]
        equity = np.cumsum([float(CASH), *(float(trade.net) for trade in part)])
        times = [part[0].opened_ns, *(trade.closed_ns for trade in part)]
        runs.append(PaperRun(
            f"week-{len(runs) + 1}", "simulated", part, times, equity.tolist(), CASH, (), 2 * len(part), 2 * len(part)
        ))  # fmt: skip
    return runs


def _trade(number: int, name: str, cost: int, won: bool, fee: int) -> ClosedTrade:
    entry, exit_, fees = _CENTS[cost], _ONE if won else _ZERO, _CENTS[fee]
    day, slot = divmod(number, EVENTS_A_DAY)
    closed = day * _DAY_NS + (slot + 1) * 3_600 * NANOS
    gross = (exit_ - entry) * _QUANTITY
    return ClosedTrade(
        name, f"KXPLACEBO-{number:05d}-YES", Side.BUY, _QUANTITY, entry, exit_, closed - 1_800 * NANOS, closed, gross,
        fees, gross - fees, "settled", f"placebo-{number}", float(max(entry, exit_)), float(min(entry, exit_)), None, 1,
    )  # fmt: skip
