"""The websocket's protocol without a socket: what is asked for, what every kind of frame leads to, what is mended."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kalshi.book import Book
from connectors.kalshi.events import BookChanged, BookLost, MessagesMissed, Problem, Subscribed
from connectors.kalshi.models.stream import EventFeeUpdate, PublicTrade, UserFill
from connectors.kalshi.session import Session, SessionLost, Turn
from connectors.kalshi.subscriptions import Channel, Wanted

REPLY = 10.0


class Talk:
    """A session with its books, and short ways to say what the venue says."""

    def __init__(self, *tickers: str) -> None:
        self.wanted, self.books = Wanted(), {}  # type: ignore[var-annotated]
        self.now = 0.0
        if tickers:
            self.wanted.add(Channel.ORDERBOOK, tickers)
        self.session = Session(self.wanted, self.books, REPLY)

    def sync(self) -> list[dict[str, Any]]:
        return self.session.sync(self.now)

    def says(self, kind: str, msg: Any = None, **fields: Any) -> Turn:
        frame = {"type": kind, **fields, **({} if msg is None else {"msg": msg})}
        return self.session.receive(json.dumps(frame) + "\n", self.now)

    def subscribed(self, channel: Channel = Channel.ORDERBOOK, sid: int = 1, id: int = 1) -> Turn:
        return self.says("subscribed", {"channel": str(channel), "sid": sid}, id=id)

    def snapshot(self, ticker: str, seq: int, clock: int = 10, sid: int = 1, **sides: Any) -> Turn:
        sides = sides or {"yes_dollars_fp": [["0.4700", "3.00"]], "no_dollars_fp": [["0.5200", "2.00"]]}
        return self.says("orderbook_snapshot", {"market_ticker": ticker, "clock": clock, **sides}, sid=sid, seq=seq)

    def delta(self, ticker: str, seq: int, clock: int, price: str = "0.4600", size: str = "1.00", sid: int = 1) -> Turn:
        msg = {"market_ticker": ticker, "clock": clock, "price_dollars": price, "delta_fp": size, "side": "yes"}
        return self.says("orderbook_delta", msg, sid=sid, seq=seq)

    def book(self, ticker: str) -> Book:
        found: Book = self.books[ticker]
        return found


def running(*tickers: str) -> Talk:
    talk = Talk(*tickers)
    talk.sync()
    talk.subscribed()
    for number, ticker in enumerate(tickers, 1):
        assert talk.snapshot(ticker, number).events == [BookChanged(ticker)]
    return talk


TRADE = {
    "trade_id": "t", "market_ticker": "A", "yes_price_dollars": "0.4000", "no_price_dollars": "0.6000",
    "count_fp": "1.00", "taker_outcome_side": "yes", "taker_book_side": "bid", "is_block_trade": False, "ts_ms": 1,
}  # fmt: skip


# -- what we ask for


def test_each_channel_is_asked_for_once_and_books_in_yes_prices() -> None:
    talk = Talk("B", "A")
    talk.wanted.add(Channel.FILL, None)
    books, fills = talk.sync()
    assert books == {
        "id": 1, "cmd": "subscribe",
        "params": {"channels": ["orderbook_delta"], "market_tickers": ["A", "B"], "use_yes_price": True},
    }  # fmt: skip
    assert fills == {"id": 2, "cmd": "subscribe", "params": {"channels": ["fill"]}}
    assert talk.sync() == []


def test_markets_are_added_and_taken_out_of_a_running_subscription() -> None:
    talk = running("A")
    talk.wanted.add(Channel.ORDERBOOK, ["B", "C"])
    assert [c["params"] for c in talk.sync()] == [
        {"sids": [1], "action": "add_markets", "market_tickers": ["B", "C"]}
    ]
    talk.wanted.remove(Channel.ORDERBOOK, ["A"])
    assert talk.sync() == []  # one command of a channel at a time
    turn = talk.says("ok", {"market_tickers": ["A", "B", "C"]}, id=2, sid=1, seq=2)
    assert [c["params"]["action"] for c in turn.commands] == ["delete_markets"]
    turn = talk.says("ok", {"market_tickers": ["B", "C"]}, id=3, sid=1, seq=3)
    assert turn.events == [BookLost("A", "no longer subscribed")]
    assert set(talk.books) == {"B", "C"}
    assert talk.snapshot("B", 4).events == [BookChanged("B")]


def test_a_channel_that_is_no_longer_wanted_is_given_up_and_can_come_back() -> None:
    talk = running("A")
    talk.wanted.remove(Channel.ORDERBOOK, None)
    assert [(c["cmd"], c["params"]) for c in talk.sync()] == [("unsubscribe", {"sids": [1]})]
    assert talk.says("unsubscribed", id=2, sid=1, seq=2).events == [BookLost("A", "no longer subscribed")]
    assert talk.delta("A", 3, 11).events == []
    talk.wanted.add(Channel.ORDERBOOK, ["A"])
    assert [c["cmd"] for c in talk.sync()] == ["subscribe"]


def test_from_some_markets_to_all_the_subscription_is_made_anew() -> None:
    talk = Talk()
    talk.wanted.add(Channel.TRADE, ["A"])
    talk.sync()
    talk.subscribed(Channel.TRADE, sid=5)
    talk.wanted.add(Channel.TRADE, None)
    assert [c["cmd"] for c in talk.sync()] == ["unsubscribe"]
    again = talk.says("unsubscribed", id=2, sid=5, seq=1).commands
    assert again == [{"id": 3, "cmd": "subscribe", "params": {"channels": ["trade"]}}]


def test_it_is_told_once_when_everything_wanted_is_subscribed_or_refused() -> None:
    talk = Talk("A")
    talk.wanted.add(Channel.FILL, None)
    talk.wanted.add(Channel.USER_ORDERS, None)
    talk.sync()
    assert talk.subscribed(id=1).events == []
    assert talk.snapshot("A", 1).events == [BookChanged("A")]
    assert talk.subscribed(Channel.FILL, sid=2, id=2).events == []
    refused = talk.says("error", {"code": 8, "msg": "Unknown channel name"}, id=3).events
    assert [type(e) for e in refused] == [Problem, Subscribed]
    assert talk.delta("A", 2, 11).events == [BookChanged("A")]


def test_markets_that_are_added_before_the_reply_belong_to_everything_wanted() -> None:
    talk = Talk("A")
    talk.sync()
    talk.wanted.add(Channel.ORDERBOOK, ["B"])
    assert talk.subscribed().events == []
    assert talk.says("ok", {"market_tickers": ["A", "B"]}, id=2, sid=1, seq=1).events == [Subscribed()]


def test_what_cannot_be_subscribed_is_refused_at_once() -> None:
    wanted = Wanted()
    with pytest.raises(ValueError, match="name the tickers"):
        wanted.add(Channel.ORDERBOOK, None)
    with pytest.raises(ValueError, match="cannot be narrowed"):
        wanted.add(Channel.LIFECYCLE, ["A"])
    wanted.add(Channel.TRADE, None)
    with pytest.raises(ValueError, match="single ones cannot"):
        wanted.remove(Channel.TRADE, ["A"])


# -- sequence


def test_a_repeated_frame_changes_nothing() -> None:
    talk = running("A")
    assert talk.delta("A", 2, 11).events == [BookChanged("A")]
    before = talk.book("A").bids()
    assert talk.delta("A", 2, 11).events == []
    assert talk.snapshot("A", 1).events == []
    assert talk.book("A").bids() == before


def test_a_lost_frame_makes_all_books_of_the_channel_unknown_until_their_new_snapshots() -> None:
    talk = running("A", "B")
    turn = talk.delta("A", 5, 11)
    assert turn.events == [
        MessagesMissed("orderbook_delta", 2),
        BookLost("A", "messages lost: 2"), BookLost("B", "messages lost: 2"),
    ]  # fmt: skip
    assert [c["params"] for c in turn.commands] == [
        {"sids": [1], "action": "get_snapshot", "market_tickers": ["A", "B"]}
    ]
    assert not talk.book("A").ready and talk.book("A").best_bid is None
    assert talk.delta("B", 6, 12).events == []  # a change of a book that is not known
    assert talk.snapshot("A", 7, clock=20).events == [BookChanged("A")]
    assert talk.delta("A", 8, 20).events == []  # is in the snapshot already
    assert talk.delta("A", 9, 21).events == [BookChanged("A")]
    assert not talk.book("B").ready


def test_a_lost_first_frame_is_noticed() -> None:
    talk = Talk("A", "B")
    talk.sync()
    talk.subscribed()
    turn = talk.snapshot("B", 2)
    assert MessagesMissed("orderbook_delta", 1) in turn.events and BookChanged("B") in turn.events
    assert talk.book("B").ready and not talk.book("A").ready


def test_frames_in_the_wrong_order_are_mended_like_lost_ones() -> None:
    talk = running("A")
    late = talk.delta("A", 3, 12)
    assert BookLost("A", "messages lost: 1") in late.events
    assert talk.delta("A", 2, 11).events == []
    assert talk.snapshot("A", 4, clock=12).events == [BookChanged("A")]


def test_replies_and_errors_of_a_sequenced_channel_count_too() -> None:
    talk = running("A")
    talk.says("error", {"code": 26, "msg": "limit"}, id=99, sid=1, seq=2)
    assert talk.delta("A", 3, 11).events == [BookChanged("A")]


def test_lost_trades_are_told_and_channels_without_numbers_are_not_counted() -> None:
    talk = Talk()
    talk.wanted.add(Channel.TRADE, None)
    talk.wanted.add(Channel.FILL, None)
    talk.sync()
    talk.subscribed(Channel.TRADE, sid=7, id=1)
    talk.subscribed(Channel.FILL, sid=8, id=2)
    assert [type(e) for e in talk.says("trade", TRADE, sid=7, seq=1).events] == [PublicTrade]
    assert [type(e) for e in talk.says("trade", TRADE, sid=7, seq=4).events] == [MessagesMissed, PublicTrade]
    fill = {
        "trade_id": "t", "order_id": "o", "market_ticker": "A", "exchange_index": 0, "is_taker": True,
        "yes_price_dollars": "0.4000", "count_fp": "1.00", "fee_cost": "0.0168", "post_position_fp": "1.00",
        "outcome_side": "yes", "book_side": "bid", "ts_ms": 1,
    }  # fmt: skip
    turn = talk.says("fill", fill, sid=8, sending_ts_ms=5)
    assert [type(e) for e in turn.events] == [UserFill] and turn.sent_ms == 5


# Frames of a market as the venue numbers them, mangled on the way: lost, doubled, or swapped with the next one.
mangling = st.lists(st.sampled_from(["sent", "lost", "doubled", "swapped"]), min_size=1, max_size=40)


@given(mangling)
def test_whatever_happens_to_frames_no_wrong_book_is_ever_told(fates: list[str]) -> None:
    """A book that counts as known is, at every frame, the venue's book of some moment that was not before the last."""
    talk = Talk("A")
    talk.sync()
    talk.subscribed()
    truth: list[Decimal] = []  # the size of the one level after each clock
    frames = []
    for clock, _ in enumerate(fates):
        truth.append(Decimal(clock + 1))
        size = [["0.4600", f"{clock + 1}.00"]]
        frames.append((clock + 1, clock, size if clock == 0 else None))
    queue = []
    for frame, fate in zip(frames, fates, strict=True):
        queue += {"sent": [frame], "lost": [], "doubled": [frame, frame], "swapped": [frame]}[fate]
        if fate == "swapped" and len(queue) > 1:
            queue[-1], queue[-2] = queue[-2], queue[-1]
    seen = 0
    for seq, clock, first in queue:
        if first is not None:
            talk.snapshot("A", seq, clock=clock, yes_dollars_fp=first)
        else:
            talk.delta("A", seq, clock)
        book = talk.book("A")
        if book.ready:
            assert book.bids()[0].size == truth[book.clock]
            assert book.clock >= seen
            seen = book.clock


