"""Options figures of chains whose figures are known by hand, and the source that keeps looking at them."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.polygon.errors import NotEntitled, Unavailable
from connectors.polygon.models import ContractSnapshot, read
from connectors.polygon.options import Figure, Volumes, expirations, figures, volumes_of
from connectors.polygon.poller import OptionsSettings, OptionsSource
from connectors.polygon.rest import ChainFilter
from tests.connectors.polygon.conftest import DAY, OPEN_NS, Start

NOW = OPEN_NS + 3_600_000_000_000
SECOND = 1_000_000_000
YESTERDAY = NOW - 86_400 * SECOND


def contract(strike: float, kind: str = "call", expiration: str = "2025-09-17", **more: Any) -> ContractSnapshot:
    body: dict[str, Any] = {
        "details": {
            "contract_type": kind, "expiration_date": expiration, "strike_price": Decimal(str(strike)),
            "ticker": f"O:SPY{expiration}{kind}{strike}",
        },
        "underlying_asset": {"ticker": "SPY", "price": Decimal(560)},
    }  # fmt: skip
    return read(ContractSnapshot, body | more, "test")


def day(volume: int, updated: int = NOW) -> dict[str, Any]:
    return {"day": {"volume": volume, "last_updated": updated}}


CHAIN = [
    contract(560, "call", implied_volatility=Decimal("0.20"), open_interest=100, **day(600),
             last_quote={"bid": Decimal("1.00"), "ask": Decimal("1.10")}),
    contract(560, "put", implied_volatility=Decimal("0.24"), open_interest=50, **day(300),
             last_quote={"bid": Decimal("0.95"), "ask": Decimal("1.05")}),
    contract(561, "call", implied_volatility=Decimal("0.9"), open_interest=7, **day(100)),
    contract(560, "call", "2025-09-18", implied_volatility=Decimal("0.8"), **day(999, YESTERDAY)),
]  # fmt: skip


def test_figures_are_those_worked_out_by_hand() -> None:
    found = figures(CHAIN, NOW, Volumes(DAY, Decimal(550), Decimal(150)))
    values = {name.removeprefix("options."): figure.value for name, figure in found.items()}
    assert values["volume"] == 1000, "what traded yesterday is not of today"
    assert (values["call_volume"], values["put_volume"]) == (700, 300)
    assert values["open_interest"] == 157
    assert values["put_call_ratio"] == pytest.approx(300 / 700)
    assert values["implied_volatility"] == pytest.approx(0.22), "the mean of call and put nearest to the price"
    assert values["flow_call_share"] == 0.5, "150 calls and 150 puts since the snapshot before"
    assert values["spread_ratio"] == pytest.approx(0.1 / 1.05)


def test_unknown_is_not_zero() -> None:
    quiet = [contract(560), contract(560, "put")]
    found = figures(quiet, NOW, None)
    assert found["options.volume"] == Figure(0.0), "a contract without trades today has traded nothing"
    for name in ("open_interest", "implied_volatility", "put_call_ratio", "spread_ratio", "flow_call_share"):
        assert found[f"options.{name}"].value is None and found[f"options.{name}"].reason
    assert all(figure.value is None for figure in figures([], NOW, None).values())


def test_volumes_without_a_day_are_unknown() -> None:
    undated = [contract(560, day={"volume": 5})]
    assert volumes_of(undated, NOW) is None
    assert figures(undated, NOW, None)["options.volume"].value is None


def test_a_strike_far_from_the_price_is_not_at_the_money() -> None:
    far = [contract(600, implied_volatility=Decimal("0.5"))]
    assert figures(far, NOW, None)["options.implied_volatility"].value is None


def test_near_expirations_go_by_the_date_in_new_york() -> None:
    late = OPEN_NS + 13 * 3600 * SECOND  # 22:30 in New York is the next day in UTC
    assert expirations(late, 7) == (date(2025, 9, 17), date(2025, 9, 24))


class Chains:
    """Answers or fails, as told."""

    def __init__(self) -> None:
        self.answer: list[ContractSnapshot] | Exception = CHAIN
        self.asked: list[tuple[str, ChainFilter | None]] = []

    async def chain(self, underlying: str, wanted: ChainFilter | None = None) -> list[ContractSnapshot]:
        self.asked.append((underlying, wanted))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Looking:
    """A source with a commanded clock."""

    def __init__(self) -> None:
        self.chains, self.now, self.told = Chains(), NOW, list[str]()
        self.source = OptionsSource(self.chains, ["SPX"], OptionsSettings(60, 7), lambda: self.now)
        self.source.follow(["SPX"], self.told.append)

    def look(self) -> None:
        asyncio.run(self.source.look("SPX"))

    def pulse(self) -> dict[str, float | str | bool | None]:
        return {seen.name: seen.value for seen in self.source.pulse(self.now)}


def test_facts_are_unknown_until_a_snapshot_and_again_when_none_comes() -> None:
    looking = Looking()
    assert set(looking.pulse().values()) == {None}
    assert looking.pulse() == {}, "told once"
    looking.look()
    assert looking.pulse()["options.volume"] == 1000
    assert looking.pulse() == {}
    looking.chains.answer = Unavailable("the vendor is away")
    looking.now += 120 * SECOND
    looking.look()
    assert looking.pulse() == {}, "one failure makes nothing unknown"
    looking.now += 100 * SECOND
    seen = looking.source.pulse(looking.now)
    assert {each.value for each in seen} == {None}
    assert "the vendor is away" in seen[0].reason
    assert looking.told == ["options of SPX: the vendor is away"]


def test_a_new_snapshot_is_told_also_when_nothing_changed() -> None:
    looking = Looking()
    looking.look()
    looking.pulse()
    looking.now += 60 * SECOND
    looking.look()
    assert len(looking.pulse()) == 8, "so that the facts are known to be fresh"


def test_strikes_stay_the_same_so_that_flow_compares_the_same_contracts() -> None:
    looking = Looking()
    looking.look()
    looking.look()
    first, second = (wanted for _, wanted in looking.chains.asked)
    assert first is not None and second is not None
    assert first.low is None, "the price is not known yet"
    assert (second.low, second.high) == (Decimal(504), Decimal(616))
    assert looking.chains.asked[0][0] == "I:SPX"


def test_a_plan_without_options_says_so_in_the_reason() -> None:
    looking = Looking()
    looking.chains.answer = NotEntitled("the plan lacks options")
    looking.look()
    assert "the plan lacks options" in looking.source.pulse(looking.now)[0].reason


def test_the_practice_vendors_chain_has_all_figures(start: Start) -> None:
    with start(NOW) as practice:

        async def look() -> None:
            rest = practice.rest()
            async with rest.http:
                source = OptionsSource(rest, ["SPX", "SPY"], OptionsSettings(), practice.clock.now_ns)
                for seconds in (600, 0):
                    await source.look("SPX")
                    await source.look("SPY")
                    practice.step(seconds)
                seen = {(each.symbol, each.name): each.value for each in source.pulse(practice.clock.now_ns())}
            for symbol in ("SPX", "SPY"):
                assert 0.05 < float(seen[symbol, "options.implied_volatility"] or 0) < 0.5
                assert float(seen[symbol, "options.volume"] or 0) > 100
                assert 0 <= float(seen[symbol, "options.flow_call_share"] or -1) <= 1
                assert float(seen[symbol, "options.spread_ratio"] or 0) > 0

        asyncio.run(look())
