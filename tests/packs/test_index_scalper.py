"""The pack that is shipped, with its options gate, on the simulated market: what charts say of its signals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.assemble import DataChoice, assemble
from engine.cli.rules import load_rules
from engine.execute.figures import RunFigures
from engine.execute.loop import Loop
from engine.market.events import Observation, Tick
from engine.settings import Settings

PROJECT = Path(__file__).parents[2]
SWITCHED_ON = ("options_feedback.use_options_feedback=true",)
LIVELY = {"options.volume": 250_000.0, "options.implied_volatility": 0.18}


def metrics_of(*parameters: str, facts: dict[str, float] | None = None) -> dict[str, float]:
    """Signals of a simulated day by what became of them, as the service serves them."""
    pytest.importorskip("prometheus_client")
    from prometheus_client.parser import text_string_to_metric_families

    from engine.service.metrics import ServiceMetrics

    rules = load_rules([PROJECT / "rules"], ["index_scalper"])
    made = assemble(Settings(), rules.ruleset, DataChoice("simulated", None, ("SPY",), None, None, 7, 1), parameters)
    decider = made.decider()
    figures = RunFigures(decider)
    loop = Loop(decider, made.broker("central"), [figures])
    for tick in with_facts(made.source().ticks(), facts or {}):
        loop.step(tick)
    body = {"running": True, "requests": [], **figures.to_json()}
    text = ServiceMetrics(lambda: {"worker": (0.0, body)}).text().decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "autotrader_signal_total":
                outcome = sample.labels["outcome"]
                found[outcome] = found.get(outcome, 0) + sample.value
    return found


def with_facts(ticks: Iterator[Tick], facts: dict[str, float]) -> Iterator[Tick]:
    for tick in ticks:
        told = (Observation("SPY", tick.time_ns, name, value) for name, value in facts.items())
        yield Tick(tick.time_ns, (*tick.events, *told))


def test_the_gate_is_off_until_somebody_switches_it_on() -> None:
    found = metrics_of()
    assert found["approved"] > 0 and found["options_blocked"] == 0


def test_signals_that_options_hold_back_are_counted_as_that() -> None:
    unknown = metrics_of(*SWITCHED_ON)
    assert unknown["options_blocked"] > 0 and unknown["approved"] == 0, "what is not known does not confirm"
    dull = metrics_of(*SWITCHED_ON, facts={**LIVELY, "options.volume": 10.0})
    assert dull["options_blocked"] > 0 and dull["approved"] == 0
    assert dull["generated"] == sum(count for outcome, count in dull.items() if outcome != "generated")


def test_lively_options_let_signals_through() -> None:
    plain, lively = metrics_of(), metrics_of(*SWITCHED_ON, facts=LIVELY)
    assert lively == plain and lively["approved"] > 0


def test_what_is_not_known_passes_where_the_rule_says_so() -> None:
    assert metrics_of(*SWITCHED_ON, "options_feedback.options_unknown_passes=true") == metrics_of()