# -- what breaks a book


def test_a_book_that_cannot_be_is_fetched_anew() -> None:
    talk = running("A")
    turn = talk.delta("A", 2, 11, price="0.4700", size="-4.00")
    assert turn.events == [BookLost("A", "A: the level 0.4700 (yes) would hold -1.00 contracts")]
    assert turn.commands[0]["params"]["action"] == "get_snapshot"
    assert talk.snapshot("A", 3, yes_dollars_fp=[["0.9", "1"]], no_dollars_fp=[["0.1", "1"]]).events == [
        BookLost("A", "A: the snapshot is crossed: bid 0.9 and ask 0.1")
    ]
    assert not talk.book("A").ready


def test_a_change_that_cannot_be_read_makes_the_books_unknown() -> None:
    talk = running("A")
    turn = talk.says("orderbook_delta", {"market_ticker": "A", "clock": 11, "delta_fp": "1.00"}, sid=1, seq=2)
    assert isinstance(turn.events[0], Problem) and "`price_dollars` is missing" in turn.events[0].words
    assert turn.events[1] == BookLost("A", "a change could not be read")


def test_a_snapshot_that_does_not_come_is_asked_for_ever_more_rarely_and_the_reader_is_told_once() -> None:
    talk = Talk("A", "B")
    talk.sync()
    talk.subscribed()
    talk.snapshot("B", 1)
    asked, told = [], []
    for second in range(2_000):
        talk.now = float(second)
        turn = talk.session.watch(talk.now)
        asked += [(second, c["params"]["market_tickers"]) for c in turn.commands]
        told += [(second, e) for e in turn.events]
    assert [(s, t) for s, t in asked[:5]] == [(n, ["A"]) for n in (11, 32, 73, 154, 315)]
    assert len(asked) < 12
    assert [(s, type(e)) for s, e in told] == [(154, Problem)]
    assert talk.snapshot("A", 2).events == [BookChanged("A")]
    assert talk.session.watch(9_999.0).commands == []


