"""The documentation is true: generated pages are in step, every command of the README's tour runs."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.cli.reference import facts_page, functions_page
from tests.nursery import python

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
TOUR = [line.partition("#")[0].strip() for line in README.splitlines() if line.startswith("engine ") and "#" in line]
DATA = [line for line in README.splitlines() if line.startswith("engine ") and "--data DIR" in line]
Cli = Callable[..., Any]


def test_the_references_are_in_step_with_the_catalogue_and_the_manifests() -> None:
    assert (PROJECT / "docs" / "functions.md").read_text(encoding="utf-8") == functions_page()
    assert (PROJECT / "docs" / "facts.md").read_text(encoding="utf-8") == facts_page()


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A store of its own, and no waiting between simulated ticks."""
    path = tmp_path_factory.mktemp("tour") / "tour.db"
    return {"AUTOTRADER__STORE__PATH": str(path), "AUTOTRADER__RUN__INTERVAL_SECONDS": "0"}


def test_the_commands_of_the_tour_run_in_their_order(engine_cli: Cli, store: dict[str, str], tmp_path: Path) -> None:
    assert len(TOUR) >= 10
    for command in TOUR:
        words = shlex.split(command)[1:]
        if words[0] == "init":
            words[1] = str(tmp_path / words[1])
        if words[0] == "run" and "--once" not in words:
            words += ["--trace", "none"]
        answer = engine_cli(*words, cwd=PROJECT, env=store)
        assert answer.code == 0, (command, answer.out[-500:], answer.err)


def test_the_commands_on_own_data_run(
    engine_cli: Cli, store: dict[str, str], shared_data: Path, tmp_path: Path
) -> None:
    assert len(DATA) == 2
    for command in DATA:
        words = shlex.split(command.replace("DIR", str(shared_data / "equities")).replace("out/", f"{tmp_path}/"))[1:]
        if words[0] == "run":
            words += ["--symbols", "SPY", "--from", "2011-01-03", "--to", "2011-01-04", "--trace", "none"]
        answer = engine_cli(*words, cwd=PROJECT, env=store)
        assert answer.code == 0, (command, answer.err)


# Commands in the text, with what stands for their placeholders; an exit code other than 0 stands before it.
# On the practice exchange, in the folder that docs/live.md makes:
PRACTISED = {
    "engine cancel [--symbol T] [--stale MINUTES]": ["cancel --symbol KXPRACTICE-00000-YES --stale 0"],
    "engine db alerts --mode live": ["db alerts --mode demo"],
    "engine doctor": ["doctor"],
    "engine flatten [--symbol T]": ["flatten --symbol KXPRACTICE-00001-YES"],
    "engine halt": ["halt"],
    "engine init --venue kalshi": ["init other --venue kalshi"],
    "engine init practice --venue kalshi": [],  # it begins docs/live.md
    "engine reconcile": ["reconcile"],
    "engine run --venue kalshi": [],  # goes on until Ctrl-C; docs/live.md has it, and is tried so
    "engine simulate": [],
    "engine fee kalshi 50 10": ["fee kalshi 50 10"],
    "engine run --live": ["4 run --live --venue kalshi"],
}
# On recorded data, in tests of their own, which call them so:
TRIED_ELSEWHERE = {
    "engine gate check": '"gate", "check"',
    "engine gate placebo": '"gate", "placebo"',
    "engine run --source replay": '"--source", "replay"',
    "engine backtest": '"backtest", "',
}
PAGES = ("live", "going-live", "practice-exchange", "kalshi")
NEWCOMER = [
    line.removeprefix("$ ").partition("   #")[0].strip()
    for line in (PROJECT / "docs" / "live.md").read_text(encoding="utf-8").split("```")[1].splitlines()
    if line.startswith("$ ")
]


