"""``engine signals`` as a user runs it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from engine.cli.main import main
from engine.research.calibration import load_calibration

Cli = Callable[..., Any]


class Answered(NamedTuple):
    code: int
    out: str
    err: str


ROWS = """\
ticker,title,fair_yes_probability,confidence,yes_ask,yes_bid,league
KXATPMATCH-26SEP11ZVEKHA-ZVE,Zverev,0.62,0.8,0.55,0.53,ATP
KXTOPMODEL-26NOV24-ARG,,0.40,0.7,0.56,0.54,
KXHIGHNY-26NOV22-T45.5,,0.70,0.9,,,
"""
BUILD = ("signals", "build", "--source", "csv", "--input", "rows.csv")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The same command in this process, which is quicker; one test of each command runs it as a user would."""

    def act(*words: object, cwd: Path) -> Answered:
        monkeypatch.chdir(cwd)
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Answered(code, said.out, said.err)

    return act


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path


def signals(path: Path) -> dict[str, Any]:
    return {row["ticker"]: row for row in json.loads(path.read_text())["signals"]}


def test_rows_become_signals_a_table_and_a_message(engine_cli: Cli, folder: Path) -> None:
    answer = engine_cli(
        *BUILD, "--top-k", 20, "--bankroll", 100, "--output", "signals.csv", "--message", "telegram.txt", cwd=folder
    )
    assert answer.code == 0, answer.err
    assert "3 of 3 signals are in data/alpha_signals.json; the price of 1 is not known, they come last" in answer.out
    assert "columns that are not used: league" in answer.err
    found = signals(folder / "data" / "alpha_signals.json")
    assert found["KXATPMATCH-26SEP11ZVEKHA-ZVE"]["fair_yes_probability"] == 0.62
    assert found["KXTOPMODEL-26NOV24-ARG"]["source"] == "rows.csv"
    table = list(csv.DictReader((folder / "signals.csv").open()))
    assert [(r["ticker"], r["side"], r["contracts"]) for r in table] == [
        ("KXTOPMODEL-26NOV24-ARG", "NO", "8"), ("KXATPMATCH-26SEP11ZVEKHA-ZVE", "YES", "4"),
        ("KXHIGHNY-26NOV22-T45.5", "YES", ""),
    ]  # fmt: skip
    told = (folder / "telegram.txt").read_text()
    assert "1. KXTOPMODEL-26NOV24-ARG NO at 46.0c" in told
    assert "Bankroll $100.00" in told


def test_the_best_are_kept_and_the_answer_says_of_how_many(here: Cli, folder: Path) -> None:
    answer = here(*BUILD, "--top-k", 1, "--alpha", "mine.json", "--json", cwd=folder)
    told = json.loads(answer.out)
    assert (told["rows"], told["kept"]) == (3, 1)
    assert list(signals(folder / "mine.json")) == ["KXTOPMODEL-26NOV24-ARG"]


