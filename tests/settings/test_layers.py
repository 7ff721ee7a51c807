"""Layers of settings: who wins, who said what, and that secrets are neither taken from everywhere nor shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.settings import LoadedSettings, SettingsError, read_settings

NOTHING: Mapping[str, str] = {}
SECRET = "8f14e45f-secret-9a7b"
KEY_ID = "AUTOTRADER__KALSHI__API_KEY_ID"


def lay(folder: Path, main: str = "", dotenv: str | None = None, mode: int = 0o600, **overlays: str) -> Path:
    """Files of settings; ``overlays`` by environment."""
    file = folder / "autotrader.toml"
    file.write_text(main, encoding="utf-8")
    for name, text in overlays.items():
        (folder / f"autotrader.{name}.toml").write_text(text, encoding="utf-8")
    if dotenv is not None:
        (folder / ".env").write_text(dotenv, encoding="utf-8")
        (folder / ".env").chmod(mode)
    return file


def mistakes(file: Path, environment: Mapping[str, str] = NOTHING, **overrides: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(file, {key.replace("__", "."): value for key, value in overrides.items()}, environment)
    return [line.replace(f"{file.parent}/", "") for line in caught.value.mistakes]


def origins(loaded: LoadedSettings) -> dict[str, str]:
    assert loaded.file is not None
    return {key: origin.replace(f"{loaded.file.parent}/", "") for key, origin in loaded.origins.items()}


@pytest.mark.parametrize("present", list(product((False, True), repeat=5)))
def test_the_strongest_layer_that_speaks_wins_and_is_named(tmp_path: Path, present: tuple[bool, ...]) -> None:
    in_main, in_overlay, in_dotenv, in_variable, in_flag = present
    file = lay(
        tmp_path,
        "[market]\nseed = 1\n" if in_main else "",
        "# a comment\nAUTOTRADER__MARKET__SEED=3\n" if in_dotenv else "",
        demo="\n[market]\nseed = 2\n" if in_overlay else "",
    )
    variables = {"AUTOTRADER__MARKET__SEED": "4"} if in_variable else {}
    loaded = read_settings(file, {"market.seed": 5 if in_flag else None}, variables)
    places = (
        "autotrader.toml:2", "autotrader.demo.toml:3", ".env:2", "environment variable AUTOTRADER__MARKET__SEED",
        "command line",
    )  # fmt: skip
    speaking = [number for number, there in enumerate(present, 1) if there]
    assert loaded.settings.market.seed == (speaking[-1] if speaking else 7)
    assert origins(loaded).get("market.seed") == (places[speaking[-1] - 1] if speaking else None)


@pytest.mark.parametrize("where", ["main", "dotenv", "variable", "flag", "nowhere"])
def test_the_environment_chooses_the_overlay_wherever_it_was_said(tmp_path: Path, where: str) -> None:
    file = lay(
        tmp_path,
        '[kalshi]\nenvironment = "production"\n' if where == "main" else "",
        "AUTOTRADER__KALSHI__ENVIRONMENT=production\n" if where == "dotenv" else "",
        demo="[paper]\ncash = 1\n",
        production="[paper]\ncash = 2\n",
    )
    variables = {"AUTOTRADER__KALSHI__ENVIRONMENT": "production"} if where == "variable" else {}
    flags = {"kalshi.environment": "production"} if where == "flag" else {}
    loaded = read_settings(file, flags, variables)
    assert loaded.settings.paper.cash == (1 if where == "nowhere" else 2)
    assert [f.name for f in loaded.files][-1] == f"autotrader.{loaded.settings.kalshi.environment}.toml"


def test_the_defaults_send_no_order_anywhere(tmp_path: Path) -> None:
    kalshi = read_settings(lay(tmp_path), {}, NOTHING).settings.kalshi
    assert (kalshi.environment, kalshi.execution_mode, kalshi.foreign_orders) == ("demo", "paper", "alert")
    assert kalshi.api_key_id is kalshi.private_key_path is kalshi.base_url is None


def test_an_overlay_cannot_give_a_consent(tmp_path: Path) -> None:
    """One word, production, must not bring live orders along."""
    text = '[kalshi]\nexecution_mode = "live"\nenvironment = "production"\n'
    file = lay(tmp_path, production=text)
    assert mistakes(file, {"AUTOTRADER__KALSHI__ENVIRONMENT": "production"}) == [
        "autotrader.production.toml:2: kalshi.execution_mode is a consent of its own and does not follow from the "
        "environment; say it in .env or a variable",
        "autotrader.production.toml:3: kalshi.environment chooses this file and is not said in it; say it in "
        "autotrader.toml, .env or a variable",
    ]


def test_an_overlay_with_a_misspelt_name_is_not_passed_over(tmp_path: Path) -> None:
    file = lay(tmp_path, prodution="[paper]\ncash = 1\n", backup="nonsense")
    assert mistakes(file) == [
        "autotrader.prodution.toml: no environment is called prodution; did you mean autotrader.production.toml?"
    ]


def test_every_mistake_of_every_layer_at_once(tmp_path: Path) -> None:
    file = lay(
        tmp_path,
        "[paper]\ncsh = 1\n",
        "AUTOTRADER__PAPER__CSH=1\nnonsense\nAUTOTRADER__LOG__LEVEL=loud\n",
        demo="[mraket]\n",
    )
    assert mistakes(file, {"AUTOTRADER__MARKET__SED": "1"}, paper__csh=3) == [
        ".env:1: unknown key AUTOTRADER__PAPER__CSH; did you mean AUTOTRADER__PAPER__CASH?",
        ".env:2: is no assignment; write NAME=value, and close a quote on its line",
        '.env:3: log.level must be "debug", "info", "warning" or "error", not "loud"',
        "autotrader.demo.toml:1: unknown section mraket; did you mean market?",
        "autotrader.toml:2: unknown key paper.csh; did you mean paper.cash?",
        "command line: unknown key paper.csh; did you mean paper.cash?",
        "environment variable AUTOTRADER__MARKET__SED: unknown key AUTOTRADER__MARKET__SED; "
        "did you mean AUTOTRADER__MARKET__SEED?",
    ]


def test_a_file_that_is_no_toml_hides_no_other_mistake(tmp_path: Path) -> None:
    file = lay(tmp_path, "[paper\n", demo="[paper]\ncsh = 1\n")
    assert mistakes(file, {"AUTOTRADER__PAPER__CASH": "-1"}) == [
        "autotrader.demo.toml:2: unknown key paper.csh; did you mean paper.cash?",
        "autotrader.toml:1:7: not TOML: expected ']' at the end of a table declaration",
        "environment variable AUTOTRADER__PAPER__CASH: paper.cash must be more than 0, not -1",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AUTOTRADER_KALSHI_ENVIRONMENT", "did you mean AUTOTRADER__KALSHI__ENVIRONMENT?"),
        ("AUTOTRADER_KALSHI__EXECUTION_MODE", "did you mean AUTOTRADER__KALSHI__EXECUTION_MODE?"),
        ("autotrader__kalshi__environment", "did you mean AUTOTRADER__KALSHI__ENVIRONMENT?"),
        ("AUTOTRADER__Kalshi__What", "write AUTOTRADER__SECTION__KEY, in capitals"),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_not_passed_over(tmp_path: Path, name: str, said: str) -> None:
    (mistake,) = mistakes(lay(tmp_path), {name: "production"})
    assert name in mistake and mistake.endswith(said)
    (mistake,) = mistakes(lay(tmp_path, dotenv=f"{name}=production\n"))
    assert mistake.startswith(".env:1: ") and mistake.endswith(said)


def test_dotenv_says_what_a_shell_would_understand(tmp_path: Path) -> None:
    text = (
        "\ufeff# for docker\nPOSTGRES_PASSWORD=x\n\n"
        'export AUTOTRADER__MARKET__SYMBOLS="SPY, QQQ"  # two\n'
        "AUTOTRADER__STORE__PATH='a #b.db'\n"
        "AUTOTRADER__PAPER__CASH = 5 # five\n"
        "AUTOTRADER__RULES__PATHS=a#b\n"
    )
    settings = read_settings(lay(tmp_path, dotenv=text), {}, NOTHING).settings
    assert settings.market.symbols == ["SPY", "QQQ"]
    assert settings.store.path == tmp_path / "a #b.db"
    assert settings.rules.paths == [tmp_path / "a#b"]
    assert settings.paper.cash == 5


def test_dotenv_says_nothing_twice(tmp_path: Path) -> None:
    text = "AUTOTRADER__PAPER__CASH=1\n\nAUTOTRADER__PAPER__CASH=2\n"
    assert mistakes(lay(tmp_path, dotenv=text)) == [
        ".env:3: AUTOTRADER__PAPER__CASH is said on line 1 already; keep one of them"
    ]


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o604, 0o644, 0o620, 0o666])
def test_a_secret_in_a_dotenv_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    file = lay(tmp_path, dotenv=f"AUTOTRADER__MARKET__SEED=1\n{KEY_ID}={SECRET}\n", mode=mode)
    if mode & 0o077:
        (mistake,) = mistakes(file)
        assert mistake.startswith(f".env:2: others may use this file (mode {mode:04o})") and "chmod 600" in mistake
        assert SECRET not in mistake
    else:
        key = read_settings(file, {}, NOTHING).settings.kalshi.api_key_id
        assert key is not None and key.get_secret_value() == SECRET


def test_a_dotenv_without_a_secret_may_be_readable(tmp_path: Path) -> None:
    file = lay(tmp_path, dotenv="AUTOTRADER__MARKET__SEED=1\n", mode=0o644)
    assert read_settings(file, {}, NOTHING).settings.market.seed == 1


def test_a_dotenv_that_is_no_file_or_no_text(tmp_path: Path) -> None:
    file = lay(tmp_path)
    os.mkfifo(tmp_path / ".env")
    assert mistakes(file) == [".env: is no regular file"]
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").write_bytes(b"A=1\nB=\xff\n")
    assert mistakes(file) == [".env:2: not UTF-8 text; save the file as UTF-8"]
    (tmp_path / ".env").write_bytes(b"#" * ((1 << 20) + 1))
    assert mistakes(file) == [".env: larger than 1 MiB, so it is no settings file"]


@pytest.mark.parametrize("layer", ["main", "demo", "flag"])
def test_a_secret_is_refused_where_others_see_it(tmp_path: Path, layer: str) -> None:
    text = f'[kalshi]\napi_key_id = "{SECRET}"\n'
    file = lay(tmp_path, text if layer == "main" else "", demo=text if layer == "demo" else "")
    (mistake,) = mistakes(file, **({"kalshi__api_key_id": SECRET} if layer == "flag" else {}))
    assert mistake.endswith(f"is a secret and is not said here; set {KEY_ID} in the environment or in .env")
    assert SECRET not in mistake


LETTERS = st.characters(min_codepoint=33, max_codepoint=0x17F)


@given(
    secret=st.text(LETTERS, min_size=8, max_size=40).map(lambda text: f"s3cr{text}"),
    broken=st.sampled_from(["", " ", "\n", "é"]),
    noise=st.booleans(),
)
def test_no_secret_is_ever_shown(secret: str, broken: str, noise: bool) -> None:
    variables = {KEY_ID: secret + broken, **({"AUTOTRADER__PAPER__CASH": "x"} if noise else {})}
    try:
        loaded = read_settings(None, {}, variables)
    except SettingsError as error:
        said = str(error)
    else:
        said = f"{loaded!r}{loaded.settings}{loaded.settings.model_dump()}{loaded.settings.model_dump_json()}"
        said += str(loaded.origins)
    assert secret not in said


def test_a_key_in_the_place_of_its_path_is_refused_and_not_shown(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY----- MIIEvQ"
    (mistake,) = mistakes(lay(tmp_path), {"AUTOTRADER__KALSHI__PRIVATE_KEY_PATH": key})
    assert "needs the path of the key file" in mistake and "MIIEvQ" not in mistake


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("http://127.0.0.1:8700", True),
        ("http://localhost:8700/trade-api/v2", True),
        ("http://[::1]:8700", True),
        ("http://127.0.0.1", False),
        ("https://external-api.kalshi.com:443", False),
        ("http://evil.example:8700", False),
        ("http://127.0.0.1.evil.example:80", False),
        ("http://localhost:8700@evil.example:80", False),
        ("http://me:pass@127.0.0.1:80", False),
        ("ftp://127.0.0.1:21", False),
        ("http://127.0.0.1:99999", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_only_this_machine_can_stand_in_for_the_venue(tmp_path: Path, address: str, good: bool) -> None:
    variables = {"AUTOTRADER__KALSHI__BASE_URL": address}
    if good:
        assert read_settings(lay(tmp_path), {}, variables).settings.kalshi.base_url == address
    else:
        (mistake,) = mistakes(lay(tmp_path), variables)
        assert "kalshi.base_url needs an address of this machine" in mistake
