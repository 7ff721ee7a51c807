"""The hardening checklist of packs on the leaderboard: what they must have shown before real money, item by item.

It is a gate like any other (``<pack>.hardening`` of ``engine gate check``, which a live run asks, too) and a report.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.cli.rules import load_rules
from engine.cli.sources import asking
from engine.cli.stores import store_of
from engine.research.golive import GateReport, Requirement
from engine.ruleset.rules import Ruleset
from engine.settings import Settings
from state import open_store

if TYPE_CHECKING:
    from connectors.arena.board import Board
    from connectors.arena.looks import Kept
    from engine.cli.gate.verb import PackVerdict

SOURCE = "arena"
DAYS = 7
CAPS = ("contract_cap", "event_cap", "total_cap", "daily_loss", "drawdown")
LEAST_SUCCESS, LONGEST_GAP_MINUTES, LEAST_FIELDS, LEAST_FILLS, LEAST_DAYS = 0.95, 15.0, 0.99, 50, 3.0
BEST = 20  # rows whose fields are looked at
DAY = 86_400.0


class Item(NamedTuple):
    """One item of the checklist. ``holds`` None is unknown, which is not enough."""

    group: str
    item: str
    value: str
    need: str
    holds: bool | None
    evidence: str


def hardening_gates(settings: Settings, ruleset: Ruleset, verdict: PackVerdict) -> list[GateReport]:
    """The checklist as a gate of a pack that trades on the leaderboard; no other pack has one."""
    if not any(strategy.pack == verdict.pack for strategy in asking(ruleset, SOURCE)):
        return []
    found = tuple(
        Requirement(
            f"{one.group}: {one.item}", one.holds, one.value, one.need, (None, None), 0.0 if one.holds else None, "",
            "" if one.holds else one.evidence,
        )
        for one in items(settings, verdict, DAYS)
    )  # fmt: skip
    return [GateReport(f"{verdict.pack}.hardening", found, int(all(one.holds is True for one in found)), 1)]


def items(settings: Settings, verdict: PackVerdict, days: int) -> Iterator[Item]:
    """Every item, over the looks of the last ``days``; ``verdict``: of the rules' own gates."""
    from connectors.arena.keep import read_boards
    from connectors.arena.looks import read_looks
    from connectors.arena.source import BOARDS, LOOKS

    folder = settings.arena.folder
    looks = read_looks(folder / LOOKS) if (folder / LOOKS).exists() else []
    looks = [look for look in looks if look.at >= time.time() - days * DAY]
    boards = read_boards(folder / BOARDS) if (folder / BOARDS).exists() else []
    yield from _data(looks, boards, folder / LOOKS, folder / BOARDS)
    yield from _signals(looks, boards, folder / LOOKS)
    yield from _limits(settings, verdict)
    yield from _drift(settings, verdict, boards, folder / BOARDS)


def _data(looks: Sequence[Kept], boards: Sequence[Board], kept: Path, tables: Path) -> Iterator[Item]:
    from connectors.arena.looks import longest_gap_minutes

    good = sum(look.good for look in looks)
    success = good / len(looks) if looks else None
    elsewhere = sum(look.fallback for look in looks)
    yield Item(
        "data", "the page can be read", _share(success) + (f", {elsewhere} at the fallback" if looks else ""),
        f"{LEAST_SUCCESS:.0%} of looks", None if success is None else success >= LEAST_SUCCESS, f"{kept}: {len(looks)}",
    )  # fmt: skip
    rows = [row for board in boards for row in board.rows[:BEST]]
    told = [row.rank_ub is not None and bool(row.votes) and bool(row.organization) for row in rows]
    fields = sum(told) / len(told) if told else None
    dated = sum(row.release_date is not None for row in rows)
    yield Item(
        "data", "rank, score, votes and maker of the best are told", f"{_share(fields)}; {dated} release dates",
        f"{LEAST_FIELDS:.0%}; dates only where votes are level", None if fields is None else fields >= LEAST_FIELDS,
        f"{tables}: {len(boards)} tables",
    )  # fmt: skip
    gap = longest_gap_minutes(looks)
    yield Item(
        "data", "no silent gaps between looks", "unknown" if gap is None else f"longest {gap:.1f} min",
        f"{LONGEST_GAP_MINUTES:g} min at most", None if gap is None else gap <= LONGEST_GAP_MINUTES, str(kept),
    )  # fmt: skip
    seen = (looks[-1].at - looks[0].at) / DAY if looks else 0.0
    yield Item("data", "it was watched for days", f"{seen:.1f} days", f"{LEAST_DAYS:g}", seen >= LEAST_DAYS, str(kept))


