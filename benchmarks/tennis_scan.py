"""1,000 open markets of 500 matches: read, matched to players and priced, after the archive was loaded.

Without an archive (``--database FILE``, made by ``engine tennis import``) players and results are made up: 2,000 men,
four years of weekly tournaments. The markets carry titles and rules as the venue writes them; one name in twenty is
misspelt, so that the search for names that are only alike is paid for.
Run: ``python -m benchmarks.tennis_scan``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.machine import header
from connectors.tennis.database import Archive, SourceFile, read_archive, write_archive
from connectors.tennis.matching import Priced, TourBook
from connectors.tennis.names import Resolved
from connectors.tennis.source import TennisSource
from engine.cli.tennis.source import tour_books
from engine.market.signals import MarketListing
from engine.market.tennis import Ending, Match, Player, Surface, Tour
from engine.research.tennis.order import day_of
from engine.settings.models import TennisSettings

MARKETS = 1_000
RUNS = 5
MOST_SECONDS = 2.0
PLAYERS = 2_000
WEEKS = 210
FIRST = date(2020, 1, 6)
SOUNDS = ("ka", "ri", "mo", "ve", "lu", "ten", "dar", "sil", "pro", "nik", "bes", "jor")


def made_up(path: Path) -> None:
    """An archive of nobody's results."""
    chance = Random(1)
    players = {n: Player(n, _word(chance, 2), _word(chance, 3)) for n in range(PLAYERS)}
    write_archive(path, Archive(Tour.ATP, players, list(_matches(chance))), [SourceFile("made up", "", PLAYERS)])


def _word(chance: Random, sounds: int) -> str:
    return "".join(chance.choice(SOUNDS) for _ in range(sounds)).capitalize()


def _matches(chance: Random) -> Iterator[Match]:
    for week in range(WEEKS):
        begins = FIRST + timedelta(days=7 * week)
        left = chance.sample(range(PLAYERS), 128)
        for round_ in ("R128", "R64", "R32", "R16", "QF", "SF", "F"):
            pairs = list(zip(left[::2], left[1::2], strict=True))
            left = [one if chance.random() < 0.5 else other for one, other in pairs]
            for number, ((one, other), winner) in enumerate(zip(pairs, left, strict=True)):
                loser = other if winner == one else one
                yield Match(f"{week}", f"Place {week % 50}", Surface.HARD, "A", begins, 128, round_, number, 3, winner,
                            loser, Ending.COMPLETED, 2, 0, 12, 8, 0.52, 500, 400)  # fmt: skip


def markets(book: TourBook, archive: Archive, now_ns: int) -> list[MarketListing]:
    """Two for each match, between players who are active, at a tournament that is known."""
    chance = Random(2)
    index = book.players
    singles = [p for p in index.players.values() if len(p.last) > 3 and isinstance(index.of(p.name), Resolved)]
    where = next(m.name for m in reversed(archive.matches) if m.main_tour and book.tournaments.court(m.name))
    found = []
    for number in range(MARKETS // 2):
        pair = chance.sample(singles, 2)
        versus = " vs ".join(player.last for player in pair)
        event = f"KXATPMATCH-26NOV21{number:06d}"
        for code, player in enumerate(pair):
            first = player.first + player.first[-1:] if chance.random() < 0.05 else player.first
            written = f"{first} {player.last}".strip()
            found.append(MarketListing(
                f"{event}-{code}", event, "KXATPMATCH", f"Will {written} win the {versus}: Round Of 64 match?", written,
                f"If {written} wins the {versus} professional tennis match in the 2026 ATP {where} Round Of 64 after a "
                "ball has been played, then the market resolves to Yes.", 0, 0, None, now_ns + 3_600 * 10**9,
            ))  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", type=Path)
    given = parser.parse_args().database
    print(header("rapidfuzz", "numpy"))
    with tempfile.TemporaryDirectory() as folder:
        path = given or Path(folder) / "tennis.db"
        if given is None:
            made_up(path)
        archive = read_archive(path, Tour.ATP)
        day = max(day_of(match) for match in archive.matches) + timedelta(days=1)
        began = time.perf_counter()
        books = tour_books(TennisSettings(database=path), day)
        print(f"start, once: {time.perf_counter() - began:.2f} s for {len(archive.matches):,} matches and the model")
        now_ns = int(datetime.now(UTC).timestamp()) * 10**9
        listed = markets(books[Tour.ATP], archive, now_ns)
        runs, told = [], 0
        for _ in range(RUNS):
            source = TennisSource(["KXATPMATCH"], books, day)
            began = time.perf_counter()
            source.show(listed, now_ns)
            source.follow(source.tickers, lambda words: None)
            told = len(source.pulse(now_ns))
            runs.append(time.perf_counter() - began)
        priced = sum(isinstance(source.price(ticker), Priced) for ticker in source.tickers)
    print(f"{len(listed):,} markets, {priced:,} with a price, {told:,} facts told: {statistics.median(runs):.3f} s "
          f"(median of {RUNS}, worst {max(runs):.3f} s; the aim is {MOST_SECONDS:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
