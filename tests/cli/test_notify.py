"""``engine notify test`` and what a run tells, as a user has it, against a webhook of this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("apprise")
pytest.importorskip("uvicorn")

from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from tests.exchange import let_in

Cli = Callable[..., Any]
RULES = """\
kind: strategy
name: buy
on: quote
when: ask > 0.01
cooldown: 1h
then: {buy: {size: 1, limit: ask}}
"""


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/secrethook", got
    server.shutdown()
    server.server_close()


def test_the_test_message_arrives_and_no_address_is_shown(
    engine_cli: Cli, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    url, got = hook
    answer = engine_cli("notify", "test", env={"AUTOTRADER__NOTIFY__URLS": url})
    assert answer.code == 0, answer.err
    assert answer.out == "json 1: took it\n"
    assert [one["title"] for one in got] == ["engine notify test"]
    dead = engine_cli("notify", "test", "--json", env={"AUTOTRADER__NOTIFY__URLS": f"{url},json://127.0.0.1:9/x"})
    assert dead.code == 3
    assert json.loads(dead.out) == {"arrived": {"json 1": True, "json 2": False}}
    nobody = engine_cli("notify", "test")
    assert nobody.code == 2
    assert "AUTOTRADER__DISCORD__WEBHOOK_URL" in nobody.err
    wrong = engine_cli("notify", "test", env={"AUTOTRADER__DISCORD__WEBHOOK_URL": "nonsense"})
    assert wrong.code == 2
    assert "nonsense" not in wrong.out + wrong.err
    off = {"AUTOTRADER__DISCORD__WEBHOOK_URL": url, "AUTOTRADER__DISCORD__ENABLED": "false"}
    assert engine_cli("notify", "test", env=off).code == 2


def test_the_doctor_knows_who_is_told_and_tells_nobody(
    engine_cli: Cli, tmp_path: Path, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    url, got = hook

    def check(address: str) -> dict[str, str]:
        answer = engine_cli("doctor", "--json", env={"AUTOTRADER__NOTIFY__URLS": address})
        found = [one for one in json.loads(answer.out)["checks"] if one["check"] == "notifications"]
        assert address not in answer.out + answer.err
        return dict(found[0])

    good = check(url)
    assert (good["outcome"], good["found"].endswith("`engine notify test` tries them")) == ("ok", True)
    assert check("nonsense-secret")["outcome"] == "fail"
    assert not got


def test_a_run_on_a_venue_tells_of_orders_and_of_what_went_wrong(
    engine_cli: Cli, tmp_path: Path, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    url, got = hook
    pack = tmp_path / "rules" / "p"
    pack.mkdir(parents=True)
    with PracticeServer(Practice(Setup(Options(seed=5, unlimited=True), trader_rate=8.0))) as server:
        environment = {
            **let_in(server, tmp_path)[1],
            "AUTOTRADER__NOTIFY__URLS": url,
            "AUTOTRADER__NOTIFY__KINDS": "signals, errors, trades",
            "AUTOTRADER__LOGGING__LEVEL": "WARNING",
        }
        markets = httpx.get(f"{server.rest_url}/markets", params={"status": "open"}).json()["markets"]
        ticker = next(market["ticker"] for market in markets if "TOPMODEL" in market["ticker"])
        head = f"kind: pack\nname: p\nvenue: kalshi\ntimezone: UTC\nuniverse: [{ticker}]\nlimits: {{quantity: 5}}\n"
        (pack / "pack.yaml").write_text(head, encoding="utf-8")
        (pack / "buy.yaml").write_text(RULES, encoding="utf-8")
        words = ("run", "--venue", "kalshi", "--once", "--json", "--trace", "none")
        answer = engine_cli(*words, env=environment)
        assert answer.code == 0, answer.err
        assert "runtime_mode_resolved" not in answer.err, "AUTOTRADER__LOGGING__LEVEL is log.level"
        assert any(one["title"] == "p.buy wants an order" and ticker in one["message"] for one in got)
        got.clear()
        (pack / "pack.yaml").write_text(head.replace(ticker, "KXNO-26-X"), encoding="utf-8")
        failed = engine_cli(*words, env=environment)
        assert failed.code == 2
        assert any("a run ended" in one["title"] and "KXNO-26-X" in one["message"] for one in got)
        assert environment["AUTOTRADER__KALSHI__API_KEY_ID"] not in json.dumps(got)


def test_a_run_without_a_venue_tells_of_its_fills_and_a_dry_run_of_none(
    engine_cli: Cli, tmp_path: Path, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    url, got = hook
    pack = tmp_path / "rules" / "p"
    pack.mkdir(parents=True)
    head = "kind: pack\nname: p\nvenue: paper\ntimezone: America/New_York\nuniverse: [SPY]\nlimits: {quantity: 5}\n"
    (pack / "pack.yaml").write_text(head, encoding="utf-8")
    rule = RULES.replace("ask > 0.01", "close > 0").replace("on: quote", "on: bar(1m)").replace(", limit: ask", "")
    (pack / "buy.yaml").write_text(rule, encoding="utf-8")
    words = ("run", "--paper", "--symbols", "SPY", "--interval", "0", "--json", "--trace", "none")
    environment = {"AUTOTRADER__NOTIFY__URLS": url}
    answer = engine_cli(*words, env=environment)
    assert answer.code == 0, answer.err
    assert "filled: SPY" in [one["title"] for one in got]
    assert all("simulated market, paper" in one["message"] for one in got if one["title"] == "filled: SPY")
    got.clear()
    assert engine_cli(*words, "--dry-run", env=environment).code == 0
    assert got == []


def test_halt_and_resume_tell_what_they_did_and_an_address_that_fails_stops_neither(
    engine_cli: Cli, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    url, got = hook
    environment = {"AUTOTRADER__NOTIFY__URLS": url}
    assert engine_cli("db", "init").code == 0
    assert engine_cli("resume", env=environment).code == 0 and got == [], "nothing was lifted"
    assert engine_cli("halt", "--why", "lunch", env=environment).code == 0
    assert engine_cli("halt", "--why", "rest", "--mode", "paper", env=environment).code == 0
    assert engine_cli("resume", env=environment).code == 0
    assert [one["title"] for one in got] == ["halted", "halted", "resumed"]
    assert "lunch" in got[0]["message"] and "paper" in got[1]["message"] and "lunch" in got[2]["message"]
    wrong = engine_cli("halt", "--why", "x", env={"AUTOTRADER__NOTIFY__URLS": "nothing-of-the-sort"})
    assert wrong.code == 0 and "nobody was told" in wrong.err and "entries are halted" in wrong.out
