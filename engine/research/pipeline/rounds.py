"""Which step of a round is next, and the round gone through to its end or to a step that fails.

A step is done when it was done with the same command on the same inputs and what it made is still as it was. Inputs are
told by digest, and what an earlier step made is an input like any other: when something is done again and comes out as
before, nothing after it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from engine.research.pipeline.records import Record, Round
from engine.research.results import iso_utc

SECOND = 1_000_000_000
GOOD = frozenset({"done", "skipped"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``reads``: files and other things that it depends on, by name; ``after``: earlier steps whose outputs
    it depends on. ``lasting``: it depends on nothing else, neither on a venue nor on the time, so that a later round
    need not do it again on the same inputs."""

    name: str
    command: tuple[str, ...]
    reads: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    lasting: bool = False

    @property
    def words(self) -> str:
        return shlex.join(self.command)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step ended. ``outputs`` are digests by name; ``passed``: the gate's answer, of the step that asked it."""

    status: Literal["done", "skipped", "failed", "stopped"]
    exit: int | None
    words: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    passed: bool | None = None


class Work(Protocol):
    """What steps work on."""

    def digest(self, name: str) -> str:
        """Of something that a step reads; ``absent`` where it is not there."""
        ...

    def do(self, step: Step, state: Round) -> Ended:
        """Do a step to its end."""
        ...

    def intact(self, record: Record) -> bool:
        """Whether everything that a step made is still as it was."""
        ...

    def now_ns(self) -> int: ...


def inputs_of(step: Step, state: Round, work: Work) -> dict[str, str]:
    """The digests of everything that a step depends on, as it is now."""
    found = {name: work.digest(name) for name in step.reads}
    for name in step.after:
        record = state.record(name)
        for output, digest in (record.outputs if record is not None else {}).items():
            found[f"{name}: {output}"] = digest
    return found


def is_done(step: Step, record: Record | None, inputs: Mapping[str, str], work: Work) -> bool:
    """Whether a record makes doing the step again needless."""
    return (
        record is not None
        and record.status in GOOD
        and record.command == step.words
        and record.inputs == inputs
        and work.intact(record)
    )


def next_step(steps: Sequence[Step], state: Round, work: Work, now: Collection[str]) -> Step | None:
    """The first step that is to be done; None when the round is through. ``now``: steps that were done in this very
    going through, and count as done though a file that grows has meanwhile changed under them."""
    for step in steps:
        record = state.record(step.name)
        if step.name in now and record is not None and record.status in GOOD:
            continue
        if not is_done(step, record, inputs_of(step, state, work), work):
            return step
    return None


def go_through(
    steps: Sequence[Step], state: Round, before: Round | None, work: Work, keep: Callable[[Round], None],
    tell: Callable[[Record], None],
) -> Round:  # fmt: skip
    """Do what is to be done of a round, keeping the state before and after each step.

    Ends with the round ended, or at a step that failed or was stopped: then ``ended`` is None. ``before`` is the round
    before it, whose lasting steps are taken over where nothing has changed. ``tell`` hears of each step that ended.
    """
    done: set[str] = set()
    while (step := next_step(steps, state, work, done)) is not None:
        inputs = inputs_of(step, state, work)
        began_ns = work.now_ns()
        old = before.record(step.name) if before is not None and step.lasting else None
        if before is not None and old is not None and is_done(step, old, inputs, work):
            record = old.model_copy(update={"same_as_round": old.same_as_round or before.number})
            passed = None
        else:
            record = Record(
                step=step.name, command=step.words, status="running", began=str(iso_utc(began_ns)), inputs=inputs
            )
            keep(state.with_record(record))
            ended = work.do(step, state)
            passed = ended.passed
            record = record.model_copy(update={
                "status": ended.status, "exit": ended.exit, "words": ended.words, "outputs": dict(ended.outputs),
                "result": dict(ended.result), "seconds": round((work.now_ns() - began_ns) / SECOND, 3),
            })  # fmt: skip
        state = state.with_record(record)
        if passed is not None:
            state = state.model_copy(update={"passed": passed})
        keep(state)
        tell(record)
        if record.status not in GOOD:
            return state
        done.add(step.name)
    state = state.model_copy(update={"ended": iso_utc(work.now_ns())})
    keep(state)
    return state


def passes_in_a_row(rounds: Sequence[Round], asked: Mapping[str, Any], evidence: str) -> int:
    """How many of the newest rounds passed, one after another. ``rounds`` in their order.

    A round with other options ends the row, and so does one whose step ``evidence`` was taken over from an earlier
    round: asking twice about the same trading is no second answer.
    """
    count = 0
    for state in reversed(rounds):
        if state.ended is None and state is rounds[-1]:
            continue  # it is not through yet
        record = state.record(evidence)
        fresh = record is not None and record.same_as_round is None
        if not state.passed or state.ended is None or not fresh or state.asked != asked:
            break
        count += 1
    return count
