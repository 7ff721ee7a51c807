"""The verbs of the store as a user runs them: run, look, halt, resume, replay, check, back up."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.cli.main import main
from state import Mode, open_store
from tests.nursery import python

PROJECT = Path(__file__).parents[2]
Cli = Callable[..., Any]
FAST = ("run", "--paper", "--interval", "0", "--trace", "none", "--json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with one simulated day, run and kept."""
    path = tmp_path_factory.mktemp("work") / "mine"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    for arguments, folder in ((("init", str(path)), path.parent), (FAST, path)):
        subprocess.run(
            [python(), "-m", "engine", *arguments], cwd=folder, env=environment, check=True, capture_output=True
        )
    return path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it for each test to change."""
    return Path(shutil.copytree(made, tmp_path / "mine"))


@pytest.fixture
def verb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """As ``engine_cli``, in this process: for the quick verbs, whose start takes longer than their work."""

    def run(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> SimpleNamespace:
        capsys.readouterr()
        with monkeypatch.context() as context:
            context.chdir(cwd)
            for name, value in (env or {}).items():
                context.setenv(name, value)
            code = main(list(arguments))
        told = capsys.readouterr()
        return SimpleNamespace(code=code, out=told.out, err=told.err)

    return run


def answer(cli: Cli, folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = cli(*arguments, cwd=folder)
    assert done.code == code, done
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_orders_positions_and_the_ledger_tell_one_story(verb: Cli, folder: Path) -> None:
    orders = answer(verb, folder, "orders", "--json")["orders"]
    told = answer(verb, folder, "positions", "--json")
    with sqlite3.connect(folder / "state" / "autotrader.db") as connection:
        (summary,) = connection.execute("SELECT summary FROM runs").fetchone()
    made = json.loads(summary)
    net = sum(row["net"] for row in made["per_symbol"])
    assert len(orders) == made["orders"] and made["trades"] > 0
    assert {order["state"] for order in orders} == {"done"}
    account = told["account"]
    assert float(account["cash"]) == pytest.approx(100_000 + net)
    assert float(account["realised"]) - float(account["fees"]) == pytest.approx(net)
    assert told["costs"]["measured"] == told["costs"]["fills"] == made["fills"]
    assert all(float(row["quantity"]) == 0 for row in told["positions"])
    shown = verb("orders", "--symbol", "SPY", cwd=folder).out
    assert "done (cancelled)" in shown and "QQQ" not in shown
    assert shown.startswith("time (America/New_York)"), "by whose clock"
    assert "0 open position(s) of run" in verb("positions", cwd=folder).out
    assert verb("orders", "--open", cwd=folder).out.startswith("0 open order(s)")


def test_a_run_is_decided_again_alike(verb: Cli, engine_cli: Cli, folder: Path) -> None:
    again = answer(verb, folder, "replay", "--json")
    assert (again["difference"], again["ticks"]) == (None, 390)
    assert again["decisions"] > 0 and again["orders"] > 0
    assert verb("replay", again["run"], cwd=folder).out.splitlines()[0].endswith(" orders, and no difference")


def test_a_replay_needs_only_the_store(verb: Cli, folder: Path) -> None:
    shutil.rmtree(folder / "rules")
    (folder / "autotrader.toml").write_text("[paper]\ncash = 5\n")
    assert answer(verb, folder, "replay", "--json")["difference"] is None


def test_a_changed_record_is_a_difference_and_exit_code_1(verb: Cli, folder: Path) -> None:
    with sqlite3.connect(folder / "state" / "autotrader.db") as connection:
        connection.execute("UPDATE decisions SET verdict = 'blocked' WHERE seq = 3")
    found = verb("replay", cwd=folder)
    assert found.code == 1
    assert "decision 3, 2024-03-05" in found.out and "\n  kept   " in found.out and "|blocked|" in found.out
    assert answer(verb, folder, "replay", "--json", code=1)["difference"]["decision"] == 3


def test_replayed_files_under_a_whole_pack_are_decided_again_alike(
    verb: Cli, engine_cli: Cli, tmp_path: Path
) -> None:
    """Recorded bars, with every kind of rule: sessions that set parameters, guards, exits, brackets."""
    assert verb("init", "mine", cwd=tmp_path).code == 0
    folder = tmp_path / "mine"
    shutil.rmtree(folder / "rules")
    shutil.copytree(PROJECT / "rules" / "index_scalper", folder / "rules" / "index_scalper")
    (folder / "data").mkdir()
    open_ns = int(datetime(2024, 3, 5, 9, 30, tzinfo=ZoneInfo("America/New_York")).timestamp()) * 10**9
    with (folder / "data" / "2024-03-05.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ticker", "volume", "open", "close", "high", "low", "window_start", "transactions"])
        for n in range(180):
            for symbol, level in (("QQQ", 440.0), ("SPY", 510.0)):
                price = level + (n * 37 % 23) / 10 - (n * 11 % 17) / 10
                row = [symbol, 50_000 + n, price, price + 0.3, price + 0.5, price - 0.4, open_ns + n * 60 * 10**9, 9]
                rows.writerow(row)
    ran = answer(
        engine_cli, folder, "run", "--paper", "--source", "replay", "--data", "data", "--symbols", "SPY,QQQ", "--trace",
        "none", "--json",
    )  # fmt: skip
    again = answer(verb, folder, "replay", ran["run"], "--json")
    assert (again["difference"], again["ticks"]) == (None, 180)
    assert again["decisions"] > 0
    assert answer(verb, folder, "db", "check", "--json")["problems"] == []


def test_a_single_look_is_decided_again_too(verb: Cli, engine_cli: Cli, folder: Path) -> None:
    assert engine_cli("run", "--paper", "--once", cwd=folder).code == 0
    assert answer(verb, folder, "replay", "--json")["ticks"] == 1


def test_a_halt_stops_entries_of_the_next_run_until_resume(verb: Cli, engine_cli: Cli, folder: Path) -> None:
    halted_by = answer(verb, folder, "halt", "--why", "lunch", "--json")
    assert halted_by["stores"] == [{"mode": "paper", "store": "state/autotrader.db", "error": None}]
    halted = engine_cli(*FAST, cwd=folder)
    assert "entries are halted: lunch; exits and cancels go on" in halted.err
    made = json.loads(halted.out)
    assert made["orders"] == 0
    assert [row["guard"] for row in made["rejected_by_guard"]] == ["halt"]
    assert answer(verb, folder, "replay", "--json")["difference"] is None
    lifted = verb("resume", cwd=folder)
    assert "lifted: halt: lunch" in lifted.out and "lifted: the file HALT: lunch" in lifted.out
    assert json.loads(engine_cli(*FAST, cwd=folder).out)["orders"] > 0
    assert verb("resume", cwd=folder).out == "nothing was halted; entries of paper (state/autotrader.db) may go on\n"


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "AUTOTRADER__LOG__LEVEL": "warning"}
    command = [sys.executable, "-u", "-m", "engine", "run", "--paper", "--trace", "full", *more]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_running_engine_obeys_halt_and_resume_and_keeps_others_out(verb: Cli, engine_cli: Cli, folder: Path) -> None:
    with start(folder, "--interval", "0.03") as run:
        assert run.stdout is not None and run.stderr is not None
        run.stdout.readline()
        refused = engine_cli(*FAST, cwd=folder)
        assert refused.code == 2
        assert f"another engine (process {run.pid}) is using" in refused.err
        (folder / "state" / "HALT").write_text("by hand\n")
        drain(run)
        assert "entries are halted: by hand; exits and cancels go on\n" in run.stderr
        assert verb("resume", cwd=folder).code == 0
        assert "entries are resumed\n" in run.stderr
        run.send_signal(signal.SIGINT)
        run.wait()
    assert run.returncode == 0
    assert answer(verb, folder, "replay", "--json")["difference"] is None


def drain(run: subprocess.Popen[str]) -> None:
    """Read what the run prints, in the background, so that it never waits for a reader."""
    assert run.stdout is not None
    threading.Thread(target=run.stdout.read, daemon=True).start()


def test_a_killed_run_leaves_a_sound_store_and_can_be_decided_again(verb: Cli, engine_cli: Cli, folder: Path) -> None:
    with start(folder, "--interval", "0.005") as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "filled:" in line:
                break
        run.kill()
    checked = answer(verb, folder, "db", "check", "--json")
    assert checked["problems"] == []
    again = answer(verb, folder, "replay", "--json")
    assert again["difference"] is None and again["orders"] > 0
    assert engine_cli(*FAST, cwd=folder).code == 0


def test_db_makes_checks_and_copies(verb: Cli, folder: Path) -> None:
    assert answer(verb, folder, "db", "init", "--json")["mode"] == "paper"
    assert verb("db", "check", cwd=folder).out == "state/autotrader.db (paper): sound\n"
    refused = verb("db", "backup", "copies/b.db", cwd=folder)
    assert refused.code == 2 and "there is no folder copies for the backup" in refused.err
    assert not (folder / "copies").exists()
    (folder / "copies").mkdir()
    assert answer(verb, folder, "db", "backup", "copies/b.db", "--json")["problems"] == []
    copy = {"AUTOTRADER__STORE__PATH": str(folder / "copies" / "b.db")}
    assert verb("replay", cwd=folder, env=copy).code == 0
    with sqlite3.connect(folder / "state" / "autotrader.db") as connection:
        connection.execute("UPDATE balances SET amount = '1' WHERE account = 'cash'")
    found = verb("db", "check", cwd=folder)
    assert found.code == 1
    assert "the balance of cash in" in found.out and found.out.endswith("1 problem(s)\n")


def test_a_store_is_for_one_mode(verb: Cli, engine_cli: Cli, folder: Path) -> None:
    assert verb("db", "init", "--mode", "live", cwd=folder).code == 0
    mixed_up = {"AUTOTRADER__STORE__PATH": "state/autotrader-live.db"}
    refused = engine_cli(*FAST, cwd=folder, env=mixed_up)
    assert refused.code == 2
    assert "autotrader-live.db is a live store and cannot be used for paper" in refused.err
    looked = verb("positions", cwd=folder, env=mixed_up)
    assert looked.code == 2 and "is a live store" in looked.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "nosuch"], "has no run nosuch"),
        (["orders", "--run", "nosuch"], "has no run nosuch"),
        (["db", "backup"], "needs the file to write: engine db backup FILE"),
        (["db", "check", "x.db"], "takes no file; the store is"),
        (["db", "check", "--mode", "live"], "there is no live store at state/autotrader-live.db"),
        (["db", "check", "--since", "24h"], "--since is for `engine db alerts`"),
        (["db", "alerts", "--since", "soon"], "--since soon is no length of time; write 30m, 24h or 7d"),
        (["orders", "--mode", "real"], "--mode"),
        (["db", "backup", "autotrader.toml"], "is there already; name a new file"),
    ],
)
def test_a_mistake_gets_one_clear_line(verb: Cli, folder: Path, arguments: list[str], message: str) -> None:
    told = verb(*arguments, cwd=folder)
    assert told.code == 2, told
    assert message in told.err
    assert len(told.err.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [["orders"], ["positions"], ["replay"], ["db", "check"], ["db", "backup", "b"]])
def test_reading_makes_no_store(verb: Cli, tmp_path: Path, arguments: list[str]) -> None:
    told = verb(*arguments, cwd=tmp_path)
    assert told.code == 2
    assert "there is no paper store at state/autotrader.db" in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_halt_works_where_the_store_does_not(verb: Cli, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "autotrader.db").write_text("no store")
    told = verb("halt", "--why", "fire", cwd=tmp_path)
    assert told.code == 0
    assert "only state/HALT halts paper, because its store could not be written" in told.err
    assert (tmp_path / "state" / "HALT").read_text() == "fire\n"


def with_alert(folder: Path, mode: Mode, text: str) -> None:
    """A store of that mode whose book has one alert, and whose only run is a reading of the account."""
    store = open_store(folder / "state" / f"autotrader-{mode}.db", mode)
    writer = store.begin_run(str(mode), 1, "reconcile kalshi demo", [], [], "", {}, {}, {}, {}, "1", book="kalshi demo")
    writer.alert(time.time_ns(), "error", "position", text)
    writer.end("done", None, {})
    store.close()


@pytest.mark.parametrize("words", [["positions"], ["orders"], ["db", "check"], ["db", "alerts"]])
def test_every_verb_reads_the_store_of_the_mode_and_names_it(verb: Cli, folder: Path, words: list[str]) -> None:
    with_alert(folder, Mode.DEMO, "the venue is followed")
    live = {"AUTOTRADER__KALSHI__EXECUTION_MODE": "live"}
    for mode, file in (("paper", "state/autotrader.db"), ("demo", "state/autotrader-demo.db")):
        told = verb(*words, "--mode", mode, cwd=folder, env=live)
        assert told.code == 0, told.err
        assert f"{file} ({mode})" in told.out
        found = answer(verb, folder, *words, "--mode", mode, "--json")
        assert (found["store"], found["mode"]) == (file, mode)
    assert verb(*words, cwd=folder, env=live).out.count("state/autotrader.db (paper)") == 1
    if words[0] != "db" or words[1] == "alerts":
        assert "there is also --mode demo" in verb(*words, cwd=folder).out


def test_making_a_demo_store_leaves_the_paper_store_alone(verb: Cli, engine_cli: Cli, tmp_path: Path) -> None:
    made = answer(verb, tmp_path, "db", "init", "--mode", "demo", "--json")
    assert made == {"store": "state/autotrader-demo.db", "mode": "demo"}
    assert not (tmp_path / "state" / "autotrader.db").exists()
    (tmp_path / "d").mkdir()
    assert answer(verb, tmp_path, "db", "backup", "d/b.db", "--mode", "demo", "--json")["mode"] == "demo"


def test_alerts_are_listed_as_far_back_as_asked(verb: Cli, folder: Path) -> None:
    with_alert(folder, Mode.LIVE, "the venue has 3.00")
    with sqlite3.connect(folder / "state" / "autotrader-live.db") as connection:
        connection.execute("INSERT INTO alerts (time_ns, book, level, kind, text) VALUES (1, 'b', 'error', 'k', 'old')")
    texts = [row["text"] for row in answer(verb, folder, "db", "alerts", "--mode", "live", "--json")["alerts"]]
    assert sorted(texts) == ["old", "the venue has 3.00"]
    told = verb("db", "alerts", "--mode", "live", "--since", "24h", cwd=folder)
    assert " error position: the venue has 3.00\n1 alert(s)\n" in told.out and "old" not in told.out


def test_a_reading_of_the_account_hides_no_run_and_is_not_replayed(verb: Cli, folder: Path) -> None:
    newest = answer(verb, folder, "orders", "--json")["run"]
    store = open_store(folder / "state" / "autotrader.db")
    writer = store.begin_run("paper", time.time_ns(), "reconcile kalshi", [], [], "", {}, {}, {}, {}, "1", book="b")
    writer.end("done", None, {})
    store.close()
    for words in (["orders"], ["positions"], ["replay"]):
        assert answer(verb, folder, *words, "--json")["run"] == newest
    refused = verb("replay", writer.run_id, cwd=folder)
    assert refused.code == 2
    assert f"run {writer.run_id} is a reading of the account by `engine reconcile`" in refused.err
    assert "which orders nothing" in verb("orders", "--run", writer.run_id, cwd=folder).out


def test_a_halt_in_panic_stops_every_store_and_resume_lifts_every_one(verb: Cli, folder: Path) -> None:
    with_alert(folder, Mode.DEMO, "x")
    halted = verb("halt", "--why", "fire", cwd=folder)
    assert "paper (state/autotrader.db), demo (state/autotrader-demo.db), by state/HALT" in halted.out
    (folder / "state" / "HALT").unlink()  # each store says it, too
    for mode in (Mode.PAPER, Mode.DEMO):
        store = open_store(folder / "state" / ("autotrader.db" if mode is Mode.PAPER else "autotrader-demo.db"))
        assert store.halts.look().operator == "fire"
        store.close()
    lifted = verb("resume", cwd=folder)
    assert lifted.out.count("lifted: ") == 2
    assert "entries of paper (state/autotrader.db), demo (state/autotrader-demo.db) may go on" in lifted.out


def test_a_halt_of_one_mode_leaves_the_others_and_its_resume_leaves_the_file(verb: Cli, folder: Path) -> None:
    with_alert(folder, Mode.DEMO, "x")
    assert "demo (state/autotrader-demo.db) alone" in verb("halt", "--mode", "demo", cwd=folder).out
    assert not (folder / "state" / "HALT").exists()
    paper = open_store(folder / "state" / "autotrader.db")
    assert paper.halts.look().operator == ""
    paper.close()
    (folder / "state" / "HALT").write_text("by hand\n")
    still = verb("resume", "--mode", "demo", cwd=folder)
    assert still.code == 1 and "still halted by the file HALT (by hand)" in still.out
    assert (folder / "state" / "HALT").exists()
    assert verb("resume", cwd=folder).code == 0


def test_resume_says_which_store_it_could_not_write(verb: Cli, folder: Path) -> None:
    assert verb("halt", "--why", "fire", cwd=folder).code == 0
    (folder / "state" / "autotrader-live.db").write_text("no store")
    told = verb("resume", cwd=folder)
    assert told.code == 2
    assert "live is as it was: " in told.err and "lifted: halt: fire (paper)" in told.out


def test_git_leaves_out_all_that_a_store_leaves_beside_the_package(tmp_path: Path) -> None:
    shutil.copy(PROJECT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    names = ["a.db", "a.db-wal", "a-live.db-shm", "a-demo.db.lock", "HALT", "events"]
    command = ["git", "check-ignore", *(f"state/{name}" for name in names), "state/store.py"]
    ignored = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ignored.stdout.split() == [f"state/{name}" for name in names]


def test_two_venues_in_one_store_are_told_apart(engine_cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "state" / "autotrader-demo.db"
    path.parent.mkdir(parents=True)
    for n, book in enumerate(["tradier sandbox VA1", "kalshi demo key"]):
        store = open_store(path, Mode.DEMO)
        writer = store.begin_run(
            "demo", 1_709_649_000_000_000_000 + n, "test", ["p"], ["SPY"], "sha", {"p": {"a.yaml": "kind: strategy"}},
            {"p.a": ["SPY"]}, {}, {}, "1", book=book,
        )  # fmt: skip
        writer.end("done", 1_709_649_000_000_000_000 + n, {})
        store.close()
    for verb in ("orders", "positions"):
        told = json.loads(engine_cli(verb, "--mode", "demo", "--venue", "tradier", "--json").out)
        assert told["book"] == "tradier sandbox VA1"
        newest = engine_cli(verb, "--mode", "demo")
        assert "it also has runs on other markets: --venue tradier" in newest.out
        assert engine_cli(verb, "--mode", "demo", "--venue", "kalshi").code == 0
        refused = engine_cli(verb, "--mode", "demo", "--venue", "kalshi", "--run", told["run"])
        assert refused.code == 2 and "leave --venue out" in refused.err
