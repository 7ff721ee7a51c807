"""Rounds of a pipeline: killed anywhere they come to what they would have come to, and nothing is done twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.research.pipeline.records import Record, Round
from engine.research.pipeline.rounds import Ended, Step, go_through, next_step, passes_in_a_row

STEPS = (
    Step("signals", ("make", "signals"), reads=("rows",)),
    Step("paper", ("trade",), reads=("rules",), after=("signals",), lasting=True),
    Step("report", ("report",), after=("paper",)),
    Step("gate", ("gate",), reads=("rules",), after=("paper",)),
)
NAMES = [step.name for step in STEPS]


class Killed(Exception):
    """The process is gone."""


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@dataclass
class Bench:
    """Files and a made-up work: a step writes a file that follows from what it reads. ``kill_at``: counts down at every
    write of anything, and kills at 0."""

    files: dict[str, str] = field(default_factory=lambda: {"rows": "a", "rules": "b"})
    kill_at: int = -1
    fail: str = ""
    done: list[str] = field(default_factory=list)
    kept: Round | None = None
    time_ns: int = 0

    def now_ns(self) -> int:
        self.time_ns += 1_000_000_000
        return self.time_ns

    def digest(self, name: str) -> str:
        return digest(self.files[name]) if name in self.files else "absent"

    def intact(self, record: Record) -> bool:
        return all(self.digest(name) == value for name, value in record.outputs.items())

    def do(self, step: Step, state: Round) -> Ended:
        if step.name == self.fail:
            return Ended("failed", 3, "no answer")
        self.done.append(step.name)
        read = [self.files[name] for name in (*step.reads, *(f"{one}.out" for one in step.after))]
        name, text = f"{step.name}.out", digest("|".join((step.name, *read)))
        self.write(name, text[:10])  # half of it
        self.write(name, text)
        return Ended("done", 0, "made", {name: digest(text)}, {"text": text}, True if step.name == "gate" else None)

    def write(self, name: str, text: str) -> None:
        self.moment()
        self.files[name] = text

    def keep(self, state: Round) -> None:
        self.moment()
        self.kept = state

    def moment(self) -> None:
        if self.kill_at == 0:
            self.kill_at = -1
            raise Killed
        self.kill_at -= self.kill_at > 0

    def go(self, before: Round | None = None) -> Round:
        state = self.kept or Round(number=2 if before else 1, asked={}, began="2026-11-21T10:00:00Z")
        return go_through(STEPS, state, before, self, self.keep, lambda record: None)


def results(state: Round) -> dict[str, object]:
    return {record.step: (record.status, record.inputs, record.outputs, record.result) for record in state.steps}


@given(st.lists(st.integers(0, 20), max_size=6))
def test_killed_anywhere_any_number_of_times_it_comes_to_the_same(kills: list[int]) -> None:
    whole = Bench()
    expected = whole.go()
    bench = Bench()
    for moment in kills:
        bench.kill_at = moment
        try:
            bench.go()
        except Killed:
            continue
        bench.kill_at = -1
    state = bench.go()
    assert results(state) == results(expected)
    assert (state.passed, bench.files) == (True, whole.files)
    assert state.ended is not None
    # Only what was not finished was done again: once more for each kill at most.
    assert len(bench.done) <= len(NAMES) + len(kills)


@given(st.sampled_from(["rows", "rules", "signals.out", "paper.out", "report.out"]), st.integers(0, 15))
def test_what_changes_while_it_is_killed_is_done_again_with_all_that_follows(name: str, moment: int) -> None:
    bench = Bench()
    bench.kill_at = moment
    with pytest.raises(Killed):
        bench.go()
    bench.files[name] = "changed"
    state = bench.go()
    fresh = Bench()
    if name in ("rows", "rules"):
        fresh.files[name] = "changed"
    assert results(state) == results(fresh.go())
    assert bench.files == fresh.files


def test_a_finished_round_is_left_alone_and_only_what_depends_on_a_change_is_done_again() -> None:
    bench = Bench()
    bench.go()
    bench.done.clear()
    bench.go()
    assert bench.done == []
    bench.files["rules"] = "changed"
    bench.go()
    assert bench.done == ["paper", "report", "gate"]


def test_a_lasting_step_is_taken_over_from_the_round_before_and_the_others_are_not() -> None:
    bench = Bench()
    first = bench.go()
    bench.kept = None
    bench.done.clear()
    second = bench.go(first)
    assert bench.done == ["signals", "report", "gate"]
    paper = second.record("paper")
    assert paper is not None
    assert paper.same_as_round == 1
    bench.kept, bench.files["rows"] = None, "other"
    bench.done.clear()
    assert bench.go(second).record("paper") != paper
    assert bench.done == NAMES


def test_a_failing_step_ends_the_round_and_is_where_it_goes_on() -> None:
    bench = Bench(fail="report")
    state = bench.go()
    assert [record.status for record in state.steps] == ["done", "done", "failed"]
    assert (state.ended, state.passed) == (None, None)
    bench.fail = ""
    following = next_step(STEPS, state, bench, ())
    assert following is not None and following.name == "report"
    bench.done.clear()
    assert bench.go().ended is not None
    assert bench.done == ["report", "gate"]


def test_a_file_that_grows_while_it_is_read_does_not_go_round_for_ever() -> None:
    class Growing(Bench):
        def do(self, step: Step, state: Round) -> Ended:
            self.files["rows"] += "more"
            return super().do(step, state)

    bench = Growing()
    assert bench.go().ended is not None
    assert bench.done == NAMES


def told(number: int, *, passed: bool = True, same: int | None = None, asked: int = 0, ended: bool = True) -> Round:
    paper = Record(
        step="paper", command="", status="done", began="", inputs={}, same_as_round=same
    )  # fmt: skip
    return Round(
        number=number, asked={"seed": asked}, began="", ended="later" if ended else None, passed=passed, steps=[paper]
    )


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        ([], 0),
        ([told(1), told(2)], 2),
        ([told(1), told(2, passed=False), told(3)], 1),
        ([told(1), told(2, same=1)], 0),  # nothing was traded anew
        ([told(1, asked=9), told(2)], 1),
        ([told(1), told(2, ended=False)], 1),  # goes on, and is no answer yet
        ([told(1), told(2, ended=False), told(3)], 1),
    ],
)
def test_rounds_in_a_row_count_only_fresh_passes_with_the_same_options(rounds: list[Round], expected: int) -> None:
    assert passes_in_a_row(rounds, {"seed": 0}, "paper") == expected
