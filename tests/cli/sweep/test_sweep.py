"""``engine sweep`` and ``engine report sweep`` as a user runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engine.cli.gate.trials import trials_of
from engine.cli.main import main
from engine.research.sweep.results import read_results
from engine.research.sweep.schema import rendered
from state import Mode, open_store

PROJECT = Path(__file__).parents[3]
SCHEMA = json.loads((PROJECT / "schemas" / "sweep.json").read_text(encoding="utf-8"))
Cli = Callable[..., Any]


def test_a_sweep_tries_all_sets_and_looks_at_the_holdout_for_the_chosen_alone(swept: Any) -> None:
    found = swept.results("r.json")
    jsonschema.validate(found, SCHEMA)
    assert len(found["sets"]) == 18
    assert found["sets"][0]["parameters"] == {
        "crossing.cross.fast": 4, "crossing.cross.slow": 10, "crossing.later.patience": 360,
    }  # fmt: skip
    held = [one["number"] for one in found["sets"] if one["holdout"] is not None]
    assert sorted(held) == sorted(found["top"]) and len(held) == 3
    assert {found["sets"][number - 1]["rank"] for number in held} == {1, 2, 3}
    assert all(one["validation"]["trades"] > 5 for one in found["sets"])
    assert len({one["decisions_sha256"] for one in found["sets"]}) > 10
    expectancy = [found["sets"][number - 1]["holdout"]["expectancy"] for number in found["top"]]
    assert expectancy == sorted(expectancy, reverse=True)
    assert found["trials"]["sweep"] == found["trials"]["pack"] == 18
    assert found["holdout_reads"] == {"sweeps": 1, "sets": 3}


def test_a_sweep_as_a_user_runs_it(engine_cli: Cli, project: Any) -> None:
    answer = engine_cli(*project.words("--workers", "1", "--max-runs", "3"), cwd=project.folder)
    assert answer.code == 0, answer.err
    assert answer.err == ""  # no progress bar in a pipe
    assert "Chosen sets" in answer.out and "Walk forward" in answer.out
    assert "3 of 18 sets were tried: an evenly spread part of the grid" in answer.out


def test_the_figures_of_a_set_are_those_of_a_back_test_of_its_part(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--workers", "1", "--out", "r.json", "--holdout", "0.5", "--embargo", "0s", "--max-runs", "3"]
    assert project.run(*project.words(*words)) == 0
    found = project.results("r.json")
    assert found["splits"]["holdout"]["first"] == "2024-03-11T14:31:00Z"  # bars are known at their close
    chosen = found["sets"][2]
    values = {"crossing.later.patience": f"{chosen['parameters']['crossing.later.patience'] / 60:g}m"}
    values |= {key: f"{chosen['parameters'][key]:g}" for key in ("crossing.cross.fast", "crossing.cross.slow")}
    params = [word for key, value in values.items() for word in ("--param", f"{key}={value}")]


    def back_test(*more: str) -> Any:
        capsys.readouterr()
        assert project.run("backtest", "crossing", "--data", "bars", *more, *params, "--json") == 0
        return json.loads(capsys.readouterr().out)

    summary = back_test("--to", "2024-03-10")
    assert summary["decisions_sha256"] == chosen["decisions_sha256"]
    for name in ("trades", "net", "expectancy", "profit_factor", "win_rate"):
        assert summary["summary"][name] == chosen["train"][name], name
    whole = back_test()
    assert whole["decisions_sha256"] == chosen["holdout_decisions_sha256"]
    assert whole["trades"] >= chosen["train"]["trades"] + chosen["holdout"]["trades"] > chosen["train"]["trades"]


def test_the_same_sweep_again_answers_from_the_ledger(project: Any) -> None:
    words = project.words("--workers", "1", "--max-runs", "4", "--out")
    assert project.run(*words, "a.json") == 0
    (project.folder / "a.json").rename(project.folder / "before.json")
    assert project.run(*words, "a.json") == 0
    assert (project.folder / "a.json").read_bytes() == (project.folder / "before.json").read_bytes()
    assert not list(project.folder.glob(".*"))  # nothing half written is left


def test_trials_and_looks_add_up_over_sweeps(engine_cli: Cli, project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for search, seed in (("grid", "1"), ("random", "2")):
        words = ["--workers", "1", "--max-runs", "4", "--search", search, "--seed", seed, "--out", f"{search}.json"]
        assert project.run(*project.words(*words)) == 0
    found = project.results("random.json")
    assert found["search"]["note"].startswith("4 of 18 sets were tried: a random part")
    sets = [one for name in ("grid", "random") for one in project.results(f"{name}.json")["sets"]]
    tried = {json.dumps(one["parameters"]) for one in sets}
    assert found["trials"]["pack"] == len(tried) and 4 < len(tried) < 9
    assert found["holdout_reads"] == {"sweeps": 2, "sets": 6}

    answer = engine_cli("report", "sweep", "--json", cwd=project.folder)
    listed = json.loads(answer.out)
    assert listed["packs"]["crossing"]["trials"] == len(tried)
    assert [(one["search"], one["trials"], one["holdout_reads"]) for one in listed["sweeps"]] == [
        ("random", 4, 3), ("grid", 4, 3),
    ]  # fmt: skip
    capsys.readouterr()
    assert project.run("report", "sweep") == 0
    shown = capsys.readouterr().out
    assert "Sets ever tried" in shown and "bars SPY, start to end" in shown


def test_a_report_draws_one_page_that_needs_nothing_else(
    engine_cli: Cli, swept: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = engine_cli("report", "sweep", "r.json", "--html", "pages/r.html", cwd=swept.folder)
    assert answer.code == 0, answer.err
    assert "page written to pages/r.html" in answer.out
    page = (swept.folder / "pages" / "r.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 3  # three pairs of three parameters
    assert page.count('class="best"') == 3
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=|@import|url\(", page)
    capsys.readouterr()
    assert swept.run("report", "sweep", "r.json", "--json") == 0
    assert json.loads(capsys.readouterr().out) == swept.results("r.json")


def test_a_search_that_learns_needs_few_sets(project: Any, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    words = ["--workers", "1", "--search", "tpe", "--max-runs", "12", "--out", "r.json"]
    assert project.run(*project.words(*words)) == 0
    assert capfd.readouterr().err == ""
    sets = project.results("r.json")["sets"]
    assert 9 <= len(sets) == len({json.dumps(one["parameters"]) for one in sets}) <= 12


def test_the_schema_is_in_step_with_the_models() -> None:
    assert (PROJECT / "schemas" / "sweep.json").read_text(encoding="utf-8") == rendered()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "many"], "--workers many is neither a number of processes nor an address"),
        (["--workers", "0"], "--workers 0 is neither a number"),
        (["--embargo", "soon"], "--embargo soon is no time; write it as 2d, 12h, 90m or 30s"),
        (["--embargo", "30d"], "would be empty after purge and embargo"),
        (["--to", "2024-03-04"], "no minute bars"),
        (["--out", "bars"], "--out bars is a folder; name a file in it"),
        (["--search", "luck"], "--search"),
        (["--max-runs", "0"], "--max-runs"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    project: Any, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert project.run(*project.words(*words)) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_nobody_answering_is_a_failed_network(
    project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("engine.cli.sweep.workers.CONNECT_SECONDS", 0.2)
    assert project.run(*project.words("--workers", "tcp://127.0.0.1:9")) == 3
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err


def test_gates_count_what_sweeps_tried(swept: Any) -> None:
    store = open_store(swept.folder / "state" / "autotrader.db")
    found = trials_of(store, "crossing")
    nothing = trials_of(store, "another")
    store.close()
    assert nothing is None and found is not None and found.results is not None
    sets = swept.results("r.json")["sets"]
    assert found.count == 18
    assert sorted(found.events) == sorted(one["train"]["events"] for one in sets)
    assert all(one["train"]["events"] == 9 < one["train"]["trades"] for one in sets)  # a symbol's day is one event
    assert found.results.shape == (32, 18)
    nets = sorted(round(net, 4) for net in (found.results.sum(axis=0) * 100_000).tolist())
    assert nets == pytest.approx(sorted(one["train"]["net"] for one in sets), abs=1e-3)
    overfitting = found.overfitting
    assert not isinstance(overfitting, str) and 0 <= overfitting.probability <= 1


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("SLIPPAGE_BPS", "0", "its fills of SPY had no slippage (paper.slippage_bps was 0)"),
        ("LATENCY_MS", "0", "its orders took no time (paper.latency_ms was 0)"),
        ("FILL_MODEL", "optimistic", "its fills were optimistic"),
    ],
)
def test_a_sweep_whose_fills_cost_nothing_counts_as_tried_and_shows_nothing(
    project: Any, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"AUTOTRADER__PAPER__{setting}", value)
    assert project.run(*project.words("--workers", "1", "--max-runs", "3")) == 0
    store = open_store(project.folder / "state" / "autotrader.db")
    found = trials_of(store, "crossing")
    store.close()
    assert found is not None and found.count == 3
    assert isinstance(found.overfitting, str) and said in found.overfitting


def test_a_store_of_real_money_takes_no_trials(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    open_store(project.folder / "state" / "autotrader.db", Mode.LIVE).close()
    assert project.run(*project.words("--workers", "1")) == 2
    assert "is a live store and cannot be used for paper" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "see format: Field required"),
        ("not json", "Invalid JSON"),
        ('{"format": "autotrader.sweep/9"}', "see format"),
    ],
)
def test_another_file_is_refused_by_its_first_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (tmp_path / "r.json").write_text(text, encoding="utf-8")
    assert main(["report", "sweep", str(tmp_path / "r.json")]) == 2
    error = capsys.readouterr().err
    assert "r.json is no results file of a sweep" in error and said in error


def test_reports_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "swep"]) == 2
    assert "No such command 'swep'. Did you mean 'sweep'?" in capsys.readouterr().err
    assert main(["report", "--help"]) == 0
    assert "performance" in capsys.readouterr().out


def test_real_data_can_be_swept(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRADER__STORE__PATH", str(tmp_path / "s.db"))
    monkeypatch.chdir(PROJECT)
    span = ["--symbols", "SPY", "--from", "2013-10-04", "--to", "2013-10-11", "--folds", "2"]
    data = ["--data", str(shared_data / "equities"), *span]
    words = ["sweep", "index_scalper", *data, "--max-runs", "3", "--top-n", "1"]
    assert main([*words, "--workers", "1", "--out", str(tmp_path / "r.json")]) == 0
    found = read_results(tmp_path / "r.json")
    assert [one.number for one in found.sets if one.holdout is not None] == found.top
    assert found.search.combinations == 157_464
