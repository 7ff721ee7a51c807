"""A live run is what its gate has judged: the same values, of its own pack and of the shared one, and symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.cli.errors import UserError
from engine.cli.on_venue import consents
from engine.cli.venues.port import VenueConsents
from engine.execute.consents import Destination
from engine.settings import Settings, load_settings

PACK = "kind: pack\nname: alpha\nabout: x\nvenue: paper\ntimezone: America/New_York\ncalendar: XNYS\nuniverse: [SPY]\n"
BUYER = "kind: strategy\nname: buyer\nabout: Buys.\nwhen: close > 1\nthen: {buy: {size: 1}}\n"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Rules of a pack whose gate has passed."""
    folder = tmp_path / "rules" / "alpha"
    folder.mkdir(parents=True)
    (folder / "pack.yaml").write_text(PACK, encoding="utf-8")
    (folder / "buyer.yaml").write_text(BUYER, encoding="utf-8")
    (tmp_path / "autotrader.toml").write_text('[rules]\npaths = ["rules"]\n', encoding="utf-8")
    monkeypatch.setattr(consents, "pack_verdict", lambda settings, pack: SimpleNamespace(passed=True))
    return load_settings(tmp_path / "autotrader.toml", environment={})


def asked(settings: Settings, parameters: Mapping[str, float], universe: Sequence[str]) -> Destination:
    said = VenueConsents("kalshi", "production", "demo", "live", practice=False)
    return consents.require_permission(
        settings, said, ["alpha"], parameters, {"alpha.buyer": universe}, live=True, accepted=True, ask=None
    ).destination


def test_what_the_gate_has_judged_goes_out(settings: Settings) -> None:
    assert asked(settings, {"beta.rule.size": 3.0}, ("SPY",)) is Destination.PRODUCTION


@pytest.mark.parametrize(
    ("parameters", "universe"),
    [
        ({"alpha.buyer.size": 3.0}, ("SPY",)),
        ({"common.daily_loss.most": 1e6}, ("SPY",)),  # a guard of the shared pack judges its entries
        ({}, ("TSLA",)),
        ({}, ("SPY", "TSLA")),
    ],
)
def test_what_the_gate_has_not_judged_does_not(
    settings: Settings, parameters: Mapping[str, float], universe: Sequence[str]
) -> None:
    with pytest.raises(UserError, match=r"that of alpha is unknown, which is not passed: .*--param.*--symbols") as no:
        asked(settings, parameters, universe)
    assert no.value.code == 4
