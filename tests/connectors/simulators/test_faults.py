"""Faults on demand: when they strike, what a specification may say, and what becomes of frames."""

from __future__ import annotations

import pytest

from connectors.simulators.faults import HTTP_KINDS, WS_KINDS, Faults, FaultSpecError, Kinds
from connectors.simulators.kalshi.faults import ExchangeFaults
from connectors.simulators.sockets import Broken, Frames

KINDS: Kinds = {**HTTP_KINDS, **WS_KINDS}
SCOPES = ("read", "write", "create", "cancel", "fill")


def faults(spec: str, seed: int = 0) -> Faults:
    return Faults(seed, KINDS, SCOPES, spec)


def struck(spec: str, seed: int, count: int = 200) -> list[int]:
    made = faults(spec, seed)
    return [number for number in range(1, count + 1) if made.http("create", "write") is not None]


def test_faults_follow_the_seed_the_count_and_the_scope() -> None:
    assert struck("429:0.1", 1) == struck("429:0.1", 1) != struck("429:0.1", 2)
    assert 5 <= len(struck("429:0.1", 1)) <= 40
    assert struck("429:#3", 1) == [3]
    assert struck("429:%50", 1) == [50, 100, 150, 200]
    assert struck("429@cancel", 1) == [] and len(struck("429@write", 1)) == 200


def test_the_first_rule_that_strikes_wins_and_the_others_count() -> None:
    made = faults("429@create:#2,5xx@write")
    kinds = [rule.kind if (rule := made.http("create", "write")) is not None else "" for _ in range(3)]
    assert kinds == ["5xx", "429", "5xx"]
    assert [(rule.seen, rule.fired) for rule in made.rules] == [(3, 1), (3, 3)]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("explode", "there is no kind explode"),
        ("skew", "there is no kind skew here"),
        ("429@kitchen", "there is no scope kitchen"),
        ("429:2", "WHEN is a probability"),
        ("429:#0", "WHEN is a probability"),
        ("429=5", "takes no value"),
        ("429 please", "write KIND"),
    ],
)
def test_a_specification_that_cannot_be_read_is_explained_and_changes_nothing(spec: str, said: str) -> None:
    made = faults("5xx")
    with pytest.raises(FaultSpecError, match=said):
        made.set(spec)
    assert [rule.kind for rule in made.rules] == ["5xx"]


@pytest.mark.parametrize("value", ["61", "0", "-1"])
def test_a_cancel_all_reaches_a_minute_at_most(value: str) -> None:
    with pytest.raises(FaultSpecError, match="from 0 to 60 seconds"):
        ExchangeFaults(0).set(f"cancel-all-reach={value}")


class Line:
    """A connection that only notes what is done to it."""

    silent = False

    def abort(self) -> None:
        """Nothing: whoever hears of a break does that."""

    def fall_silent(self) -> None:
        self.silent = True


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("ws-lose", [1, 3, 4]), ("ws-duplicate", [1, 2, 2, 3, 4]), ("ws-reorder", [1, 3, 2, 4]), ("429", [1, 2, 3, 4])],
)
def test_frames_are_lost_doubled_and_late_as_asked_for(kind: str, sent: list[int]) -> None:
    made, frames = faults(f"{kind}@fill:#2"), Frames[int](Line())
    assert [told for number in range(1, 5) for told in frames.after(made.frame("fill"), number)] == sent


def test_a_connection_breaks_or_falls_silent() -> None:
    line = Line()
    with pytest.raises(Broken):
        Frames[int](line).after(faults("ws-close").frame("fill"), 1)
    assert not line.silent
    Frames[int](line).after(faults("ws-half-open").frame("fill"), 1)
    assert line.silent