# -- refusals and ends


def test_an_unreadable_message_is_told_and_the_stream_goes_on() -> None:
    talk = Talk()
    turn = talk.says("trade", {**TRADE, "yes_price_dollars": 40})
    assert isinstance(turn.events[0], Problem) and "yes_price_dollars" in turn.events[0].words
    assert talk.says("news_of_tomorrow", {"x": 1}).events == []
    fees = {"event_ticker": "E", "fee_type_override": None, "fee_multiplier_override": None}
    assert talk.says("event_fee_update", fees).events == [EventFeeUpdate(event_ticker="E")]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"x"', "{}", '{"type": 5}', '{"type": "error"}', '{"type":"subscribed"}']
)
def test_a_frame_that_is_no_message_ends_the_connection(text: str) -> None:
    with pytest.raises(SessionLost):
        Talk().session.receive(text, 0.0)


def test_a_refused_subscription_is_told_and_not_asked_for_again_until_it_changes() -> None:
    talk = Talk("A", "NOPE")
    talk.sync()
    turn = talk.says("error", {"code": 11, "msg": "Invalid parameter", "market_ticker": "NOPE"}, id=1)
    assert turn.events == [
        Problem("the venue refused `subscribe` of orderbook_delta (NOPE): Invalid parameter", 11), Subscribed(),
    ]  # fmt: skip
    assert talk.sync() == []
    talk.wanted.remove(Channel.ORDERBOOK, ["NOPE"])
    assert [c["params"]["market_tickers"] for c in talk.sync()] == [["A"]]


