"""Runs parameter sets over columns: a chunk of time after the other, and in each of them set by set.

What all sets share is laid out once (``Stage``). Of a chunk, the nodes of all sets are computed first, equal ones once;
then each set's machine goes through it. Memory is that of one chunk, whatever the length of the history.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from engine.decide.clock import NAMES as CLOCK_FACTS
from engine.market.events import NANOS
from engine.plan.arrays import Floats, Ints
from engine.plan.column_kernel import run_columns
from engine.plan.program import InputKey
from engine.research.columns.calendar_days import most_sessions, playbook
from engine.research.columns.compiled import Machine
from engine.research.columns.lanes import Lane
from engine.research.columns.machine import layout
from engine.research.columns.machine.layout import FINE, FULL, NEVER, NONE
from engine.research.columns.programs import constants_of
from engine.research.columns.rows import in_seconds
from engine.research.columns.stage import Stage
from engine.research.columns.tables import Records, Tables
from engine.research.columns.terms import fields_of

CHUNK_BYTES = 48_000_000  # of columns at a time
SHORTEST_CHUNK = 2_048
FIRST_LOG, FIRST_ORDERS = 4_096, 64
SCRATCH_ROWS = 10


@dataclass(slots=True)
class Outcome:
    """What one set's machine leaves behind. ``gave_up``: its status, FINE when the run is whole."""

    tables: Tables
    run: Records
    log: Ints
    held: Records
    holds: list[int]
    figures: Floats
    closes: Floats
    curve: Floats | None
    gave_up: int = FINE


@dataclass(slots=True)
class _Runner:
    """One set under way."""

    tables: Tables
    run: Records
    orders: Records
    held: Records
    symbols: Records
    log: Ints
    values: Floats
    order_values: Floats
    scratch: Ints
    v: Floats
    state: Floats
    refusals: Ints
    limits: Floats
    cooling: Ints
    intervals: Ints
    counted: Ints
    figures: Floats
    closes: Floats
    curves: list[Floats] = field(default_factory=list)
    alive: bool = True


