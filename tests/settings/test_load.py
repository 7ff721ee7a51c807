"""The settings in force, and one clear line for each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from engine.settings import Settings, SettingsError, load_settings, read_settings

PROJECT = Path(__file__).parents[2]
NOTHING: Mapping[str, str] = {}


def loaded(folder: Path, text: str, **environment: str) -> Settings:
    return load_settings(write(folder, text), environment=environment)


def mistakes(folder: Path, text: str, **environment: str) -> list[str]:
    """What is wrong, with the folder of the file left out."""
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text, **environment)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def write(folder: Path, text: str) -> Path:
    file = folder / "autotrader.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_file_of_the_project_says_the_defaults(tmp_path: Path) -> None:
    file = write(tmp_path, (PROJECT / "autotrader.toml").read_text(encoding="utf-8"))
    of_file = load_settings(file, environment=NOTHING).model_dump(mode="json")
    of_model = Settings().model_dump(mode="json")
    of_file["store"]["path"] = str(Path(of_file["store"]["path"]).relative_to(tmp_path))
    of_file["arena"]["folder"] = str(Path(of_file["arena"]["folder"]).relative_to(tmp_path))
    of_file["signals"] = {key: str(Path(path).relative_to(tmp_path)) for key, path in of_file["signals"].items()}
    of_file["service"]["tokens"] = str(Path(of_file["service"]["tokens"]).relative_to(tmp_path))
    of_file["tennis"] |= {
        key: str(Path(of_file["tennis"][key]).relative_to(tmp_path)) for key in ("database", "overrides")
    }
    of_file["rules"]["paths"] = [str(Path(path).relative_to(tmp_path)) for path in of_file["rules"]["paths"]]
    for values in (of_file, of_model):
        values["paper"] = {key: _number(value) for key, value in values["paper"].items()}
        values["run"] = {key: _number(value) for key, value in values["run"].items()}
    assert of_file == of_model


def _number(value: object) -> object:
    return Decimal(value) if isinstance(value, str) and value[0].isdigit() else value


def test_file_of_the_project_names_every_key() -> None:
    text = (PROJECT / "autotrader.toml").read_text(encoding="utf-8")
    for section, field in Settings.model_fields.items():
        assert f"[{section}]" in text
        for name, key in field.annotation.model_fields.items():  # type: ignore[union-attr]
            assert f"{key.alias or name} = " in text or f"[{section}.{name}]" in text


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environment=NOTHING)
    assert settings == Settings()
    assert (settings.engine.mode, settings.market.source) == ("paper", "simulated")


def test_file_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "[market]\nseed = 99\n")
    assert load_settings(environment=NOTHING).market.seed == 99


def test_a_folder_means_the_file_in_it(tmp_path: Path) -> None:
    write(tmp_path, "[market]\nseed = 99\n")
    assert load_settings(tmp_path, environment=NOTHING).market.seed == 99


def test_command_line_goes_before_environment_before_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[market]\nseed = 1\ndays = 1\n[paper]\ncash = 1\n")
    environment = {"AUTOTRADER__MARKET__SEED": "2", "AUTOTRADER__MARKET__DAYS": "2"}
    result = read_settings(file, {"market.seed": 3, "paper.cash": None}, environment)
    settings = result.settings
    assert (settings.market.seed, settings.market.days, settings.paper.cash) == (3, 2, 1)
    assert result.origins["market.seed"] == "command line"
    assert result.origins["paper.cash"] == f"{file}:5"
    assert result.origins["market.days"] == "environment variable AUTOTRADER__MARKET__DAYS"


def test_money_is_exact(tmp_path: Path) -> None:
    assert loaded(tmp_path, "[paper]\nfee_per_unit = 0.1\n").paper.fee_per_unit == Decimal("0.1")
    assert loaded(tmp_path, "", AUTOTRADER__PAPER__CASH="1000.10").paper.cash == Decimal("1000.10")


def test_relative_paths_start_where_they_were_said(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[rules]\npaths = ["mine", "/all"]\n', AUTOTRADER__STORE__PATH="here.db")
    assert settings.rules.paths == [tmp_path / "mine", Path("/all")]
    assert settings.store.path == Path("here.db")
    assert loaded(tmp_path, "").store.path == tmp_path / "state/autotrader.db"


def test_variables_speak_text_lists_tables_and_truth(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        "",
        AUTOTRADER__MARKET__SYMBOLS="SPY, QQQ",
        AUTOTRADER__ENGINE__PACKS='["index_scalper"]',
        AUTOTRADER__MARKET__EXECUTION='{SPX = "VOO"}',
        AUTOTRADER__LOG__JSON="true",
        AUTOTRADER__TRACE__LEVEL="full",
    )
    assert settings.market.symbols == ["SPY", "QQQ"]
    assert settings.engine.packs == ["index_scalper"]
    assert settings.market.execution == {"SPX": "VOO"}
    assert settings.log.json_lines is True
    assert settings.trace.level == "full"


def test_variables_of_the_traders_before_are_taken(tmp_path: Path) -> None:
    webhook = "https://discord.com/api/webhooks/1/x"
    settings = loaded(
        tmp_path, "", AUTOTRADER__LOGGING__LEVEL="DEBUG", AUTOTRADER__DISCORD__WEBHOOK_URL=webhook,
        AUTOTRADER__DISCORD__ENABLED="false",
    )  # fmt: skip
    assert settings.log.level == "debug"
    assert settings.discord.webhook_url is not None
    assert settings.discord.webhook_url.get_secret_value() == webhook
    assert not settings.discord.enabled
    (said,) = mistakes(tmp_path, "", AUTOTRADER__LOGGING__LEVEL="LOUD")
    assert said.startswith("environment variable AUTOTRADER__LOGGING__LEVEL: log.level must be")


def test_other_variables_are_left_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path, "", AUTOTRADER_DEBUG="1", HOME="/x").market.seed == Settings().market.seed


def test_every_mistake_of_a_file_in_one_pass_in_order(tmp_path: Path) -> None:
    text = """\
