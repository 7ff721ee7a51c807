"""The venue's key: its name is set, its file is private, and a private key is in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from engine.cli.checks.check import Check, VenueProbe, VenueSilent, fail, ok, unknown, warn
from engine.settings.models import KalshiSettings

LARGEST_BYTES = 64 * 1024
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
        data = _read_private(path)
    except _NotPrivate as error:
        return fail("key file", f"{path} {error.args[0]}", error.args[1])
    except OSError as error:
        reason = error.strerror or "cannot be read"
        return fail("key file", f"{path}: {reason}", f"put the venue's PEM file there, or set {PATH_VARIABLE}")
    return _parsed(path, data)


class _NotPrivate(Exception):
    """What is wrong with the file, and the mend."""


def _read_private(path: Path) -> bytes:
    # Judged by the file that was opened, and a pipe in its place must not block.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise _NotPrivate("is no regular file", "name the PEM file itself")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = f"{stat.S_IMODE(found.st_mode):04o}"
            raise _NotPrivate(f"may be used by others (mode {mode})", f"chmod 600 {path}")
        data = stream.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise _NotPrivate("is too large for a key", "name the PEM file itself")
    return data


def _parsed(path: Path, data: bytes) -> Check:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        return unknown("key file", f"{path} is private; whether it holds a key needs cryptography",
                       "pip install 'autotrader[venues]'")  # fmt: skip
    anew = "save the private key again that the venue showed when it was made, without a password"
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return fail("key file", f"{path} holds no readable private key in PEM form", anew)
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        return fail("key file", f"{path} holds a key that is neither RSA nor Ed25519", anew)
    kind = f"RSA, {key.key_size} bits" if isinstance(key, rsa.RSAPrivateKey) else "Ed25519"
    return ok("key file", f"{path} is private and holds a key ({kind})")


def _accepted(probe: VenueProbe) -> Check:
    try:
        problem = probe.key_problem()
    except VenueSilent as error:
        return unknown("key accepted", f"{probe.name} does not answer: {error}", "try again when it does")
    if problem is None:
        return ok("key accepted", f"by {probe.name} at {probe.address}")
    return fail("key accepted", f"{probe.name} says {problem}", "use the key of this environment, with trading scope")
