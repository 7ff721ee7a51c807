"""The websocket's protocol without a socket: the key, subscriptions, refusals that name nothing, silence."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.polygon.errors import BadKey, NotEntitled
from connectors.polygon.events import Dropped, Problem, Ready, Window
from connectors.polygon.frames import FrameError, data_of
from connectors.polygon.session import MOST_SILENT, Session, SessionLost, Turn, Wanted
from connectors.polygon.tickers import Cluster

KEY = "very-secret-key"
CHANNELS = ["AM.SPY", "AM.QQQ", "Q.SPY"]
BAR = {"ev": "AM", "sym": "SPY", "v": 10, "o": 1, "h": 2, "l": 1, "c": 2, "s": 60_000, "e": 120_000}


def status(kind: str, message: str = "") -> dict[str, str]:
    return {"ev": "status", "status": kind, "message": message}


class Talk:
    """A session, and what is said to it."""

    def __init__(self, *channels: str, wanted: Wanted | None = None) -> None:
        self.wanted = wanted or Wanted(Cluster.STOCKS)
        self.wanted.add(channels or CHANNELS)
        self.session = Session(self.wanted, KEY, 0.0, 5.0)
        self.now = 0.0
        self.asked: list[dict[str, str]] = []

    def say(self, *messages: Any) -> list[Any]:
        return self._took(self.session.receive(json.dumps(list(messages)), self.now))

    def wait(self, seconds: float) -> list[Any]:
        self.now += seconds
        return self._took(self.session.watch(self.now))

    def _took(self, turn: Turn) -> list[Any]:
        self.asked += turn.commands
        return turn.events

    def enter(self) -> Talk:
        self.say(status("connected"))
        self.say(status("auth_success"))
        return self


def test_the_key_is_sent_when_the_server_has_spoken_and_channels_after_that() -> None:
    talk = Talk()
    talk.say(status("connected", "Connected Successfully"))
    assert talk.asked == [{"action": "auth", "params": KEY}]
    talk.say(status("auth_success", "authenticated"))
    assert talk.asked[1:] == [{"action": "subscribe", "params": "AM.SPY,AM.QQQ,Q.SPY"}]


def test_ready_comes_with_the_last_confirmation() -> None:
    talk = Talk().enter()
    assert talk.say(status("success", "subscribed to: AM.SPY"), status("success", "subscribed to: Q.SPY")) == []
    assert talk.say(status("success", "subscribed to: AM.QQQ")) == [Ready(Cluster.STOCKS, frozenset(CHANNELS))]


def test_what_is_refused_without_a_name_is_found_by_asking_one_by_one() -> None:
    talk = Talk().enter()
    events = talk.say(
        status("success", "subscribed to: AM.SPY"), status("error", "not authorized"), status("error", "not authorized")
    )
    assert events == []
    assert talk.asked[-1] == {"action": "subscribe", "params": "AM.QQQ"}
    assert talk.say(status("success", "subscribed to: AM.QQQ")) == []
    assert talk.asked[-1] == {"action": "subscribe", "params": "Q.SPY"}
    assert talk.say(status("error", "not authorized")) == [
        Dropped("Q.SPY", "not authorized"),
        Ready(Cluster.STOCKS, frozenset({"AM.SPY", "AM.QQQ"})),
    ]


def test_one_refusal_for_many_is_looked_into_after_a_while() -> None:
    talk = Talk().enter()
    talk.say(status("success", "subscribed to: AM.SPY"), status("error", "not authorized"))
    assert talk.asked[-1]["params"].count(",") == 2, "two are missing, one was refused: some answer may still come"
    talk.wait(6)
    assert talk.asked[-1]["params"] == "AM.QQQ"


def test_silence_is_the_connections_fault_once_and_the_channels_the_second_time() -> None:
    wanted = Wanted(Cluster.STOCKS)
    first = Talk(wanted=wanted).enter()
    first.say(status("success", "subscribed to: AM.SPY"), status("success", "subscribed to: AM.QQQ"))
    with pytest.raises(SessionLost, match=r"Q\.SPY"):
        first.wait(6)
    second = Talk(wanted=wanted).enter()
    second.say(status("success", "subscribed to: AM.SPY"), status("success", "subscribed to: AM.QQQ"))
    dropped, ready = second.wait(6)
    assert dropped.channel == "Q.SPY" and isinstance(ready, Ready)
    assert list(wanted.channels) == ["AM.SPY", "AM.QQQ"]


def test_a_vendor_that_confirms_nothing_is_not_left_by_its_channels() -> None:
    """Slow twice in a row, as a vendor is in trouble: no symbol is given up for that."""
    wanted = Wanted(Cluster.STOCKS)
    for _ in range(MOST_SILENT):
        with pytest.raises(SessionLost, match="no answer to any"):
            Talk(wanted=wanted).enter().wait(6)
    assert list(wanted.channels) == CHANNELS
    (ready,) = Talk(wanted=wanted).enter().say(*(status("success", f"subscribed to: {name}") for name in CHANNELS))
    assert isinstance(ready, Ready)
    for _ in range(MOST_SILENT + 1):
        with pytest.raises(SessionLost):
            Talk(wanted=wanted).enter().wait(6)
    dropped = [event for event in Talk(wanted=wanted).enter().wait(6) if isinstance(event, Dropped)]
    assert {event.channel for event in dropped} == set(CHANNELS)


def test_a_bad_key_and_a_plan_without_websockets_are_told_apart_and_show_no_key() -> None:
    no_plan = "Your plan doesn't include websocket access."
    for words, kind in (("authentication failed", BadKey), (no_plan, NotEntitled)):
        talk = Talk()
        talk.say(status("connected"))
        with pytest.raises(kind) as caught:
            talk.say(status("auth_failed", words))
        assert KEY not in str(caught.value)


def test_too_many_connections_are_waited_for() -> None:
    with pytest.raises(SessionLost, match="max_connections") as caught:
        Talk().enter().say(status("max_connections", "exceeded"))
    assert caught.value.wait >= 60


@pytest.mark.parametrize("kind", ["slow_consumer", "force_disconnect", "auth_timeout"])
def test_what_ends_a_connection_ends_it(kind: str) -> None:
    with pytest.raises(SessionLost, match=kind):
        Talk().enter().say(status(kind, "bye"))


def test_a_server_that_says_nothing_is_left() -> None:
    with pytest.raises(SessionLost, match="no answer to the connection"):
        Talk().wait(6)


def test_data_is_told_exactly_and_what_was_not_asked_for_is_passed_over() -> None:
    talk = Talk().enter()
    (window,) = talk.say(BAR | {"dv": "10.25"}, BAR | {"sym": "TSLA"}, {"ev": "LULD", "T": "SPY"})
    assert window == Window(
        "SPY", 60_000_000_000, 60, Decimal(1), Decimal(2), Decimal(1), Decimal(2), Decimal("10.25"), None
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [({"o": "1"}, "o"), ({"h": 0.5}, "h and l"), ({"s": 60_001}, "s and e"), ({"e": 180_000}, "s and e"),
     ({"c": 0}, "c"), ({"v": -1}, "v"), ({"dv": "x"}, "dv"), ({"sym": None}, "sym")],
)  # fmt: skip
def test_a_message_that_is_wrong_is_named_and_the_next_one_is_taken(change: dict[str, Any], field: str) -> None:
    talk = Talk().enter()
    problem, *rest = talk.say(BAR | change, BAR)
    assert isinstance(problem, Problem) and f": {field}" in problem.words
    assert [type(event) for event in rest] == [Window]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ev", "sym", "t"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_no_frame_whatever_brings_the_session_down(found: Any) -> None:
    talk = Talk().enter()
    turn = talk.session.receive(json.dumps(found), 0.0)
    assert all(isinstance(event, Problem) for event in turn.events)


@given(st.dictionaries(st.sampled_from(["ev", "sym", "o", "h", "l", "c", "s", "e", "v"]), JSON, max_size=9))
def test_a_message_is_an_event_or_an_error_that_names_the_field(message: dict[str, Any]) -> None:
    try:
        data_of(BAR | message)
    except FrameError as error:
        assert ":" in str(error)
