"""Polygon as a user has it: the practice vendor, the stream into the store, flat files from a folder and from S3."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cli.main import main
from engine.market.events import Bar, Observation
from tests.nursery import python

PROJECT = Path(__file__).parents[2]
Cli = Callable[..., Any]
HEADER = "ticker,volume,open,close,high,low,window_start,transactions\n"
START = 1758288600_000_000_000
ROWS = HEADER + "".join(f"SPY,1200.5,100.5,100.25,101,100,{START + n * 60_000_000_000},7\n" for n in range(3))
KEY_PATH = "us_stocks_sip/minute_aggs_v1/2025/09/2025-09-19.csv.gz"


@pytest.fixture
def verb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """In this process, for what is refused before anything begins."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AUTOTRADER_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path) -> SimpleNamespace:
        code = main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return SimpleNamespace(code=code, out=told.out, err=told.err)

    return run


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """``engine simulate polygon`` in a process of its own; what it said, and the variables for a shell."""
    folder = tmp_path_factory.mktemp("vendor")
    command = [
        python(), "-m", "engine", "simulate", "polygon", "--port", "0", "--folder", str(folder), "--json",
        "--date", "2025-09-17", "--start", "10:00", "--speed", "60", "--refuse", "I:NDX",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        said = json.loads(line)
        key = Path(said["key_file"]).read_text()
        yield {**said, "env": {"AUTOTRADER__POLYGON__BASE_URL": said["rest"], "AUTOTRADER__POLYGON__API_KEY": key}}
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


def stored(folder: Path) -> Any:
    from state.marketdata import open_market_data

    return open_market_data(folder / "state" / "autotrader-market.db", create=False)


def lay(folder: Path, text: str = ROWS) -> Path:
    path = folder / KEY_PATH
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(text.encode()))
    return folder


def test_the_practice_vendor_says_where_it_is_and_keeps_its_key_to_its_owner(vendor: dict[str, Any]) -> None:
    assert vendor["rest"].startswith("http://127.0.0.1:")
    assert vendor["tickers"] == ["AAPL", "I:NDX", "I:SPX", "QQQ", "SPY", "TSLA"]
    for name in ("key_file", "control_token_file", "variables"):
        assert Path(vendor[name]).stat().st_mode & 0o077 == 0
    printed = {name: value for name, value in vendor.items() if name != "env"}
    assert vendor["env"]["AUTOTRADER__POLYGON__API_KEY"] not in json.dumps(printed)


def test_the_stream_is_kept_without_a_hole_and_goes_on_where_it_ended(
    engine_cli: Cli, vendor: dict[str, Any], tmp_path: Path
) -> None:
    kept = []
    for _ in range(2):
        answer = engine_cli("stream", "--seconds", "2", "--json", env=vendor["env"])
        assert answer.code == 0, answer.err
        kept.append(json.loads(answer.out))
        assert vendor["env"]["AUTOTRADER__POLYGON__API_KEY"] not in answer.out + answer.err
    assert kept[0]["ticks"] > 100 and kept[0]["left_out"] == {"A.I:NDX": "not authorized", "AM.I:NDX": "not authorized"}
    store = stored(tmp_path)
    for symbol in ("SPY", "QQQ", "SPX"):
        times = [tick.time_ns for tick in store.ticks(symbol, 0, 2**62)]
        assert len(times) > 200
        assert {after - before for before, after in pairwise(times)} == {1_000_000_000}
        starts = [bar.start_ns for bar in store.bars(symbol, 0, 2**62)]
        assert len(starts) > 3
        assert {after - before for before, after in pairwise(starts)} == {60_000_000_000}
    store.close()


