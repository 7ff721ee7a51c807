"""What the store has to show for a pack: its paper runs on real prices by today's rules, and why the others do not
count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.cli.assemble import Assembly
from engine.cli.dry_run import DRY_RUN
from engine.cli.gate.costs import costs_of, shares_of, why_free
from engine.cli.gate.trials import trials_of
from engine.cli.rules import LoadedRules
from engine.market.inputs import MANUAL
from engine.market.orders import Fill, Leg, Side
from engine.research.golive import PaperRun, without_overlap
from engine.research.statistics.trials import Trials
from engine.research.trades import TradeBook
from engine.ruleset.linker import SHARED
from engine.ruleset.load import load_text
from engine.ruleset.rules import Ruleset
from engine.settings import Settings
from state import Store, is_traded

INPUTS = "inputs"
COSTS = ("spread", "slippage", "fee")
JUDGES = frozenset({"gate", "test"})  # kinds that decide nothing while trading

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Runs that count, in the order of market time, and why each other one does not, the newest first. ``trials``: what
    the trial ledger holds of the pack; None where there is no ledger, and gates that ask for trials do not pass.
    """

    counted: list[PaperRun]
    left_out: dict[str, str]
    trials: Trials | None = None


def inputs_of(assembly: Assembly) -> dict[str, object]:
    """What a run must keep of itself to be evidence later; it is kept before the first tick, should the run crash."""
    settings = assembly.settings
    return {
        "source": assembly.data.source if assembly.recorded is None else assembly.recorded.origin,
        "derived": sorted(assembly.proxies),
        "fill_model": settings.paper.fill_model,
        "cash": str(settings.paper.cash),
        "costs": costs_of(settings.paper),
    }


def gather(store: Store, rules: LoadedRules, pack: str, settings: Settings) -> Evidence:
    """Every run of ``pack`` in the store, sorted into those that count and those that do not."""
    found: list[PaperRun] = []
    left_out: dict[str, str] = {}
    for run in store.runs():
        if pack not in run["packs"]:
            continue
        inputs = store.snapshot(run["id"], INPUTS)
        why = (
            _why_not(run, inputs, rules.ruleset, pack, settings) or _other_rules(store, run, rules, pack)
            or _without_costs(store, run, inputs, pack)
        )  # fmt: skip
        equity = [] if why else store.equity(run["id"])
        if inputs is None or why or not equity:
            left_out[run["id"]] = why or "it saw no tick"
        else:
            found.append(paper_run(store, run, inputs, equity, pack))
    counted, covered = without_overlap(found)
    same = {run: f"its days are in run {other}, which is as long or longer" for run, other in covered.items()}
    order = [run["id"] for run in store.runs()]
    left_out = dict(sorted((left_out | same).items(), key=lambda item: order.index(item[0])))
    return Evidence(counted, left_out, trials_of(store, pack))


def _why_not(run: Row, inputs: Row | None, ruleset: Ruleset, pack: str, settings: Settings) -> str:
    """Why a run is no evidence by what it says of itself; empty when it is."""
    if run["mode"] != "paper":
        return f"it was no paper run but {run['mode']}"
    if inputs is not None and inputs.get(DRY_RUN):
        return "it was a dry run"
    if run["status"] == "running":
        return "it is still running"
    if inputs is None:
        return "it does not say where its prices came from"
    if inputs["source"] == "simulated":
        return "its prices were simulated"
    if str(inputs["source"]).endswith(" practice"):
        return "its prices were a practice exchange's"
    if str(inputs["source"]).endswith(" demo"):
        return "its prices were those of the demo exchange, where money is not real"
    if str(inputs["source"]).endswith(" assumed"):
        return "its bid and ask were assumed (market.assumed_spread)"
    if inputs["derived"]:
        return f"the prices of {', '.join(inputs['derived'])} were simulated from an index"
    if inputs["fill_model"] == "optimistic":
        return "its fills were optimistic"
    changed = of_pack(pack, run["parameters"])
    if changed:
        return f"it tried other values of {', '.join(changed)}"
    if not same_universe(ruleset, pack, run["universe"]):
        return "it looked at other symbols than the pack"
    wanted = {**settings.market.execution, **ruleset.packs[pack].execution}
    if any(run["execution"].get(trigger) != symbol for trigger, symbol in wanted.items()):
        return "it ordered other symbols than today's settings would"
    return ""


