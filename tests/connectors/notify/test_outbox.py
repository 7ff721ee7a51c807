"""What is told when: limits, summaries, retries; by a clock of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.notify.outbox import TRIES, WINDOW_SECONDS, Kind, Message, Outbox


def message(kind: Kind, number: int = 0) -> Message:
    return Message(kind, f"{kind} {number}", "text")


def drain(box: Outbox, now: float) -> list[Message]:
    found = []
    while (due := box.due(now)) is not None:
        found.append(due)
        box.sent()
    return found


def test_beyond_the_limit_common_ones_become_one_summary_and_urgent_ones_wait() -> None:
    box = Outbox(per_minute=2)
    for number in range(5):
        box.put(message(Kind.TRADES, number))
    box.put(message(Kind.ERRORS, 9))
    assert [m.title for m in drain(box, 0.0)] == ["trades 0", "trades 1"]
    assert box.due(30.0) is None
    assert box.wait(30.0) == 30.0
    later = drain(box, WINDOW_SECONDS)
    assert later[0].text == "3 of trades were held back"
    assert later[1] == message(Kind.ERRORS, 9), "an error is told as itself"
    assert box.empty
    assert box.wait(100.0) is None


def test_what_fails_is_tried_again_with_pauses_that_double_and_given_up_in_the_end() -> None:
    box, now, pauses = Outbox(per_minute=5), 0.0, list[float]()
    box.put(message(Kind.HALTS))
    for number in range(TRIES):
        assert box.due(now) == message(Kind.HALTS)
        again = box.failed(now)
        assert again == (number < TRIES - 1)
        if again:
            pauses.append(box.wait(now) or 0.0)
            assert box.due(now) is None, "not before its time"
            now += pauses[-1]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0]
    (summary,) = drain(box, now)
    assert summary.text == "1 of halts could not be sent"


def test_the_room_is_bounded_and_errors_outlive_trades() -> None:
    box = Outbox(per_minute=100, room=3)
    box.put(message(Kind.ERRORS))
    for number in range(10):
        box.put(message(Kind.TRADES, number))
    told = drain(box, 0.0)
    assert told[0].text == "8 of trades were held back"
    assert [m.title for m in told[1:]] == ["errors 0", "trades 8", "trades 9"]


@given(st.lists(st.tuples(st.sampled_from(list(Kind)), st.floats(0, 20)), max_size=60), st.integers(1, 5))
def test_never_more_than_the_limit_in_any_minute_and_nothing_is_forgotten(
    happened: list[tuple[Kind, float]], per_minute: int
) -> None:
    box, now, times, told = Outbox(per_minute), 0.0, list[float](), list[Message]()
    for kind, pause in happened:
        now += pause
        box.put(message(kind))
        for one in drain(box, now):
            times.append(now)
            told.append(one)
    while not box.empty:
        now += max(box.wait(now) or 0.0, 0.001)
        for one in drain(box, now):
            times.append(now)
            told.append(one)
    assert all(
        sum(1 for other in times if start <= other < start + WINDOW_SECONDS) <= per_minute for start in times
    )
    counted = sum(int(part.split()[0]) for m in told if m.title.startswith("more") for part in m.text.split(", "))
    assert counted + sum(not m.title.startswith("more") for m in told) == len(happened)
