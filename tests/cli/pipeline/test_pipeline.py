"""``engine pipeline`` as a user runs it: a gate that passes, a kill and going on, a service, and what is refused."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.cli.errors import ExitCode, UserError
from engine.cli.interrupts import Interrupts
from engine.cli.main import main
from engine.cli.pipeline import verb as pipeline
from engine.cli.pipeline.steps import Asked
from engine.research.pipeline.records import Record, Round
from engine.research.pipeline.rounds import Ended, Step
from engine.settings import load_settings
from tests.exchange import let_in
from tests.nursery import python

PROJECT = Path(__file__).parents[3]
Cli = Callable[..., Any]
GATE = "kind: gate\nname: go_live\nabout: A trade.\nfor: candles\nrequire:\n  - stats.trades >= 1\n"
ONCE = ("pipeline", "--alpha-source", "csv", "--input", "rows.csv", "--pack", "candles", "--paper-mode", "replay",
        "--snapshot-file", "candles")  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack with a gate that one trade passes, and a day of made-up candles that count as recorded."""
    shutil.copytree(PROJECT / "tests" / "packs" / "candles", tmp_path / "rules" / "candles")
    (tmp_path / "rules" / "candles" / "gate.yaml").write_text(GATE, encoding="utf-8")
    (tmp_path / "rows.csv").write_text("ticker,fair_yes_probability,confidence\nKX-A-B,0.6,0.9\n", encoding="utf-8")
    random, price = Random(2), 50
    rows = ["ticker,timestamp,open,high,low,close,volume"]
    for minute in range(240):
        move = max(5, min(95, price + random.choice((-1, 0, 1, 1))))
        low, high = min(price, move), max(price, move)
        ticker = "KXNBAGAME-25NOV05WASBOS-WAS"
        rows.append(f"{ticker},{1_766_534_400 + 60 * minute},{price},{high},{low},{move},100")
        price = move if minute % 60 else 50
    (tmp_path / "candles").mkdir()
    (tmp_path / "candles" / "one.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def state_of(folder: Path, number: int) -> dict[str, Any]:
    path = folder / "data" / "pipeline" / f"{number:04d}" / "state.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_round_passes_its_gate_and_the_next_one_takes_over_what_has_not_changed(
    engine_cli: Cli, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = engine_cli(*ONCE, "--emit-json-report")
    assert answer.code == 0, answer.out + answer.err
    assert "4/4 gate      passed; candles.go_live: 1 of 1 conditions hold; 1 of 1 runs count" in answer.out
    first = state_of(folder, 1)
    assert first["passed"] is True
    steps = {record["step"]: record for record in first["steps"]}
    assert list(steps) == ["signals", "paper", "report", "gate"]
    assert all(record["exit"] == 0 and record["seconds"] >= 0 for record in first["steps"])
    assert {"rows.csv", "settings"} <= steps["signals"]["inputs"].keys()
    assert len(steps["report"]["outputs"]["data/quant_pm_report.json"]) == 64
    assert steps["paper"]["result"]["trades"] > 0
    # The command that is written down does the same.
    assert main(steps["paper"]["command"].split()[1:]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["decisions_sha256"] == steps["paper"]["result"]["decisions_sha256"]

    assert main([*ONCE, "--emit-json-report", "--json"]) == 0
    second = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert second["number"] == 2
    taken_over = {record["step"]: record["same_as_round"] for record in second["steps"]}
    assert taken_over == {"signals": None, "paper": 1, "report": None, "gate": None}

    # What outcomes have taught corrects the signals of the next round.
    rows = [f"0.7,{int(n % 2 == 0)},2026-01-{1 + n // 24:02}T{n % 24:02}:00:00Z,E{n}" for n in range(300)]
    (folder / "outcomes.csv").write_text("\n".join(["probability,outcome,time,event", *rows]) + "\n", encoding="utf-8")
    assert main(["calibrate", "--from", "outcomes.csv"]) == 0
    (folder / "rules" / "candles" / "gate.yaml").write_text(GATE.replace("1", "999"), encoding="utf-8")
    assert main([*ONCE]) == 1
    built = state_of(folder, 3)["steps"][0]
    assert "--correct data/alpha_calibration.json" in built["command"]
    assert len(built["inputs"]["data/alpha_calibration.json"]) == 64
    (signal,) = json.loads((folder / "data" / "alpha_signals.json").read_text(encoding="utf-8"))["signals"]
    assert signal["said_yes_probability"] == 0.6 != signal["fair_yes_probability"]
    assert "not passed" in capsys.readouterr().out


def test_a_failing_step_is_named_and_gone_on_with_when_it_is_mended(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = (folder / "candles" / "one.csv").read_text(encoding="utf-8")
    (folder / "candles" / "one.csv").write_text(sound.replace(",100\n", ",much\n", 1), encoding="utf-8")
    assert main([*ONCE]) == 2
    said = capsys.readouterr()
    assert "2/4 paper     failed: candles/one.csv:2: volume 'much'" in said.out
    assert said.err.count("\n") <= 2
    assert "step paper of round 1: candles/one.csv:2" in said.err
    assert "the same pipeline command goes on there" in said.err
    (folder / "candles" / "one.csv").write_text(sound, encoding="utf-8")
    assert main([*ONCE]) == 0
    assert "signals   was done before" in capsys.readouterr().out
    assert [record["status"] for record in state_of(folder, 1)["steps"]] == ["done"] * 4
    assert not (folder / "data" / "pipeline" / "0002").exists()


def test_two_pipelines_do_not_work_in_one_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data" / "pipeline").mkdir(parents=True)
    with (folder / "data" / "pipeline" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert main([*ONCE]) == 2
    assert "another pipeline works in data/pipeline" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--alpha-source", "csv"), "needs --input FILE"),
        (("--paper-mode", "replay"), "engine capture --out data/trades_snapshots.cap"),
        (("--sweep-max-runs", "3"), "add --until-pass"),
        (("--every", "1h"), "add --until-pass"),
        (("--until-pass", "--every", "often"), "--every often"),
        (("--live",), "No such option"),
        ((), "engine signals fit-flow"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], expected: str
) -> None:
    assert main(["pipeline", *words]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.count("\n") == 1


# -- round after round -------------------------------------------------------------------------------------------------


class Script:
    """Work whose rounds come out as written: passed, not passed, or a venue that does not answer."""

    fault = None
    rounds: Iterator[str]

    def __init__(self, *given: object) -> None:
        pass

    def now_ns(self) -> int:
        return time.time_ns()

    def digest(self, name: str) -> str:
        return name

    def intact(self, record: Record) -> bool:
        return True

    def do(self, step: Step, state: Round) -> Ended:
        if step.name == "capture":
            Script.told = next(Script.rounds)
            if Script.told == "silent":
                return Ended("failed", 3, "no answer")
        passed = Script.told == "passed" if step.name == "gate" else None
        return Ended("done", 0, "", {f"{step.name} {state.number}": "1"}, {}, passed)


def looped(folder: Path, rounds: list[str], monkeypatch: pytest.MonkeyPatch) -> pipeline.Pipeline:
    monkeypatch.setattr(pipeline, "VerbWork", Script)
    Script.rounds = iter(rounds)
    cap = Path("none.cap")
    asked = Asked("p", "csv", Path("rows.csv"), None, None, 20, 100, "replay", cap, True, True, 1, 1.0, 2, None, None)
    return pipeline.Pipeline(asked, load_settings(None, {}), folder / "rounds", False, Interrupts())


def test_rounds_go_on_until_the_gate_passed_so_often_in_a_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = looped(folder, ["passed", "no", "passed", "passed"], monkeypatch)
    # The made-up digests never change, so lasting steps would be taken over; a new capture is what a round is about.
    monkeypatch.setattr(Script, "digest", lambda self, name: str(time.time_ns()) if name == "none.cap" else name)
    assert made.until_pass(2, None) == ExitCode.GOOD
    assert len(list((folder / "rounds").glob("*/state.json"))) == 4
    with pytest.raises(StopIteration):
        next(Script.rounds)
    Script.rounds = iter(["passed"])
    assert made.until_pass(3, None) == ExitCode.GOOD  # the row goes on over restarts


def test_a_service_tries_a_silent_venue_again_and_ends_with_other_failures(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = looped(folder, ["silent", "passed"], monkeypatch)
    slept: list[float] = []
    monkeypatch.setattr(pipeline.time, "sleep", slept.append)
    assert made.until_pass(1, "1h") == ExitCode.GOOD
    assert len(slept) == 1 and 3000 < slept[0] <= 3600
    said = capsys.readouterr()
    assert "no answer" in said.err and "it is tried again with the next round, one each 1h" in said.err
    assert len(list((folder / "rounds").glob("*/state.json"))) == 1, "the same round went on"
    with pytest.raises(UserError) as caught:
        looped(folder, ["silent"], monkeypatch).until_pass(1, None)
    assert caught.value.code == ExitCode.VENUE


# -- on the practice exchange ------------------------------------------------------------------------------------------


def test_a_killed_loop_goes_on_where_it_was_and_practice_does_not_count(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    from connectors.simulators.kalshi.listings import many
    from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
    from connectors.simulators.kalshi.venue import Options

    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
    rows = "ticker,fair_yes_probability,confidence\nKXPRACTICE-00000-YES,0.35,0.9\nKXPRACTICE-00001-YES,0.1,0.9\n"
    (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
    practice = Practice(Setup(Options(seed=5, unlimited=True), markets=many(2, time.time_ns()), trader_rate=4.0))
    with PracticeServer(practice) as server:
        words = ("pipeline", "--until-pass", "--alpha-source", "csv", "--input", "rows.csv", "--capture-cycles", "5",
                 "--capture-interval", "1", "--sweep-max-runs", "2", "--exchange",
                 server.url)  # fmt: skip
        known = let_in(server, tmp_path)[1]
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), **known, "LOKY_MAX_CPU_COUNT": "1"}

        def start() -> subprocess.Popen[str]:
            return subprocess.Popen(
                [python(), "-u", "-m", "engine", *words], cwd=tmp_path, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip

        with start() as process:
            heard(process, "2/7 capture")
            process.kill()
            process.communicate()
        assert [(r["step"], r["status"]) for r in state_of(tmp_path, 1)["steps"][:2]] == [
            ("signals", "done"), ("capture", "done")
        ]  # fmt: skip
        captured = state_of(tmp_path, 1)["steps"][1]
        with start() as process:
            lines = heard(process, "round 2, kept in")
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=60)
    text = "".join(lines)
    assert process.returncode == 130, text + rest
    assert "paper only: no step of this sends an order to a venue" in text
    assert "round 1 goes on" in text
    assert "capture   was done before" in text
    assert state_of(tmp_path, 1)["steps"][1] == captured
    assert "3/7 paper     run " in text
    assert "does not count: its prices were a practice exchange's" in text
    assert "6/7 calibrate skipped: no contract was held to its settlement yet" in text
    assert "the gate has passed 0 times in a row; 2 are wanted" in text
    assert "stopped: the same command goes on at the step that was not finished" in rest


def heard(process: subprocess.Popen[str], words: str) -> list[str]:
    """What it says up to a line with ``words``."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"it ended before it said {words!r}: {''.join(lines)}")
