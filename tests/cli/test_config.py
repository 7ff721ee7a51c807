"""``engine config show`` and ``engine config validate`` as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]
SECRET = "1c9e-never-shown"


def lay(folder: Path) -> None:
    (folder / "autotrader.toml").write_text("[paper]\ncash = 5000\n")
    (folder / "autotrader.demo.toml").write_text("[market]\nseed = 9\n")
    (folder / ".env").write_text(f"AUTOTRADER__KALSHI__API_KEY_ID={SECRET}\n")
    (folder / ".env").chmod(0o600)


def test_show_gives_every_value_with_its_origin_and_no_secret(engine_cli: Cli, tmp_path: Path) -> None:
    lay(tmp_path)
    environment = {"AUTOTRADER__LOG__LEVEL": "error"}
    said = engine_cli("config", "show", "--json", env=environment)
    shown = json.loads(said.out)
    keys = {f"{section}.{key}" for section, values in shown["settings"].items() for key in values}
    assert keys == set(shown["origins"])
    assert shown["files"] == ["autotrader.toml", ".env", "autotrader.demo.toml"]
    assert {key: origin for key, origin in shown["origins"].items() if origin != "default"} == {
        "paper.cash": "autotrader.toml:2",
        "market.seed": "autotrader.demo.toml:2",
        "kalshi.api_key_id": ".env:1",
        "log.level": "environment variable AUTOTRADER__LOG__LEVEL",
    }
    assert shown["settings"]["kalshi"]["api_key_id"] == "**********"
    table = engine_cli("config", env=environment)
    assert table.out == engine_cli("config", "show", env=environment).out
    assert "kalshi.api_key_id" in table.out and ".env:1" in table.out
    assert SECRET not in said.out + said.err + table.out + table.err


def test_validate_finds_everything_at_once(engine_cli: Cli, tmp_path: Path) -> None:
    lay(tmp_path)
    good = engine_cli("config", "validate")
    assert (good.code, good.out) == (
        0, "no mistakes in autotrader.toml, .env, autotrader.demo.toml; 3 settings are said, the others are defaults\n",
    )  # fmt: skip
    assert json.loads(engine_cli("config", "validate", "--json").out) == {"valid": True, "mistakes": [], "hints": []}
    (tmp_path / ".env").chmod(0o644)
    bad = engine_cli("config", "validate", env={"AUTOTRADER__PAPER__CSH": "1"})
    assert (bad.code, bad.out) == (2, "")
    first, second = bad.err.removeprefix("error: ").splitlines()
    assert first.startswith(".env:1: others may use this file (mode 0644)")
    assert second.endswith("did you mean AUTOTRADER__PAPER__CASH?")
    as_json = engine_cli("config", "validate", "--json", env={"AUTOTRADER__PAPER__CSH": "1"})
    assert (as_json.code, json.loads(as_json.out)) == (2, {"valid": False, "mistakes": [first, second]})


def test_another_action_is_wrong_usage(engine_cli: Cli) -> None:
    answer = engine_cli("config", "shwo")
    assert answer.code == 2
    assert "show" in answer.err and "validate" in answer.err and answer.err.count("\n") == 1


def test_variables_of_an_earlier_trader_are_not_read_and_said(engine_cli: Any, tmp_path: Path) -> None:
    environment = {
        "TRADIER_ACCESS_TOKEN": "secret-token", "DB_HOST": "db", "DATABASE_URL": "postgresql://me:secret-word@db/x",
        "POLYGON_API_KEY": "secret-key", "AUTOTRADER__POLYGON__API_KEY": "secret-key",
    }  # fmt: skip
    lines = [
        "DATABASE_URL, DB_HOST: not read here; say AUTOTRADER__STORE__URL",
        "TRADIER_ACCESS_TOKEN: not read here; say AUTOTRADER__TRADIER__ACCESS_TOKEN",
    ]
    told = engine_cli("config", "validate", env=environment)
    assert told.code == 0 and told.out.splitlines()[:2] == lines
    assert json.loads(engine_cli("config", "validate", "--json", env=environment).out)["hints"] == lines
    doctor = json.loads(engine_cli("doctor", "--json", env=environment).out)["checks"]
    found = [f"{check['found']}; {check['mend']}" for check in doctor if check["check"] == "variables"]
    assert found == lines
    assert "secret-" not in told.out + json.dumps(doctor)
