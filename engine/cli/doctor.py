"""``engine doctor``: everything that could stop a run or make it unsafe, looked at without starting one."""

from __future__ import annotations

from collections import Counter

from rich.markup import escape

from engine.cli.checks.check import Check, Outcome, VenueProbe, fail, ok, warn
from engine.cli.checks.keys import check_keys
from engine.cli.checks.machine import check_clock, check_folders, check_packages, check_python, check_room
from engine.cli.checks.notices import check_notices
from engine.cli.checks.packs import check_packs
from engine.cli.checks.polygon import check_polygon
from engine.cli.checks.store import check_stores
from engine.cli.checks.venues import check_venues
from engine.cli.clock import now_ns
from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import LoadedSettings, SettingsError, read_settings
from engine.settings.venues import KalshiSettings

STYLES = {Outcome.OK: "green", Outcome.UNKNOWN: "cyan", Outcome.WARN: "yellow", Outcome.FAIL: "red"}


def command(config: ConfigOption = None, json: JsonOption = False) -> int:
    """Check settings, keys, clock, store, disk, limits, markets and this machine. Exit 1 when a check fails."""
    machine = [check_python(), check_packages()]
    try:
        loaded = read_settings(config)
    except SettingsError as error:
        checks = machine + [fail("settings", mistake, "correct it; nothing else can be looked at")
                            for mistake in error.mistakes]  # fmt: skip
    else:
        checks = machine + examine(loaded, _probe(loaded.settings.kalshi))
    failed = any(check.outcome is Outcome.FAIL for check in checks)
    if json:
        print_json({"good": not failed, "checks": [check.to_json() for check in checks]})
    else:
        _print(checks)
    return ExitCode.NO if failed else ExitCode.GOOD


def examine(loaded: LoadedSettings, probe: VenueProbe | None) -> list[Check]:
    """Every check that needs settings; ``probe`` asks the venue, None leaves what only it knows unknown."""
    settings = loaded.settings
    kalshi = settings.kalshi
    files = ", ".join(str(file) for file in loaded.files) or "no file, so the defaults"
    return [
        ok("settings", f"{files}: environment {kalshi.environment}, execution mode {kalshi.execution_mode}"),
        *(warn("variables", *hint.split("; ", 1)) for hint in loaded.hints),
        *check_keys(kalshi, probe),
        *check_venues(settings),
        *check_polygon(settings),
        check_clock(probe),
        *check_stores(settings, now_ns()),
        check_room(settings.store.path),
        *check_folders(settings),
        *check_packs(settings, probe),
        *check_notices(settings),
    ]


def _probe(settings: KalshiSettings) -> VenueProbe | None:
    """None where no venue is configured, or where the packages for venues are missing, which is a check of its own."""
    if settings.api_key_id is None and settings.base_url is None:
        return None  # decided here, because the connector takes a third of a second to import
    try:
        from connectors.transport.loopback import HostError
        from engine.cli.checks.kalshi import probe_of
    except ImportError:
        return None
    try:
        return probe_of(settings)
    except HostError as error:
        raise UserError(f"kalshi.base_url: {error}") from None


def _print(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        style = STYLES[check.outcome]
        out().print(f"[{style}]{check.outcome:<8}[/] {escape(check.name):<{width}}  {escape(check.found)}")
        if check.mend:
            out().print(f"{'':<{width + 9}}  → {escape(check.mend)}")
    counts = Counter(check.outcome for check in checks)
    out().print(", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome]))
