"""Sessions of exchanges that were computed once, kept in the user's cache folder: a second less at every start.

A file is good for one version of the library, one range of years and one form of file, which its name says; its
checksum tells a damaged one. What cannot be read is computed again, and what cannot be written is not kept.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

FORM = 1


class Sessions(NamedTuple):
    """All sessions of an exchange: local dates as proleptic ordinals, opens and closes as UTC nanoseconds."""

    timezone: str
    ordinals: list[int]
    opens_ns: list[int]
    closes_ns: list[int]


def cache_file(name: str, years: str) -> Path:
    """Where the sessions of that calendar are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "autotrader" / "calendars"
    return folder / f"{name}-{years}-{version('exchange_calendars')}-{FORM}.bin"


def load(path: Path) -> Sessions | None:
    """The sessions in a file; None where there is none, or a damaged one."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        told = json.loads(head)
        if told["sha256"] != sha256(body).hexdigest():
            return None
        rows = np.frombuffer(body, dtype="<i8").reshape(3, -1)
        return Sessions(str(told["timezone"]), *(row.tolist() for row in rows))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(path: Path, sessions: Sessions) -> None:
    """Write the file whole, or leave it."""
    body = np.array(sessions[1:], dtype="<i8").tobytes()
    head = json.dumps({"timezone": sessions.timezone, "sha256": sha256(body).hexdigest()}).encode()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as out:
            out.write(head + b"\n" + body)
        Path(new).replace(path)
