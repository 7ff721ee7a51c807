"""A run decided again from its inputs: the same to the last bit; and any change of input, rule or record shows."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.calendars import calendar
from connectors.paper import PaperBroker, PaperSettings
from engine.decide.actions import Decision
from engine.decide.tick import Decider
from engine.execute.halt import KillSwitch
from engine.execute.inputs import JournaledBroker
from engine.execute.journal import JournalRecorder
from engine.execute.loop import Loop
from engine.execute.replay import Kept, Replayed, decide_again
from engine.market.events import NANOS, Bar, Quote, Tick
from engine.market.inputs import Asked, Halted, Input, Reported, Requested, Resumed, Standing, Wish
from engine.market.instrument import Instrument
from engine.market.orders import Order, Side
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import make_plan
from engine.research.recorder import StatisticsRecorder
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text
from state import open_store
from state.batch import Batch
from state.inputs import InputEncoder, decode

PACK = """\
kind: pack
name: p
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY, QQQ]
"""
RULES = """\
kind: strategy
name: cross
when: ["ema(close, 3) crosses above ema(close, 7)", not position.open]
then: {buy: {size: 10, bracket: {stop: close - 2 * atr(5), target: close + 3 * atr(5)}}}
---
kind: strategy
name: dip
cooldown: 10m
when: close < lowest(close, 12)[1]
then: {sell: {size: 5, limit: close + $0.02, within: 3m, bracket: {stop: close + $0.4}}}
---
kind: guard
name: few
for: entries
require: positions.count < 2
else: {block: enough is held}
---
kind: guard
name: loss
for: entries
require: pnl.today > -$8
else: {halt: 20m, because: enough was lost}
---
kind: exit
name: half
once: true
unknown: hold
when: rsi(close, 5) > 65
then: {close: 50%}
---
kind: exit
name: back
unknown: hold
when: ema(close, 3) crosses below ema(close, 7)
then: {close: all}
---
kind: exit
name: trail
unknown: hold
when: position.gain > $0.05
then: {trail: {by: $0.05}}
"""
OPEN = datetime(2024, 3, 5, 9, 30, tzinfo=ZoneInfo("America/New_York"))
NAMES = ("time_ns", "rule", "strategy", "symbol", "verdict", "guard")
SYMBOLS = ["QQQ", "SPY"]


def market(seed: int) -> list[Tick]:
    draw, last, ticks = Random(seed), dict.fromkeys(SYMBOLS, 100.0), []
    for n in range(200):
        start = (int(OPEN.timestamp()) + 60 * n) * NANOS
        events: list[Any] = []
        for symbol in SYMBOLS:
            opened = last[symbol]
            close = last[symbol] = round(opened + draw.gauss(0, 0.1), 2)
            events.append(Quote(symbol, start + 60 * NANOS, close - 0.01, 100.0, close + 0.01, None))
            high, low = max(opened, close) + 0.02, min(opened, close) - 0.02
            events.append(Bar(symbol, start, 60, opened, high, low, close, 9_000.0))
        ticks.append(Tick(start + 60 * NANOS, events))
    return ticks


def decider(rules: str = RULES) -> Decider:
    ruleset = link([PackFiles("p", [load_text("pack.yaml", PACK), load_text("rules.yaml", rules)])])
    assert not ruleset.findings, ruleset.findings
    instruments = {symbol: Instrument(symbol) for symbol in SYMBOLS}
    calendars = {"XNYS": calendar("XNYS")}
    return Decider(
        make_plan(ruleset, SYMBOLS), instruments, calendars, Decimal(10_000), None, compiled_kernel(), True
    )  # fmt: skip


class Record(StatisticsRecorder):
    """What a run leaves behind, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Kept] = []
        self.sent: list[str] = []

    def decision(self, decision: Decision, decider: Decider) -> None:
        super().decision(decision, decider)
        line = decision.canonical().strip()
        values = None if decision.values is None else decision.values.tobytes()  # a wish may be about no symbol
        self.kept.append(Kept(len(self.kept) + 1, line, decision.reason, values))

    def orders(self, orders: Sequence[Order]) -> None:
        super().orders(orders)
        self.sent += [order.client_id for order in orders]


