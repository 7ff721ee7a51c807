"""From the plan of one parameter set to the tables that the machine works on."""

from __future__ import annotations

from engine.decide.portfolio import pack_of
from engine.language.terms import Op, walk
from engine.market.orders import Side
from engine.plan.columns import LIVE_SCOPES, CannotCompile
from engine.plan.plan import rule_terms
from engine.research.columns.common import ACCOUNT_FACTS, ORDER_FACTS, POSITION_FACTS, Common, place_of
from engine.research.columns.machine import layout
from engine.research.columns.positions import Positions
from engine.research.columns.programs import Programs
from engine.research.columns.strategies import Strategies
from engine.research.columns.symbols import Symbols
from engine.research.columns.tables import Tables, rows_of
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import GuardEffect, Judged


def tabulate(common: Common) -> Tables:
    """The tables of one plan; its columns are added to the graphs. Raises CannotCompile."""
    _known_facts(common)
    _one_side_each(common)
    _one_account(common)
    programs = Programs(common)
    strategies = Strategies(common)
    positions = Positions(common, programs.state_base)
    symbols = Symbols(common, strategies.watches, programs.leaves)
    offsets = _offsets(common, symbols)
    flat = [watch for of_symbol in strategies.watches.values() for watch in of_symbol]
    placed = common.placed.values()
    captures = max((len(c) for p in placed for c in p.program.captures.values()), default=1) or 1
    reads_realised = any(key.name == "pnl.realized_today" for p in placed for key in p.program.inputs)
    return Tables(
        rows_of(layout.SYMBOL, symbols.rows), rows_of(layout.WATCH, flat),
        rows_of(layout.ENTRY_RULE, strategies.entries), rows_of(layout.EXIT_RULE, positions.exits),
        rows_of(layout.GUARD_RULE, positions.guards), rows_of(layout.HELD, positions.held),
        rows_of(layout.BAND, symbols.bands), rows_of(layout.PACK, _packs(common)), common.lists.array(), programs.v,
        max(programs.state_size, 1), programs.stretches, programs.code, programs.pool, symbols.setting_values(),
        [*strategies.candidates, *positions.candidates], common.names, common.rules, common.strategies, captures,
        offsets, reads_realised, common.origins,
    )  # fmt: skip


def _known_facts(common: Common) -> None:
    """Facts that the machine publishes; any other that moves with the run would stay unknown for ever."""
    known = {*POSITION_FACTS, *ACCOUNT_FACTS, *ORDER_FACTS}
    for rule in common.plan.ruleset.rules:
        for term in rule_terms(rule):
            for part in walk(term):
                spec = common.plan.ruleset.facts.get(part.name) if part.op is Op.FACT else None
                if spec is not None and spec.scope in LIVE_SCOPES and part.name not in known:
                    span = part.span()
                    raise CannotCompile(f"{span.file}:{span.line}: {rule.key} reads `{part.name}`")


def _one_side_each(common: Common) -> None:
    for strategy in common.plan.ruleset.strategies:
        entries = [strategy.entry, *(o.entry for o in strategy.overrides.values() if o.entry is not None)]
        if len({entry.side for entry in entries}) > 1:
            raise CannotCompile(f"{place_of(strategy)}: {strategy.key} buys one symbol and sells another")


def _one_account(common: Common) -> None:
    """The machine counts for the account as a whole: no pack has a sum or a halt of its own in it."""
    for pack in common.packs:
        if pack.budget is not None:
            where = "" if pack.document is None else f"{pack.document.span.file}:{pack.document.span.line}: "
            raise CannotCompile(f"{where}the pack {pack.name} has a budget for all its positions together")
    several = sum(bool(pack.strategies) for pack in common.packs) > 1
    for guard in common.guards:
        if guard.action.effect not in (GuardEffect.HALT, GuardEffect.FLATTEN):
            continue
        if guard.judged is not Judged.ENTRIES:
            raise CannotCompile(f"{place_of(guard)}: {guard.key} halts or flattens when it judges an exit")
        if several and guard.pack != SHARED:
            raise CannotCompile(f"{place_of(guard)}: {guard.key} stops one of several packs")


def _offsets(common: Common, symbols: Symbols) -> dict[str, int]:
    """Lists that there is one of each."""
    lists, strategies, texts = common.lists, common.strategies, common.plan.texts
    by_name = sorted(range(len(strategies)), key=strategies.__getitem__)
    packs = {pack.name: number for number, pack in enumerate(common.packs)}
    return {
        "setting_packs": lists.add(symbols.setting_packs())[0],
        "strategy_codes": lists.slots(int(texts.code(key)) for key in strategies)[0],
        "strategy_packs": lists.slots(packs[pack_of(key)] for key in strategies)[0],
        "by_name": lists.slots(by_name)[0],
        "side_codes": lists.slots(int(texts.code(side.value)) for side in (Side.BUY, Side.SELL))[0],
    }


def _packs(common: Common) -> list[dict[str, float]]:
    return [
        {
            "limited_quantity": int(p.max_quantity is not None), "quantity": p.max_quantity or 0.0,
            "limited_notional": int(p.max_notional is not None), "notional": p.max_notional or 0.0,
        }
        for p in common.packs
    ]
