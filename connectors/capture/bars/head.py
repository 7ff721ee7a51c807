"""How a session of a feed of bars began."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, Self

from connectors.capture.codec import Head, Maker, Said
from engine.market.instrument import Instrument, InstrumentKind


class SaidInstrument(Said):
    """What can be ordered, and on which grid. Prices are money per unit."""

    symbol: str
    kind: InstrumentKind
    tick_size: Decimal
    lot_size: Decimal
    calendar: str
    lowest: Decimal | None

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        return cls(
            symbol=instrument.symbol, kind=instrument.kind, tick_size=instrument.tick_size,
            lot_size=instrument.lot_size, calendar=instrument.calendar, lowest=instrument.lowest,
        )  # fmt: skip

    @property
    def instrument(self) -> Instrument:
        return Instrument(
            self.symbol, self.kind, self.tick_size, self.lot_size, self.calendar, lowest=self.lowest
        )  # fmt: skip


class FeedHead(Head):
    """``prices``: who told them; ``speed``: how fast the time of a practice venue ran, 1 at any other."""

    venue: Literal["tradier"]
    prices: Literal["tradier", "polygon"]
    speed: float
    listed: list[SaidInstrument]

    @classmethod
    def of(
        cls, maker: Maker, created_ns: int, prices: Literal["tradier", "polygon"], speed: float,
        instruments: Iterable[Instrument],
    ) -> Self:  # fmt: skip
        listed = [SaidInstrument.of(instrument) for instrument in instruments]
        return cls(
            venue="tradier", **maker._asdict(), created_ns=created_ns, prices=prices, speed=speed, listed=listed
        )  # fmt: skip

    @property
    def pace(self) -> float:
        """How fast its time ran."""
        return max(self.speed, 1.0)

    @property
    def instruments(self) -> dict[str, Instrument]:
        """What was followed, as what can be ordered."""
        return {said.symbol: said.instrument for said in self.listed}