@dataclass
class Log:
    """An input log that goes through the store's own encoding."""

    encoder: InputEncoder = field(default_factory=InputEncoder)

    def input(self, item: Input) -> None:
        self.encoder.add(item)


@dataclass
class Run:
    inputs: list[Input]
    record: Record

    def again(self, rules: str = RULES, ended: bool = True) -> Replayed:
        return decide_again(decider(rules), self.inputs, self.record.kept, self.record.sent, ended)


NOBODY = Standing("", 0)


def run(
    seed: int, halts: dict[int, Standing] | None = None, found: Standing = NOBODY, seen: Container[int] = (),
    wishes: dict[int, Requested] | None = None,
) -> Run:  # fmt: skip
    """One morning, with ``found`` in force at the start and ``halts`` by tick; ticks of ``seen`` are only taken in."""
    log, record, rules = Log(), Record(), decider()
    instruments = {symbol: Instrument(symbol) for symbol in SYMBOLS}
    broker = JournaledBroker(PaperBroker(PaperSettings(cash=Decimal(10_000), fee_minimum=Decimal(0)), instruments), log)
    loop = Loop(rules, broker, [record])
    standing = [found]
    switch = KillSwitch(found, lambda: standing[0], rules, log, lambda text: None)
    for number, tick in enumerate(market(seed)):
        standing[0] = (halts or {}).get(number, standing[0])
        switch.check()
        if wishes and number in wishes:
            log.input(wishes[number])
            rules.request(wishes[number])
        broker.history = number in seen
        (loop.observe if number in seen else loop.step)(tick)
    return Run(list(decode(log.encoder.take()[3])), record)


@given(
    seed=st.integers(0, 10**6),
    changes=st.lists(st.tuples(st.integers(0, 199), st.sampled_from(["", "stop", "stop it"]), st.integers(0, 2))),
    seen=st.sets(st.integers(0, 199), max_size=60),
)
def test_a_run_comes_out_again_as_it_was(seed: int, changes: list[tuple[int, str, int]], seen: set[int]) -> None:
    was = run(seed, {tick: Standing(why, resumes) for tick, why, resumes in sorted(changes)}, seen=seen)
    again = was.again()
    assert again.difference is None
    decided = 200 - len(seen)
    assert (again.ticks, again.decisions, again.orders) == (decided, len(was.record.kept), len(was.record.sent))


RATIOS = st.none() | st.decimals("0.0005", "0.01", places=4)
WISHES = st.builds(
    Requested, st.uuids().map(str), st.sampled_from(Wish), st.just("me"), st.sampled_from(["SPY", "QQQ", "IBM"]),
    st.sampled_from(Side), st.decimals("1", "60", places=0), st.none() | st.decimals("95", "105", places=2), RATIOS,
    RATIOS, st.just(()), st.none() | st.just(60 * NANOS), st.booleans(), st.booleans(),
)  # fmt: skip


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6), wishes=st.dictionaries(st.integers(0, 199), WISHES, max_size=12),
    seen=st.sets(st.integers(0, 199), max_size=60),
)  # fmt: skip
def test_what_people_ask_for_is_decided_again_as_it_was(
    seed: int, wishes: dict[int, Requested], seen: set[int]
) -> None:
    was = run(seed, seen=seen, wishes=wishes)
    assert was.again().difference is None
    assert [item for item in was.inputs if isinstance(item, Requested)] == [wishes[n] for n in sorted(wishes)]


def test_the_runs_that_are_compared_do_everything() -> None:
    inputs = [item for seed in range(8) for item in run(seed, {40: Standing("stop", 0), 60: Standing("", 1)}).inputs]
    asked = {item.asked for item in inputs if isinstance(item, Reported)}
    assert asked == set(Asked) - {Asked.HEARD}  # only a venue is heard between ticks
    lines = [kept.line for seed in range(8) for kept in run(seed).record.kept]
    for part in ("fired", "blocked|p.few", "blocked|p.loss", "cooling", "replace/"):
        assert any(part in line for line in lines), part


