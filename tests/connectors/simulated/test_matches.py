"""Made-up tennis matches for runs without a venue."""

from __future__ import annotations

from connectors.simulated.matches import MatchSource, example_matches
from connectors.tennis.manifest import TENNIS
from engine.market.events import Observation


def test_both_players_of_a_match_have_a_market_and_share_one_certainty() -> None:
    matches = example_matches()
    assert len(matches) == 8
    for match in matches.values():
        (other,) = [one for one in matches.values() if one.player == match.opponent]
        assert other.opponent == match.player
        assert match.fair + other.fair == 1
        assert match.ticker.rpartition("-")[0] == other.ticker.rpartition("-")[0], "one event"


def test_every_fact_of_the_tennis_source_is_told_before_the_first_price() -> None:
    matches = example_matches()
    source = MatchSource(matches, seed=3)
    ticks = list(source.ticks())
    assert ticks == list(source.ticks()), "the same arguments give the same ticks"
    for ticker in matches:
        told = {e.name for e in ticks[0].events if isinstance(e, Observation) and e.symbol == ticker}
        assert {fact.name for fact in TENNIS} <= told
        assert {"yes.bid", "yes.ask", "market.volume", "market.maker_fee_rate"} <= told
    starts = {e.value for t in ticks for e in t.events if isinstance(e, Observation) and e.name == "tennis.starts"}
    assert all(isinstance(at, float) and at * 10**9 > ticks[-1].time_ns for at in starts), "nothing is played"
