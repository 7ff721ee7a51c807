"""Asking for consent: what a run may do before anything is connected, and the lines that every start says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from engine.cli import live
from engine.cli.errors import ExitCode, UserError
from engine.cli.live import require_permission, typed_on_terminal
from engine.cli.log import configure_log
from engine.cli.startup import log_client_connected, log_runtime_mode
from engine.execute.consents import Destination
from engine.settings import Settings
from engine.settings.models import KalshiSettings, LogSettings
from state import StoreError

Cli = Callable[..., Any]
PHRASE = "send real orders for alpha"


class Verdict:
    def __init__(self, passed: bool) -> None:
        self.passed = passed


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool | Exception], None]:
    """Decides how gates are judged from here on."""

    def judged(passed: bool | Exception) -> None:
        def verdict(settings: Settings, pack: str) -> Verdict:
            if isinstance(passed, Exception):
                raise passed
            return Verdict(passed)

        monkeypatch.setattr(live, "pack_verdict", verdict)

    judged(True)
    return judged


def settings(**kalshi: Any) -> Settings:
    return Settings(kalshi=KalshiSettings(**kalshi))


REAL = settings(environment="production", execution_mode="live")


def refused(given: Settings, **changes: Any) -> str:
    with pytest.raises(UserError) as caught:
        allowed(given, **changes)
    assert caught.value.code == ExitCode.STOPPED == 4
    return str(caught.value)


def allowed(given: Settings, **changes: Any) -> Destination:
    options: dict[str, Any] = {"live": True, "accepted": False, "ask": None, "parameters": {}} | changes
    parameters = options.pop("parameters")
    return require_permission(given, ["alpha"], parameters, **options).destination


def test_all_consents_reach_production(gate: Callable[[bool | Exception], None]) -> None:
    assert allowed(REAL, ask=lambda question: PHRASE) is Destination.PRODUCTION
    assert allowed(REAL, accepted=True) is Destination.PRODUCTION


def test_the_phrase_is_asked_for_in_words_and_only_the_phrase_will_do(gate: Callable[[bool | Exception], None]) -> None:
    asked = []

    def ask(question: str) -> str:
        asked.append(question)
        return "yes"

    assert "something else was typed" in refused(REAL, ask=ask)
    assert len(asked) == 1 and f"`{PHRASE}`" in asked[0]
    assert "nothing was typed" in refused(REAL, ask=None)


def test_nobody_is_asked_in_vain(gate: Callable[[bool | Exception], None]) -> None:
    def ask(question: str) -> str:
        raise AssertionError("asked although something else is missing, or although nothing is")

    gate(False)
    assert "go-live gate: that of alpha has not passed" in refused(REAL, ask=ask)
    gate(True)
    assert allowed(REAL, accepted=True, ask=ask) is Destination.PRODUCTION
    assert allowed(settings(execution_mode="live"), ask=ask) is Destination.DEMO
    assert allowed(REAL, live=False, ask=ask) is Destination.NOWHERE


def test_a_gate_that_cannot_be_judged_is_not_passed(gate: Callable[[bool | Exception], None]) -> None:
    gate(StoreError("damaged"))
    assert "that of alpha is unknown, which is not passed" in refused(REAL, accepted=True)


def test_other_parameters_are_not_what_the_gate_has_judged(gate: Callable[[bool | Exception], None]) -> None:
    assert "that of alpha is unknown" in refused(REAL, accepted=True, parameters={"alpha.buyer.n": 3.0})
    assert allowed(REAL, accepted=True, parameters={"beta.buyer.n": 3.0}) is Destination.PRODUCTION


def test_everything_that_is_missing_is_said_at_once(gate: Callable[[bool | Exception], None]) -> None:
    gate(False)
    text = refused(settings(environment="production"))
    assert [line.split(":")[0].strip() for line in text.splitlines()[1:]] == [
        "1. execution mode", "2. go-live gate", "3. confirmation",
    ]  # fmt: skip


def test_a_practice_exchange_asks_for_the_same_and_gets_no_real_order(gate: Callable[[bool | Exception], None]) -> None:
    given = settings(environment="production", execution_mode="live", base_url="http://127.0.0.1:8700")
    assert "confirmation" in refused(given)
    assert allowed(given, accepted=True) is Destination.PRACTICE


def test_a_pipe_cannot_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PHRASE}\n"))
    assert typed_on_terminal() is None


def test_what_is_typed_on_a_terminal_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = io.StringIO(f" {PHRASE}\r\n")
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", typed)
    ask = typed_on_terminal()
    assert ask is not None
    assert ask("Sure? ") == f" {PHRASE}\r"


@pytest.fixture
def quiet_afterwards() -> Iterator[None]:
    yield
    logger.remove()


def test_start_up_lines_as_text_and_as_json(capsys: pytest.CaptureFixture[str], quiet_afterwards: None) -> None:
    url = "https://external-api.kalshi.com/trade-api/v2"
    for as_json in (False, True):
        configure_log(LogSettings(json=as_json))
        log_runtime_mode("production", "paper", url, Path("state/paper.db"), ["alpha", "beta"])
        log_client_connected("production", url)
    text_mode, text_client, json_mode, json_client = capsys.readouterr().err.splitlines()
    assert text_mode.endswith(
        f" runtime_mode_resolved mode=production execution_mode=paper api_base_url={url} store=state/paper.db "
        "packs=alpha,beta"
    )
    assert text_client.endswith(f" kalshi_client_connected environment=production base_url={url}")
    mode, client = json.loads(json_mode), json.loads(json_client)
    assert (mode["message"], mode["mode"], mode["execution_mode"], mode["api_base_url"]) == (
        "runtime_mode_resolved", "production", "paper", url,
    )  # fmt: skip
    assert (client["message"], client["environment"], client["base_url"]) == (
        "kalshi_client_connected", "production", url,
    )  # fmt: skip


def test_a_paper_run_says_its_mode_and_sends_nothing_whatever_the_settings(engine_cli: Cli, tmp_path: Path) -> None:
    assert engine_cli("init", "mine").code == 0
    environment = {
        "AUTOTRADER__KALSHI__ENVIRONMENT": "production", "AUTOTRADER__KALSHI__EXECUTION_MODE": "live",
        "AUTOTRADER__LOG__JSON": "true",
    }  # fmt: skip
    answer = engine_cli("run", "--paper", "--once", "--json", cwd=tmp_path / "mine", env=environment)
    assert answer.code == 0
    said = json.loads(answer.err.splitlines()[0])
    assert (said["message"], said["mode"], said["execution_mode"]) == ("runtime_mode_resolved", "production", "paper")
    assert said["api_base_url"] == "none"
