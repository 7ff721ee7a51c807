"""What a run's decisions depend on beside its rules, parameters and inputs: kept with the run, and brought back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from connectors.calendars import calendar
from engine.cli.assemble import Assembly
from engine.cli.errors import UserError
from engine.cli.kept import KeptRun
from engine.decide.sessions import window_calendars
from engine.decide.tick import Decider, VenueFacts
from engine.execute.resume import Carried, Start, begin_with
from engine.market.calendar import TradingCalendar
from engine.market.instrument import Instrument, InstrumentKind, PriceBand
from engine.plan.compiled import compiled_kernel
from engine.ruleset.rules import Ruleset
from state.orders import decode_saved, encode_saved

START = "start"  # the snapshot that has what a run on a lasting account began with
RULES = "rules"  # the part that is kept with every commit: what the rules remember
PAPER_BROKER = "paper broker"  # and another: cash, positions and resting orders of a paper account


def conditions_of(assembly: Assembly) -> dict[str, Any]:
    """JSON values; Decimals are text."""
    return {
        "instruments": [
            {"symbol": i.symbol, "kind": i.kind.value, "tick_size": str(i.tick_size), "lot_size": str(i.lot_size),
             "calendar": i.calendar, "bands": [[str(part) for part in band] for band in i.bands],
             "lowest": _text(i.lowest), "highest": _text(i.highest), "event": i.event}
            for i in assembly.instruments.values()
        ],
        "calendars": list(assembly.calendars),
        "cash": str(assembly.settings.paper.cash),
        "venue": asdict(assembly.venue_facts()),
        "execution": {name: dict(pack.execution) for name, pack in assembly.ruleset.packs.items()},
        "keep_values": assembly.keep_values,
    }  # fmt: skip


def decider_of(kept: KeptRun) -> Decider:
    """A fresh decider under the run's own conditions; raises UserError for a run that kept none."""
    said: Mapping[str, Any] | None = kept.run["conditions"]
    if said is None:
        raise UserError(f"run {kept.run['id']} is older than the journal of inputs and cannot be decided again")
    decider = Decider(
        kept.plan, *markets_of(said, kept.plan.ruleset), Decimal(said["cash"]), VenueFacts(**said["venue"]),
        compiled_kernel(), said["keep_values"],
    )  # fmt: skip
    began = kept.store.snapshot(kept.run["id"], START)
    if began is not None:
        begin_with(decider, decode_start(began))
    return decider


def markets_of(
    said: Mapping[str, Any], ruleset: Ruleset
) -> tuple[dict[str, Instrument], dict[str, TradingCalendar]]:
    """The instruments of kept conditions, and by name their calendars and those of the session windows."""
    instruments = {
        i["symbol"]: Instrument(
            i["symbol"], InstrumentKind(i["kind"]), Decimal(i["tick_size"]), Decimal(i["lot_size"]), i["calendar"],
            tuple(PriceBand(*map(Decimal, band)) for band in i.get("bands", ())), _decimal(i.get("lowest")),
            _decimal(i.get("highest")), i.get("event", ""),
        )
        for i in said["instruments"]
    }
    names = {*said["calendars"], *window_calendars(ruleset.packs.values(), calendar)}
    return instruments, {name: calendar(name) for name in sorted(names)}


def encode_start(start: Start) -> dict[str, Any]:
    """What a run on a lasting account began with, as JSON values."""
    carried = start.carried
    return {
        "saved": None if start.saved is None else encode_saved(start.saved),
        "cash": _text(start.cash),
        "carried": None if carried is None else [carried.told, str(carried.moved), str(carried.missed)],
    }


def decode_start(told: Mapping[str, Any]) -> Start:
    """The same again."""
    carried = told["carried"]
    return Start(
        None if told["saved"] is None else decode_saved(told["saved"]), _decimal(told["cash"]),
        None if carried is None else Carried(carried[0], Decimal(carried[1]), Decimal(carried[2])),
    )  # fmt: skip


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
