"""The log goes to standard error, from the level that was set, as text or as one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from loguru import logger

from engine.cli.log import configure_log
from engine.settings.models import LogSettings


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    yield
    logger.remove()


def test_only_what_is_severe_enough(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(LogSettings(level="warning"))
    logger.info("not this")
    logger.warning("but this {}", "one")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith("WARNING but this one\n")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("production", "production"),
        ("https://example.test/v2", "https://example.test/v2"),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ("", '""'),
        ("{x} <red> a < b \\<", '"{x} <red> a < b \\\\<"'),
        ("forged\n12:00:00 ERROR x", '"forged\\n12:00:00 ERROR x"'),
        ("\x1b[31m", '"\\u001b[31m"'),
    ],
)
def test_text_lines_show_what_was_bound_and_cannot_be_forged(
    value: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_log(LogSettings(level="info"))
    logger.bind(mode=value).info("resolved {}", "{mode}")
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.endswith(f"INFO    resolved {{mode}} mode={shown}\n")


def test_json_lines_keep_what_was_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(LogSettings(level="info", json=True))
    logger.bind(order="abc").info("sent\nit")
    said = json.loads(capsys.readouterr().err)
    assert (said["level"], said["message"], said["order"]) == ("info", "sent\nit", "abc")
    assert said["time"].startswith("20")