def commands_of(page: str) -> set[str]:
    """Every command that a page names, in the text or in an example."""
    text = (PROJECT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    shown = {line.partition("   #")[0].strip() for line in re.findall(r"^\$ (engine .*)$", text, re.MULTILINE)}
    return shown | set(re.findall(r"`(engine [a-z][^`\n]*)`", text))


def test_no_page_names_a_command_that_is_not_tried() -> None:
    shown = set(NEWCOMER) | EXCHANGES.keys()
    for page in PAGES:
        assert commands_of(page) <= PRACTISED.keys() | TRIED_ELSEWHERE.keys() | shown, page
    elsewhere = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests" / "cli").rglob("test_*.py"))
    for command, words in TRIED_ELSEWHERE.items():
        assert words in elsewhere, command


# Of the practice exchange's page: what it needs beside, in words that start it.
EXCHANGES = {
    "engine simulate kalshi --folder keys": "",
    'engine simulate kalshi --port 0 --seed 3 --fault "timeout@create:0.05,ws-lose:0.01" --json': "",
    "engine simulate kalshi --replay candles.csv --speed 60 --no-maintenance": "candles.csv",
}
CANDLES = "ticker,timestamp,open,high,low,close,volume\nKXA-1-A,1767225600,50,51,49,50,10\n"


def start_exchange(command: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """As written, but on a free port, because tests run side by side."""
    words = shlex.split(command)[1:]
    if "--port" not in words:
        words += ["--port", "0"]
    process = subprocess.Popen(
        [python(), "-m", "engine", *words], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()  # it listens
    return process


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a user's shell, where the command is called ``engine``."""
    found = tmp_path / "bin" / "engine"
    found.parent.mkdir()
    found.write_text(f'#!/bin/sh\nexec "{python()}" -m engine "$@"\n', encoding="utf-8")
    found.chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRADER_")}
    return {**inherited, "PATH": f"{found.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}


def test_a_newcomer_gets_from_nothing_to_live_orders_by_the_page(
    shell: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("uvicorn")
    assert len(NEWCOMER) == 7 and NEWCOMER[0] == "engine init practice --venue kalshi && cd practice"
    subprocess.run(["sh", "-ec", NEWCOMER[0]], cwd=tmp_path, env=shell, check=True, capture_output=True)
    folder = tmp_path / "practice"
    process = start_exchange(NEWCOMER[1], folder, shell)
    try:
        for command in NEWCOMER[3:]:
            # One look instead of waiting for Ctrl-C.
            words = f"{command} --once --trace none" if "engine run" in command else command
            done = subprocess.run(
                ["sh", "-ec", f"{NEWCOMER[2]}; {words}"], cwd=folder, env=shell, capture_output=True, text=True
            )
            assert done.returncode == 0, (words, done.stderr)
        assert "store: state/autotrader-demo.db (demo)" in done.stdout
        variables = (folder / "keys" / "env").read_text(encoding="utf-8")
        for line in variables.splitlines():
            monkeypatch.setenv(*line.removeprefix("export ").split("=", 1))
        monkeypatch.chdir(folder)
        for wanted in (words for texts in PRACTISED.values() for words in texts):
            code, _, words = wanted.partition(" ") if wanted[0].isdigit() else ("0", "", wanted)
            # In this process: starting one takes longer than what they do.
            assert main(shlex.split(words)) == int(code), (words, capsys.readouterr())
    finally:
        stop(process)


@pytest.mark.parametrize("command", EXCHANGES)
def test_practice_exchanges_start_as_written(command: str, shell: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    if EXCHANGES[command]:
        (tmp_path / EXCHANGES[command]).write_text(CANDLES, encoding="utf-8")
    stop(start_exchange(command, tmp_path, shell))


def test_make_has_the_two_targets_that_the_readme_names() -> None:
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for target, recipe in (("run", "engine run --paper"), ("test", "pytest")):
        assert f"make {target}" in README
        body = re.search(rf"^{target}:.*\n\t(.*)$", text, re.MULTILINE)
        assert body is not None and recipe in body[1]
