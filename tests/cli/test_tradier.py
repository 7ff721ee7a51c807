"""Tradier as a user has it: a practice venue by its command, and the verbs that speak to it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

import httpx

from tests.nursery import python

PROJECT = Path(__file__).parents[2]
COMMISSION = D("0.35")  # of an order, at the practice Tradier
PACKS = PROJECT / "tests" / "chaos" / "packs" / "tradier"


AVERAGES = """\
kind: pack
name: averages
about: Needs an hour of the market before it knows anything.
venue: tradier
timezone: America/New_York
calendar: XNYS
universe: [SPY]
limits: {notional: $20000}
---
kind: strategy
name: above
about: Buys as soon as it knows.
on: quote
when: ema(close, 60) > $0 and vwap() > $0 and on(5m, atr(14)) > $0
then: {buy: {size: 1}}
"""


class Place:
    """A working folder with a practice Tradier that runs twenty times as fast as the world."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        words = ["simulate", "tradier", "--port", "0", "--folder", "keys", "--speed", "20", "--start", "09:31",
            "--commission", "0.35"]  # fmt: skip
        self.venue = self.start(*words, "--json")
        assert self.venue.stdout is not None
        self.said = json.loads(self.venue.stdout.readline())
        for line in Path(self.said["variables"]).read_text(encoding="utf-8").splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            self.environment[name] = value.strip("'")

    def start(self, *words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [python(), "-m", "engine", *words], cwd=self.folder, env=self.environment, stdout=pipe, stderr=pipe,
            text=True,
        )  # fmt: skip

    def run(self, *words: str, live: bool = False) -> tuple[int, str, str]:
        self.environment["AUTOTRADER__TRADIER__EXECUTION_MODE"] = "live" if live else "paper"
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def sleep_over(self) -> None:
        """Until the next morning."""
        self.control("POST", "clock", advance_ms=18 * 3_600_000)

    def cash(self) -> D:
        """What our books have."""
        answer = json.loads(self.run("positions", "--mode", "demo", "--json")[1])
        return D(answer["account"]["cash"])

    def control(self, method: str, name: str, **values: Any) -> Any:
        """The venue's own side: its clock, its quotes, its books."""
        token = Path(self.said["control_token_file"]).read_text(encoding="utf-8")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = httpx.request(method, f"{self.said['control']}/{name}", headers=headers, json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def books(self) -> Any:
        return self.control("GET", "books")


@contextmanager
def opened(folder: Path) -> Iterator[Place]:
    (folder / "autotrader.toml").write_text(f'[rules]\npaths = ["{PACKS}"]\n', encoding="utf-8")
    found = Place(folder)
    yield found
    found.venue.send_signal(signal.SIGTERM)
    out, err = found.venue.communicate(timeout=20)
    assert (found.venue.returncode, out, err) == (0, "", "")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with opened(tmp_path_factory.mktemp("tradier")) as found:
        yield found


def test_one_look_on_paper_sends_nothing(place: Place) -> None:
    code, out, err = place.run("run", "--venue", "tradier", "--once", "--json")
    assert code == 0, err
    assert json.loads(out)["connections"] == 1
    assert place.books()["orders"] == []


def test_a_run_knows_its_averages_from_the_start_and_is_decided_again_from_its_journal(place: Place) -> None:
    pack = place.folder / "more" / "averages"
    pack.mkdir(parents=True)
    for name, text in zip(("pack.yaml", "rules.yaml"), AVERAGES.split("---\n"), strict=True):
        (pack / name).write_text(text, encoding="utf-8")
    (place.folder / "averages.toml").write_text('[rules]\npaths = ["more"]\n', encoding="utf-8")
    code, out, err = place.run("run", "--venue", "tradier", "--once", "--json", "--config", "averages.toml")
    assert code == 0, err
    assert "bars of the time before, of 1 symbol(s)" in err
    assert json.loads(out)["orders"] == 1, "the market has been open for minutes, and an hour is known"
    code, out, err = place.run("replay", "--json")
    told = json.loads(out)
    assert (code, told["difference"], told["orders"]) == (0, None, 1), err


def test_commissions_that_are_told_at_night_are_booked_once(tmp_path: Path) -> None:
    with opened(tmp_path) as place:
        code, _, err = place.run("run", "--venue", "tradier", "--live", "--once", "--json", live=True)
        assert code == 0, err
        assert "commission" not in err
        place.sleep_over()
        told = json.loads(place.run("reconcile", "--venue", "tradier", "--json")[1])
        books = place.books()
        paid = len({trade["order_id"] for trade in books["trades"]}) * COMMISSION
        assert paid and told["found"]["charged"] == [f"{paid:.2f} of commissions and fees"]
        assert place.cash() == D(books["cash"]), "to the cent"
        again = json.loads(place.run("reconcile", "--venue", "tradier", "--json")[1])
        assert "charged" not in again["found"] and again["agree"]
        assert place.run("db", "check", "--mode", "demo")[0] == 0


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
    code, out, err = place.run("reconcile", "--venue", "tradier")
    *found, agree, store = out.splitlines()
    assert (code, agree, store[:6]) == (0, "our books and the venue's agree", "store:"), out + err
    assert len({line.split()[4] for line in found}) == len(found) > 0, "each fill once"
    assert all(line.startswith("foreign fill: ") and " changed what " in line for line in found), out
    assert "foreign_fill" not in out + err and "changed what" not in err
    with closing(sqlite3.connect(place.folder / "state" / "autotrader-demo.db")) as kept:
        ((worth,),) = kept.execute("SELECT equity FROM account_snapshots WHERE run = (SELECT max(id) FROM runs)")
        cash = sum(D(row[0]) for row in kept.execute("SELECT amount FROM balances WHERE account = 'cash'"))
    owed = len({trade["order_id"] for trade in books["trades"]}) * COMMISSION
    assert cash == D(books["cash"]) + owed == round(D(worth), 6), "what the venue has, but for what it tells at night"


def test_a_deposit_is_booked_once_and_a_commission_that_is_told_at_night_is_none(place: Place) -> None:
    code, _, err = place.run("run", "--venue", "tradier", "--live", "--once", "--json", live=True)
    assert code == 0 and "transfer:" not in err, "commissions of today are not told yet, and are no withdrawal"
    told = json.loads(place.run("reconcile", "--venue", "tradier", "--json")[1])
    assert "transfer" not in told["found"]
    place.control("POST", "cash", dollars="2500")
    code, out, err = place.run("reconcile", "--venue", "tradier", "--json")
    (words,) = json.loads(out)["found"]["transfer"]
    assert abs(D(words.split()[0].removeprefix("$")) - 2500) < 5 and "booked as a deposit" in err
    assert place.cash() == D(place.books()["cash"])
    code, out, err = place.run("run", "--venue", "tradier", "--live", "--once", "--json", live=True)
    summary = json.loads(out)["summary"]
    assert code == 0 and "transfer:" not in err
    assert abs(summary["final_equity"] - summary["initial_cash"]) < 500, "the deposit is in both"


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
        [python(), "-m", "engine", "reconcile", "--venue", "tradier"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "AUTOTRADER__TRADIER__ACCESS_TOKEN" in done.stderr
