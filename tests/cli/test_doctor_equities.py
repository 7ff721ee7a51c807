"""``engine doctor`` on Tradier and Polygon: what they say themselves, each with its mend, and never a token."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from connectors.simulators.clock import PracticeClock
from connectors.simulators.polygon.server import PolygonServer
from connectors.simulators.polygon.tape import made_up
from connectors.simulators.polygon.vendor import Vendor
from connectors.simulators.tradier.server import ACCOUNT, Practice, PracticeServer, Setup, start_of
from engine.cli.checks.check import Check, Outcome
from engine.cli.checks.polygon import check_polygon
from engine.cli.checks.venues import check_venues
from engine.settings import Settings

DAY = date(2025, 10, 15)
NOON = start_of(DAY, -150)


@pytest.fixture(scope="module")
def tradier() -> Iterator[PracticeServer]:
    with PracticeServer(Practice(Setup(NOON))) as server:
        yield server


@pytest.fixture(scope="module")
def polygon() -> Iterator[PolygonServer]:
    with PolygonServer(Vendor(made_up(["SPY", "I:SPX"], DAY, 7), PracticeClock(NOON), "word-of-polygon")) as server:
        yield server


def of_tradier(server: PracticeServer, polygon: Any = None, **changes: Any) -> dict[str, Check]:
    values = {"access_token": server.practice.token, "account_id": ACCOUNT, "base_url": server.url, **changes}
    settings = Settings.model_validate({"tradier": values, **({"polygon": polygon} if polygon else {})})
    found = {check.name: check for check in check_venues(settings)}
    assert not any(server.practice.token in check.found + check.mend for check in found.values())
    assert all(check.mend for check in found.values() if check.outcome is not Outcome.OK)
    return found


def of_polygon(server: PolygonServer | None, key: str | None = "word-of-polygon", **changes: Any) -> dict[str, Check]:
    address = {"base_url": server.url} if server is not None else {}
    values = {**address, **({"api_key": key} if key else {}), **changes}
    found = {check.name: check for check in check_polygon(Settings.model_validate({"polygon": values}))}
    assert not any(key and key in check.found + check.mend for check in found.values())
    assert all(check.mend for check in found.values() if check.outcome is not Outcome.OK)
    return found


def test_a_tradier_that_is_well(tradier: PracticeServer) -> None:
    found = of_tradier(tradier)
    assert {check.outcome for check in found.values()} == {Outcome.OK}
    assert list(found) == ["tradier", "tradier account", "tradier clock", "tradier prices"]
    assert "practice at http://127.0.0.1" in found["tradier"].found
    assert "100000" in found["tradier account"].found and "of now" in found["tradier prices"].found


def test_a_token_that_is_not_accepted_and_an_account_of_somebody_else(tradier: PracticeServer) -> None:
    wrong = of_tradier(tradier, access_token="nonsense")["tradier account"]
    assert wrong.outcome is Outcome.FAIL and "sandbox and production differ" in wrong.mend
    other = of_tradier(tradier, account_id="VA99")["tradier account"]
    assert other.outcome is Outcome.FAIL and ACCOUNT in other.found and "account_id" in other.mend


def test_a_tradier_that_is_not_there_leaves_things_unknown(tradier: PracticeServer) -> None:
    found = of_tradier(tradier, base_url="http://127.0.0.1:9")
    assert found["tradier account"].outcome is Outcome.UNKNOWN


def test_prices_that_are_old_and_a_market_that_is_closed(tradier: PracticeServer) -> None:
    def closed(practice: Practice) -> None:
        practice.venue.clock.step(12 * 3600 * 10**9)

    def open_again(practice: Practice) -> None:
        practice.venue.clock.step(-12 * 3600 * 10**9)

    from connectors.simulators.tradier import render

    tradier.do(closed)
    try:
        assert of_tradier(tradier)["tradier prices"].outcome is Outcome.UNKNOWN
    finally:
        tradier.do(open_again)
    stamp = render.quote
    try:
        render.quote = lambda symbol, price, bars, before, now, *more: stamp(  # type: ignore[assignment]
            symbol, price, bars, before, now - 15 * 60 * 10**9, *more
        )
        found = of_tradier(tradier)["tradier prices"]
    finally:
        render.quote = stamp
    assert (found.outcome, "15 minutes old" in found.found) == (Outcome.WARN, True)


def test_prices_that_come_from_polygon_are_polygons_affair(tradier: PracticeServer, polygon: PolygonServer) -> None:
    vendor = {"api_key": "word-of-polygon", "base_url": polygon.url}
    found = of_tradier(tradier, vendor, market_data="polygon")
    assert found["tradier prices"].found == "come from polygon"
    lacking = of_tradier(tradier, {"base_url": polygon.url}, market_data="polygon")
    assert lacking["tradier"].outcome is Outcome.WARN and "AUTOTRADER__POLYGON__API_KEY" in lacking["tradier"].mend


def test_a_polygon_that_is_well(polygon: PolygonServer) -> None:
    found = of_polygon(polygon)
    assert {check.outcome for check in found.values()} == {Outcome.OK}
    assert list(found) == ["polygon", "polygon bars", "polygon quotes", "polygon indices"]


def test_what_the_plan_lacks_is_said(polygon: PolygonServer) -> None:
    polygon.do(lambda app: setattr(app.vendor.options, "refused", frozenset({"Q", "I:SPX"})))
    try:
        found = of_polygon(polygon)
        assert found["polygon bars"].outcome is Outcome.OK
        assert found["polygon indices"].outcome is Outcome.WARN
        polygon.do(lambda app: setattr(app.vendor.options, "refused", frozenset({"SPY"})))
        assert of_polygon(polygon)["polygon bars"].outcome is Outcome.FAIL
    finally:
        polygon.do(lambda app: setattr(app.vendor.options, "refused", frozenset()))


def test_a_key_that_is_wrong_missing_or_not_to_be_asked_about(polygon: PolygonServer) -> None:
    assert of_polygon(polygon, "other-word")["polygon key"].outcome is Outcome.FAIL
    assert of_polygon(polygon, None)["polygon key"].outcome is Outcome.WARN
    half = of_polygon(polygon, flatfiles_access_key="a")["polygon flat files"]
    assert half.outcome is Outcome.WARN and "FLATFILES_SECRET_KEY" in half.mend
    assert check_polygon(Settings()) == []