@pytest.mark.parametrize("code", [1, 7, 9, 18, 27])
def test_errors_of_the_connection_end_it(code: int) -> None:
    talk = Talk("A")
    talk.sync()
    with pytest.raises(SessionLost, match=rf"\({code}\)"):
        talk.says("error", {"code": code, "msg": "no"}, id=1)


@pytest.mark.parametrize("code", [10, 25])
def test_a_subscription_that_the_venue_ends_is_made_again(code: int) -> None:
    talk = running("A")
    turn = talk.says("error", {"code": code, "msg": "buffer overflow"}, sid=1, seq=2)
    assert turn.events == [Problem("orderbook_delta ended: buffer overflow"), BookLost("A", "buffer overflow")]
    assert [c["cmd"] for c in turn.commands] == ["subscribe"]
    assert talk.delta("A", 3, 11).events == []
    talk.subscribed(sid=2, id=2)
    assert talk.snapshot("A", 1, sid=2).events == [BookChanged("A")]


def test_a_reply_that_does_not_come_ends_the_connection() -> None:
    talk = Talk("A")
    talk.sync()
    talk.session.watch(REPLY)
    with pytest.raises(SessionLost, match="no reply to `subscribe` within 10 s"):
        talk.session.watch(REPLY + 0.1)


def test_a_sign_of_life_shows_subscriptions_that_the_venue_has_forgotten() -> None:
    talk = running("A")
    assert talk.session.probe(0.0) == {"id": 2, "cmd": "list_subscriptions"}
    assert talk.session.probe(0.0) is None
    assert talk.says("ok", [{"channel": "orderbook_delta", "sid": 1}], id=2).events == []
    assert talk.session.probe(0.0) == {"id": 3, "cmd": "list_subscriptions"}
    turn = talk.says("ok", [], id=3)
    assert BookLost("A", "the venue has forgotten the subscription") in turn.events
    assert [c["cmd"] for c in turn.commands] == ["subscribe"]


def test_a_new_connection_knows_no_book_and_forgets_those_no_longer_wanted() -> None:
    talk = running("A", "B")
    talk.wanted.remove(Channel.ORDERBOOK, ["B"])
    Session(talk.wanted, talk.books, REPLY)
    assert set(talk.books) == {"A"} and not talk.book("A").ready
