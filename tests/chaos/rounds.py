"""What a trial does on any venue: engines with faults, one after the other, killed; then both books, and a last one."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.simulators.faults import Faults
from connectors.simulators.serving import ThreadedServer

PROJECT = Path(__file__).parents[2]
LONGEST_LIFE = 8.0  # seconds after which an engine is killed wherever it is
CLOCK = "any moment"


@dataclass
class Counts:
    """What a trial came to."""

    kills: Counter[str] = field(default_factory=Counter)
    engines: int = 0
    orders: int = 0
    fills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Nursery:
    """The process that starts engines."""

    def __init__(self, folder: Path, environment: dict[str, str], venue: str = "kalshi") -> None:
        self.folder, self.environment, self.venue = folder, environment, venue
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._process.stdout is not None and self._process.stdin is not None
        assert self._process.stdout.readline() == "ready\n"

    def run(self, *arguments: str, step: str = "", nth: int = 1, seconds: float = 0.0, kill: bool = True) -> Any:
        """Run one engine to its end: ``{"signal", "code"}``."""
        assert self._process.stdout is not None and self._process.stdin is not None
        job = {
            "arguments": arguments, "folder": str(self.folder), "environment": self.environment, "step": step,
            "venue": self.venue, "nth": nth, "seconds": seconds, "kill": kill, "output": "output.txt",
        }  # fmt: skip
        print(json.dumps(job), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text(encoding="utf-8")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


class Rounds(ABC):
    """``kills`` engines on one practice venue and one store, then a last one that ends in peace.

    ``steps``: where an engine may be killed; ``usual``: faults that may be on; ``late``: one that is on every other
    time; ``words``: the command line of an engine.
    """

    steps: Iterable[str]
    usual: Sequence[str]
    late: str
    words: Sequence[str]

    def __init__(self, folder: Path, seed: int, server: ThreadedServer, faults: Faults) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.counts = Counts()
        self._server, self._faults = server, faults

    @abstractmethod
    def nursery(self) -> Nursery:
        """Lay out the folder, and start the process that starts engines in it."""

    @abstractmethod
    def judge(self, nursery: Nursery, when: str) -> None:
        """Hold our books against the venue's while nothing happens."""

    @abstractmethod
    def last(self, nursery: Nursery) -> None:
        """Engines in peace, until everything is as it should be."""

    def go(self, kills: int) -> Counts:
        with self._server:
            nursery = self.nursery()
            try:
                for number in range(kills):
                    self.round(nursery, number)
                self.last(nursery)
            finally:
                nursery.close()
        return self.counts

    def set_faults(self, spec: str) -> None:
        self._server.between(lambda: self._faults.set(spec))

    def round(self, nursery: Nursery, number: int) -> None:
        """One engine and its end, and what came of it."""
        self._one(nursery, number)
        self.judge(nursery, f"after kill {number + 1}")

    def _one(self, nursery: Nursery, number: int) -> None:
        """One engine with random faults, killed at a random step."""
        chance = self.random
        steps = [*self.steps, CLOCK]
        step = steps[number % len(steps)] if number < len(steps) else chance.choice(steps)
        chosen = chance.sample(self.usual, chance.randint(0, 4)) + ([self.late] if chance.random() < 0.5 else [])
        self.set_faults(",".join(chosen))
        nth = chance.choice((1, 1, 2, 3, 5))
        seconds = chance.uniform(0.3, LONGEST_LIFE) if step == CLOCK else LONGEST_LIFE
        ended = nursery.run(*self.words, step="" if step == CLOCK else step, nth=nth, seconds=seconds)
        fired = self._server.between(lambda: {r.kind: r.fired for r in self._faults.rules if r.fired})
        self.counts.faults.update(fired)
        self.counts.engines += 1
        if ended["signal"] == signal.SIGKILL:
            self.counts.kills[step] += 1
        elif ended["code"] != 3:  # the venue may fail an engine before it is killed
            self.counts.problems.append(f"engine {number + 1} ended by itself with code {ended['code']}")
