"""`engine serve` as a user has it: beside a run, in one process with it, every command of the former service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from engine.cli.main import main
from tests.nursery import python
from tests.running import wait_for

PROJECT = Path(__file__).parents[3]
SECONDS = 60.0
SETTINGS = f'[engine]\npacks = ["index_scalper"]\n[rules]\npaths = ["{PROJECT / "rules"}"]\n[market]\ndays = 2000\n'
BRACKET = {"symbol": "AAPL", "qty": 1, "type": "market", "stop_pct": 0.01, "tp_pct": 0.02}
RUN = ("--symbols", "AAPL", "--symbols", "SPY", "--interval", "0.1", "--trace", "none")


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """An engine of its own, ended politely at the end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRADER_")}
    started = subprocess.Popen(
        [python(), "-m", "engine", *arguments], cwd=folder, stdout=subprocess.PIPE,
        stderr=(folder / f"{arguments[0]}.err").open("w"), text=True, env={**inherited, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGINT)
        try:
            started.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            raise
    assert started.returncode == 0, (folder / f"{arguments[0]}.err").read_text()


class Caller:
    """Asks one service."""

    def __init__(self, started: subprocess.Popen[str], token: str) -> None:
        assert started.stdout is not None
        self.url = json.loads(started.stdout.readline())["url"]
        self.token = token

    def __call__(self, path: str, body: Any = None, method: str = "GET", key: str = "", token: bool = True) -> Any:
        status, text = self.raw(path, body, method, key, token)
        assert status < 300, (path, status, text)
        return json.loads(text)

    def raw(
        self, path: str, body: Any = None, method: str = "GET", key: str = "", token: bool = True
    ) -> tuple[int, str]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Authorization": f"Bearer {self.token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self(path, body, "POST", **more)


@pytest.fixture
def verb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """As ``engine_cli``, in this process: for verbs whose start takes longer than their work."""

    def run(*arguments: str, cwd: Path | None = None) -> SimpleNamespace:
        capsys.readouterr()
        with monkeypatch.context() as context:
            context.chdir(cwd or tmp_path)
            code = main(list(arguments))
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("served")
    (made / "autotrader.toml").write_text(SETTINGS)
    return made


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Caller]:
    """A worker and a service, two processes on one store."""
    made = subprocess.run(
        [python(), "-m", "engine", "serve", "token", "--scope", "read", "--scope", "trade", "--json"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(process(folder, "run", *RUN))
        serving = stack.enter_context(process(folder, "serve", "--port", "0", "--json"))
        caller = Caller(serving, json.loads(made.stdout)["token"])
        wait_for(lambda: caller("/api/v1/diag/health")["worker"]["up"])
        wait_for(lambda: "autotrader_ticks_total" in caller.raw("/metrics")[1])
        wait_for(lambda: json.loads(caller.raw("/api/v1/bracket/preview?symbol=AAPL&qty=1")[1]).get("price"))
        yield caller


def taken(served: Caller, order: dict[str, Any], name: str) -> Any:
    """A bracket that was placed, as soon as what the rules hold leaves room for it; ``key``: of the request."""
    keys = (f"{name} {number}" for number in count())

    def place() -> Any:
        key = next(keys)
        status, text = served.raw("/api/v1/bracket/place", order, "POST", key)
        assert status < 300 or (status == 409 and "positions, is reached" in text), text
        return {**json.loads(text), "key": key} if status < 300 else None

    return wait_for(place)


def test_every_command_of_the_former_service(served: Caller) -> None:
    health = served("/api/v1/diag/health", token=False)
    assert health["status"] == "ok" and health["store"] == "ok"
    assert {one["name"] for one in served("/api/v1/diag/providers")["providers"]} >= {"tradier", "polygon", "kalshi"}
    order = {"symbol": "AAPL", "side": "buy", "qty": 1, "type": "market"}
    dry = served.post("/api/v1/trade/dryrun", order, token=False)
    assert dry["verdict"] == "fired" and dry["guards"] and dry["orders"][0]["quantity"] == "1"
    assert {s["symbol"] for s in served("/api/v1/signals")["signals"]} == {"AAPL", "SPY"}
    effective = served("/api/v1/config/effective?symbol=AAPL")
    assert effective["symbol"] == "AAPL" and effective["parameters"] and effective["settings"]["paper"]
    preview = served("/api/v1/bracket/preview?symbol=AAPL&qty=1&stop_pct=0.01&tp_pct=0.02&price=235.10")
    assert (preview["stop"], preview["target"]) == ("232.75", "239.81")
    assert served("/api/v1/risk/preview?symbol=AAPL&qty=1")["allowed"] is True
    placed = taken(served, BRACKET, "market")
    resting = taken(served, {**BRACKET, "type": "limit", "price": 1.25}, "limit")["orders"][0]["id"]
    entry = placed["orders"][0]["id"]
    assert entry in {order["client_id"] for order in served("/api/v1/orders")["orders"]}
    filled = wait_for(lambda: served(f"/api/v1/orders/{entry}")["fills"])
    assert filled[0]["quantity"] == "1"
    held = [p for p in served("/api/v1/positions?symbol=AAPL")["positions"] if p["strategy"] == "service.manual"]
    assert [p["quantity"] for p in held] == ["1"]
    assert float(served("/api/v1/account/balances")["account"]["cash"]) < 100_000
    assert served.post(f"/api/v1/orders/{resting}/cancel")["orders"][0]["id"] == resting
    assert served.raw(f"/api/v1/orders/{entry}/cancel", method="POST")[0] == 409, "it has filled"
    for path in ("cancel_all", "cancel_all?symbol=AAPL", "cancel_stale?minutes=60"):
        assert served.post(f"/api/v1/orders/{path}")["verdict"] == "fired"
    assert served.post("/api/v1/positions/flatten?symbol=AAPL")["orders"]

    def flat() -> bool:
        rows = served("/api/v1/positions?symbol=AAPL")["positions"]
        return all(float(p["quantity"]) == 0 for p in rows if p["strategy"] == "service.manual")

    wait_for(flat)
    assert served.post("/api/v1/positions/flatten")["verdict"] == "fired"
    why = served(f"/api/v1/traces/{entry}")
    assert why["decision"]["rule"] == "service.manual" and why["decision"]["guards"]


def test_a_halt_reaches_the_worker_and_no_force_passes_it(served: Caller) -> None:
    served.post("/api/v1/halt", {"reason": "tea"})
    status, text = served.raw("/api/v1/bracket/place", BRACKET, "POST")
    assert status == 409 and "tea" in json.loads(text)["error"]["message"]
    served.post("/api/v1/resume")
    first = taken(served, BRACKET, "after the halt")
    assert first["verdict"] == "fired"
    again = served.post("/api/v1/bracket/place", BRACKET, key=first["key"])
    orders = [o["client_id"] for o in served("/api/v1/orders?limit=1000")["orders"]]
    assert orders.count(again["orders"][0]["id"]) == 1


def test_metrics_are_the_workers(served: Caller) -> None:
    text = wait_for(lambda: (t := served.raw("/metrics")[1]) and "autotrader_fills_total{" in t and t)
    assert 'autotrader_process_up{process="worker"} 1.0' in text
    assert 'autotrader_signal_total{outcome="generated",pack="index_scalper",setup="VWAP_RECLAIM"}' in text


def test_what_people_ordered_is_decided_again_and_the_store_is_sound(
    served: Caller, folder: Path, verb: Callable[..., Any], tmp_path: Path
) -> None:
    # What the rules or the tests before this one hold may leave no room for another order.
    assert served.raw("/api/v1/bracket/place", BRACKET, "POST")[0] in (200, 409)
    served.post("/api/v1/trade/dryrun", {"symbol": "AAPL", "qty": 1})
    copy = tmp_path / "copy" / "state"
    copy.mkdir(parents=True)
    (copy.parent / "autotrader.toml").write_text(SETTINGS)
    assert verb("db", "backup", str(copy / "autotrader.db"), cwd=folder).code == 0
    again = verb("replay", "--json", cwd=copy.parent)
    told = json.loads(again.out)
    assert again.code == 0 and told["difference"] is None and told["orders"] >= 3
    assert verb("db", "check", cwd=copy.parent).code == 0
    summary = json.loads(verb("signals", "summary", "--json", cwd=folder).out)
    (manual,) = [one for one in summary["setups"] if one["setup"] == "MANUAL"]
    assert manual["pack"] == "service"
    assert sum(manual["signals"].values()) >= 1, "what became of it is counted either way"


def test_one_process_with_a_run(tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text(SETTINGS)
    with process(tmp_path, "serve", "--port", "0", "--json", "--with-run", " ".join(RUN)) as started:
        caller = Caller(started, "")
        wait_for(lambda: caller("/api/v1/diag/health", token=False)["worker"]["up"])
        dry = caller.post("/api/v1/trade/dryrun", {"symbol": "AAPL", "qty": 1}, token=False)
        assert (dry["verdict"] in ("fired", "blocked") and dry["guards"]) or dry["guard"]


def test_the_event_log_of_a_run_is_summed_up_and_replayed(verb: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "autotrader.toml").write_text(SETTINGS.replace("2000", "2"))
    assert verb("signals", "summary").code == 2
    assert verb("run", "--interval", "0", "--trace", "none", "--json").code == 0
    events = [json.loads(line) for line in (tmp_path / "state" / "events.jsonl").read_text().splitlines()]
    kinds = {event["event"] for event in events}
    assert kinds >= {"signal", "order", "order_update", "fill"}
    counts = [one["signals"] for one in json.loads(verb("signals", "summary", "--json").out)["setups"]]
    generated = sum(found["generated"] for found in counts)
    assert generated == sum(e["event"] == "signal" and e["outcome"] == "generated" for e in events) > 0
    assert generated == sum(n for found in counts for name, n in found.items() if name != "generated")
    told = json.loads(verb("replay", "signals", "--limit", "200", "--horizon", "30", "--json").out)
    known = [one for one in told["expectancy"] if one["setup"] == "ALL" and one["known"]]
    assert told["signals"] == min(200, generated) and known
    assert verb("replay", "--limit", "3").code == 2


def test_a_service_on_the_net_wants_tokens(verb: Callable[..., Any]) -> None:
    answer = verb("serve", "--host", "0.0.0.0", "--port", "0")
    assert answer.code == 2 and "engine serve token" in answer.err


def test_tokens_are_shown_once(verb: Callable[..., Any], tmp_path: Path) -> None:
    made = verb("serve", "token", "--scope", "trade", "--name", "desk")
    text = made.out.strip()
    assert made.code == 0 and text.startswith("at_")
    listed = verb("serve", "token", "--list")
    assert "desk" in listed.out and "trade" in listed.out and text not in listed.out
    assert text not in (tmp_path / "state" / "tokens.json").read_text()
    assert verb("serve", "token", "--revoke", text.split("_")[1]).code == 0
    assert "0 token(s)" in verb("serve", "token", "--list").out
    assert "scopes are" in verb("serve", "token", "--scope", "all").err