def test_a_halt_blocks_entries_only_and_a_resume_lets_them_go_on() -> None:
    free, halted = run(3), run(3, {40: Standing("lunch", 0), 120: Standing("", 1)})
    ticks = [tick.time_ns for tick in market(3)]
    during = [k for k in halted.record.kept if ticks[40] <= int(k.line.partition("|")[0]) < ticks[120]]
    entries = [k for k in during if "/entry" in k.line]
    assert not entries
    assert any("blocked|halt|" in k.line and k.reason == "halted: lunch" for k in during)
    assert any("/entry" in k.line for k in halted.record.kept if int(k.line.partition("|")[0]) >= ticks[120])
    assert len(halted.record.sent) < len(free.record.sent)


def test_a_halt_lets_a_position_be_closed() -> None:
    opened = next(kept for kept in run(5).record.kept if "/entry" in kept.line)
    opened_ns = int(opened.line.partition("|")[0])
    ticks = [tick.time_ns for tick in market(5)]
    halted = run(5, {ticks.index(opened_ns) + 1: Standing("stop", 0)})
    assert any("/exit" in kept.line for kept in halted.record.kept)
    assert sum("/entry" in kept.line for kept in halted.record.kept) <= 2  # what was ordered before
    assert halted.record.book.trades


def test_a_guards_halt_that_an_earlier_run_left_holds_until_its_time() -> None:
    until_ns = market(3)[60].time_ns
    left = run(3, found=NOBODY._replace(guards=(Halted(until_ns, "p.loss", "enough was lost"),)))
    times = [int(kept.line.partition("|")[0]) for kept in left.record.kept if "/entry" in kept.line]
    assert times and min(times) >= until_ns
    assert min(int(kept.line.partition("|")[0]) for kept in run(3).record.kept if "/entry" in kept.line) < until_ns
    assert left.again().difference is None
    lifted = run(3, {9: Standing("", 1)}, NOBODY._replace(guards=(Halted(until_ns, "p.loss", "enough was lost"),)))
    assert any("/entry" in kept.line and int(kept.line.partition("|")[0]) < until_ns for kept in lifted.record.kept)


def test_a_halt_file_that_goes_away_leaves_what_a_guard_halted() -> None:
    until_ns = market(3)[120].time_ns
    guards = (Halted(until_ns, "p.loss", "enough was lost"),)
    was = run(3, {20: Standing("lunch", 0), 40: NOBODY}, NOBODY._replace(guards=guards))
    times = [int(kept.line.partition("|")[0]) for kept in was.record.kept if "/entry" in kept.line]
    assert times and min(times) >= until_ns
    assert was.again().difference is None


def change_price(items: list[Input]) -> None:
    for number, item in enumerate(items[:150]):
        if isinstance(item, Tick):
            items[number] = Tick(item.time_ns, [
                e._replace(close=e.close + 0.3, high=e.high + 0.3) if isinstance(e, Bar) else e for e in item.events
            ])  # fmt: skip


def drop_halt(items: list[Input]) -> None:
    items[:] = [item for item in items if not isinstance(item, Halted | Resumed)]


def drop_answer(items: list[Input]) -> None:
    items.remove(next(i for i in items if isinstance(i, Reported) and i.asked is Asked.PLACE))


def drop_fill(items: list[Input]) -> None:
    items.remove(next(i for i in items if isinstance(i, Reported) and i.report.fills))


@pytest.mark.parametrize("change", [change_price, drop_halt, drop_answer, drop_fill])
def test_another_input_is_another_run(change: Any) -> None:
    was = run(3, {40: Standing("lunch", 0), 120: Standing("", 1)})
    change(was.inputs)
    assert was.again().difference is not None


def test_the_first_difference_is_told_with_both_sides() -> None:
    was = run(3)
    number, real = next((n, kept.line) for n, kept in enumerate(was.record.kept) if "buy/10/" in kept.line)
    forged = real.replace("buy/10/", "buy/11/")
    was.record.kept[number] = replace(was.record.kept[number], line=forged)
    again = was.again()
    first = again.difference
    assert first is not None
    assert (first.number, first.what, first.kept, first.again) == (number + 1, "the decision", forged, real)
    assert again.decisions == number
    assert first.time_ns == int(real.partition("|")[0])


