"""The machine's integers round as Python's ``round`` and ``Decimal`` do."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from connectors.paper.account import CENT_FRACTION
from engine.decide.sizing import decimal, lots
from engine.market.instrument import Instrument, PriceBand, round_quantity
from engine.research.columns.machine import numbers
from engine.research.columns.machine.layout import FINE, TOO_LARGE

PRICES = st.one_of(
    st.floats(-7e6, 7e6, allow_nan=False),
    st.integers(-(10**9), 10**9).map(lambda n: n / 20_000),  # halves of 1e-4
    st.integers(-(10**9), 10**9).map(lambda n: n / 2**10),  # exact halves of 1e-9
    st.integers(0, 10**8).map(lambda n: n / 100),
)


def run(unit: int = 1) -> SimpleNamespace:
    return SimpleNamespace(status=FINE, unit=unit)


@given(PRICES)
def test_nine_decimals(x: float) -> None:
    assert Decimal(numbers.nanos(run(), x)).scaleb(-9) == decimal(x)


@given(PRICES)
def test_prices_of_fills(x: float) -> None:
    wanted = Decimal(repr(x)).quantize(CENT_FRACTION, ROUND_HALF_EVEN)
    assert Decimal(numbers.fill_price(run(), x)).scaleb(-4) == wanted


@given(st.floats(-10_000, 10_000), st.sampled_from([(1, Decimal(1)), (10, Decimal("0.1")), (1, Decimal(5))]))
def test_whole_lots(x: float, grid: tuple[int, Decimal]) -> None:
    unit, lot = grid
    found = numbers.lots(run(unit), x, int(lot * unit))
    assert Decimal(found) / unit == lots(x, Instrument("A", lot_size=lot))


@given(st.integers(0, 10**7), st.sampled_from([0, 1, 3, 5]), st.sampled_from(["0.1", "0.25", "1"]))
def test_room_in_a_market(size: int, digits: int, share: str) -> None:
    volume = size / 10**digits
    part, scale = Decimal(share).as_integer_ratio()
    found = numbers.room(run(10), volume, part, scale, 5)
    assert Decimal(found) / 10 == round_quantity(Decimal(repr(volume)) * Decimal(share), Decimal("0.5"))


@given(st.floats(0, 300), st.sampled_from([(-1, ROUND_FLOOR), (1, ROUND_CEILING), (0, ROUND_HALF_EVEN)]))
def test_the_grid_and_its_bands(x: float, rounding: tuple[int, str]) -> None:
    hundred = Decimal(100)
    bands = (PriceBand(Decimal(0), hundred, Decimal("0.01")), PriceBand(hundred, Decimal(200), Decimal("0.05")))
    instrument = Instrument("A", tick_size=Decimal("0.03"), bands=bands)
    symbol = SimpleNamespace(bands_begin=0, bands_end=2, tick=30_000_000)
    records = [
        SimpleNamespace(**{name: int(getattr(b, name).scaleb(9)) for name in ("start", "end", "step")}) for b in bands
    ]
    found = numbers.on_grid(run(), symbol, records, x, rounding[0])
    assert Decimal(found).scaleb(-9) == instrument.on_grid(decimal(x), rounding[1])


def test_what_is_too_large_is_said() -> None:
    told = run()
    numbers.nanos(told, 1e7)
    assert told.status == TOO_LARGE
