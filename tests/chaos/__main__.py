"""``python -m tests.chaos``: kill the engine at every step from a decision to its booked fill, and compare books."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests import postgres
from tests.chaos.rounds import Counts
from tests.chaos.tradier import TradierTrial
from tests.chaos.trial import Trial


def report(counts: Counts, seconds: float) -> str:
    """The counts, one line a thing."""
    lines = [f"{counts.engines} engines started, {counts.kills.total()} killed with SIGKILL, in {seconds:.0f} s"]
    lines += [f"  {step:18} {count}" for step, count in counts.kills.most_common()]
    faults = ", ".join(f"{kind} {count}" for kind, count in counts.faults.most_common())
    lines.append(f"faults: {counts.faults.total()} ({faults})")
    lines.append(f"orders at the exchange: {counts.orders}, fills: {counts.fills}")
    lines += [f"PROBLEM {problem}" for problem in counts.problems]
    lines.append(f"{len(counts.problems)} problem(s): " + (
        "see above" if counts.problems else
        "no order twice, none lost, no position without its exit, cash as the venue has it"
    ))  # fmt: skip
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--venue", choices=("kalshi", "tradier"), default="kalshi")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--postgres", action="store_true", help="keep the books in a PostgreSQL server of its own")
    wanted = parser.parse_args()
    if wanted.postgres and wanted.venue == "tradier":
        parser.error("--postgres is tried with --venue kalshi")
    began = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-"))
        server = stack.enter_context(postgres.running(durable=True)) if wanted.postgres else None
        if wanted.venue == "tradier":
            counts = TradierTrial(Path(folder), wanted.seed).go(wanted.kills)
        else:
            counts = Trial(Path(folder), wanted.seed, server).go(wanted.kills)
    print(report(counts, time.monotonic() - began))
    return 1 if counts.problems else 0


if __name__ == "__main__":
    sys.exit(main())
