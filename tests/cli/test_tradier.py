"""Tradier as a user has it: a practice venue by its command, and the verbs that speak to it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

import httpx

PROJECT = Path(__file__).parents[2]
PACKS = PROJECT / "tests" / "chaos" / "packs" / "tradier"


class Place:
    """A working folder with a practice Tradier that runs twenty times as fast as the world."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        words = ["simulate", "tradier", "--port", "0", "--folder", "keys", "--speed", "20", "--start", "09:31"]
        self.venue = self.start(*words, "--json")
        assert self.venue.stdout is not None
        self.said = json.loads(self.venue.stdout.readline())
        for line in Path(self.said["variables"]).read_text(encoding="utf-8").splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.environment[name] = value.strip("'")

    def start(self, *words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-m", "engine", *words], cwd=self.folder, env=self.environment, stdout=pipe, stderr=pipe,
            text=True,
        )  # fmt: skip

    def run(self, *words: str, live: bool = False) -> tuple[int, str, str]:
        self.environment["AUTOTRADER__TRADIER__EXECUTION_MODE"] = "live" if live else "paper"
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def control(self, method: str, name: str, **values: str) -> Any:
        token = Path(self.said["control_token_file"]).read_text(encoding="utf-8")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = httpx.request(method, f"{self.said['control']}/{name}", headers=headers, json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def books(self) -> Any:
        return self.control("GET", "books")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tradier")
    (folder / "autotrader.toml").write_text(f'[rules]\npaths = ["{PACKS}"]\n', encoding="utf-8")
    found = Place(folder)
    yield found
    found.venue.send_signal(signal.SIGTERM)
    out, err = found.venue.communicate(timeout=20)
    assert (found.venue.returncode, out, err) == (0, "", "")


def test_one_look_on_paper_sends_nothing(place: Place) -> None:
    code, out, err = place.run("run", "--venue", "tradier", "--once", "--json")
    assert code == 0, err
    assert json.loads(out)["connections"] == 1
    assert place.books()["orders"] == []


def test_a_live_look_leaves_a_bracket_at_the_venue_that_other_verbs_see_and_take_off(place: Place) -> None:
    for symbol in ("SPY", "AAPL", "F"):  # no price moves, so that neither stop nor target ends what is held
        place.control("POST", "quote", symbol=symbol, bid="99.99", ask="100.00")
    code, out, err = place.run("run", "--venue", "tradier", "--live", "--once", "--json", live=True)
    assert code == 0, err
    assert json.loads(out)["books_agree"] is True
    books = place.books()
    assert {order["class"] for order in books["orders"]} >= {"otoco"} and books["positions"]
    assert place.environment["AUTOTRADER__TRADIER__ACCESS_TOKEN"] not in err + out
    code, out, err = place.run("reconcile", "--venue", "tradier")
    assert code == 0 and "agree" in out, err
    code, out, err = place.run("flatten", "--venue", "tradier", "--json")
    assert code == 0, err
    books = place.books()
    assert books["positions"] == {}
    assert not [order for order in books["orders"] if order["status"] in ("open", "pending", "partially_filled")]
    code, out, _ = place.run("cancel", "--venue", "tradier")
    assert code == 0 and "0 order(s) cancelled" in out
    code, out, err = place.run("reconcile", "--venue", "tradier", "--json")
    assert code == 0 and json.loads(out)["found"].keys() == {"foreign fill"}, out + err
    with closing(sqlite3.connect(place.folder / "state" / "autotrader-demo.db")) as kept:
        ((worth,),) = kept.execute("SELECT equity FROM account_snapshots WHERE run = (SELECT max(id) FROM runs)")
        cash = sum(Decimal(row[0]) for row in kept.execute("SELECT amount FROM balances WHERE account = 'cash'"))
    assert cash == Decimal(books["cash"]) == round(Decimal(worth), 6), "what the venue has, to the cent"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["simulate", "tradier", "--port", "0", "--fault", "explode"], "there is no kind explode"),
        (["simulate", "tradier", "--port", "0", "--date", "2026-11-26"], "2026-11-25 is open"),
        (["simulate", "tradier", "--port", "0", "--replay", "none.csv"], "none.csv"),
        (["run", "--venue", "tradier", "--live", "--fuse", "3"], "has no fuse"),
    ],
)
def test_wrong_options_are_one_line(place: Place, words: list[str], said: str) -> None:
    code, _, err = place.run(*words)
    assert code == 2 and said in err and err.count("\n") == 1


def test_a_venue_without_a_token_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PACKS}"]\n', encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-m", "engine", "reconcile", "--venue", "tradier"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "AUTOTRADER__TRADIER__ACCESS_TOKEN" in done.stderr
