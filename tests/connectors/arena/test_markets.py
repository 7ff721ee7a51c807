"""What contracts are about, on all real samples, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.arena.markets import NotAContract, Ticker, check_moment, read_contract, read_ticker
from connectors.arena.organisations import organisations
from engine.market.signals import MarketListing

RULES = "If {name} is the top-ranked AI model on {day}, 2026 at 10:00 AM ET, then the market resolves to Yes."


def samples(shared_data: Path) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = json.loads(
        (shared_data / "kalshi" / "market_samples_tennis_arena.json").read_text(encoding="utf-8")
    )
    return told


def tickers(samples: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    for sample in samples["topmodel"] + samples["llm1"]:
        yield from (sample[key] for key in ("ticker", "event_ticker") if key in sample)
        yield from sample.get("tickers", [])


def test_every_real_ticker_is_read(shared_data: Path) -> None:
    read = {ticker: read_ticker(ticker) for ticker in tickers(samples(shared_data))}
    assert len(read) == 16
    assert read["KXTOPMODEL-26SEP30-CLF51M"] == Ticker("KXTOPMODEL", date(2026, 9, 30), "CLF51M")
    assert read["KXLLM1-26OCT12-OPEN"].day == date(2026, 10, 12) and read["KXLLM1-26OCT12-OPEN"].suffix == "OPEN"
    assert read["KXTOPMODEL-26MAR28"].suffix == ""


def test_the_real_rules_say_which_model_and_when(shared_data: Path) -> None:
    sample = next(s for s in samples(shared_data)["topmodel"] if "rules_primary" in s)
    listed = MarketListing(
        "KXTOPMODEL-26SEP28-CLF51M", sample["event_ticker"], "KXTOPMODEL", sample["title"],
        sample["custom_strike"]["Model"], f"{sample['rules_primary']}\n{sample['rules_secondary']}", 0, 0,
    )  # fmt: skip
    contract = read_contract(listed)
    assert contract.name == "claude-fable-5.1-max" and not contract.of_organisation
    assert datetime.fromtimestamp(contract.check_ns / 1e9, UTC) == datetime(2026, 9, 28, 14, tzinfo=UTC)


def test_every_real_leg_is_read_with_the_rules_of_its_kind(shared_data: Path, listing: Callable[..., Any]) -> None:
    events = [s for s in samples(shared_data)["topmodel"] if "legs" in s]
    assert sum(len(event["legs"]) for event in events) == 16
    for event in events:
        day = {"26SEP28": "Sep 28", "26MAR28": "Mar 28"}[event["event_ticker"].partition("-")[2]]
        for leg in event["legs"]:
            market = listing(leg, f"{event['event_ticker']}-X", title=event["title"],
                             rules=RULES.format(name=leg, day=day))  # fmt: skip
            assert read_contract(market).name == leg


def test_every_real_brand_has_its_organisations(shared_data: Path, recorded: list[Any]) -> None:
    names = organisations()
    brands = {brand for s in samples(shared_data)["llm1"] for brand in s.get("subtitles_seen", [])}
    assert brands == {"Claude", "ChatGPT", "Gemini", "Grok"}
    for brand in brands:
        assert names.behind(brand)
    best = {row.organization for board in recorded for row in board.rows[:20] if row.organization}
    assert not [name for name in best if not names.knows(name)]
    assert names.behind("Grok") == {"xai", "spacexai"} and names.behind("Muse") == names.behind("LLaMA") == {"meta"}
    assert names.behind("Other") is None and names.behind("Claud") is None
    assert names.version >= 1


@pytest.mark.parametrize(
    ("text", "hour_utc"),
    [
        ("on Sep 28, 2026 at 10:00 AM ET", 14),
        ("on December 31, 2026 at 10:00 AM ET", 15),
        ("on Mar 7, 2026 at 10:00am EST", 15),
        ("on Mar. 28, 2026, at 12:00 PM EDT", 16),
    ],
)
def test_the_hour_is_new_yorks_in_summer_and_winter(text: str, hour_utc: int) -> None:
    moment = datetime.fromtimestamp(check_moment(f"If X leads {text}, then Yes.") / 1e9, UTC)
    assert (moment.hour, moment.minute) == (hour_utc, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ticker": "KXHIGHNY-26MAR28-X"}, "is no ticker of KXTOPMODEL or KXLLM1"),
        ({"ticker": "KXTOPMODEL-26MAR28"}, "is an event and no market"),
        ({"ticker": "KXTOPMODEL-26FEB30-X"}, "has no date"),
        ({"ticker": "KXTOPMODEL-26MAR29-X"}, "rules look at the leaderboard on 2026-03-28, its ticker says 2026-03-29"),
        ({"rules": ""}, "tells no rules"),
        ({"rules": "If gpt-5.4-high is the top-ranked AI model by summer, then Yes."}, "name no day and hour"),
        ({"when": "Feb 30, 2026 at 10:00 AM ET"}, "Feb 30, 2026, which is none"),
        ({"when": "Mar 28, 2026 at 10:75 AM ET"}, "the time 10:75"),
        ({"yes": ""}, "does not tell what YES stands for"),
        ({"yes": "gpt-5.4", "rules": RULES.format(name="gpt-5.4-high", day="Mar 28")}, "are about gpt-5.4-high"),
        ({"rules": "If gpt-5.4-high wins on Mar 28, 2026 at 10:00 AM ET, then Yes."}, "do not say who must be"),
        ({"title": "Runner-Up AI this week?"}, "about something else: Runner-Up"),
        ({"ticker": "KXLLM1-26MAR28-A", "yes": "Claude"}, "Claude, which its rules do not name"),
    ],
)
def test_what_is_not_plain_is_refused_with_the_reason(
    listing: Callable[..., Any], changes: dict[str, Any], words: str
) -> None:
    wanted = {"yes": "gpt-5.4-high", "ticker": "KXTOPMODEL-26MAR28-GPT", **changes}
    if wanted["yes"] == "Claude":
        wanted["rules"] = RULES.format(name="ChatGPT", day="Mar 28")
    with pytest.raises(NotAContract, match=words):
        read_contract(listing(**wanted))


def test_two_moments_in_one_text_are_no_moment() -> None:
    with pytest.raises(NotAContract, match="more than one day and hour"):
        check_moment("on Sep 28, 2026 at 10:00 AM ET or on Sep 29, 2026 at 10:00 AM ET")
