"""Who owns a run: a process by its id and the moment it started, so that a reused id is not taken for it."""

from __future__ import annotations

import os
from pathlib import Path

ENDED = "ZX"  # a killed engine stays a zombie until its parent asks for it, which may be never in a container


def start_of(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 when it is gone or the system does not say."""
    seen = _look_at(pid)
    return seen[1] if seen else 0


def is_alive(pid: int, started: int) -> bool:
    """Whether the very process that wrote these numbers still runs."""
    seen = _look_at(pid)
    if seen and started:
        return seen[1] == started and seen[0] not in ENDED
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _look_at(pid: int) -> tuple[str, int] | None:
    """State letter and start of a process from ``/proc``; None when it shows none (gone, hidden, not Linux)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name in brackets may hold spaces
    return fields[0], int(fields[19])
