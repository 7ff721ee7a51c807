"""The venue's key: its name is set, its file is private and holds a key, and the venue takes it."""

from __future__ import annotations

from engine.cli.checks.check import Check, VenueProbe, VenueSilent, fail, ok, unknown, warn
from engine.settings.venues import KalshiSettings

UNNAMED = "unnamed"  # a name is checked by itself
NAME_VARIABLE = "AUTOTRADER__KALSHI__API_KEY_ID"
PATH_VARIABLE = "AUTOTRADER__KALSHI__PRIVATE_KEY_PATH"


def check_keys(settings: KalshiSettings, probe: VenueProbe | None) -> list[Check]:
    """Missing keys only matter to who trades with them: in paper mode they are a warning."""
    checks = [_name(settings), _file(settings)]
    if probe is not None:
        checks.append(_accepted(probe))
    return checks


def _missing(settings: KalshiSettings, name: str, variable: str) -> Check:
    lacking = fail if settings.execution_mode == "live" else warn
    return lacking(name, "is not set", f"set {variable} in the environment or in .env")


def _name(settings: KalshiSettings) -> Check:
    if settings.api_key_id is None:
        return _missing(settings, "key name", NAME_VARIABLE)
    return ok("key name", "is set")


def _file(settings: KalshiSettings) -> Check:
    path = settings.private_key_path
    if path is None:
        return _missing(settings, "key file", PATH_VARIABLE)
    try:
        from connectors.kalshi.sign import KeyFileError, load_signer
    except ImportError:
        mend = "pip install -e '.[venues]' in the engine's folder"
        return unknown("key file", f"{path} was not read: cryptography is missing", mend)
    try:
        load_signer(UNNAMED, path)
    except KeyFileError as error:
        found, _, mend = str(error).partition("; ")
        return fail("key file", found, mend or f"put the venue's PEM file there, or set {PATH_VARIABLE}")
    return ok("key file", f"{path} is private and holds a key")


def _accepted(probe: VenueProbe) -> Check:
    try:
        problem = probe.key_problem()
    except VenueSilent as error:
        return unknown("key accepted", f"{probe.name} cannot say: {error}", error.mend)
    if problem is None:
        return ok("key accepted", f"by {probe.name} at {probe.address}")
    return fail("key accepted", f"{probe.name} says {problem}", "use the key of this environment, with trading scope")