class ColumnRun:
    """Goes through the data once for all sets of a stage."""

    def __init__(self, stage: Stage, machine: Machine, keep_curve: bool) -> None:
        self._stage, self._machine, self._keep_curve = stage, machine, keep_curve
        self._ticks = len(stage.market.times)
        width = max(stage.bases[-1], 1)
        self._chunk = max(SHORTEST_CHUNK, min(self._ticks, CHUNK_BYTES // (8 * width)))
        longest = max((self._rows_in(lane) for lane in stage.lanes), default=0)
        self._columns = np.full((width, longest + 1), np.nan)
        self._graphs = [stage.graphs[s] for s in stage.symbols]
        self._nodes = [graph.tables() for graph in self._graphs]
        self._memory = [np.zeros(max(graph.state_size, 1)) for graph in self._graphs]
        shape = (max(len(stage.symbols), 1), longest + 1)
        self._events, self._signals = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self._pending = np.full(shape, NEVER, dtype=np.int64)
        self._tick_of = np.full(shape, NONE, dtype=np.int64)
        self._marks = np.zeros(shape, dtype=np.int64)
        self._row_at = np.zeros((shape[0], self._chunk + 1), dtype=np.int64)
        self._stops = np.zeros(self._chunk, dtype=np.int64)
        self._curve = np.zeros(self._chunk)
        self._counts = [0] * len(stage.symbols)
        self._runners = [self._runner(tables) for tables in stage.tables]
        self._fill_constants()

    def _rows_in(self, lane: Lane) -> int:
        """The most rows of a lane in one chunk."""
        if not len(lane.tick):
            return 0
        return int(np.bincount(lane.tick // self._chunk).max())

    def outcomes(self, notice: Callable[[float], None] = lambda share: None) -> list[Outcome]:
        """Run everything; ``notice`` is told how much is done, 0 to 1."""
        for begin in range(0, self._ticks, self._chunk):
            end = min(begin + self._chunk, self._ticks)
            with self._machine.compiling() if begin == 0 else nullcontext():
                self._lay_out(begin, end)
                for runner in self._runners:
                    if runner.alive:
                        self._advance(runner, begin, end)
            self._carry()
            notice(end / self._ticks)
        return [self._outcome(runner) for runner in self._runners]

    # -- columns ---------------------------------------------------------------------------------------------------

    def _fill_constants(self) -> None:
        stage = self._stage
        for number, (symbol, graph) in enumerate(zip(stage.symbols, self._graphs, strict=True)):
            constants = constants_of(
                stage.parts.instruments[symbol], stage.parts.venue_facts(), stage.texts
            )
            for name, column in graph.inputs.items():
                value = float(str(name[-1])) if name[0] != "market" else np.nan
                if name[0] == "fact" and name[2] == 0 and name[1] in constants:
                    value = constants[str(name[1])]
                self._columns[stage.bases[number] + column] = value

    def _lay_out(self, begin: int, end: int) -> None:
        """The columns of one chunk, for all sets."""
        for number, lane in enumerate(self._stage.lanes):
            first, last = np.searchsorted(lane.tick, (begin, end)).tolist()
            self._counts[number] = count = last - first
            self._rows(number, lane, first, last, begin, end)
            base, width = self._stage.bases[number], self._graphs[number].width
            columns = self._columns[base : base + width]
            self._inputs(number, lane, columns, first, last, begin)
            nodes, pool = self._nodes[number]
            run_columns(
                self._machine.loops, nodes, pool, self._events[number], columns, self._memory[number], count
            )

    def _rows(self, number: int, lane: Lane, first: int, last: int, begin: int, end: int) -> None:
        count = last - first
        self._events[number, 1 : count + 1] = lane.events[first:last]
        self._signals[number, 1 : count + 1] = lane.signals[first:last]
        if lane.pending_ns is not None:
            self._pending[number, 1 : count + 1] = lane.pending_ns[first:last]
        local, real = lane.tick[first:last] - begin, lane.real[first:last] == 1
        self._tick_of[number, 1 : count + 1] = np.where(real, local, NONE)
        rows, own = np.zeros(end - begin + 1, dtype=np.int64), np.zeros(end - begin + 1, dtype=np.int64)
        rows[local[real] + 1] = np.flatnonzero(real) + 1
        own[local[real] + 1] = 1
        self._row_at[number, : end - begin + 1] = np.maximum.accumulate(rows) * 2 + own

    def _inputs(self, number: int, lane: Lane, columns: Floats, first: int, last: int, begin: int) -> None:
        _stage, rows = self._stage, slice(1, last - first + 1)
        for name, column in self._graphs[number].inputs.items():
            if name[0] == "market":
                columns[column, rows] = lane.market[str(name[1])][first:last]
                continue
            if name[0] == "constant":
                continue
            key = InputKey(*name[:-1])  # type: ignore[arg-type]
            values = lane.columns.get(key)
            if values is not None:
                chosen = values[first:last]
                # Before the venue tells, what is known from the start holds.
                since = max(lane.since[key.name] - first, 0) if key.name in CONSTANTS and key.what == "fact" else 0
                columns[column, rows][since:] = chosen[since:]
            elif key.what == "parameter":
                columns[column, rows] = self._settings(key.name, float(str(name[-1])), lane.tick[first:last])
            elif key.what == "fact" and key.name in CLOCK_FACTS:
                columns[column, rows] = self._clock(number, key.name, lane, first, last)

    def _settings(self, name: str, initial: float, ticks: Ints) -> Floats:
        """A parameter that sessions set."""
        for p, pack in enumerate(self._stage.plans[0].ruleset.packs.values()):
            if any(name in session.settings for session in pack.sessions):
                values = [
                    next((s.settings[name] for s in reversed(sessions) if name in s.settings), initial)
                    for _, sessions in self._stage.times.combos
                ]
                found: Floats = np.array(values)[self._stage.times.combo_of[p][ticks]]
                return found
        return np.full(len(ticks), initial)

    def _clock(self, number: int, name: str, lane: Lane, first: int, last: int) -> Floats:
        stage = self._stage
        calendar = stage.times.calendars.index(stage.parts.instruments[lane.symbol].calendar)
        ticks = lane.tick[first:last]
        # The row of an older bar shows the clock as it stood at the row before.
        before = lane.tick[np.maximum(np.arange(first, last) - 1, 0)]
        ticks = np.where(lane.real[first:last] == 1, ticks, before)
        return clock_column(stage.market.times[ticks], stage.times.days[stage.times.day_of[calendar][ticks]], name)

    def _carry(self) -> None:
        """The last row of this chunk comes before the first of the next."""
        for number, count in enumerate(self._counts):
            base, width = self._stage.bases[number], self._graphs[number].width
            self._columns[base : base + width, 0] = self._columns[base : base + width, count]
            for table in (self._events, self._signals, self._pending):
                table[number, 0] = table[number, count]

    # -- sets ------------------------------------------------------------------------------------------------------

    def _runner(self, tables: Tables) -> _Runner:
        stage = self._stage
        run: Records = np.zeros(1, dtype=layout.RUN)
        for name, value in fields_of(stage.terms, stage.units).items():
            run[name] = value
        keys = len(tables.strategies) * len(stage.symbols)
        run["symbols"], run["strategies"] = len(stage.symbols), len(tables.strategies)
        run["packs"], run["reads_realised"] = len(stage.plans[0].ruleset.packs), int(tables.reads_realised)
        run["spare_log"] = 64 + 8 * len(tables.watches) + 24 * max(keys, 1)
        run["spare_orders"] = 16 + 3 * len(tables.watches) + 2 * max(keys, 1)
        run["kernel"] = self._machine.kernel
        for name, value in tables.offsets.items():
            run[name] = value
        orders: Records = np.zeros(0, dtype=layout.ORDER)
        refusals, limits = playbook(stage.times, tables.strategies)
        runner = _Runner(
            tables, run, orders, tables.held.copy(), tables.symbols.copy(),
            np.zeros((max(FIRST_LOG, 4 * int(run["spare_log"][0])), layout.LOG_COLUMNS), dtype=np.int64),
            np.full((max(keys, 1), tables.captures), np.nan), np.zeros((0, tables.captures)),
            np.zeros((SCRATCH_ROWS, 0), dtype=np.int64), tables.v.copy(), np.zeros(tables.state_size), refusals, limits,
            np.zeros((max(len(tables.strategies), 1), max(len(stage.symbols), 1)), dtype=np.int64),
            np.full((max(len(tables.strategies), 1), max(len(stage.symbols), 1)), NONE, dtype=np.int64),
            np.zeros((max(int(run["packs"][0]), 1), most_sessions(stage.times), max(len(stage.symbols), 1)), np.int64),
            np.array([float(stage.terms.cash), 0.0, 0.0]), np.zeros(max(len(stage.days), 1)),
        )  # fmt: skip
        _more_orders(runner, max(FIRST_ORDERS, 2 * int(run["spare_orders"][0])))
        return runner

    def _advance(self, runner: _Runner, begin: int, end: int) -> None:
        stage, tables, market = self._stage, runner.tables, self._stage.market
        self._stops[: end - begin] = 0
        self._marks[:] = 0
        for candidate in tables.candidates:
            s = candidate.symbol
            if candidate.exits:
                self._machine.mark_possible(
                    candidate.columns, self._columns, self._row_at[s], candidate.mark, self._marks[s], self._stops,
                    layout.MAY_EXIT, end - begin,
                )  # fmt: skip
                continue
            moved, wanted = (self._events, candidate.groups) if candidate.groups else (self._signals, candidate.signals)
            self._machine.mark_true(
                candidate.columns, self._columns, moved[s], wanted, self._tick_of[s], candidate.mark,
                self._marks[s], self._stops, self._counts[s],
            )  # fmt: skip
        at, seen = begin, self._machine.records
        while True:
            at = self._machine.advance(
                seen(runner.run)[0], seen(runner.orders), seen(runner.held), seen(runner.symbols), runner.values,
                runner.order_values, tables.lists, runner.scratch, runner.log, seen(tables.watches),
                seen(tables.entries), seen(tables.exits), seen(tables.guards), seen(tables.packs), seen(tables.bands),
                seen(stage.times.days), stage.times.day_of, runner.refusals, runner.limits,
                tables.settings, stage.times.combo_of, stage.times.begun, runner.cooling, runner.intervals,
                runner.counted, self._row_at, self._pending, self._columns,
                tables.stretches, tables.code, tables.pool, runner.v, runner.state,
                market.times, market.first, market.kind, stage.places, market.row, market.bars, market.bar_times,
                market.quotes, market.quote_times, stage.paid, stage.times.flags, self._stops, self._marks,
                self._events, self._signals, self._curve, at, begin, end,
            )  # fmt: skip
            status = int(runner.run["status"][0])
            if status == FULL:
                runner.run["status"] = FINE
                runner.log = _longer(runner.log)
                _more_orders(runner, len(runner.orders) if _crowded(runner) else 0)
                continue
            if status != FINE:
                runner.alive = False
            break
        if runner.alive:
            self._machine.fold(
                self._curve, end - begin, stage.day_numbers[begin:end], runner.closes, runner.figures
            )
            if self._keep_curve:
                runner.curves.append(self._curve[: end - begin].copy())

    def _outcome(self, runner: _Runner) -> Outcome:
        run = runner.run
        curve = np.concatenate(runner.curves) if runner.curves else np.zeros(0)
        log, runner.log = runner.log[: int(run["logged"][0])], runner.log[:0]
        return Outcome(
            runner.tables, run, log, runner.held,
            runner.scratch[1, : int(run["holds"][0])].tolist(), runner.figures, runner.closes[: len(self._stage.days)],
            curve if self._keep_curve else None, int(run["status"][0]),
        )  # fmt: skip


CONSTANTS = frozenset({"venue.fee_per_unit", "venue.fee_minimum", "venue.fee_rate", "venue.slippage_ratio"})


def _longer(log: Ints) -> Ints:
    """Twice the room; what is not written to takes no memory."""
    found: Ints = np.zeros((2 * len(log), log.shape[1]), dtype=np.int64)
    found[: len(log)] = log
    return found


def _crowded(runner: _Runner) -> bool:
    return bool(runner.run["live"][0] + runner.run["spare_orders"][0] > len(runner.orders))


def _more_orders(runner: _Runner, more: int) -> None:
    """Room for ``more`` orders; the new places are the first to be used."""
    if not more:
        return
    before = len(runner.orders)
    places: Records = np.zeros(more, dtype=layout.ORDER)
    places["next"] = np.arange(before + 1, before + more + 1)
    places["next"][-1] = runner.run["free"][0] if before else NONE
    runner.orders = np.concatenate((runner.orders, places))
    runner.run["free"] = before
    width = runner.tables.captures
    runner.order_values = np.concatenate((runner.order_values, np.zeros((more, width))))
    most = max(len(runner.held), len(runner.symbols), len(runner.tables.guards), len(runner.tables.watches))
    needed = max(len(runner.orders), most + 1)
    if needed > runner.scratch.shape[1]:
        wider: Ints = np.zeros((SCRATCH_ROWS, needed), dtype=np.int64)
        wider[:, : runner.scratch.shape[1]] = runner.scratch
        runner.scratch = wider


def clock_column(times: Ints, days: Records, name: str) -> Floats:
    """One clock fact at some instants (UTC nanoseconds), as ``engine.decide.clock`` gives it."""
    if name == "now":
        return in_seconds(times)
    if name == "time_of_day":
        return np.asarray((times - days["begin"]) / NANOS, dtype=np.float64)
    if name == "today":
        return np.asarray(days["ordinal"], dtype=np.float64)
    if name == "weekday":
        return np.asarray(days["weekday"], dtype=np.float64)
    inside = (days["has_session"] == 1) & (days["opens"] < times) & (times <= days["closes"])
    if name == "session.open":
        return np.asarray(inside, dtype=np.float64)
    if name == "session.ordinal":
        return np.asarray(np.where(inside, days["session_ordinal"], np.nan), dtype=np.float64)
    span = times - days["opens"] if name == "session.minutes" else days["closes"] - times
    return np.asarray(np.where(inside, span / 60e9, np.nan), dtype=np.float64)

