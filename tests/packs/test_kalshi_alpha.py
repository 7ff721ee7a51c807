"""The Kalshi alpha pack on simulated contracts: what must hold at every tick, whatever the market does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.alpha.file import Alpha
from connectors.simulated.contracts import example_signals
from engine.cli.assemble import Assembly, DataChoice, assemble
from engine.cli.rules import load_rules
from engine.execute.loop import Loop
from engine.settings import Settings

PROJECT = Path(__file__).parents[2]
CENT = 0.011  # a cap is cut to whole contracts, and a fill may come at a better price


@dataclass
class Day:
    """One simulated day and what came of it."""

    loop: Loop
    reasons: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    symbols: set[str] = field(default_factory=set)
    fills: list[Any] = field(default_factory=list)

    def decision(self, decision: Any, decider: Any) -> None:
        self.verdicts[decision.rule.partition(".")[2], decision.verdict.value] += 1
        self.symbols |= {order.symbol for order in decision.orders}

    def orders(self, orders: Any) -> None: ...

    def report(self, report: Any, decider: Any) -> None:
        self.fills += report.fills
        self.reasons.update(fill.reason for fill in report.fills)

    def note(self, note: Any) -> None:
        raise AssertionError(note)

    def ticks(self, ticks: Any, equity: Any, decider: Any) -> None:
        """The hard caps, whatever else."""
        portfolio = decider.context.portfolio
        for symbol in decider.context.states:
            assert portfolio.exposure(symbol=symbol) <= 25 + CENT
            assert portfolio.exposure(event=portfolio.event_of(symbol)) <= 50 + CENT
            assert portfolio.count_in(symbol) <= 1, "never both sides of one market"
        assert portfolio.cost_today() <= 250 + CENT


def assembly(alpha: Alpha, seed: int, *parameters: str) -> Assembly:
    rules = load_rules([PROJECT / "rules"], ["kalshi_alpha"])
    choice = DataChoice("simulated", None, (), None, None, seed, 1)
    return assemble(Settings(), rules.ruleset, choice, parameters, alpha=alpha)


def run(made: Assembly) -> Day:
    day = Day(Loop(made.decider(), made.broker("central"), []))
    day.loop.recorders = [day]
    for tick in made.source().ticks():
        day.loop.step(tick)
    return day


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return [run(assembly(example_signals(), seed)) for seed in range(1, 5)]


def test_it_trades_both_sides_and_leaves_for_every_reason(days: list[Day]) -> None:
    together = sum((day.reasons for day in days), Counter[str]())
    fired = sum((day.verdicts for day in days), Counter[tuple[str, str]]())
    assert fired["buy_yes", "fired"] and fired["buy_no", "fired"]
    assert together["take_profit"] and together["stop_loss"]
    assert together["the market was settled"], "what is held at the end is paid out"
    assert not any(day.loop.decider.context.portfolio.held for day in days)


def test_the_same_day_is_decided_the_same_way(days: list[Day]) -> None:
    again = run(assembly(example_signals(), 1))
    assert again.loop.hash.hexdigest() == days[0].loop.hash.hexdigest()


def test_only_what_is_listed_and_trusted_is_traded(days: list[Day]) -> None:
    listed = example_signals().signals
    for day in days:
        assert day.symbols <= {ticker for ticker, signal in listed.items() if signal.confidence >= 0.5}


def test_every_fill_pays_the_contracts_fee(days: list[Day]) -> None:
    for day in days:
        for fill in day.fills:
            due = float(fill.quantity * fill.price * (1 - fill.price)) * 0.07
            assert fill.reason == "the market was settled" or -1e-9 <= float(fill.fee) - due <= 0.0001


def test_no_entry_after_a_signal_has_expired() -> None:
    alpha = example_signals()
    short = {t: s.model_copy(update={"expiry": s.as_of + timedelta(minutes=30)}) for t, s in alpha.signals.items()}
    day = run(assembly(replace(alpha, signals=short), 1))
    limit = max(s.expiry_ns for s in short.values())
    entries = [fill for fill in day.fills if fill.leg == "entry"]
    assert entries
    assert all(fill.time_ns <= limit + 90 * 10**9 for fill in entries), "an order may rest for 90 seconds"


def test_a_price_above_what_is_fair_is_sold_into_and_a_slow_position_is_given_up() -> None:
    parameters = ("time_stop.longest_hold=60m", "take_profit.wanted_gain=60c", "stop_loss.max_loss=60c")
    found = run(assembly(example_signals(), 2, *parameters)).reasons
    assert found["time_stop"] and found["edge_reversal"]
