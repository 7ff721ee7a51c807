"""The store: it opens, its tables are today's, it is sound, and no other engine is on it."""

from __future__ import annotations

from pathlib import Path

from engine.cli.checks.check import Check, fail, ok, unknown, warn
from state import Store, StoreError, open_store

LARGEST_TO_CHECK = 1 << 28  # bytes; a sound file of this size is read through in about a second


def check_store(path: Path) -> list[Check]:
    """Opening brings an older store up to date, as every verb does; a store that is not there is not made."""
    if not path.exists():
        return [ok("store", f"{path} is not there yet; the first run makes it")]
    try:
        store = open_store(path)
    except StoreError as error:
        return [fail("store", str(error), "see what it says; nothing was changed")]
    try:
        return [ok("store", f"{path} opens, tables are up to date"), _sound(store), _alone(store)]
    except StoreError as error:
        return [fail("store", str(error), "go on with a backup")]
    finally:
        store.close()


def _sound(store: Store) -> Check:
    size = store.path.stat().st_size
    if size > LARGEST_TO_CHECK:
        return unknown("store sound", f"{size >> 20} MiB were not read through", "check it while no engine runs")
    problems = store.check()
    if problems:
        return fail("store sound", "; ".join(problems[:3]), "go on with a backup")
    return ok("store sound", "every page and every reference")


def _alone(store: Store) -> Check:
    running = [run for run in store.runs() if run["status"] == "running"]
    if running:
        who = ", ".join(f"run {run['id']} (process {run['pid']})" for run in running)
        return warn("store free", f"{who} is using it", "a second engine on it would be refused")
    return ok("store free", "no engine is on it")