def test_ctrl_c_ends_the_stream_and_what_came_is_kept(vendor: dict[str, Any], tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **vendor["env"]}
    command = [python(), "-m", "engine", "stream", "--symbols", "SPY"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        assert process.stderr is not None and process.stdout is not None
        for line in process.stderr:
            if "history" in line:
                break
        checked = subprocess.run(
            [python(), "-m", "engine", "serve", "check", "streamer"], cwd=tmp_path, env=environment, text=True,
            capture_output=True,
        )  # fmt: skip
        process.send_signal(signal.SIGINT)
        out = process.stdout.read()
        assert process.wait(timeout=20) == 0
    assert out.startswith("kept ")
    assert (checked.returncode, checked.stdout.partition(",")[0]) == (0, "streamer: up"), checked.stderr
    store = stored(tmp_path)
    assert store.last_tick_ns("SPY", "polygon") is not None
    store.close()


def test_the_metrics_of_the_service_have_the_requests_of_the_stream(
    engine_cli: Cli, vendor: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("prometheus_client")
    from engine.service.metrics import ServiceMetrics
    from state.service import ServiceBook, service_file

    assert engine_cli("stream", "--symbols", "SPY", "--seconds", "1", env=vendor["env"]).code == 0
    book = ServiceBook(service_file(tmp_path / "state" / "autotrader.db", "paper"))
    text = ServiceMetrics(lambda: {name: (0.0, told.body) for name, told in book.figures().items()}).text().decode()
    found = re.search(r'^autotrader_polygon_request_total\{outcome="ok"\} (\S+)$', text, re.MULTILINE)
    assert found is not None and float(found[1]) >= 2  # what the venue's clock says, and the history
    assert 'autotrader_process_up{process="streamer"} 0.0' in text, "it has ended"


def test_a_run_gets_bars_and_options_of_the_practice_vendor(
    vendor: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from engine.cli.polygon import polygon_live
    from engine.cli.venues.port import FeedWish
    from engine.settings import load_settings

    monkeypatch.chdir(tmp_path)
    for name, value in vendor["env"].items():
        monkeypatch.setenv(name, value)
    wish = FeedWish(["close", "options.volume"], False, None, lambda now: ())
    bars, facts = list[Bar](), dict[str, Any]()

    async def listen() -> None:
        async with asyncio.timeout(20), polygon_live(load_settings(), ["SPY", "SPX"], wish) as feed:
            keeper = asyncio.create_task(feed.keep_terms(lambda words: None))
            while {bar.symbol for bar in bars} != {"SPY", "SPX"} or facts.get("options.volume") is None:
                batch = await feed.batch()
                bars.extend(event for event in batch.events if isinstance(event, Bar))
                facts.update({e.name: e.value for e in feed.pulse(batch.time_ns) if isinstance(e, Observation)})
            keeper.cancel()

    asyncio.run(listen())
    assert facts["options.volume"] > 0
    assert all(bar.seconds == 60 for bar in bars)


def test_without_a_key_and_with_a_wrong_one(engine_cli: Cli, verb: Cli, vendor: dict[str, Any]) -> None:
    answer = verb("stream", "--seconds", "1")
    assert (answer.code, answer.out) == (2, "")
    assert "AUTOTRADER__POLYGON__API_KEY" in answer.err
    wrong = {**vendor["env"], "AUTOTRADER__POLYGON__API_KEY": "not-the-key"}
    answer = engine_cli("stream", "--seconds", "5", env=wrong)
    assert answer.code == 3
    assert "authentication failed" in answer.err and "not-the-key" not in answer.err


def test_a_vendor_that_is_not_there_is_named(engine_cli: Cli) -> None:
    nowhere = {"AUTOTRADER__POLYGON__BASE_URL": "http://127.0.0.1:1", "AUTOTRADER__POLYGON__API_KEY": "k"}
    answer = engine_cli("stream", env=nowhere)
    assert answer.code == 3
    assert "engine simulate polygon" in answer.err


def test_flat_files_of_a_folder_are_imported_once(engine_cli: Cli, tmp_path: Path) -> None:
    lay(tmp_path / "files")
    command = ("import", "flatfiles", "--date", "2025-09-19", "--symbols", "SPY", "--folder", "files")
    assert engine_cli(*command).out == "2025-09-19: SPY 3 rows\n"
    assert engine_cli(*command).out == "2025-09-19: SPY 3 rows; 3 of them were there already\n"
    store = stored(tmp_path)
    assert [bar.source for bar in store.bars("SPY", 0, 2**62)] == ["polygon_flatfile"] * 3
    store.close()


def test_days_of_a_range_without_a_file_are_named(verb: Cli, tmp_path: Path) -> None:
    lay(tmp_path / "files")
    answer = verb(
        "import", "flatfiles", "--date", "2025-09-18", "--to", "2025-09-21", "--symbols", "SPY", "--folder", "files",
        "--json",
    )  # fmt: skip
    assert answer.code == 0
    days = json.loads(answer.out)["days"]
    assert [(day["date"], day["rows"]["SPY"]) for day in days] == [("2025-09-18", 0), ("2025-09-19", 3)]
    assert "2025-09-18.csv.gz" in days[0]["missing"][0]
    nothing = verb("import", "flatfiles", "--date", "2025-09-18", "--symbols", "SPY", "--folder", "files")
    assert nothing.code == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--date", "yesterday"], "write YYYY-MM-DD"),
        (["--date", "2025-09-19", "--to", "2025-09-01"], "is before"),
        (["--date", "2025-09-19", "--folder", "nowhere"], "there is no such folder"),
        (["--date", "2025-09-19"], "AUTOTRADER__POLYGON__FLATFILES_ACCESS_KEY"),
        (["--date", "2025-09-19", "--symbols", ","], "names none"),
    ],
)
def test_wrong_use_of_import_is_explained(verb: Cli, options: list[str], says: str) -> None:
    answer = verb("import", "flatfiles", *options)
    assert answer.code == 2
    assert says in answer.err and answer.err.count("\n") == 1


def test_a_wrong_line_is_named(verb: Cli, tmp_path: Path) -> None:
    lay(tmp_path / "files", HEADER + "SPY,1,abc,1,1,1,1,1\n")
    answer = verb("import", "flatfiles", "--date", "2025-09-19", "--symbols", "SPY", "--folder", "files")
    assert answer.code == 2
    assert f"{KEY_PATH}:2: window_start" in answer.err


def test_flat_files_are_imported_from_s3(engine_cli: Cli, tmp_path: Path) -> None:
    boto3 = pytest.importorskip("boto3", reason="the extra flatfiles is not installed")
    server_of = pytest.importorskip("moto.server", reason="moto's server is not installed (the extra dev)")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        client = boto3.client(
            "s3", endpoint_url=address, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
        )
        client.create_bucket(Bucket="cli-files")
        client.put_object(Bucket="cli-files", Key=KEY_PATH, Body=gzip.compress(ROWS.encode()))
        env = {
            "AUTOTRADER__POLYGON__FLATFILES_ENDPOINT": address,
            "AUTOTRADER__POLYGON__FLATFILES_BUCKET": "cli-files",
            "AUTOTRADER__POLYGON__FLATFILES_ACCESS_KEY": "access-word",
            "AUTOTRADER__POLYGON__FLATFILES_SECRET_KEY": "secret-word",
        }
        answer = engine_cli("import", "flatfiles", "--date", "2025-09-19", "--symbols", "SPY,SPX", env=env)
    finally:
        server.stop()
    assert answer.code == 0, answer.err
    assert answer.out == "2025-09-19: SPY 3, SPX 0 rows\n"
    assert "NoSuchKey" in answer.err and "-word" not in answer.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--fault", "timeout@aggs"], "there is no kind timeout here"),
        (["--fault", "5xx@nothing"], "there is no scope nothing"),
        (["--data", "nowhere"], "minute_aggs_v1"),
        (["--date", "17.9.2025"], "write YYYY-MM-DD"),
        (["--start", "9"], "write HH:MM"),
    ],
)
def test_wrong_use_of_simulate_is_explained(verb: Cli, options: list[str], says: str) -> None:
    answer = verb("simulate", "polygon", "--port", "0", *options)
    assert answer.code == 2
    assert says in answer.err and answer.err.count("\n") == 1


def test_a_day_after_the_recorded_ones_is_refused(verb: Cli, shared_data: Path) -> None:
    folder = shared_data / "equities"
    if not folder.is_dir():
        pytest.skip("the recorded equities are not here")
    answer = verb("simulate", "polygon", "--data", folder, "--symbols", "SPY", "--date", "2030-01-02")
    assert answer.code == 2
    assert "the data ends on 2023-08-03" in answer.err
