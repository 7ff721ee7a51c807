"""Inputs come back exactly as they went in, whatever they are and however they are cut into blocks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.events import Bar, Observation, Quote, Tick
from engine.market.inputs import Asked, Halted, History, Input, Past, Reported, Resumed, Unseen, Waits
from engine.market.orders import BrokerReport, Fill, Leg, OrderState, OrderUpdate, Side
from state import RunWriter, Store, StoreError
from state.inputs import InputEncoder, decode

TIMES = st.integers(0, 2**62)
SYMBOLS = st.sampled_from(["SPY", "KXHIGHNY-26OCT01-T65", "Ä/Ö"])
PRICES = st.floats(allow_nan=False)
MAYBE = st.none() | PRICES
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
TEXT = st.text(max_size=9)
BARS = st.builds(Bar, SYMBOLS, TIMES, st.integers(1, 86_400), PRICES, PRICES, PRICES, PRICES, MAYBE)
QUOTES = st.builds(Quote, SYMBOLS, TIMES, MAYBE, MAYBE, MAYBE, MAYBE)
SEEN = st.builds(Observation, SYMBOLS, TIMES, TEXT, MAYBE | st.booleans() | TEXT, TEXT)
TICKS = st.builds(Tick, TIMES, st.lists(BARS | QUOTES | SEEN, max_size=6))
FILLS = st.builds(
    Fill, TEXT, TEXT, SYMBOLS, TEXT, st.sampled_from(Side), DECIMALS, DECIMALS, DECIMALS, TIMES, st.sampled_from(Leg),
    TEXT,
)  # fmt: skip
UPDATES = st.builds(OrderUpdate, TEXT, st.sampled_from(OrderState), TIMES, TEXT, TEXT)
REPORTS = st.builds(BrokerReport, st.lists(FILLS, max_size=2), st.lists(UPDATES, max_size=2))
INPUTS = st.one_of(
    TICKS, TICKS.map(History), TICKS.map(Past), st.builds(Reported, st.sampled_from(Asked), REPORTS),
    st.builds(Halted, TIMES, TEXT, TEXT), st.builds(Resumed, TEXT), st.builds(Unseen, SYMBOLS, TIMES, TEXT),
    st.builds(Waits, TIMES),
)  # fmt: skip


@given(st.lists(INPUTS, max_size=12), st.integers(1, 5))
def test_what_goes_in_comes_out(items: list[Input], cut: int) -> None:
    encoder, blocks = InputEncoder(), []
    for number, item in enumerate(items, 1):
        encoder.add(item)
        if number % cut == 0:
            blocks.append(encoder.take()[3])
    blocks.append(encoder.take()[3])
    found = [item for block in blocks for item in decode(block)]
    assert found == items
    assert [type(item) for item in found] == [type(item) for item in items]


def test_a_block_reaches_as_far_as_its_newest_tick_though_the_past_comes_after_it() -> None:
    encoder = InputEncoder()
    encoder.add(Tick(50, []))
    encoder.add(Past(Tick(20, [])))
    assert encoder.take()[:2] == (50, 50)
    encoder.add(Past(Tick(30, [])))
    assert encoder.take()[1] == 50


def test_unknown_is_kept_apart_from_nan_and_zero() -> None:
    encoder = InputEncoder()
    nan = float("nan")
    encoder.add(Tick(1, [Quote("SPY", 1, None, 0.0, nan, None), Bar("SPY", 0, 60, 1.0, 1.0, 1.0, 1.0, None)]))
    (tick,) = decode(encoder.take()[3])
    assert isinstance(tick, Tick)
    quote, bar = tick.events
    assert isinstance(quote, Quote) and isinstance(bar, Bar)
    assert (quote.bid, quote.bid_size, quote.ask_size, bar.volume) == (None, 0.0, None, None)
    assert quote.ask != quote.ask


@pytest.mark.parametrize("spoil", [lambda b: b[:-3], lambda b: b"x" + b, lambda b: b""])
def test_a_damaged_block_says_so(spoil: Callable[[bytes], bytes]) -> None:
    encoder = InputEncoder()
    encoder.add(Tick(1, [Bar("SPY", 0, 60, 1.0, 1.0, 1.0, 1.0, 5.0)]))
    with pytest.raises(StoreError, match="a block of inputs is damaged"):
        list(decode(spoil(encoder.take()[3])))


def test_an_order_is_never_on_disk_without_the_inputs_it_was_decided_on(
    store: Store, begin: Callable[[Store], RunWriter], order: Callable[..., object]
) -> None:
    writer = begin(store)
    ticks = [Tick(n, [Bar("SPY", n, 60, 1.0, 1.0, 1.0, 1.0, 5.0)]) for n in range(1, 4)]
    for tick in ticks:
        writer.input(tick)
    assert list(store.inputs(writer.run_id)) == []
    writer.orders([order()])  # type: ignore[list-item]
    assert list(store.inputs(writer.run_id)) == ticks
    writer.input(Resumed())
    writer.flush()
    assert list(store.inputs(writer.run_id)) == [*ticks, Resumed()]
    store._connection.execute("DELETE FROM inputs WHERE seq = 1")
    with pytest.raises(StoreError, match=r"block 1 of the inputs of run .* is missing"):
        list(store.inputs(writer.run_id))
