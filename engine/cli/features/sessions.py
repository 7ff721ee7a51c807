"""``engine features sessions``: which session each stretch of time was, in the store."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from connectors.calendars import calendar
from engine.cli.backtest import day, rules_of
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.features.shared import keep_labels
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.rules import load_rules
from engine.cli.stores import market_of
from engine.cli.zones import check_days
from engine.decide.sessions import window_calendars
from engine.market.calendar import in_zone
from engine.settings import load_settings
from state.marketdata import open_market_data


def sessions(
    pack: Annotated[str, typer.Option("--pack", metavar="PACK", help="Whose calendar and windows.")],
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day of sessions, 2011-01-03.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last one, included.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Write the sessions of the pack's calendar (pre, regular, post, half_day) and its own windows (pack.window).

    Days written before are written anew: windows that the pack no longer has are taken out. Holidays have none.
    """
    begins, ends = day(first, "--from"), day(last, "--to")
    assert begins is not None and ends is not None
    check_days(begins, ends)
    settings = load_settings(config)
    ruleset = load_rules(*rules_of(pack, settings.rules.paths)).ruleset
    packs = ruleset.packs.values()
    exchanges = {in_zone(found.calendar, found.timezone, calendar) for found in packs if found.calendar}
    names = sorted(exchanges | window_calendars(packs, calendar))
    if not names:
        raise UserError(
            f"the pack {pack} names no calendar and has no session; write one in its pack.yaml, such as calendar: XNYS"
        )
    data = open_market_data(market_of(settings))
    try:
        found = keep_labels(data, ruleset, {name: calendar(name) for name in names}, begins, ends)
    finally:
        data.close()
    counts = {name: dict(Counter(row.label for row in rows)) for name, rows in found.items()}
    if json:
        print_json({"store": str(data.path), "from": str(begins), "to": str(ends), "labels": counts})
    else:
        for name, labels in counts.items():
            said = ", ".join(f"{count} {label}" for label, count in labels.items()) or "no session"
            print(f"{name}, {begins} to {ends}: {said}")
    return ExitCode.GOOD if any(counts.values()) else ExitCode.NO
