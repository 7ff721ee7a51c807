"""An engine that runs beside a test: hearing what it says, waiting for what it does, stopping it as a user does."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

SECONDS = 60.0


def said(run: subprocess.Popen[str], words: str, times: int = 1) -> None:
    """Read what the engine prints until it has said that so often."""
    assert run.stdout is not None
    seen = 0
    for line in run.stdout:
        seen += words in line
        if seen >= times:
            return
    raise AssertionError(f"it ended before it said {words!r}: {run.stderr.read() if run.stderr else ''}")


def stopped(run: subprocess.Popen[str]) -> dict[str, Any]:
    """Stop it politely; its closing note."""
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    note: dict[str, Any] = json.loads(out.splitlines()[-1])
    return note


def wait_for(check: Callable[[], Any]) -> Any:
    """What ``check`` answers when it is true at last."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to be")
