"""The store: it opens, its tables are today's, it is sound, and no other engine is on it."""

from __future__ import annotations

from dataclasses import replace

from engine.cli.checks.check import Check, fail, ok, unknown, warn
from engine.cli.stores import store_of, stores_there
from engine.settings import Settings
from state import Mode, Place, Store, StoreError, open_store

DAY_NS = 24 * 3_600 * 10**9
NEWEST = 3  # alerts that are shown
LARGEST_TO_CHECK = 1 << 28  # bytes; a sound file of this size is read through in about a second


def check_stores(settings: Settings, now_ns: int) -> list[Check]:
    """Every store that is there."""
    try:
        stores = list(stores_there(settings))
    except StoreError as error:
        return [fail("store", str(error), "nothing can be kept before this is mended")]
    if not stores:
        return [ok("store", f"{store_of(settings)} is not there yet; the first run makes it")]
    return [check for mode, path in stores for check in check_store(mode, path, now_ns)]


def check_store(mode: Mode, path: Place, now_ns: int) -> list[Check]:
    """Opening brings an older store up to date, as every verb does."""
    name = f"{mode} store"
    try:
        store = open_store(path, mode)
    except StoreError as error:
        return [fail(name, str(error), "see what it says; nothing was changed")]
    try:
        checks = [_sound(store), _alone(store), _halted(store, now_ns), _alerts(store, now_ns)]
        opens = ok(name, f"{path} opens, tables are up to date")
        return [opens, *(replace(check, name=f"{name}: {check.name}") for check in checks)]
    except StoreError as error:
        return [fail(name, str(error), "go on with a backup")]
    finally:
        store.close()


def _sound(store: Store) -> Check:
    size = store.size()
    if size > LARGEST_TO_CHECK:
        return unknown("sound", f"{size >> 20} MiB were not read through", "check it while no engine runs")
    problems = store.check()
    if problems:
        return fail("sound", "; ".join(problems[:3]), "go on with a backup")
    return ok("sound", "tables, ledger, orders, fills and inputs agree")


def _alone(store: Store) -> Check:
    running = [run for run in store.runs() if run["status"] == "running"]
    if running:
        who = ", ".join(f"run {run['id']} (process {run['pid']})" for run in running)
        return warn("free", f"{who} is using it", "a second engine on it would be refused")
    return ok("free", "no engine is on it")


def _halted(store: Store, now_ns: int) -> Check:
    """A halt is no fault, and the reason why nothing is entered."""
    file = store.halts.look().operator
    active = store.halts.active(now_ns)
    why = [f"{halt['by']}: {halt['reason']}" for halt in active]
    if file and all(halt["reason"] != file for halt in active):
        why.append(f"{store.halts.file}: {file}")
    if why:
        return warn("halt", f"entries are halted: {'; '.join(why)}", "`engine resume` lifts it")
    return ok("halt", "nothing is halted")


def _alerts(store: Store, now_ns: int) -> Check:
    """What a person should look at of the last day, the newest first."""
    found = store.alerts(since_ns=now_ns - DAY_NS)
    if not found:
        return ok("alerts", "none in the last 24 h")
    newest = "; ".join(f"{alert['kind']}: {alert['text']}" for alert in reversed(found[-NEWEST:]))
    return warn(
        "alerts", f"{len(found)} in the last 24 h, the newest: {newest}",
        f"engine db alerts --since 24h --mode {store.mode}",
    )  # fmt: skip
