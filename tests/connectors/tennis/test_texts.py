"""What titles, rules and tickers say, on every text of the venue that we have."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors.tennis.texts import TextError, read_texts, ticker_day
from engine.market.signals import MarketListing

Leg = Callable[..., MarketListing]


def titled(title: str, **more: Any) -> MarketListing:
    told: dict[str, Any] = {
        "ticker": "KXATPMATCH-26JAN20AAABBB-AAA", "event": "KXATPMATCH-26JAN20AAABBB", "series": "KXATPMATCH",
        "yes": "", "rules": "", "open_ns": 0, "close_ns": 0, **more,
    }  # fmt: skip
    return MarketListing(title=title, **told)


def test_every_real_market_is_read(shared_data: Path) -> None:
    told = json.loads((shared_data / "kalshi" / "market_samples_tennis_arena.json").read_text(encoding="utf-8"))
    markets = [one for one in told["tennis"] if "title" in one]
    assert len(markets) >= 14
    for one in markets:
        ticker = one.get("ticker", "KXATPMATCH-26JAN20AAABBB-AAA")
        text = read_texts(titled(
            one["title"], ticker=ticker, series=ticker.partition("-")[0], yes=one.get("yes_sub_title", ""),
            rules=one.get("rules_primary", ""),
        ))  # fmt: skip
        name = one["title"].removeprefix("Will ").partition(" win the ")[0]
        versus = one["title"].partition(" win the ")[2]
        assert text.yes == name
        assert versus.startswith(f"{text.surnames[0]} vs {text.surnames[1]}")
        assert any(surname in name for surname in text.surnames)
        assert not {":", "?", "match"} & set(" ".join(text.surnames).split())


def test_every_real_rule_is_read(shared_data: Path) -> None:
    told = json.loads((shared_data / "kalshi" / "market_samples_tennis_arena.json").read_text(encoding="utf-8"))
    seen = {}
    for one in told["tennis"]:
        if "rules_primary" in one:
            name, _, versus = one["rules_primary"].removeprefix("If ").partition(" wins the ")
            title = f"Will {name} win the {versus.partition(' professional')[0]} match?"
            text = read_texts(titled(title, rules=one["rules_primary"]))
            seen[name] = (text.tournament, text.round, text.year)
    assert seen == {
        "Eva Lys": ("Beijing", "quarterfinal", 2025),
        "Luciano Darderi": ("Madrid", "round of 64", 2026),
        "Juan Manuel Cerundolo": ("Madrid", "round of 64", 2026),
        "Botic Van de Zandschulp": ("US Open", "quarterfinal", 2026),
        "Andrea Guerrieri": ("Umag", "qualification final", 2026),
    }


@pytest.mark.parametrize(
    ("title", "surnames", "tournament", "round_"),
    [
        ("Will Eva Lys win the Lys vs Gauff match?", ("Lys", "Gauff"), "", ""),
        ("Will Stefanos Tsitsipas win the Machac vs Tsitsipas : Round Of 64 match?", ("Machac", "Tsitsipas"), "",
         "round of 64"),
        ("Will Alex de Minaur win the de Minaur vs Cobolli: Round Of 16 match?", ("de Minaur", "Cobolli"), "",
         "round of 16"),
        ("Will Piper Charney win the Charney vs Sholokhova: W35 Decatur IL Round of 16 match?",
         ("Charney", "Sholokhova"), "W35 Decatur IL", "round of 16"),
        ("Will A B win the B vs C: M25 Muttenz Round of 32 match?", ("B", "C"), "M25 Muttenz", "round of 32"),
        ("Will A B win the B vs C: W100 Landisville PA Final match?", ("B", "C"), "W100 Landisville PA", "final"),
        ("Will A B win the B vs C : Qualification Final match?", ("B", "C"), "", "qualification final"),
        ("Will A B win the B vs C: Semifinal?", ("B", "C"), "", "semifinal"),
        ("Will A B win the B vs. C match?", ("B", "C"), "", ""),
    ],
)  # fmt: skip
def test_titles_as_they_have_drifted(title: str, surnames: tuple[str, str], tournament: str, round_: str) -> None:
    text = read_texts(titled(title))
    assert (text.surnames, text.tournament, text.round) == (surnames, tournament, round_)


def test_qualifying_is_known(leg: Leg) -> None:
    assert read_texts(leg(where="2026 ATP Umag Qualification Final")).qualifying
    assert not read_texts(leg()).qualifying


@pytest.mark.parametrize(
    ("market", "words"),
    [
        (titled("Top AI model this week?"), "does not read as"),
        (titled("Will A / B win the A / B vs C / D match?"), "doubles"),
        (titled("Will A B win the B vs C match?", series="KXATPDOUBLES"), "doubles"),
        (titled("Will A B win the B vs C match?", yes="C D"), "name different YES: A B and C D"),
        (titled("Will A B win the B vs C match?", rules="Pays if A B wins."), "the rules do not read as"),
    ],
)
def test_what_does_not_say_plainly_which_match_it_is(market: MarketListing, words: str) -> None:
    with pytest.raises(TextError, match=words):
        read_texts(market)


def test_title_and_rules_must_speak_of_one_match(leg: Leg) -> None:
    other = leg("Luciano Darderi", "Cerundolo vs Darderi").rules.replace("Cerundolo vs", "Nadal vs")
    with pytest.raises(TextError, match="different players"):
        read_texts(leg(rules=other))


def test_the_day_of_a_ticker() -> None:
    assert ticker_day("KXATPMATCH-26APR25CERDAR-DAR") == date(2026, 4, 25)
    assert ticker_day("KXATPMATCH-26JUL06DECOB-DE") == date(2026, 7, 6)
    assert ticker_day("KXATPMATCH-26FEB31CERDAR-DAR") is None
    assert ticker_day("KXTOPMODEL-26SEP28") is None