def boastful(path: Path) -> Path:
    """Outcomes of probabilities that are too sure of themselves: half of what is above or below one half is air."""
    draw, lines = Random(1), ["probability,outcome,time,event"]
    for number in range(400):
        p = draw.uniform(0.03, 0.97)
        paid = int(draw.random() < 0.5 + 0.5 * (p - 0.5))
        lines.append(f"{p:.4f},{paid},2026-01-{1 + number // 24:02}T{number % 24:02}:00:00Z,E{number}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_correction_moves_what_is_traded_on_and_keeps_what_was_said(here: Cli, folder: Path) -> None:
    boastful(folder / "outcomes.csv")
    assert here("calibrate", "--from", "outcomes.csv", cwd=folder).code == 0
    answer = here(*BUILD, "--correct", "data/alpha_calibration.json", "--output", "signals.csv", cwd=folder)
    assert answer.code == 0, answer.err
    assert "fair probabilities are corrected by platt, fitted on 400 events up to 2026-01-17" in answer.err
    found = signals(folder / "data" / "alpha_signals.json")
    correction = load_calibration(folder / "data" / "alpha_calibration.json")
    weather = found["KXHIGHNY-26NOV22-T45.5"]
    assert weather["said_yes_probability"] == 0.70
    assert weather["fair_yes_probability"] == correction.apply(0.70) < 0.65
    assert here("signals", "check", cwd=folder).code == 0
    table = {row["ticker"]: row for row in csv.DictReader((folder / "signals.csv").open())}
    shown = float(table["KXHIGHNY-26NOV22-T45.5"]["fair_yes_probability"])
    assert shown == pytest.approx(correction.apply(0.70), abs=1e-4)


def test_a_correction_that_is_not_there_corrects_nothing_in_silence(here: Cli, folder: Path) -> None:
    answer = here(*BUILD, "--correct", "data/alpha_calibration.json", cwd=folder)
    assert answer.code == 2 and "`engine calibrate --from FILE` makes one" in answer.err
    assert not (folder / "data" / "alpha_signals.json").exists()


def test_wrong_rows_are_all_named_and_nothing_is_written(here: Cli, folder: Path) -> None:
    wrong = ("zverev,,0.5,1,,,", "KXA-B,,62%,1,,,", "KXA-C,,0.5,,,,", "KXA-D,,0.5,1,55,,",
             "KXTOPMODEL-26NOV24-ARG,,0.4,1,,,")  # fmt: skip
    (folder / "rows.csv").write_text(ROWS + "\n".join(wrong) + "\n", encoding="utf-8")
    answer = here(*BUILD, cwd=folder)
    assert answer.code == 2
    for words in (
        "5 of 8 rows are wrong; nothing was written", "rows.csv:5: ticker 'zverev' is no ticker",
        "rows.csv:6: fair_yes_probability '62%' is no number", "rows.csv:7: confidence is missing",
        "rows.csv:8: yes_ask is 55; a price is in dollars, between 0 and 1",
        "rows.csv:9: ticker KXTOPMODEL-26NOV24-ARG is in line 3 already",
    ):  # fmt: skip
        assert words in answer.err
    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--input", "none.csv"), "there is no file none.csv"),
        (("--valid-for", "soon"), "--valid-for soon is no duration"),
        (("--tickers", "KXA-B"), "--tickers is for --source flow"),
        (("--domain", "Sports"), "--domain is for --source flow"),
        (("--top-k", "0"), "--top-k"),
    ],
)
def test_wrong_usage_says_the_mend(here: Cli, folder: Path, more: tuple[str, ...], words: str) -> None:
    answer = here(*BUILD, *more, cwd=folder)
    assert answer.code == 2
    assert words in answer.err
    assert "Traceback" not in answer.err


def test_a_column_that_is_needed_is_asked_for(here: Cli, folder: Path) -> None:
    (folder / "rows.csv").write_text("ticker,confidence\nKXA-B,1\n", encoding="utf-8")
    assert "has no column fair_yes_probability" in here(*BUILD, cwd=folder).err


def test_check_and_show_say_what_a_file_says(engine_cli: Cli, folder: Path) -> None:
    engine_cli(*BUILD, cwd=folder)
    assert "3 signals, no faults" in engine_cli("signals", "check", cwd=folder).out
    shown = engine_cli("signals", "show", cwd=folder).out
    assert "KXATPMATCH-26SEP11ZVEKHA-ZVE  0.620" in shown
    assert "counts for 24h 00m" in shown or "counts for 23h 59m" in shown
    path = folder / "data" / "alpha_signals.json"
    path.write_text(path.read_text().replace('"confidence": 0.8', '"confidence": 8'), encoding="utf-8")
    answer = engine_cli("signals", "check", "--json", cwd=folder)
    assert answer.code == 1
    (fault,) = json.loads(answer.out)["faults"]
    assert (fault["row"], fault["field"]) == (2, "confidence")
    assert engine_cli("signals", "check", "none.json", cwd=folder).code == 2


# -- flow --------------------------------------------------------------------------------------------------------------


def tape(folder: Path, events: int, knowing: float) -> None:
    """Trades and results of made-up events, one an hour; a taker buys the winner with probability ``knowing``."""
    random = Random(3)
    markets = ["ticker,event_ticker,domain,ends,result,settled_time"]
    trades = []
    for number in range(events):
        ticker, hour = f"KXMADE-{number:03d}-YES", 1_760_000_000 + 3600 * number
        odds = random.uniform(0.3, 0.7)
        wins = random.random() < odds
        for n in range(30):
            side = "yes" if (random.random() < knowing) == wins else "no"
            trades.append({
                "trade_id": f"{ticker}/{n}", "ticker": ticker, "created_time": iso(hour + 400 * (n + 1)),
                "yes_price_dollars": f"{odds:.4f}", "count_fp": f"{random.randint(1, 30)}.00",
                "taker_outcome_side": side,
            })  # fmt: skip
        ends = iso(hour + 4 * 3600)
        markets.append(f"{ticker},KXMADE-{number:03d},Sports,{ends},{'yes' if wins else 'no'},{ends}")
    trades.sort(key=lambda t: t["created_time"])
    (folder / "trades.jsonl").write_text("".join(json.dumps(t) + "\n" for t in trades), encoding="utf-8")
    (folder / "markets.csv").write_text("\n".join(markets) + "\n", encoding="utf-8")


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