def _signals(looks: Sequence[Kept], boards: Sequence[Board], kept: Path) -> Iterator[Item]:
    from connectors.arena.looks import doubles, signals_of_tables, signals_told

    told, moved = signals_told(looks), set(signals_of_tables(boards))
    wrong = [signal for signal in told if signal not in moved]
    yield Item(
        "signals", "signals are moves of the kept tables", f"{len(told) - len(wrong)} of {len(told)}", "all, and any",
        None if not told else not wrong, str(kept),
    )  # fmt: skip
    leaders = {signal for signal in told if signal[0] == "new_leader"}
    settled = {signal for signal in moved if signal[0] == "new_leader"}
    yield Item(
        "signals", "new leaders are those of settlement", f"{len(leaders & settled)} of {len(leaders)}", "all",
        None if not leaders else leaders <= settled, "the cascade on the kept tables",
    )  # fmt: skip
    twice = doubles(told)
    yield Item("signals", "no signal is told twice", str(twice), "0", None if not told else twice == 0, str(kept))


def _limits(settings: Settings, verdict: PackVerdict) -> Iterator[Item]:
    ruleset = load_rules(settings.rules.paths, [verdict.pack]).ruleset
    there = {guard.name.rpartition(".")[2] for guard in ruleset.packs[verdict.pack].guards}
    missing = [cap for cap in CAPS if cap not in there]
    fills = sum(run.fills for run in verdict.evidence.counted)
    yield Item(
        "limits", "caps are in the pack", ", ".join(missing) + " missing" if missing else f"{len(CAPS)} of {len(CAPS)}",
        ", ".join(CAPS), not missing, "rules of the pack",
    )  # fmt: skip
    runs = len(verdict.evidence.counted)
    yield Item("limits", "sizes were tried on paper fills", f"{fills} fills", str(LEAST_FILLS), fills >= LEAST_FILLS,
               f"{runs} runs that count")  # fmt: skip
    yield _condition(verdict, "limits", "an edge is left after fees, spread and slippage", "stats.expectancy > $0")
    yield _condition(verdict, "limits", "costs of fills are recorded", "stats.cost_coverage >= 95%")
    store = open_store(store_of(settings))
    try:
        resumes = store.halts.look().resumes
    finally:
        store.close()
    yield Item("limits", "halt and resume were tried", f"{resumes} lifted", "1", resumes >= 1,
               f"{store_of(settings)}; docs/live.md")  # fmt: skip


def _drift(settings: Settings, verdict: PackVerdict, boards: list[Board], tables: Path) -> Iterator[Item]:
    yield _condition(verdict, "drift", "the edge has not decayed", "stats.holdout_expectancy(100) > $0")
    yield _assumptions(settings, boards, tables)
    yield _again(settings, boards, tables)


def _condition(verdict: PackVerdict, group: str, item: str, text: str) -> Item:
    for gate in verdict.gates:
        for one in gate.requirements:
            if one.text == text:
                return Item(group, item, one.have or "unknown", text, one.holds, f"gate {gate.gate}")
    return Item(group, item, "unknown", text, None, "no gate of the pack asks for it")


def _assumptions(settings: Settings, boards: list[Board], tables: Path) -> Item:
    """The estimator against the base rate on the tables that this machine has kept."""
    from engine.cli.arena.evaluate import DEFAULT, HORIZONS, assess
    from engine.research.arena.evaluate import BASE_RATE

    parts = assess(boards, settings.arena.seed, HORIZONS) if len(boards) > 1 else []
    name, need = "the estimator is better than the base rate", "less log-loss at each horizon"
    if not parts:
        return Item("drift", name, "unknown", need, None, f"{tables}: too few tables")
    loss = [{score.estimator: score.log_loss for score in part.scores} for part in parts]
    value = ", ".join(f"{one[DEFAULT] - one[BASE_RATE]:+.3f}" for one in loss)
    return Item("drift", name, value, need, all(one[DEFAULT] < one[BASE_RATE] for one in loss),
                "engine arena evaluate")  # fmt: skip


def _again(settings: Settings, boards: Sequence[Board], tables: Path) -> Item:
    """What today's checks say of the tables that earlier ones let through."""
    from connectors.arena.board import BoardError
    from connectors.arena.checks import check_sound

    refused = 0
    for board in boards:
        try:
            check_sound(board, settings.arena.least_rows)
        except BoardError:
            refused += 1
    return Item("drift", "today's checks take every kept table", f"{refused} of {len(boards)} refused", "0",
                None if not boards else refused == 0, str(tables))  # fmt: skip


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"
