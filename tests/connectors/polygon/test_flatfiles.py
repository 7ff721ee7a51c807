"""Flat files from a folder and from an S3 on loopback: what is there, what is not, what breaks off, what is wrong."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.polygon.flatfiles import SOURCE, FlatFile, FolderFiles, Kind, MissingFile, RefusedFile, UnreachableFiles
from connectors.polygon.importer import import_day
from connectors.polygon.tickers import Cluster
from engine.market.events import SourceError
from tests.connectors.polygon.kept import Kept

DAY = date(2025, 9, 19)
START = 1758288600_000_000_000  # 9:30 in New York
HEADER = "ticker,volume,open,close,high,low,window_start,transactions\n"
ROWS = HEADER + "".join(
    f"{ticker},{volume},100.5,100.25,101,100,{START + minute * 60_000_000_000},7\n"
    for ticker in ("QQQ", "SPY", "TSLA")
    for minute, volume in enumerate(("1200", "17798.430378", "3"))
)
INDEX = "ticker,open,close,high,low,window_start\n" + f"I:SPX,5600.1,5601.2,5602,5600,{START}\n"
TRADES = (
    "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size,tape,"
    "trf_id,trf_timestamp\n"
    f'SPY,"12,37",0,4,1,{START},100.5,11,{START + 5},100,1,0,0\n'
    f"SPY,,0,4,2,{START},100.51,12,{START + 5},0.25,1,0,0\n"
)
STOCKS = FlatFile(Cluster.STOCKS, Kind.BARS, DAY)


def lay(folder: Path, file: FlatFile, text: str, *, packed: bool = True) -> Path:
    path = folder / file.path
    path = path if packed else path.with_suffix("")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


@pytest.mark.parametrize("packed", [True, False])
def test_bars_of_chosen_symbols_are_imported_exactly(tmp_path: Path, packed: bool) -> None:
    lay(tmp_path, STOCKS, ROWS, packed=packed)
    lay(tmp_path, FlatFile(Cluster.INDICES, Kind.BARS, DAY), INDEX, packed=packed)
    store = Kept()
    done = import_day(FolderFiles(tmp_path), DAY, ["SPY", "I:SPX"], store, Kind.BARS)
    assert done.rows == {"SPY": 3, "SPX": 1}
    second = list(store.bars("SPY", 0, 2**62))[1]
    assert second.volume == Decimal("17798.430378"), "fractions of shares are not cut off"
    assert second[2:6] == (Decimal("100.5"), Decimal("101"), Decimal("100"), Decimal("100.25"))
    assert (second.transactions, second.source) == (7, SOURCE)
    (index,) = store.bars("SPX", 0, 2**62)
    assert (index.volume, index.transactions) == (None, None)
    assert not list(store.bars("TSLA", 0, 2**62))


def test_the_same_again_writes_nothing(tmp_path: Path) -> None:
    lay(tmp_path, STOCKS, ROWS)
    store = Kept()
    import_day(FolderFiles(tmp_path), DAY, ["SPY"], store, Kind.BARS)
    before = (dict(store.bar_rows), len(store.writes))
    done = import_day(FolderFiles(tmp_path), DAY, ["SPY"], store, Kind.BARS)
    assert (dict(store.bar_rows), len(store.writes)) == before
    assert (done.rows["SPY"], done.unchanged) == (3, 3)


def test_trades_become_ticks_with_their_sequence(tmp_path: Path) -> None:
    lay(tmp_path, FlatFile(Cluster.STOCKS, Kind.TRADES, DAY), TRADES)
    store = Kept()
    done = import_day(FolderFiles(tmp_path), DAY, ["SPY", "I:SPX"], store, Kind.TRADES)
    ticks = list(store.ticks("SPY", 0, 2**62))
    assert [(tick.sequence, tick.size) for tick in ticks] == [(11, Decimal(100)), (12, Decimal("0.25"))]
    assert "indices have no trades" in done.missing[0]


def test_a_file_that_is_not_there_is_named_and_the_others_are_imported(tmp_path: Path) -> None:
    lay(tmp_path, STOCKS, ROWS)
    done = import_day(FolderFiles(tmp_path), DAY, ["SPY", "I:SPX"], Kept(), Kind.BARS)
    assert done.rows == {"SPY": 3, "SPX": 0}
    assert "us_indices/minute_aggs_v1/2025/09/2025-09-19.csv.gz" in done.missing[0]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("SPY,1,x,100,101,99,{t},1", "2: open: must be a number, not 'x'"),
        ("SPY,1,100,100,101,99,{t}5,1", "2: window_start"),
        ("SPY,1,100,100,99,101,{t},1", "2: high and low"),
        ("SPY,-1,100,100,101,99,{t},1", "2: volume: must not be below zero"),
        ("SPY,1,0,100,101,0,{t},1", "2: open: a price must be above zero"),
        ("SPY,1,100,100,101,99,1,1", "no time of 2025-09-19"),
        ("SPY,1,100", "2: not the CSV of a flat file"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    lay(tmp_path, STOCKS, HEADER + line.format(t=START) + "\n")
    with pytest.raises(SourceError, match=r"us_stocks_sip.*2025-09-19\.csv\.gz") as caught:
        import_day(FolderFiles(tmp_path), DAY, ["SPY"], Kept(), Kind.BARS)
    assert says in str(caught.value)


def test_a_file_that_is_cut_short_is_said_to_be(tmp_path: Path) -> None:
    path = lay(tmp_path, STOCKS, ROWS * 50)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match="cut short or damaged"):
        import_day(FolderFiles(tmp_path), DAY, ["SPY"], Kept(), Kind.BARS)


def test_another_kind_of_file_is_not_taken_for_bars(tmp_path: Path) -> None:
    lay(tmp_path, STOCKS, TRADES)
    with pytest.raises(SourceError, match="the header lacks open, high, low, close, window_start"):
        import_day(FolderFiles(tmp_path), DAY, ["SPY"], Kept(), Kind.BARS)


# -- S3


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 on loopback with one file in its bucket."""
    boto3 = pytest.importorskip("boto3", reason="the extra flatfiles is not installed")
    server_of = pytest.importorskip("moto.server", reason="moto's server is not installed (the extra dev)")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )
    client.create_bucket(Bucket="flatfiles")
    client.put_object(Bucket="flatfiles", Key=STOCKS.path, Body=gzip.compress(ROWS.encode()))
    yield address
    server.stop()


