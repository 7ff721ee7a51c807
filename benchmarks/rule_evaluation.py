"""Rule evaluations a second: 200 rules of four comparisons over facts that all change at every tick.

Ours keeps every node's value of every tick (the trace). Peers do the same job in the same run, without a trace:
plain Python lambdas, rule-engine, zen-engine and CEL (``pip install zen-engine common-expression-language
rule-engine``; a peer that is not installed is left out). Each peer's rule is given the four facts that it reads,
ready made, so that only its evaluation is timed. Run: ``python -m benchmarks.rule_evaluation``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np

from benchmarks.machine import header
from engine.market.facts import FactSpec, Scope
from engine.market.manifest import CORE
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import make_plan
from engine.plan.program import InputKey, Memory
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

RULES, COMPARISONS, FACTS = 200, 4, 100
SECONDS = 2.0
Conditions = list[list[tuple[str, str, float]]]


def conditions(seed: int = 1) -> Conditions:
    """For each rule four comparisons of different facts with thresholds of its own."""
    draw = random.Random(seed)
    return [
        [(f"f{k}", draw.choice("<>"), round(draw.uniform(0.2, 0.8), 3)) for k in draw.sample(range(FACTS), COMPARISONS)]
        for _ in range(RULES)
    ]


def rows(seed: int = 2, count: int = 500) -> list[list[float]]:
    """Values of all facts, tick by tick."""
    draw = random.Random(seed)
    return [[draw.random() for _ in range(FACTS)] for _ in range(count)]


def ours(rules: Conditions, ticks: list[list[float]]) -> Callable[[int], int]:
    """One call is one tick: write all facts, evaluate all rules, keep all node values."""
    facts = tuple(
        FactSpec(f"signal.f{k}", "number", Scope.SIGNAL, "A benchmark fact.", "at each tick") for k in range(FACTS)
    )
    documents = "---\n".join(
        f"kind: strategy\nname: rule_{number}\non: signal(signal)\nuniverse: [X]\nwhen:\n"
        + "  - " + " and ".join(f"signal.{name} {op} {value}" for name, op, value in rule)
        + "\nthen: {buy: {size: 1}}\n"
        for number, rule in enumerate(rules)
    )  # fmt: skip
    ruleset = link([PackFiles("bench", [load_text("bench.yaml", documents)])], CORE + facts)
    assert not ruleset.findings, ruleset.findings[0]
    plan = make_plan(ruleset, ["X"]).symbols["X"]
    memory = Memory(plan.program, compiled_kernel())
    slots = np.array([plan.program.inputs[InputKey("fact", f"signal.f{k}")] for k in range(FACTS)])
    roots = np.array([plan.program.slot(s.when[0], s.key) for s in plan.strategies])
    values = np.array(ticks)
    kept = np.empty((len(ticks), len(memory.v)))

    def tick(number: int) -> int:
        memory.v[slots] = values[number]
        memory.compute_main(8)  # Group.SIGNAL
        kept[number] = memory.v
        return int(np.count_nonzero(memory.v[roots] == 1.0))

    return tick


def lambdas(rules: Conditions, ticks: list[list[float]]) -> Callable[[int], int]:
    """Hand-written Python: the floor of what an interpreter of rules costs."""
    functions = [
        eval("lambda f: " + " and ".join(f"f[{name[1:]}] {op} {value}" for name, op, value in rule)) for rule in rules
    ]
    return lambda number: sum(1 for function in functions if function(ticks[number]))


def contexts(rules: Conditions, ticks: list[list[float]]) -> list[list[dict[str, float]]]:
    """For each tick and rule, the facts that the rule reads."""
    return [[{name: row[int(name[1:])] for name, _, _ in rule} for rule in rules] for row in ticks]


def rule_engine_peer(rules: Conditions, ticks: list[list[float]]) -> Callable[[int], int]:
    """The package rule-engine."""
    import rule_engine

    compiled = [rule_engine.Rule(" and ".join(f"{name} {op} {value}" for name, op, value in rule)) for rule in rules]
    things = contexts(rules, ticks)
    return lambda number: sum(1 for rule, thing in zip(compiled, things[number], strict=True) if rule.matches(thing))


def zen_peer(rules: Conditions, ticks: list[list[float]]) -> Callable[[int], int]:
    """The package zen-engine (Rust), with precompiled expressions."""
    import zen

    compiled = [zen.compile_expression(" and ".join(f"{n} {op} {v}" for n, op, v in rule)) for rule in rules]
    things = contexts(rules, ticks)
    return lambda number: sum(1 for rule, thing in zip(compiled, things[number], strict=True) if rule.evaluate(thing))


def cel_peer(rules: Conditions, ticks: list[list[float]]) -> Callable[[int], int]:
    """The package common-expression-language (CEL in Rust)."""
    import cel

    compiled = [cel.compile(" && ".join(f"{n} {op} {v}" for n, op, v in rule)) for rule in rules]
    things = contexts(rules, ticks)
    return lambda number: sum(1 for rule, thing in zip(compiled, things[number], strict=True) if rule.execute(thing))


def rate(tick: Callable[[int], int], count: int) -> float:
    """Rule evaluations a second, best of three rounds after one warm-up tick."""
    tick(0)
    best = 0.0
    for _ in range(3):
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS / 3:
            tick(done % count)
            done += 1
        best = max(best, done * RULES / (time.perf_counter() - began))
    return best


def main() -> None:
    rules, ticks = conditions(), rows()
    print(header("numba", "numpy", "rule-engine", "zen-engine", "common-expression-language"))
    print(f"job: {RULES} rules of {COMPARISONS} comparisons over {FACTS} facts, all of which change every tick")
    makers = {
        "autotrader": ours, "lambdas": lambdas, "zen-engine": zen_peer, "CEL (Rust)": cel_peer,
        "rule-engine": rule_engine_peer,
    }  # fmt: skip
    expected: list[int] | None = None
    for name, maker in makers.items():
        try:
            tick = maker(rules, ticks)
        except ImportError as error:
            print(f"{name:12} not installed ({error.name})")
            continue
        found = [tick(number) for number in range(50)]
        expected = found if expected is None else expected
        agreement = "same rules fire" if found == expected else "DIFFERENT RULES FIRE"
        print(f"{name:12} {rate(tick, len(ticks)) / 1e6:8.2f} M rule evaluations/s   {agreement}")


if __name__ == "__main__":
    main()