FIT = ("signals", "fit-flow", "--input", "trades.jsonl", "--markets", "markets.csv", "--every", "30m",
       "--least-trades", "10")  # fmt: skip
FLOW = ("signals", "build", "--source", "flow", "--input", "trades.jsonl")


def test_flow_is_fitted_and_built_with(engine_cli: Cli, folder: Path) -> None:
    tape(folder, 100, 0.62)
    fit = engine_cli(*FIT, cwd=folder)
    assert fit.code == 0, fit.err
    assert "better than the market's price: flow +" in fit.out
    kept = json.loads((folder / "data" / "flow_parameters.json").read_text())
    assert kept["better"] is True
    assert kept["label"]["kind"] == "outcome"
    assert len(kept["folds"]) >= 2
    assert all(fold["train_events"] >= 30 for fold in kept["folds"])
    answer = engine_cli(*FLOW, "--top-k", 3, "--json", cwd=folder)
    assert answer.code == 0, answer.err
    assert "left out, with fewer than 10 trades in 6 h: KXMADE-000-YES" in answer.err
    found = signals(folder / "data" / "alpha_signals.json")
    assert len(found) == 3
    assert {row["source"] for row in found.values()} == {"flow"}
    newest = json.loads((folder / "trades.jsonl").read_text().splitlines()[-1])["created_time"]
    assert {row["as_of"] for row in found.values()} == {newest.replace("+00:00", "Z")}, "known when its trades were"


def test_flow_without_an_edge_says_so_and_says_the_market(here: Cli, folder: Path) -> None:
    tape(folder, 80, 0.5)
    fit = here(*FIT, cwd=folder)
    assert fit.code == 1
    assert "no better than the market's price" in fit.out
    answer = here(*FLOW, cwd=folder)
    assert answer.code == 0
    assert "fair probabilities are the market's own" in answer.err


def test_flow_is_never_built_unfitted_nor_fitted_on_too_little(here: Cli, folder: Path) -> None:
    tape(folder, 20, 0.6)
    answer = here(*FLOW, cwd=folder)
    assert answer.code == 2
    assert "there are no fitted flow parameters at data/flow_parameters.json: `engine signals fit-flow`" in answer.err
    fit = here(*FIT, cwd=folder)
    assert fit.code == 2
    assert "there are 20 events with an outcome, and 60 are needed" in fit.err
    alone = here("signals", "fit-flow", "--input", "trades.jsonl", cwd=folder)
    assert alone.code == 2
    assert "add --markets FILE with result and settled_time, or predict the price with --ahead 30m" in alone.err
    assert "give --input FILE or --series S" in here("signals", "fit-flow", cwd=folder).err


def test_a_calibration_goes_with_its_fit(here: Cli, folder: Path, shared_data: Path) -> None:
    tape(folder, 100, 0.62)
    table = ("--calibration", shared_data / "flow" / "calibration_matrix_216.csv", "--domain", "Sports")
    fit = here(*FIT, *table, cwd=folder)
    assert fit.code == 0, fit.err
    assert "were fitted with a calibration table" in here(*FLOW, cwd=folder).err
    built = here(*FLOW, "--markets", "markets.csv", *table, cwd=folder)
    assert built.code == 0, built.err
    wrong = here(*FIT, *table[:3], "Tennis", cwd=folder)
    assert wrong.code == 2
    assert "the table has no domain Tennis; it has Crypto, Entertainment" in wrong.err


def test_flow_from_a_practice_exchange(here: Cli, folder: Path) -> None:
    pytest.importorskip("uvicorn")
    import time

    from connectors.simulators.kalshi.clock import SteppedClock
    from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
    from connectors.simulators.kalshi.venue import Options

    tape(folder, 100, 0.62)
    assert here(*FIT, cwd=folder).code == 0
    clock = SteppedClock(time.time_ns() - 200 * 10**9)
    with PracticeServer(Practice(Setup(Options(seed=5, unlimited=True), clock=clock, trader_rate=4.0))) as server:
        server.do(lambda practice: practice.director.step(200 * 10**9))
        url = server.url
        answer = here("signals", "build", "--source", "flow", "--exchange", url, "--json", cwd=folder)
        assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["kept"] >= 3
    assert any(one["edge"] is not None for one in told["signals"]), "prices come from the venue"
    silent = here("signals", "build", "--source", "flow", "--exchange", "http://127.0.0.1:1", cwd=folder)
    assert silent.code == 3