def of_pack(pack: str, parameters: Iterable[str]) -> list[str]:
    """Which of ``parameters`` a pack is decided by: its own, and those of the shared pack, whose guards judge it."""
    return sorted(key for key in parameters if key.startswith((f"{pack}.", f"{SHARED}.")))


def same_universe(ruleset: Ruleset, pack: str, universe: Mapping[str, Sequence[str]]) -> bool:
    """Whether strategies of a pack look at the symbols that its rules say, in ``universe`` by their key. A universe by
    condition has whatever is listed then.
    """
    said = {s.key: list(s.universe) for s in ruleset.packs[pack].strategies if s.universe_when is None}
    return all(list(universe.get(key, ())) == symbols for key, symbols in said.items())


def _other_rules(store: Store, run: Row, rules: LoadedRules, pack: str) -> str:
    """How the rules of a run differ from today's; gates and tests may differ, because they decide nothing."""
    if run["ruleset_sha"] == rules.ruleset.sha256:
        return ""
    kept = store.ruleset(run["ruleset_sha"])
    for name in (pack, SHARED):
        then, now = _deciding(kept.get(name, {})), _deciding(rules.files.get(name, {}))
        changed = sorted(file for file in then.keys() | now.keys() if then.get(file) != now.get(file))
        if changed:
            return f"its rules were others: {', '.join(f'{name}/{file}' for file in changed)}"
    return ""


def _without_costs(store: Store, run: Row, inputs: Row | None, pack: str) -> str:
    """What the fills of a run did not cost; of a run that traded nothing, too, as it stands for its days."""
    traded = {row["symbol"] for row in pack_fills(store, run["id"], pack)[1]}
    return why_free((inputs or {}).get("costs"), shares_of(run.get("conditions"), traded))


def _deciding(files: Mapping[str, str]) -> dict[str, str]:
    """The files that hold anything but gates and tests."""
    return {
        name: text
        for name, text in files.items()
        if any(document.kind not in JUDGES for document in load_text(name, text).documents)
    }


def paper_run(store: Store, run: Row, inputs: Row, equity: list[tuple[int, float]], pack: str) -> PaperRun:
    """A kept run as evidence for a pack."""
    before, rows = pack_fills(store, run["id"], pack)
    found = paper_run_of(run, inputs, equity, before, rows, pack)
    # What a person ordered, or another pack that an earlier run had, is no trade of the pack, and moves the account.
    traded = {row["strategy"] for row in (*store.fills_before(run["id"]), *store.fills(run["id"]))}
    owners = {MANUAL if name == MANUAL else name.partition(".")[0] for name in traded}
    return replace(found, others=tuple(dict.fromkeys((*found.others, *sorted(owners - {pack})))))


def pack_fills(store: Store, run_id: str, pack: str) -> tuple[list[Row], list[Row]]:
    """The fills by which earlier runs on the same account had opened what a pack held, and the run's own fills."""

    def own(rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row["strategy"].startswith(f"{pack}.")]

    return own(store.fills_before(run_id)), own(store.fills(run_id))


def paper_run_of(
    run: Row, inputs: Row, equity: Sequence[tuple[int, float]], before: Sequence[Row], rows: Sequence[Row], pack: str
) -> PaperRun:
    """The same from its fills (see `pack_fills`), in order, and the equity, or from the first part of both."""
    book = TradeBook()
    for row in (*before, *rows):
        book.apply(fill_of(row))
    traded = [row for row in rows if is_traded(row)]
    kept = [_costed(row) for row in traded if all(name in row for name in COSTS)]
    return PaperRun(
        run["id"], inputs["source"], book.trades, [time for time, _ in equity], [worth for _, worth in equity],
        Decimal(inputs["cash"]), tuple(p for p in run["packs"] if p not in (pack, SHARED)), len(traded),
        sum(kept) if len(kept) == len(traded) else None,
    )  # fmt: skip


def _costed(row: Row) -> bool:
    """Whether all costs of a fill are kept, and it had any: where all three are 0 its market told none."""
    costs = [row[name] for name in COSTS]
    return None not in costs and any(Decimal(cost) != 0 for cost in costs)


def fill_of(row: Row) -> Fill:
    """A kept fill."""
    return Fill(
        row["fill_id"], row["client_id"], row["symbol"], row["strategy"], Side(row["side"]), Decimal(row["quantity"]),
        Decimal(row["price"]), Decimal(row["fee"]), row["time_ns"], Leg(row["leg"]), row["reason"],
    )  # fmt: skip
