"""Plans of a few expressions, and a way to feed them closes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest

from engine.plan.plan import Plan, make_plan
from engine.plan.program import INTERPRETED, InputKey, Kernel, Memory
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

PACK = "kind: pack\nname: p\nvenue: paper\ntimezone: America/New_York\ncalendar: XNYS\nuniverse: [SPY]\n"


def strategy(name: str, *when: str) -> str:
    conditions = "".join(f"  - '{text}'\n" for text in when)
    return f"kind: strategy\nname: {name}\nwhen:\n{conditions}then: {{buy: {{size: 1}}}}\n"


class Watcher:
    """Runs one plan over closes and tells the value of each condition bar by bar (None is unknown)."""

    def __init__(self, *rules: str, kernel: Kernel = INTERPRETED) -> None:
        files = [load_text("pack.yaml", PACK), load_text("rules.yaml", "---\n".join(rules))]
        ruleset = link([PackFiles("p", files)])
        assert not ruleset.findings, ruleset.findings
        self.plan: Plan = make_plan(ruleset, ["SPY"])
        self.program = self.plan.symbols["SPY"].program
        self.memory = Memory(self.program, kernel)
        self._inputs = {name: self.program.inputs.get(InputKey("fact", name, 60)) for name in ("close", "high", "low")}

    def feed(self, close: float | None) -> list[bool | None]:
        """One bar; the conditions of all strategies in order."""
        for slot in self._inputs.values():
            if slot is not None:
                self.memory.v[slot] = math.nan if close is None else close
        self.memory.compute("main", 1)
        return [self.value(self.program.slot(t, s.key)) for s in self.plan.ruleset.strategies for t in s.when]

    def value(self, slot: int) -> bool | None:
        value = float(self.memory.v[slot])
        return None if math.isnan(value) else value == 1.0


@pytest.fixture(scope="session")
def watcher() -> type[Watcher]:
    """The class that runs a plan over closes."""
    return Watcher


@pytest.fixture
def watch() -> Callable[..., list[bool | None]]:
    """Values of one condition over a list of closes."""

    def run(condition: str, closes: Sequence[float | None]) -> list[bool | None]:
        watcher = Watcher(strategy("s", condition))
        return [watcher.feed(close)[0] for close in closes]

    return run
