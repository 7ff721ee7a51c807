"""The front of the command: verbs, exit codes, and that nothing a user does shows a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.cli import main as front
from engine.cli.errors import KNOWN_ERRORS, ExitCode, UserError, exit_code_of
from engine.cli.main import VERBS, Verb, main
from engine.cli.version import __version__
from engine.market.events import SourceError


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Makes a function the command of the verb ``try``."""

    def install(command: Callable[..., Any]) -> None:
        module = ModuleType("tests_cli_try")
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(front, "VERBS", {"try": Verb(module.__name__, "Try something.")})

    return install


def failing(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def test_version_is_said_without_importing_the_engine() -> None:
    script = (
        "import sys; from engine.cli.main import main; code = main(['--version']);"
        "heavy = {'typer', 'pydantic', 'rich', 'numpy', 'yaml'} & set(sys.modules);"
        "print(code, sorted(heavy))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == f"engine {__version__}\n0 []\n"


def test_installed_command_and_module_are_the_same(engine_cli: Callable[..., Any]) -> None:
    assert engine_cli("--version").out == f"engine {__version__}\n"


def test_help_lists_every_verb_with_its_line(engine_cli: Callable[..., Any]) -> None:
    answer = engine_cli("--help")
    assert answer.code == 0
    shown = " ".join(answer.out.replace("│", " ").split())
    for name, verb in VERBS.items():
        assert f"{name} {verb.help}" in shown


def test_no_verb_shows_the_help_and_is_wrong_usage(engine_cli: Callable[..., Any]) -> None:
    answer = engine_cli()
    assert answer.code == 2
    assert "Usage: engine" in answer.out


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_exists_and_documents_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = import_module(VERBS[name].module)
    assert hasattr(module, "command") != hasattr(module, "app"), "one verb, or several below it"
    assert main([name, "--help"]) == 0
    assert f"engine {name}" in capsys.readouterr().out


def test_only_the_chosen_verb_is_imported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(front, "VERBS", {**VERBS, "broken": Verb("engine.cli.not_there", "Cannot be imported.")})
    assert main(["--help"]) == 0
    assert "Cannot be imported." in capsys.readouterr().out
    assert main(["config", "--help"]) == 0


def test_unknown_verb_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["confg"]) == 2
    assert capsys.readouterr().err == "error: there is no verb `confg`; did you mean `config`?\n"


def test_unknown_verb_that_is_close_to_nothing_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xyzzy"]) == 2
    assert capsys.readouterr().err == "error: there is no verb `xyzzy`; see `engine --help`\n"


def test_unknown_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--jsn"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--jsn" in said and "--json" in said and "engine config --help" in said


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (1, 1), (ExitCode.STOPPED, 4)])
def test_what_a_verb_returns_is_the_exit_code(answer: int | None, code: int, verb: Callable[..., None]) -> None:
    def command() -> int | None:
        return answer

    verb(command)
    assert main(["try"]) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("no such pack"), 2),
        (UserError("the venue does not answer", ExitCode.VENUE), 3),
        (SourceError("bars.csv:3: no price"), 2),
    ],
)
def test_errors_of_the_user_are_one_line(
    error: Exception, code: int, verb: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    verb(failing(error))
    assert main(["try"]) == code
    assert capsys.readouterr().err == f"error: {error}\n"


def test_a_fault_of_the_engine_is_one_line_that_says_how_to_report_it(
    verb: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOTRADER_DEBUG", raising=False)
    verb(failing(ZeroDivisionError("division\nby zero")))
    assert main(["try"]) == 70
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "ZeroDivisionError: division by zero" in said and "report" in said and "AUTOTRADER_DEBUG=1" in said


def test_debugging_shows_where_a_fault_came_from(
    verb: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRADER_DEBUG", "1")
    verb(failing(ZeroDivisionError("division by zero")))
    assert main(["try"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_quiet(verb: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    verb(failing(KeyboardInterrupt()))
    assert main(["try"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "engine", "config"],
            cwd=Path(front.__file__).parents[2],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_known_errors_exist() -> None:
    for name in KNOWN_ERRORS:
        module, _, kind = name.rpartition(".")
        assert exit_code_of(getattr(import_module(module), kind)("said")) == KNOWN_ERRORS[name]


def test_subclasses_of_known_errors_are_known_and_others_are_not() -> None:
    class Late(SourceError):
        pass

    assert exit_code_of(Late("late")) == 2
    assert exit_code_of(ValueError("odd")) is None


def test_config_says_what_is_in_force_and_who_said_it(engine_cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text("[paper]\ncash = 5000\n")
    answer = engine_cli("config", "--json", env={"AUTOTRADER__MARKET__SEED": "11"})
    assert answer.code == 0
    shown = json.loads(answer.out)
    assert shown["settings"]["paper"]["cash"] == "5000"
    assert shown["settings"]["market"]["seed"] == 11
    assert {key: origin for key, origin in shown["origins"].items() if origin != "default"} == {
        "market.seed": "environment variable AUTOTRADER__MARKET__SEED",
        "paper.cash": "autotrader.toml:2",
    }


def test_wrong_settings_stop_the_command_with_one_line_each(engine_cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text("[paper]\ncash = 0\ncsh = 1\n")
    answer = engine_cli("config")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "error: autotrader.toml:2: paper.cash must be more than 0, not 0\n"
        "autotrader.toml:3: unknown key paper.csh; did you mean paper.cash?\n"
    )


def test_a_terminal_without_unicode_stops_nothing(engine_cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text('[engine]\npacks = ["naïve"]\n', encoding="utf-8")
    answer = engine_cli("config", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, anew=True)
    assert answer.code == 0
    assert "na?ve" in answer.out
