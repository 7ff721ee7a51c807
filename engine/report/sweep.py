"""The results of a sweep as tables and as one HTML page with heat maps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from math import fsum

from engine.language.types import Kind
from engine.language.written import written
from engine.report.heatmap import HeatMap, Place, heat_map
from engine.report.layout import UNKNOWN, Column, Table, clean, count, counted, decimal, duration, money, percent
from engine.report.shell import header, page, section, tiles
from engine.research.sweep.results import DimensionFile, Figures, PooledFigures, SetFile, SplitFile, SweepFile

MAX_MAPS = 12
HOLDS = {True: "holds", False: "falls off", None: UNKNOWN}


def sweep_tables(results: SweepFile) -> list[Table]:
    """Every table, in reading order."""
    return [
        _about(results), _chosen(results), _chosen_parameters(results), _walk_forward(results), _dimensions(results),
    ]  # fmt: skip


def render_sweep(results: SweepFile) -> str:
    """The whole page; it needs nothing else."""
    about, chosen, parameters, walk, dimensions = sweep_tables(results)
    data = results.data
    return page(
        f"Sweep of {results.pack}",
        (
            header(f"Sweep of {results.pack}", data.described, f"{data.first} to {data.last}"),
            _tiles(results),
            section(chosen),
            section(parameters),
            _maps(results),
            section(walk),
            section(dimensions),
            section(about),
        ),
    )


def _about(results: SweepFile) -> Table:
    search, splits, trials, looks = results.search, results.splits, results.trials, results.holdout_reads
    folds = counted(len(splits.folds), "fold")
    read = f"{counted(looks.sets, 'set')} in {counted(looks.sweeps, 'sweep')}"
    rows = [
        ("Sweep", results.sweep),
        ("Pack", results.pack),
        ("Data", results.data.described),
        ("Data fingerprint", results.data.fingerprint),
        ("Rules SHA-256", results.ruleset_sha256),
        ("Search", f"{search.method}, seed {search.seed}: {len(results.sets):,} of {search.combinations:,} sets"),
        ("Training and validation", f"{splits.train.first} to {splits.train.end}, {folds}"),
        ("Holdout", f"{splits.holdout.first} to {splits.holdout.end}"),
        ("Embargo", _embargo(splits)),
        ("Purge", f"trades across a boundary, and {duration(splits.purge_seconds)} before it"),
        ("Sets ever tried, this pack and data", count(trials.pack_on_this_data)),
        ("Sets ever tried, this pack", count(trials.pack)),
        ("Variance of their Sharpe ratios", _figure(trials.sharpe_variance)),
        ("Reads of this holdout", f"{read}, this one included"),
    ]
    return _pairs("Sweep", "Item", rows, search.note)


def _chosen(results: SweepFile) -> Table:
    columns = (
        Column("Set"), Column("Rank"),
        *(Column(f"{name}, {part}") for part in ("validation", "holdout")
          for name in ("Trades", "Expectancy", "Profit factor", "Drawdown")),
        Column("Plateau", numeric=False),
    )  # fmt: skip
    rows = tuple(_chosen_row(results, results.set(number)) for number in results.top)
    short = sum(results.set(number).validation.trades < results.search.min_trades for number in results.top)
    note = (
        "Chosen by validation; in the order of the holdout, which was read for these sets alone. "
        "Set 1 has the rules' own values."
    )
    if short:
        note += f" {short} of them have fewer than {results.search.min_trades} trades in validation."
    return Table("Chosen sets", columns, rows, note)


def _chosen_row(results: SweepFile, one: SetFile) -> tuple[str, ...]:
    assert one.holdout is not None
    around = one.plateau
    plateau = HOLDS[around.holds]
    if around.holds is not None:
        plateau += f" ({around.kept} of {counted(around.evaluated, 'neighbour')})"
    return (str(one.number), str(one.rank), *_figures(one.validation), *_figures(one.holdout), plateau)


def _figures(figures: Figures) -> tuple[str, ...]:
    fall = UNKNOWN if figures.max_drawdown is None else percent(figures.max_drawdown)
    return (*_pooled(figures), fall)


def _pooled(figures: PooledFigures) -> tuple[str, ...]:
    return (
        count(figures.trades),
        UNKNOWN if figures.expectancy is None else money(figures.expectancy),
        UNKNOWN if figures.profit_factor is None else decimal(figures.profit_factor),
    )


def _chosen_parameters(results: SweepFile) -> Table:
    columns = (Column("Set"), *(Column(_short(results, d.parameter)) for d in results.space))
    rows = tuple(
        (str(number), *(_value(d, results.set(number).parameters[d.parameter]) for d in results.space))
        for number in results.top
    )
    return Table("Values of the chosen sets", columns, rows)


def _walk_forward(results: SweepFile) -> Table:
    columns = (
        Column("Fold"), Column("Best set in training"),
        *(Column(f"{name}, {part}") for part in ("training", "validation")
          for name in ("Trades", "Expectancy", "Profit factor", "Drawdown")),
    )  # fmt: skip
    found = results.walk_forward
    rows = tuple(
        (str(step.fold), str(step.number), *_figures(step.train), *_figures(step.validation)) for step in found.steps
    )
    trades, expectancy, factor = _pooled(found.validation)
    efficiency = UNKNOWN if found.efficiency is None else percent(found.efficiency)
    note = (
        f"All validation windows together: {trades} trades, expectancy {expectancy}, profit factor {factor}; "
        f"walk-forward efficiency {efficiency}. This is what choosing by training alone would have brought."
    )
    return Table("Walk forward", columns, rows, note)


def _dimensions(results: SweepFile) -> Table:
    columns = (
        Column("Parameter", numeric=False), Column("Value"), Column("Sets"), Column("Mean expectancy"),
        Column("Best expectancy"), Column("", numeric=False),
    )  # fmt: skip
    rows = []
    for dimension in results.space:
        for value in sorted({*dimension.values, dimension.default}):
            sets = [one for one in results.sets if one.parameters[dimension.parameter] == value]
            found = [one.validation.expectancy for one in sets if one.validation.expectancy is not None]
            rows.append((
                clean(_short(results, dimension.parameter)), _value(dimension, value), count(len(sets)),
                money(fsum(found) / len(found)) if found else UNKNOWN, money(max(found)) if found else UNKNOWN,
                "default" if value == dimension.default else "",
            ))  # fmt: skip
    return Table("Parameters, by validation", columns, tuple(rows))


def _tiles(results: SweepFile) -> str:
    if not results.top:
        return ""
    best = results.set(results.top[0])
    assert best.holdout is not None
    first = next(one for one in results.sets if one.rank == 1)
    shown = [
        ("Sets tried", count(len(results.sets)), ""),
        _tile("Best on the holdout, expectancy there", best.holdout.expectancy),
        _tile("First in validation, expectancy there", first.validation.expectancy),
        _tile("The same on the holdout", None if first.holdout is None else first.holdout.expectancy),
    ]
    return tiles(shown)


def _tile(name: str, value: float | None) -> tuple[str, str, str]:
    if value is None:
        return name, "unknown: no trades", "unknown"
    return name, money(value), "won-text" if value > 0 else "lost-text" if value < 0 else ""


def _maps(results: SweepFile) -> str:
    pairs = [_map(results, down, across) for down, across in combinations(results.space, 2)]
    ranked = sorted((one for one in pairs if one.cells), key=lambda one: -one.spread)
    if not ranked:
        return ""
    note = "Mean expectancy in validation of all sets with these two values. The frame marks the set ranked first."
    if len(ranked) > MAX_MAPS:
        note += f" The {MAX_MAPS} of {len(ranked)} pairs that matter most."
    drawn = "".join(heat_map(one) for one in ranked[:MAX_MAPS])
    return f'<section><h2>Pairs of parameters</h2><p class="key">{note}</p><div class="maps">{drawn}</div></section>'


def _map(results: SweepFile, down: DimensionFile, across: DimensionFile) -> HeatMap:
    sums: defaultdict[Place, list[float]] = defaultdict(list)
    best: Place | None = None
    for one in results.sets:
        x, y = one.parameters[across.parameter], one.parameters[down.parameter]
        if x not in across.values or y not in down.values:
            continue  # the rules' own values may lie between those that are searched
        place = (across.values.index(x), down.values.index(y))
        if one.validation.expectancy is not None:
            sums[place].append(one.validation.expectancy)
        if one.rank == 1:
            best = place
    cells = {place: (fsum(found) / len(found), len(found)) for place, found in sums.items()}
    return HeatMap(
        _short(results, across.parameter), _short(results, down.parameter),
        [_value(across, value) for value in across.values], [_value(down, value) for value in down.values], cells, best,
    )  # fmt: skip


def _short(results: SweepFile, key: str) -> str:
    return key.removeprefix(f"{results.pack}.")


def _value(dimension: DimensionFile, value: float) -> str:
    return written(Kind(dimension.kind), value)


def _embargo(splits: SplitFile) -> str:
    if splits.embargo_seconds is not None:
        return duration(splits.embargo_seconds)
    return f"{splits.embargo_ticks:,} ticks"


def _figure(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.6f}"


def _pairs(title: str, name: str, rows: Sequence[tuple[str, str]], note: str) -> Table:
    return Table(
        title, (Column(name, numeric=False), Column("Value")), tuple((clean(a), clean(b)) for a, b in rows), note
    )