def test_other_rules_order_under_other_ids() -> None:
    was = run(3)
    was.record.kept = [replace(kept, values=None) for kept in was.record.kept]
    first = was.again(RULES.replace("size: 10", "size: 11")).difference
    assert first is not None
    assert (first.what, first.kept) == ("an order's id", was.record.sent[0])


@pytest.mark.parametrize(
    ("forge", "what"),
    [
        (lambda r: r.kept.append(replace(r.kept[-1], number=99)), "the decision"),
        (lambda r: r.kept.pop(), "one decision more"),
        (lambda r: r.kept.__setitem__(4, replace(r.kept[4], reason="because")), "its reason"),
        (lambda r: r.kept.__setitem__(4, replace(r.kept[4], values=bytes(8))), "the values it was taken on"),
        (lambda r: r.sent.__setitem__(1, "forged"), "an order's id"),
        (lambda r: r.sent.append("forged"), "an order's id"),
    ],
)
def test_a_record_that_was_changed_shows(forge: Any, what: str) -> None:
    was = run(3)
    forge(was.record)
    difference = was.again().difference
    assert difference is not None
    assert difference.what == what


def test_a_run_that_died_is_good_as_far_as_it_went(seed: int = 3) -> None:
    """Cut at every input, with the decisions that were down by then: what a kill leaves behind."""
    was = run(seed)
    number = next(n for n, i in enumerate(was.inputs) if isinstance(i, Reported) and i.asked is Asked.PLACE)
    tick_ns = next(i.time_ns for i in reversed(was.inputs[:number]) if isinstance(i, Tick))
    kept = [k for k in was.record.kept if int(k.line.partition("|")[0]) <= tick_ns]
    record = Record()
    record.kept, record.sent = kept[:1], was.record.sent[:3]
    died = Run(was.inputs[:number], record)
    assert died.again(ended=False).difference is None
    assert died.again(ended=True).difference is not None


def kept_of(row: dict[str, Any]) -> Kept:
    line = "|".join([*(str(row[name]) for name in NAMES), ";".join(row["actions"])])
    return Kept(row["seq"], line, row["reason"], row["values"])


def test_whatever_moment_an_engine_dies_its_store_is_sound_and_decides_again_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every commit the file is what a kill at that moment would leave; some of them are tried."""
    store = open_store(tmp_path / "s.db")
    flush, commits = Batch.flush, []

    def flush_and_copy(batch: Batch) -> None:
        flush(batch)
        commits.append(len(commits))
        if len(commits) % 7 == 0:
            store.backup(tmp_path / f"{len(commits)}.db")

    monkeypatch.setattr(Batch, "flush", flush_and_copy)
    cash = Decimal(10_000)
    writer = store.begin_run("paper", 0, "t", [], SYMBOLS, "s", {}, {}, {}, {}, "1", conditions={}, cash=cash)
    instruments = {symbol: Instrument(symbol) for symbol in SYMBOLS}
    broker = JournaledBroker(PaperBroker(PaperSettings(cash=cash, fee_minimum=Decimal(0)), instruments), writer)
    loop = Loop(decider(), broker, [JournalRecorder(writer, "fired")])
    for tick in market(3):
        loop.step(tick)
    writer.end("done", None, {})
    assert {row["by"] for row in store.halts.active(0)} == {"p.loss"}  # the guard's halts are down, too
    copies = sorted(tmp_path.glob("[0-9]*.db"))
    assert len(copies) > 5
    for path in [*copies, store.path]:
        copy = open_store(path)
        assert copy.check() == []
        run_id = copy.run()["id"]
        kept = [kept_of(row) for row in copy.decisions(run_id)]
        sent = [row["client_id"] for row in copy.orders(run_id)]
        again = decide_again(decider(), copy.inputs(run_id), kept, sent, ended=path == store.path)
        assert again.difference is None, path
        assert again.decisions == len(kept)
        copy.close()
    store.close()
