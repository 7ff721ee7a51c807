"""Starts engines quickly and kills them at an exact step: one process that has imported everything, and forks.

Reads one job a line: ``{"venue", "arguments", "folder", "environment", "step", "nth", "seconds"}``. The engine's own
process is killed with SIGKILL when it comes to ``step`` for the ``nth`` time, or after ``seconds`` (0: never),
whichever is first. Answers one line: ``{"signal", "code"}``.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from connectors.kalshi import http
from connectors.kalshi.venue import KalshiVenue
from connectors.tradier import http as tradier_http
from connectors.tradier.source import TradierFeed
from connectors.tradier.venue import TradierVenue
from engine.cli import cancel, flatten, reconcile, run
from engine.cli.main import main
from engine.cli.on_venue import run as venue_run
from engine.decide.tick import Decider
from engine.execute.broker import VenueBroker
from engine.execute.journal import JournalRecorder
from engine.execute.recovery import Recovery
from engine.plan.compiled import compiled_kernel
from state.orders import LiveOrders

SIGNATURE_SECONDS = 3.0  # for which the exchange (see ``trial``) takes a signature
TRADIER_ARRIVE_SECONDS = 3.0  # nothing of the practice Tradier is held up longer
IN_FLIGHT_SECONDS = 0.002  # a request has left by then, and its answer has rarely come

# Step: class, method, and whether it is before, after or while it is under way.
STEPS: dict[str, tuple[Any, str, str]] = {
    "deciding": (JournalRecorder, "decision", "after"),
    "wanted": (JournalRecorder, "orders", "before"),
    "wanted-kept": (JournalRecorder, "orders", "after"),
    "saving": (LiveOrders, "save", "before"),
    "saved": (LiveOrders, "save", "after"),
    "sending": (KalshiVenue, "send", "before"),
    "send-in-flight": (KalshiVenue, "send", "while"),
    "send-answered": (KalshiVenue, "send", "after"),
    "cancelling": (KalshiVenue, "cancel", "before"),
    "cancel-in-flight": (KalshiVenue, "cancel", "while"),
    "cancel-answered": (KalshiVenue, "cancel", "after"),
    "fill-heard": (VenueBroker, "executed", "before"),
    "fill-taken-in": (VenueBroker, "executed", "after"),
    "order-heard": (VenueBroker, "listed", "after"),
    "rules-telling": (Decider, "book", "before"),
    "rules-told": (Decider, "book", "after"),
    "account-reading": (Recovery, "read", "while"),
    "account-read": (Recovery, "read", "after"),
    "account-followed": (Recovery, "apply", "after"),
}


def _of_tradier(owner: Any) -> Any:
    return TradierVenue if owner is KalshiVenue else owner


TRADIER_STEPS: dict[str, tuple[Any, str, str]] = {
    **{name: (_of_tradier(owner), method, when) for name, (owner, method, when) in STEPS.items()},
    "bracket-sending": (TradierVenue, "together", "before"),
    "bracket-in-flight": (TradierVenue, "together", "while"),
    "bracket-answered": (TradierVenue, "together", "after"),
    "moving": (TradierVenue, "move", "before"),
    "move-in-flight": (TradierVenue, "move", "while"),
    "move-answered": (TradierVenue, "move", "after"),
    "order-followed": (TradierFeed, "_order", "while"),
}


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(venue: str, step: str, nth: int) -> None:
    """Make this process die there."""
    owner, name, when = (TRADIER_STEPS if venue == "tradier" else STEPS)[step]
    original = getattr(owner, name)
    seen = 0

    def due() -> bool:
        nonlocal seen
        seen += 1
        return seen == nth

    if asyncio.iscoroutinefunction(original):

        @functools.wraps(original)
        async def wrapped(*arguments: Any, **more: Any) -> Any:
            dies = due()
            if dies and when == "before":
                _die()
            if dies and when == "while":
                asyncio.get_running_loop().call_later(IN_FLIGHT_SECONDS, _die)
            answer = await original(*arguments, **more)
            if dies:
                _die()
            return answer

    else:

        @functools.wraps(original)
        def wrapped(*arguments: Any, **more: Any) -> Any:
            dies = due()
            if dies and when == "before":
                _die()
            answer = original(*arguments, **more)
            if dies:
                _die()
            return answer

    setattr(owner, name, wrapped)


def _child(job: dict[str, Any]) -> int:
    os.chdir(job["folder"])
    os.environ.update(job["environment"])
    log = os.open("engine.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    out = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(log, 2)
    if job["step"]:
        _arm(job["venue"], job["step"], job["nth"])
    if job["seconds"]:
        signal.signal(signal.SIGALRM, _die if job["kill"] else lambda *_: os.kill(os.getpid(), signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, job["seconds"])
    return main(job["arguments"])


def _hurry() -> None:
    """Everything takes less time here than in the world, so that many lives fit into a trial. How long the engine waits
    follows from it."""
    http.CALL = http.Timeouts(connect=1.0, answer=1.5, turn=0.5)
    http.PRACTICE_SIGNATURE_SECONDS = SIGNATURE_SECONDS
    tradier_http.CALL = tradier_http.Timeouts(connect=1.0, answer=1.5, turn=0.5)
    tradier_http.LOCAL_ARRIVE_SECONDS = TRADIER_ARRIVE_SECONDS


def serve(imported: Callable[[], object]) -> None:
    _hurry()
    imported()
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os._exit(_child(job))
        _, status = os.waitpid(pid, 0)
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
        print(json.dumps({"signal": killed, "code": code}), flush=True)


if __name__ == "__main__":
    assert all((cancel, flatten, reconcile, run, venue_run, Path))
    serve(compiled_kernel)