[paper]
cash = -5
csh = 3
fill_model = "pesimistic"
latency_ms = true
slippage_bps = "5"
participation = inf
[market]
symbols = [
  "SPY",
  "Q Q",
]
execution = {SPX = 3}
[mraket]
[trace]
level = "a"
cash = 3
[engine]
timezone = "America/New_Yrk"
packs = "x"
[rules]
paths = []
[store]
path = 3
"""
    assert mistakes(tmp_path, text) == [
        "autotrader.toml:2: paper.cash must be more than 0, not -5",
        "autotrader.toml:3: unknown key paper.csh; did you mean paper.cash?",
        'autotrader.toml:4: paper.fill_model must be "pessimistic", "central" or "optimistic", not "pesimistic"; '
        'did you mean "pessimistic"?',
        "autotrader.toml:5: paper.latency_ms must be a whole number, not true",
        'autotrader.toml:6: paper.slippage_bps must be a number, not "5"',
        "autotrader.toml:7: paper.participation must be a finite number, not Infinity",
        'autotrader.toml:9: market.symbols[2] must be a word without spaces, not "Q Q"',
        "autotrader.toml:13: market.execution.SPX must be text, in quotes, not 3",
        "autotrader.toml:14: unknown section mraket; did you mean market?",
        'autotrader.toml:16: trace.level must be "none", "fired" or "full", not "a"',
        "autotrader.toml:17: unknown key trace.cash; did you mean paper.cash?",
        'autotrader.toml:19: engine.timezone "America/New_Yrk" is no time zone; did you mean America/New_York?',
        'autotrader.toml:20: engine.packs must be a list, such as ["SPY", "QQQ"], not "x"',
        "autotrader.toml:22: rules.paths must not be empty",
        "autotrader.toml:24: store.path must be a path, in quotes, not 3",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[paper]\ncash = \n", "autotrader.toml:2:8: not TOML: invalid value"),
        ("[paper]\n[paper]\n", "autotrader.toml:2:7: not TOML: cannot declare ('paper',) twice"),
        ("paper = 3\n", "autotrader.toml:1: paper is a table; write [paper] and its keys"),
        ("[[paper]]\ncash = 3\n", "autotrader.toml:1: paper is a table; write [paper] and its keys"),
        (
            '[market]\nsource = "replay"\n',
            'autotrader.toml:1: market needs data when source = "replay": the folder of files to read',
        ),
        ("[paper]\ncash = 1\ncash = 2\n", "autotrader.toml:3:9: not TOML: cannot overwrite a value"),
        (
            "[trace]\nkep = 1\nzzzz = 1\n",
            "autotrader.toml:2: unknown key trace.kep; did you mean trace.keep?\n"
            "autotrader.toml:3: unknown key trace.zzzz; there are trace.level, trace.keep",
        ),
    ],
)
def test_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    assert mistakes(tmp_path, text) == said.splitlines()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PAPER__CASH", "abc", 'paper.cash must be a number, not "abc"'),
        ("PAPER__CASH", "", 'paper.cash must be a number, not ""'),
        ("PAPER__CSH", "3", "unknown key AUTOTRADER__PAPER__CSH; did you mean AUTOTRADER__PAPER__CASH?"),
        ("RUN", "3", "AUTOTRADER__RUN names a section; add a key: AUTOTRADER__RUN__INTERVAL_SECONDS"),
        ("LOG__JSON", "yes", 'log.json must be true or false, not "yes"'),
        ("TRACE__LEVEL", "ful", 'trace.level must be "none", "fired" or "full", not "ful"; did you mean "full"?'),
        ("STORE__PATH", " ", 'store.path must be a path, in quotes, not " "'),
    ],
)
def test_a_bad_variable_is_named(tmp_path: Path, name: str, value: str, said: str) -> None:
    assert mistakes(tmp_path, "", **{f"AUTOTRADER__{name}": value}) == [
        f"environment variable AUTOTRADER__{name}: {said}"
    ]


def test_a_bad_option_is_named() -> None:
    with pytest.raises(SettingsError, match=r'^command line: trace.level must be .*, not "loud"$'):
        load_settings(overrides={"trace.level": "loud"}, environment=NOTHING)


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: no such file"):
        load_settings(tmp_path / "none.toml", environment=NOTHING)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    file = tmp_path / "autotrader.toml"
    file.write_bytes(b"[paper]\ncash = 1 # \xff\n")
    with pytest.raises(SettingsError, match=r"autotrader.toml:2: not UTF-8 text"):
        load_settings(file, environment=NOTHING)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="larger than 1 MiB"):
        loaded(tmp_path, "#" * (1 << 20) + "\n")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert loaded(tmp_path, "\ufeff[market]\nseed = 5\n").market.seed == 5
