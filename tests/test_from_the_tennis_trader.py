"""The page for users of the former tennis trader: every option of theirs is there, and what it names works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.cli.rules import load_rules

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "from-the-tennis-trader.md").read_text(encoding="utf-8")
PACK_PAGE = (PROJECT / "docs" / "tennis.md").read_text(encoding="utf-8")
THEIRS = (
    "--dry-run", "--once", "--live", "--min-value", "--max-size", "--scan-interval", "--max-hours", "--min-volume",
    "--min-ev",
)  # fmt: skip
OURS = re.findall(r"`--param ([^`]+)`", PAGE)


def test_every_option_of_theirs_is_on_the_page() -> None:
    for option in THEIRS:
        assert f"`{option}" in PAGE, option
    assert len(OURS) == 5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_parameter_of_the_page_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for parameter in OURS for word in ("--param", parameter)]
    assert main(["run", "--pack", "tennis_value", "--dry-run", "--once", "--trace", "none", *words]) == 0
    said = capsys.readouterr().out
    for line in ("- INFO - Starting market scan...", "- INFO - Found ", "trades in this scan"):
        assert line in said
    shown = dict(re.findall(r"^ +tennis_value\.(\S+) +(\S+)$", said, re.MULTILINE))
    assert shown["back_player.min_value"] == "5%"
    assert shown["back_player.min_ev"] == "10%"
    assert shown["back_player.max_size"] == "20"
    assert shown["near_enough.max_hours"] == "1d"
    assert shown["enough_volume.min_volume"] == "5000"


def test_the_page_of_the_pack_names_every_parameter() -> None:
    ruleset = load_rules([PROJECT / "rules"], ["tennis_value"]).ruleset
    keys = [key.removeprefix("tennis_value.") for key in ruleset.parameters if key.startswith("tennis_value.")]
    assert len(keys) > 20
    for key in keys:
        rule, name = key.split(".")
        assert f"`{key}`" in PACK_PAGE or (rule in PACK_PAGE and f"`.{name}`" in PACK_PAGE), key
