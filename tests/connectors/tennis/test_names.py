"""Who a name means: rather nobody than the wrong player."""

from __future__ import annotations

import pytest

from connectors.tennis.names import PlayerIndex, Resolved, Unmatched, carries, is_pair, normalised
from engine.market.tennis import Player

pytest.importorskip("rapidfuzz")


def found(index: PlayerIndex, name: str) -> int:
    resolved = index.of(name)
    assert isinstance(resolved, Resolved), resolved
    return resolved.player.number


def why(index: PlayerIndex, name: str) -> str:
    resolved = index.of(name)
    assert isinstance(resolved, Unmatched), resolved
    return resolved.why


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("Félix Auger-Aliassime", "felix auger aliassime"), ("Christopher O’Connell", "christopher oconnell"),
        ("Holger Rune", "holger rune"), ("Casper Ruud ", "casper ruud"), ("Łukasz Kubot", "lukasz kubot"),
        ("J.J. Wolf", "j j wolf"), ("Søren Kjær", "soren kjaer"), ("Iga ŚWIĄTEK", "iga swiatek"),
        ("Nuno Đoković", "nuno dokovic"),
    ],
)  # fmt: skip
def test_names_are_brought_to_one_form(written: str, form: str) -> None:
    assert normalised(written) == form


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Jannik Sinner", 4), ("SINNER Jannik", 4), ("J. Sinner", 4), ("Sinner J.", 4), ("J.J. Wolf", 5),
        ("JJ Wolf", 5),
        ("Botic van de Zandschulp", 6), ("Félix Auger-Aliassime", 7), ("Zhang Zhizhen", 8), ("Zhizhen Zhang", 8),
        ("Alexandre Muller", 10), ("Alexandra Muller", 11), ("Ethan Quinn", 12), ("Christopher O'Connell", 18),
        ("Huber Hurkacz", 19), ("Alex de Minaur", 20), ("M. Ymer", 22),
    ],
)  # fmt: skip
def test_a_name_that_is_sure_is_matched(index: PlayerIndex, name: str, number: int) -> None:
    assert found(index, name) == number


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Quinn", "no active player is called Quinn"),
        ("Sinner", "no active player is called Sinner"),
        ("Martin Sinner", "no active player is called Martin Sinner"),
        ("A. Muller", "could be Alexandre Muller (10) or Alexandra Muller (11)"),
        ("Alexandr Muller", "could be Alexandr"),
        ("Jan Choinski", "could be Jan Choinski (15) or Jan Choinski (16)"),
        ("Roger Federer", "last played on 2021-07-07, more than two years before 2026-04-24"),
        ("Wolf / Quinn", "doubles are not priced"),
        ("B. Sinner", "no active player has the surname and the initial"),
        ("Hubert Hurkacs", "is like Hubert Hurkacz, but the surname is another"),
        ("", "there is no name"),
    ],
)
def test_a_name_that_is_not_sure_is_matched_to_nobody(index: PlayerIndex, name: str, words: str) -> None:
    assert words in why(index, name)


def test_the_other_of_two_players_of_one_name_counts_once_he_has_stopped(players: list[Player]) -> None:
    from datetime import date

    last = {15: date(2026, 4, 1), 16: date(2022, 1, 1)}
    assert found(PlayerIndex(players, last, date(2026, 4, 24)), "Jan Choinski") == 15


def test_surnames_belong_to_players() -> None:
    player = Player(6, "Botic", "Van De Zandschulp")
    assert carries(player, "Van de Zandschulp")
    assert carries(player, "Zandschulp")
    assert not carries(player, "Van Assche")
    assert not carries(player, "")


def test_pairs_are_seen() -> None:
    assert is_pair("Krawietz/Puetz")
    assert is_pair("Krawietz & Puetz")
    assert not is_pair("Andy Murray")
    assert not is_pair("Fernando Romboli")