def files_at(address: str) -> Any:
    from connectors.polygon.s3 import S3Files

    return S3Files(address, "flatfiles", "access", "secret")


def test_a_file_is_streamed_from_s3(s3: str) -> None:
    store = Kept()
    seen: list[tuple[int, int]] = []
    done = import_day(
        files_at(s3), DAY, ["SPY", "I:SPX"], store, Kind.BARS, lambda file, done, size: seen.append((done, size))
    )
    assert "NoSuchKey" in done.missing[0]
    assert len(store.bar_rows) == 3
    assert seen[-1][0] == seen[-1][1] > 0


def test_a_body_that_breaks_off_is_gone_on_with(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_at(s3)
    original, asked = files.get, list[int]()

    class Breaking(io.BytesIO):
        """Breaks off after a few bytes, as a lost connection does."""

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= 40:
                raise ConnectionResetError("reset")
            return super().read(min(size or 40, 40))

    def get(file: FlatFile, offset: int, tag: str | None) -> Any:
        asked.append(offset)
        answer = original(file, offset, tag)
        if len(asked) <= 3:
            answer["Body"] = Breaking(answer["Body"].read())
        return answer

    monkeypatch.setattr(files, "get", get)
    store = Kept()
    import_day(files, DAY, ["SPY"], store, Kind.BARS)
    assert len(store.bar_rows) == 3
    assert asked == [0, 40, 80, 120]


def test_a_server_that_is_not_there_is_said_to_be() -> None:
    pytest.importorskip("boto3", reason="the extra flatfiles is not installed")
    files = files_at("http://127.0.0.1:1")
    with pytest.raises(UnreachableFiles, match=r"127\.0\.0\.1:1"):
        files.open(STOCKS)


@pytest.mark.parametrize(
    ("status", "code", "kind"), [(403, "AccessDenied", RefusedFile), (404, "NoSuchKey", MissingFile)]
)
def test_a_refusal_is_no_missing_file(s3: str, status: int, code: str, kind: type[Exception]) -> None:
    from botocore.exceptions import ClientError

    files = files_at(s3)

    def refuse(**_: object) -> None:
        error = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(error, "GetObject")  # type: ignore[arg-type]

    files._client = type("Client", (), {"get_object": staticmethod(refuse)})()
    with pytest.raises(kind, match=code) as caught:
        files.open(STOCKS)
    assert "secret" not in str(caught.value).replace("secret_key", "")


def test_the_recorded_files_are_imported(shared_data: Path) -> None:
    folder = shared_data / "equities"
    if not folder.is_dir():
        pytest.skip("the recorded equities are not here")
    store = Kept()
    done = import_day(FolderFiles(folder), date(2023, 8, 3), ["SPY"], store, Kind.BARS)
    assert done.rows["SPY"] > 390
    done = import_day(FolderFiles(folder), date(2023, 7, 3), ["I:SPX"], store, Kind.BARS)
    assert done.rows["SPX"] == 210
