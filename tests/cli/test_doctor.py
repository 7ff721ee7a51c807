"""``engine doctor``: what is well, what is not and how to mend it; what nobody can know stays unknown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import SecretStr

from connectors.simulators.kalshi.server import Credentials, Practice, PracticeServer, Setup
from engine.cli.checks import machine
from engine.cli.checks import store as store_checks
from engine.cli.checks.check import Check, Outcome, VenueSilent
from engine.cli.checks.kalshi import probe_of
from engine.cli.checks.keys import check_keys
from engine.cli.checks.machine import check_clock, check_folders, check_room
from engine.cli.checks.packs import check_packs
from engine.cli.checks.store import check_stores
from engine.settings import Settings
from engine.settings.models import EngineSettings, MarketSettings, RulesSettings, StoreSettings
from engine.settings.venues import KalshiSettings
from state import open_store

Cli = Callable[..., Any]
PACK = "kind: pack\nname: alpha\nabout: x\nvenue: kalshi\ntimezone: America/New_York\ncalendar: XNYS\nuniverse: [SPY]\n"
BUYER = "kind: strategy\nname: buyer\nabout: Buys.\nwhen: close > 1\nthen: {buy: {size: 1}}\n"
GATE = "kind: gate\nname: go_live\nabout: x\nfor: buyer\nrequire: [stats.trades >= 1]\n"


class Venue:
    """A venue whose answers are given; an error is raised instead of answered."""

    name, address = "kalshi", "http://127.0.0.1:1"

    def __init__(
        self, ahead: float = 0.1, problem: str | None = None, markets: Mapping[str, bool] | None = None,
        silent: bool = False,
    ) -> None:  # fmt: skip
        self._ahead, self._problem, self._markets, self._silent = ahead, problem, markets or {}, silent

    def _speak(self) -> None:
        if self._silent:
            raise VenueSilent("no route")

    def clock_ahead_seconds(self) -> float:
        self._speak()
        return self._ahead

    def key_problem(self) -> str | None:
        self._speak()
        return self._problem

    def tradable(self, symbols: Sequence[str]) -> Mapping[str, bool]:
        self._speak()
        return self._markets


def pem(key: Any, password: bytes | None = None) -> bytes:
    scheme = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, scheme)
    assert isinstance(data, bytes)
    return data


def key_check(path: Path | None, mode: int = 0o600, **changes: Any) -> Check:
    if path is not None and path.is_file():
        path.chmod(mode)
    return check_keys(KalshiSettings(private_key_path=path, **changes), None)[1]


@pytest.mark.parametrize("make", [lambda: rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate])
def test_a_private_file_with_a_key_is_well(tmp_path: Path, make: Callable[[], Any]) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(make()))
    check = key_check(path)
    assert (check.outcome, check.mend) == (Outcome.OK, "")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_that_others_may_use_fails(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(ed25519.Ed25519PrivateKey.generate()))
    check = key_check(path, mode)
    assert (check.outcome, check.mend) == (Outcome.FAIL, f"run `chmod 600 {path}`")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"nothing", "no private key in PEM form found"),
        (b"", "no private key in PEM form found"),
        (pem(ed25519.Ed25519PrivateKey.generate(), b"pass"), "the key is encrypted"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "takes RSA and Ed25519 keys"),
        (b"x" * 70_000, "are no private key"),
    ],
)
def test_a_file_without_a_usable_key_fails(tmp_path: Path, data: bytes, found: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    check = key_check(path)
    assert check.outcome is Outcome.FAIL
    assert found in check.found and check.mend


def test_a_key_that_is_not_there_or_is_a_folder_fails(tmp_path: Path) -> None:
    assert key_check(tmp_path / "none.pem").outcome is Outcome.FAIL
    assert key_check(tmp_path).outcome is Outcome.FAIL


@pytest.mark.parametrize(("mode", "outcome"), [("paper", Outcome.WARN), ("live", Outcome.FAIL)])
def test_a_missing_key_is_fatal_only_to_who_trades_with_it(mode: Any, outcome: Outcome) -> None:
    checks = check_keys(KalshiSettings(execution_mode=mode), None)
    assert [check.outcome for check in checks] == [outcome, outcome]
    assert "AUTOTRADER__KALSHI__API_KEY_ID" in checks[0].mend


@pytest.mark.parametrize(
    ("venue", "outcome"),
    [(Venue(), Outcome.OK), (Venue(problem="401 no such key"), Outcome.FAIL), (Venue(silent=True), Outcome.UNKNOWN)],
)
def test_the_venue_says_whether_it_accepts_the_key(venue: Venue, outcome: Outcome) -> None:
    assert check_keys(KalshiSettings(), venue)[2].outcome is outcome
    assert len(check_keys(KalshiSettings(), None)) == 2


@pytest.mark.parametrize(
    ("venue", "outcome"),
    [
        (None, Outcome.UNKNOWN),
        (Venue(silent=True), Outcome.UNKNOWN),
        (Venue(ahead=0.2), Outcome.OK),
        (Venue(ahead=-2.0), Outcome.WARN),
        (Venue(ahead=7.0), Outcome.FAIL),
        (Venue(ahead=-60.0), Outcome.FAIL),
        (Venue(ahead=float("nan")), Outcome.FAIL),
    ],
)
def test_the_clock_is_judged_against_the_venue_alone(venue: Venue | None, outcome: Outcome) -> None:
    check = check_clock(venue)
    assert check.outcome is outcome
    assert bool(check.mend) == (outcome is not Outcome.OK)


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "state" / "s.db"
    assert [check.outcome for check in check_stores(Settings(store=StoreSettings(path=path)), 0)] == [Outcome.OK]
    assert not path.parent.exists()


def of_store(path: Path, now_ns: int = 0) -> dict[str, Check]:
    """The checks of a paper store by what they look at."""
    checks = check_stores(Settings(store=StoreSettings(path=path)), now_ns)
    return {check.name.removeprefix("paper store").removeprefix(": "): check for check in checks}


def test_a_sound_store_that_nobody_uses(tmp_path: Path) -> None:
    open_store(tmp_path / "s.db").close()
    found = of_store(tmp_path / "s.db")
    assert list(found) == ["", "sound", "free", "halt", "alerts"]
    assert {check.outcome for check in found.values()} == {Outcome.OK}


def test_a_store_in_use_is_a_warning_that_names_the_run(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    writer = store.begin_run("paper", 1, "test", ["p"], ["SPY"], "sha", {"p": {}}, {}, {}, {}, "1")
    check = of_store(tmp_path / "s.db")["free"]
    assert check.outcome is Outcome.WARN and writer.run_id in check.found
    writer.end("done", None, {})


def test_halts_and_the_alerts_of_the_last_day_are_warnings(tmp_path: Path) -> None:
    now = 10 * store_checks.DAY_NS
    store = open_store(tmp_path / "s.db")
    writer = store.begin_run("paper", 1, "test", ["p"], ["SPY"], "sha", {"p": {}}, {}, {}, {}, "1")
    for age, text in ((25, "long ago"), (3, "first"), (2, "second"), (1, "third"), (0, "last")):
        writer.alert(now - age * store_checks.DAY_NS // 24, "error", "position", text)
    writer.end("done", None, {})
    store.halts.halt("lunch", now)
    found = of_store(tmp_path / "s.db", now)
    assert found["halt"].outcome is Outcome.WARN and "lunch" in found["halt"].found
    assert found["alerts"].outcome is Outcome.WARN
    assert found["alerts"].found.startswith("4 in the last 24 h, the newest: position: last; position: third")
    assert "first" not in found["alerts"].found and "long ago" not in found["alerts"].found
    assert found["alerts"].mend == "engine db alerts --since 24h --mode paper"


def test_a_halt_by_the_file_is_told_beside_that_of_a_guard(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    store.halts.halt("drawdown", 5)
    store.halts.file.write_text("the exchange is down\n", encoding="utf-8")
    found = of_store(tmp_path / "s.db", 5)["halt"].found
    assert "drawdown" in found and "the exchange is down" in found
    store.halts.file.write_text("drawdown\n", encoding="utf-8")  # as `engine halt` does it: both with one reason
    assert of_store(tmp_path / "s.db", 5)["halt"].found.count("drawdown") == 1


def test_a_file_that_is_no_store_fails_and_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_text("my notes")
    (check,) = of_store(path).values()
    assert check.outcome is Outcome.FAIL and "is no store" in check.found
    assert path.read_text() == "my notes"


def test_a_store_too_large_to_read_through_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(tmp_path / "s.db").close()
    monkeypatch.setattr(store_checks, "LARGEST_TO_CHECK", 10)
    assert of_store(tmp_path / "s.db")["sound"].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("gib", "outcome"), [(9.0, Outcome.OK), (1.0, Outcome.WARN), (0.1, Outcome.FAIL)])
def test_room_on_the_disk(gib: float, outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def usage(folder: Path) -> SimpleNamespace:
        asked.append(folder)
        return SimpleNamespace(free=int(gib * (1 << 30)))

    monkeypatch.setattr(machine.shutil, "disk_usage", usage)
    assert check_room(tmp_path / "not" / "there" / "s.db").outcome is outcome
    assert asked == [tmp_path]


def test_folders_that_are_read_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "x").touch()
    (tmp_path / "empty").mkdir()
    given = Settings(
        store=StoreSettings(path=tmp_path / "new" / "s.db"), rules=RulesSettings(paths=[tmp_path / "rules"]),
        market=MarketSettings(source="replay", data=tmp_path / "empty"),
    )  # fmt: skip
    outcomes = [(check.name, check.outcome) for check in check_folders(given)]
    assert outcomes == [("writes", Outcome.OK), ("rules folder", Outcome.OK), ("data folder", Outcome.WARN)]
    monkeypatch.setattr(machine.os, "access", lambda path, mode: False)
    gone = given.model_copy(update={"rules": RulesSettings(paths=[tmp_path / "none"])})
    assert [check.outcome for check in check_folders(gone)][:2] == [Outcome.FAIL, Outcome.FAIL]


def packs(tmp_path: Path, pack: str = PACK, gate: str = GATE, mode: Any = "paper") -> Settings:
    folder = tmp_path / "rules" / "alpha"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("pack.yaml", pack), ("rules.yaml", BUYER), ("gate.yaml", gate)):
        (folder / name).write_text(text, encoding="utf-8")
    rules = RulesSettings(paths=[tmp_path / "rules"])
    return Settings(rules=rules, kalshi=KalshiSettings(execution_mode=mode))


def found(checks: list[Check]) -> dict[str, Outcome]:
    return {check.name.removesuffix(" of alpha"): check.outcome for check in checks}


@pytest.mark.parametrize(("mode", "lacking"), [("paper", Outcome.WARN), ("live", Outcome.FAIL)])
def test_limits_and_gates_are_a_must_where_orders_are_sent(tmp_path: Path, mode: Any, lacking: Outcome) -> None:
    with_all = packs(tmp_path, f"{PACK}limits: {{notional: $500}}\n", mode=mode)
    assert found(check_packs(with_all, None)) == {
        "rules": Outcome.OK, "limits": Outcome.OK, "gate": Outcome.OK, "markets": Outcome.UNKNOWN,
    }  # fmt: skip
    without = found(check_packs(packs(tmp_path, gate="", mode=mode), None))
    assert (without["limits"], without["gate"]) == (lacking, lacking)


def test_a_gate_of_the_shared_pack_is_a_gate(tmp_path: Path) -> None:
    given, shared = packs(tmp_path, gate="", mode="live"), tmp_path / "rules" / "common"
    shared.mkdir()
    (shared / "pack.yaml").write_text("kind: pack\nname: common\nvenue: paper\ntimezone: UTC\n", encoding="utf-8")
    (shared / "gate.yaml").write_text(
        "kind: gate\nname: strict\nabout: x\nfor: \"*.*\"\nrequire: [stats.trades >= 9]\n", encoding="utf-8"
    )
    check = next(check for check in check_packs(given, None) if check.name == "gate of alpha")
    assert check.outcome is Outcome.OK and "strict" in check.found


@pytest.mark.parametrize(
    ("venue", "outcome", "said"),
    [
        (None, Outcome.UNKNOWN, "kalshi was not asked"),
        (Venue(silent=True), Outcome.UNKNOWN, "cannot say: no route"),
        (Venue(markets={"SPY": True}), Outcome.OK, "all 1 are open"),
        (Venue(markets={"SPY": False}), Outcome.WARN, "not open now: SPY"),
        (Venue(markets={}), Outcome.FAIL, "has no SPY"),
    ],
)
def test_markets_are_what_the_venue_says(tmp_path: Path, venue: Venue | None, outcome: Outcome, said: str) -> None:
    check = check_packs(packs(tmp_path), venue)[-1]
    assert (check.outcome, said in check.found) == (outcome, True)


def test_a_venue_is_not_asked_about_the_markets_of_another(tmp_path: Path) -> None:
    elsewhere = packs(tmp_path, PACK.replace("venue: kalshi", "venue: paper"))
    check = check_packs(elsewhere, Venue(markets={}))[-1]
    assert (check.outcome, "paper was not asked" in check.found) == (Outcome.UNKNOWN, True)


def test_rules_that_cannot_run_fail(tmp_path: Path) -> None:
    given = packs(tmp_path, pack=PACK.replace("venue: kalshi\n", ""))
    (check,) = check_packs(given, None)
    assert (check.outcome, check.mend) == (Outcome.FAIL, "run `engine lint`")
    wrong = given.model_copy(update={"engine": EngineSettings(packs=["alpa"])})
    assert "did you mean alpha?" in check_packs(wrong, None)[0].found


def test_the_verb_says_all_of_it_and_fails_when_something_does(engine_cli: Cli, tmp_path: Path) -> None:
    assert engine_cli("init", "mine").code == 0
    folder = tmp_path / "mine"
    answer = engine_cli("doctor", "--json", cwd=folder)
    said = json.loads(answer.out)
    outcomes = {check["check"]: check["outcome"] for check in said["checks"]}
    assert (answer.code, said["good"]) == (0, True)
    assert {"python", "packages", "settings", "key name", "key file", "clock", "store", "disk"} <= set(outcomes)
    assert outcomes["clock"] == outcomes["markets of example"] == "unknown"
    assert not (folder / "state").exists()
    shown = engine_cli("doctor", cwd=folder, env={"AUTOTRADER__KALSHI__EXECUTION_MODE": "live"})
    assert shown.code == 1
    assert "set AUTOTRADER__KALSHI__PRIVATE_KEY_PATH" in shown.out
    assert " fail" in shown.out.splitlines()[-1]


@pytest.fixture
def exchange() -> Iterator[PracticeServer]:
    with PracticeServer(Practice(Setup(trader_rate=0))) as server:
        yield server


def configured(exchange: PracticeServer, credentials: Credentials, folder: Path, key_id: str = "") -> KalshiSettings:
    path = folder / "key.pem"
    path.write_text(credentials.pem)
    path.chmod(0o600)
    name = SecretStr(key_id or credentials.key_id)
    return KalshiSettings(base_url=exchange.rest_url, api_key_id=name, private_key_path=path)


def test_the_practice_exchange_answers_what_only_a_venue_knows(exchange: PracticeServer, tmp_path: Path) -> None:
    credentials = exchange.do(lambda practice: practice.make_key())
    given = configured(exchange, credentials, tmp_path)
    probe = probe_of(given)
    assert [check.outcome for check in check_keys(given, probe)] == [Outcome.OK] * 3
    assert check_clock(probe).outcome is Outcome.OK
    ticker = next(iter(exchange.practice.venue.floor.markets))
    assert probe.tradable([ticker, "KXNONE-1"]) == {ticker: True}


def test_a_key_that_the_exchange_does_not_know_fails(exchange: PracticeServer, tmp_path: Path) -> None:
    credentials = exchange.do(lambda practice: practice.make_key())
    given = configured(exchange, credentials, tmp_path, key_id="00000000-0000-0000-0000-000000000000")
    assert check_keys(given, probe_of(given))[2].outcome is Outcome.FAIL


def test_a_clock_that_the_exchange_would_not_accept_fails(exchange: PracticeServer, tmp_path: Path) -> None:
    given = configured(exchange, exchange.do(lambda practice: practice.make_key()), tmp_path)
    exchange.do(lambda practice: practice.venue.faults.set("skew=60"))
    check = check_clock(probe_of(given))
    assert (check.outcome, "behind kalshi" in check.found) == (Outcome.FAIL, True)
    accepted = check_keys(given, probe_of(given))[2]  # that says nothing of the key, which is the right one
    assert accepted.outcome is Outcome.UNKNOWN
    assert "clock" in accepted.mend and "key of this environment" not in accepted.mend


def test_an_exchange_that_is_gone_leaves_things_unknown(tmp_path: Path) -> None:
    with PracticeServer(Practice(Setup(trader_rate=0))) as server:
        given = configured(server, server.do(lambda practice: practice.make_key()), tmp_path)
    probe = probe_of(given)
    assert check_clock(probe).outcome is Outcome.UNKNOWN
    assert check_keys(given, probe)[2].outcome is Outcome.UNKNOWN


def test_settings_that_cannot_be_used_are_a_finding_too(engine_cli: Cli) -> None:
    answer = engine_cli("doctor", "--json", env={"AUTOTRADER__PAPER__CSH": "1"})
    assert answer.code == 1
    assert any("did you mean AUTOTRADER__PAPER__CASH?" in check["found"] for check in json.loads(answer.out)["checks"])


def test_a_venue_beside_kalshi_is_looked_at_when_it_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.cli.checks import venues
    from engine.cli.errors import UserError
    from engine.cli.venues.port import VenueConsents, VenueKind
    from engine.settings.models import LogSettings

    def port(settings: Settings) -> Any:
        raise UserError("the venue needs a key: set AUTOTRADER__ELSEWHERE__KEY")

    def kind(mode: str) -> VenueKind:
        return VenueKind(lambda settings: VenueConsents("log", "sandbox", "sandbox", mode, False), port)

    said = Settings(log=LogSettings(level="debug"))
    monkeypatch.setattr(venues, "VENUES", ("kalshi", "log"))  # any table that says something
    for mode, outcome in (("paper", Outcome.WARN), ("live", Outcome.FAIL)):
        monkeypatch.setattr(venues, "venue_kind", lambda name, mode=mode: kind(mode))
        (check,) = venues.check_venues(said)
        assert (check.name, check.outcome, check.found) == ("log", outcome, "the venue needs a key")
        assert "AUTOTRADER__ELSEWHERE__KEY" in check.mend
        assert venues.is_live("log", said) == (mode == "live")
    assert venues.check_venues(Settings()) == []
    assert not venues.is_live("paper", said)
