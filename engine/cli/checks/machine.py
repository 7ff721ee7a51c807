"""This machine: Python, packages, clock, room on disk, folders that must be written to or read from."""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path

from engine.cli.checks.check import Check, VenueProbe, VenueSilent, fail, ok, unknown, warn
from engine.settings import Settings

LEAST_PYTHON = (3, 11)
VENUE_PACKAGES = ("httpx", "cryptography")
GIB = 1 << 30
LITTLE_ROOM, NO_ROOM = 2 * GIB, GIB // 4
ODD_SECONDS, WRONG_SECONDS = 2.0, 5.0  # venues tell whole seconds, and a signature counts for some only


def check_python() -> Check:
    said = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        return fail("python", said, f"use Python {'.'.join(map(str, LEAST_PYTHON))} or later")
    return ok("python", said)


def check_packages() -> Check:
    """Packages of the distribution's own list; those for venues are extra and their lack is a warning."""
    missing = [name for name in VENUE_PACKAGES if _version(name) is None]
    if missing:
        return warn("packages", f"{', '.join(missing)} missing: no venue can be reached",
                    "pip install -e '.[venues]' in the engine's folder")  # fmt: skip
    shown = ("numpy", "numba", "pydantic", *VENUE_PACKAGES)
    return ok("packages", ", ".join(f"{name} {_version(name) or 'missing'}" for name in shown))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_clock(probe: VenueProbe | None) -> Check:
    if probe is None:
        return unknown("clock", "there is nothing to compare it with", "keep it in step with NTP")
    try:
        ahead = probe.clock_ahead_seconds()
    except VenueSilent as error:
        return unknown("clock", f"{probe.name} cannot say: {error}", error.mend)
    said = f"{abs(ahead):.2f} s {'ahead of' if ahead >= 0 else 'behind'} {probe.name}"
    if abs(ahead) >= WRONG_SECONDS or ahead != ahead:
        return fail("clock", said, "put the clock right (NTP): signed requests are refused")
    if abs(ahead) >= ODD_SECONDS:
        return warn("clock", said, "put the clock right (NTP) before it is refused")
    return ok("clock", said)


def check_room(store: Path) -> Check:
    folder = _nearest(store.parent)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return unknown("disk", f"{folder}: {error.strerror}", "look at the disk by hand")
    said = f"{free / GIB:.1f} GiB free where {store} is"
    if free < NO_ROOM:
        return fail("disk", said, "make room, or move the store (AUTOTRADER__STORE__PATH)")
    return warn("disk", said, "make room before it runs out") if free < LITTLE_ROOM else ok("disk", said)


def check_folders(settings: Settings) -> list[Check]:
    """Where the engine writes, and where it reads rules and data from."""
    writes = _nearest(settings.store.path.parent)
    checks = [
        ok("writes", f"{writes} can be written")
        if os.access(writes, os.W_OK | os.X_OK)
        else fail("writes", f"{writes} cannot be written", f"chmod u+w {writes}, or name another store")
    ]
    reads = [("rules folder", folder) for folder in settings.rules.paths]
    if settings.market.source == "replay" and settings.market.data is not None:
        reads.append(("data folder", settings.market.data))
    return checks + [_readable(name, folder) for name, folder in reads]


def _readable(name: str, folder: Path) -> Check:
    if not folder.is_dir():
        return fail(name, f"{folder} is no folder", "name the folder in autotrader.toml")
    try:
        empty = not any(folder.iterdir())
    except OSError as error:
        return fail(name, f"{folder}: {error.strerror}", f"chmod u+rx {folder}")
    return warn(name, f"{folder} is empty", "put files there") if empty else ok(name, f"{folder} can be read")


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above that is there."""
    return next((one for one in (folder, *folder.absolute().parents) if one.is_dir()), Path("/"))
