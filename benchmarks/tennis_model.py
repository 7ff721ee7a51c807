"""What other constants of the tennis ratings would give, walk-forward on 2019 to 2022, where ours were chosen.

2023 and later are not looked at here: choosing on them would spoil them. Each constant is halved and doubled by itself.
Run: ``python -m benchmarks.tennis_model ATP_PLAYERS 'ATP_MATCHES*' [WTA_PLAYERS 'WTA_MATCHES*']``; it takes minutes.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from benchmarks.machine import header
from engine.cli.tennis.shared import files_of, read_files, tour_of
from engine.research.tennis.evaluate import evaluate
from engine.research.tennis.ratings import TUNED, Tuning

FIRST, LAST = date(2019, 1, 1), date(2022, 12, 31)
FACTORS = (0.5, 2.0)


def main() -> None:
    words = sys.argv[1:]
    print(header("numpy"))
    if len(words) not in (2, 4):
        print("not run: it needs files of players and matches; see the head of benchmarks/tennis_model.py")
        return
    archives = []
    for players, matches in zip(words[::2], words[1::2], strict=True):
        files = files_of([matches])
        archives.append(read_files(tour_of(Path(players)), [Path(players)], files).archive)

    def losses(tuning: Tuning) -> str:
        found = (evaluate(one.matches, one.born, FIRST, LAST, tuning=tuning).model.scores.log_loss for one in archives)
        return "  ".join(f"{loss:.5f}" for loss in found)

    print(f"{'constant':24}{'value':>8}  log-loss {', '.join(one.tour.upper() for one in archives)}")
    print(f"{'as they are':24}{'':>8}  {losses(TUNED)}")
    for name, value in TUNED._asdict().items():
        for factor in FACTORS:
            print(f"{name:24}{value * factor:8g}  {losses(TUNED._replace(**{name: value * factor}))}", flush=True)


if __name__ == "__main__":
    main()
