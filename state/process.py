"""Who owns a run: a process by its id and the moment it started, so that a reused id is not taken for it."""

from __future__ import annotations

import os
from pathlib import Path


def start_of(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 when it is gone or the system does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])  # the name in brackets may hold spaces


def is_alive(pid: int, started: int) -> bool:
    """Whether the very process that wrote these numbers still runs."""
    if started:
        return start_of(pid) == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
