"""Replaying made-up files: order, layouts, ranges, duplicates, arrival order, and what is said about bad files."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.replay import ReplaySource
from engine.market.events import NANOS, Bar, Quote, SourceError, Tick

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = 60 * NANOS
BARS = "ticker,volume,open,close,high,low,window_start,transactions"
QUOTES = "ticker,window_start,bid,bid_size,ask,ask_size"


def ns(day: int, hour: int = 9, minute: int = 30) -> int:
    return int(datetime(2011, 1, day, hour, minute, tzinfo=NEW_YORK).timestamp()) * NANOS


def row(ticker: str, start_ns: int, price: float = 10.0, volume: str = "100") -> str:
    return f"{ticker},{volume},{price},{price},{price + 1},{price - 1},{start_ns},"


def write(path: Path, *lines: str, header: str = BARS, end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(line + end for line in (header, *lines)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def replay(source: ReplaySource) -> list[Tick]:
    return list(source.ticks())


def starts(ticks: list[Tick]) -> list[tuple[str, int]]:
    return [(event.symbol, event.start_ns) for tick in ticks for event in tick.events if isinstance(event, Bar)]


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(SourceError) as caught:
        replay(ReplaySource(path, **options))  # type: ignore[arg-type]
    return str(caught.value)


def test_a_bar_is_known_one_minute_after_it_starts(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", f"SPY,1500,126.35,126.39,126.4,126.3,{ns(3)},7")
    (tick,) = replay(ReplaySource(file))
    assert tick.time_ns == ns(3) + MINUTE
    assert [*tick.events] == [Bar("SPY", ns(3), 60, 126.35, 126.4, 126.3, 126.39, 1500.0)]


def test_within_a_tick_quotes_come_first_and_symbols_are_in_order(tmp_path: Path) -> None:
    write(tmp_path / "us_stocks_sip/minute_aggs_v1/2011/01/2011-01-03.csv.gz", row("SPY", ns(3)), row("AIG", ns(3)))
    write(tmp_path / "quotes_1m/2011/01/2011-01-03.csv.gz",
          f"SPY,{ns(3)},9.9,300,10.1,200", f"AIG,{ns(3)},9.8,100,,0", header=QUOTES)
    write(tmp_path / "other/prices.csv", "nothing to do with bars", header="hello")
    (tick,) = replay(ReplaySource(tmp_path, ["SPY", "AIG"]))
    assert [(type(event), event.symbol) for event in tick.events] == [
        (Quote, "AIG"), (Quote, "SPY"), (Bar, "AIG"), (Bar, "SPY")
    ]
    assert tick.events[0] == Quote("AIG", ns(3) + MINUTE, 9.8, 100.0, None, None)
    assert tick.events[1] == Quote("SPY", tick.time_ns, 9.9, 300.0, 10.1, 200.0)


def test_a_quote_of_zero_is_a_missing_side_and_not_a_price(tmp_path: Path) -> None:
    write(tmp_path / "bars.csv", row("SPY", ns(3)))
    write(tmp_path / "quotes.csv", f"SPY,{ns(3)},0,0,0.0,5", header=QUOTES)
    (tick,) = replay(ReplaySource(tmp_path))
    assert tick.events[0] == Quote("SPY", ns(3) + MINUTE, None, None, None, None)


def test_rows_by_ticker_are_merged_by_time_day_after_day(tmp_path: Path) -> None:
    for day in (3, 4):
        write(tmp_path / f"2011-01-0{day}.csv",
              *(row(ticker, ns(day, 9, 30 + n)) for ticker in ("AIG", "SPY") for n in range(3)))
    ticks = replay(ReplaySource(tmp_path))
    assert [tick.time_ns for tick in ticks] == [ns(day, 9, 31 + n) for day in (3, 4) for n in range(3)]
    assert all([event.symbol for event in tick.events] == ["AIG", "SPY"] for tick in ticks)


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz"])
@pytest.mark.parametrize("grouping", ["by time", "by ticker", "by ticker in each day", "backwards"])
def test_one_file_of_many_days_gives_the_same_ticks_however_it_is_sorted(
    tmp_path: Path, name: str, grouping: str
) -> None:
    minutes = [ns(day, 10, n) for day in (3, 4, 5, 6) for n in range(40)]
    keys = {
        "by time": lambda item: (item[1], item[0]),
        "by ticker": lambda item: item,
        "by ticker in each day": lambda item: (item[1] // (86_400 * NANOS), item),
        "backwards": lambda item: (-item[1], item[0]),
    }
    items = sorted(((ticker, minute) for ticker in ("AIG", "BAC", "SPY") for minute in minutes), key=keys[grouping])
    write(tmp_path / name, *(row(ticker, minute) for ticker, minute in items))
    ticks = replay(ReplaySource(tmp_path, ["SPY", "AIG"]))
    assert starts(ticks) == [(ticker, minute) for minute in minutes for ticker in ("AIG", "SPY")]


def test_a_file_for_each_symbol_is_merged_by_time(tmp_path: Path) -> None:
    write(tmp_path / "spy.csv", *(row("SPY", ns(day)) for day in (3, 4, 6)))
    write(tmp_path / "aig.csv", *(row("AIG", ns(day)) for day in (4, 5)))
    assert starts(replay(ReplaySource(tmp_path))) == [
        ("SPY", ns(3)), ("AIG", ns(4)), ("SPY", ns(4)), ("AIG", ns(5)), ("SPY", ns(6))
    ]


def test_quotes_in_a_file_that_goes_back_in_time_keep_their_missing_sides(tmp_path: Path) -> None:
    write(tmp_path / "bars.csv", row("SPY", ns(3)), row("SPY", ns(4)))
    write(tmp_path / "quotes.csv", f"SPY,{ns(4)},9,1,,0", f"AIG,{ns(3)},,0,8,2", f"SPY,{ns(3)},7,1,8,2", header=QUOTES)
    ticks = replay(ReplaySource(tmp_path))
    assert [list(tick.events[:-1]) for tick in ticks] == [
        [Quote("AIG", ns(3) + MINUTE, None, None, 8, 2), Quote("SPY", ns(3) + MINUTE, 7, 1, 8, 2)],
        [Quote("SPY", ns(4) + MINUTE, 9, 1, None, None)],
    ]


def test_index_tickers_lose_their_prefix_and_have_no_volume(tmp_path: Path) -> None:
    file = write(tmp_path / "i.csv", f"I:SPX,3764.61,3766.63,3769.99,3764.61,{ns(4)}",
                 header="ticker,open,close,high,low,window_start")
    for name in ("SPX", "I:SPX"):
        (tick,) = replay(ReplaySource(file, [name]))
        assert [*tick.events] == [Bar("SPX", ns(4), 60, 3764.61, 3769.99, 3764.61, 3766.63, None)]


def test_an_empty_volume_is_unknown_and_not_zero(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", row("SPY", ns(3), volume=""), row("SPY", ns(3, 9, 31), volume="0"))
    assert [event.volume for tick in replay(ReplaySource(tmp_path)) for event in tick.events  # type: ignore[union-attr]
            ] == [None, 0.0]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", [BARS, "\ufeff" + BARS])
def test_line_ends_blank_lines_and_byte_order_marks_do_not_matter(tmp_path: Path, end: str, header: str) -> None:
    file = write(tmp_path / "a.csv", row("SPY", ns(3)), "", row("SPY", ns(4)), "", header=header, end=end)
    assert starts(replay(ReplaySource(file, ["SPY"]))) == [("SPY", ns(3)), ("SPY", ns(4))]


def test_a_quoted_field_is_read_as_csv(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", '"BRK,B"' + row("", ns(3)))
    assert starts(replay(ReplaySource(file))) == [("BRK,B", ns(3))]


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2011, 1, 4), None, [4, 5, 6]),
        (None, date(2011, 1, 4), [3, 4]),
        (date(2011, 1, 4), date(2011, 1, 5), [4, 5]),
        (datetime(2011, 1, 4, 9, 31), datetime(2011, 1, 6, 9, 30), [5]),
        (datetime(2011, 1, 4, 14, 30, tzinfo=UTC), datetime(2011, 1, 5, 14, 31, tzinfo=UTC), [4, 5]),
    ],
)
@pytest.mark.parametrize("dated", [True, False])
def test_ranges_take_whole_local_days_or_instants(
    tmp_path: Path, start: date | None, end: date | None, days: list[int], dated: bool
) -> None:
    for day in (3, 4, 5, 6):
        write(tmp_path / (f"2011-01-0{day}.csv" if dated else f"part{day}.csv"), row("SPY", ns(day)))
    assert starts(replay(ReplaySource(tmp_path, ["SPY"], start, end))) == [("SPY", ns(day)) for day in days]


def test_a_day_is_a_day_of_the_calendars_zone(tmp_path: Path) -> None:
    late = ns(3, 22, 0)  # already the 4th in UTC
    write(tmp_path / "a.csv", row("SPY", late))
    assert starts(replay(ReplaySource(tmp_path, None, date(2011, 1, 3), date(2011, 1, 3)))) == [("SPY", late)]
    assert "no minute bars" in refusal(
        tmp_path, start=date(2011, 1, 3), end=date(2011, 1, 3), calendar_timezone="UTC")


def test_exact_repetitions_are_dropped_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", row("SPY", ns(3)), row("SPY", ns(3)), row("SPY", ns(3, 9, 31)))
    write(tmp_path / "b.csv", row("SPY", ns(3)))
    source = ReplaySource(tmp_path)
    assert len(starts(replay(source))) == 2
    assert source.duplicates_dropped == 2


def test_contradicting_rows_are_refused_with_both_places(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", row("SPY", ns(3)), row("AIG", ns(3)), row("SPY", ns(3), volume="101"))
    assert refusal(tmp_path) == (
        f"{file}:4: this bar of SPY at 2011-01-03 09:30 EST differs in volume from {file}:2; "
        "remove the wrong one, or replay in arrival order"
    )
    quotes = write(tmp_path / "q.csv", f"SPY,{ns(3)},9,1,10,2", f"SPY,{ns(3)},9,1,11,3", header=QUOTES)
    file.write_text(BARS + "\n" + row("SPY", ns(3)) + "\n")
    assert f"{quotes}:3: this quote of SPY at 2011-01-03 09:30 EST differs in ask, ask_size from {quotes}:2" in refusal(
        tmp_path)


def test_arrival_order_delivers_late_and_repeated_bars_unchanged_when_they_came(tmp_path: Path) -> None:
    one, two, late = row("SPY", ns(3)), row("SPY", ns(3, 9, 31)), row("SPY", ns(3, 9, 29), price=9.0)
    changed, last = row("SPY", ns(3, 9, 31), price=11.0), row("SPY", ns(3, 9, 33))
    file = write(tmp_path / "feed.csv", one, two, late, two, changed, last)
    source = ReplaySource(file, order="arrival")
    ticks = replay(source)
    assert [tick.time_ns for tick in ticks] == [ns(3, 9, 31), ns(3, 9, 32), ns(3, 9, 34)]
    arrived = [(event.start_ns, event.close) for event in ticks[1].events if isinstance(event, Bar)]
    assert arrived == [(ns(3, 9, 31), 10.0), (ns(3, 9, 29), 9.0), (ns(3, 9, 31), 10.0), (ns(3, 9, 31), 11.0)]
    assert source.duplicates_dropped == 0


def test_arrival_order_merges_files_by_time_of_arrival_quotes_first(tmp_path: Path) -> None:
    for day in (4, 3):
        write(tmp_path / f"minute_aggs_v1/2011-01-0{day}.csv", row("SPY", ns(day)), row("SPY", ns(day, 9, 31)))
        write(tmp_path / f"quotes_1m/2011-01-0{day}.csv", f"SPY,{ns(day, 9, 31)},9,1,10,2", header=QUOTES)
    ticks = replay(ReplaySource(tmp_path, order="arrival"))
    assert [(tick.time_ns, [type(event) for event in tick.events]) for tick in ticks] == [
        (ns(day, 9, minute), kinds) for day in (3, 4) for minute, kinds in ((31, [Bar]), (32, [Quote, Bar]))
    ]


def test_progress_goes_from_nothing_to_all_and_counts_only_the_range(tmp_path: Path) -> None:
    for day in (3, 4, 5):
        write(tmp_path / f"2011-01-0{day}.csv", *(row("SPY", ns(day, 9, 30 + n)) for n in range(20)))
    source = ReplaySource(tmp_path, ["SPY"], date(2011, 1, 4))
    assert source.total_bytes == sum((tmp_path / f"2011-01-0{day}.csv").stat().st_size for day in (4, 5))
    assert source.progress() == 0.0
    seen = [source.progress() for _ in source.ticks()]
    assert seen == sorted(seen)
    assert seen[0] == 0.5
    assert source.bytes_read == source.total_bytes
    assert source.progress() == 1.0


def test_a_replay_can_be_run_again(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", row("SPY", ns(3)), row("SPY", ns(3)), row("SPY", ns(4)))
    source = ReplaySource(tmp_path, ["SPY"])
    assert replay(source) == replay(source)
    assert (source.duplicates_dropped, source.progress()) == (1, 1.0)


def test_symbols_available_are_those_of_bars_in_the_range(tmp_path: Path) -> None:
    write(tmp_path / "2011-01-03.csv", row("SPY", ns(3)), row("I:SPX", ns(3)))
    write(tmp_path / "2011-01-04.csv", row("AIG", ns(4)), row("SPY", ns(4)))
    assert ReplaySource(tmp_path).symbols_available() == ["AIG", "SPX", "SPY"]
    assert ReplaySource(tmp_path, ["SPY"], date(2011, 1, 4)).symbols_available() == ["AIG", "SPY"]


def test_missing_symbols_are_named_with_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "2011-01-03.csv", row("SPY", ns(3)), row("AIG", ns(3)))
    assert refusal(tmp_path, symbols=["AIG", "SYP"]) == (
        f"{tmp_path}: no minute bars of SYP; did you mean SPY? there is: AIG, SPY")
    assert refusal(tmp_path, symbols=["QQQQ"], start=date(2011, 1, 3)) == (
        f"{tmp_path}: no minute bars of QQQQ from 2011-01-03 00:00 EST; there is: AIG, SPY")


def test_an_empty_range_says_what_the_files_cover(tmp_path: Path) -> None:
    write(tmp_path / "2011-01-03.csv", row("SPY", ns(3)))
    write(tmp_path / "more.csv", row("SPY", ns(7)))
    assert refusal(tmp_path, symbols=["SPY"], start=date(2012, 1, 1), end=date(2012, 1, 31)) == (
        f"{tmp_path}: no minute bars of SPY from 2012-01-01 00:00 EST until 2012-02-01 00:00 EST; "
        "the files cover 2011-01-03 to 2011-01-07")


def good(day: int = 3) -> str:
    return row("SPY", ns(day))


BAD_ROWS = [
    (f"SPY,100,10,10,1O.5,9,{ns(3)},", "high '1O.5' is not a number"),
    (f"SPY,100,10,10,,9,{ns(3)},", "high '' is not a number"),
    (f"SPY,100,10,10,nan,9,{ns(3)},", "high 'nan' is not a finite number"),
    (f"SPY,100,10,10,inf,9,{ns(3)},", "high 'inf' is not a finite number"),
    (f"SPY,-5,10,10,11,9,{ns(3)},", "volume -5 is negative"),
    (f"SPY,nan,10,10,11,9,{ns(3)},", "volume 'nan' is not a finite number"),
    (f"SPY,inf,10,10,11,9,{ns(3)},", "volume 'inf' is not a finite number"),
    (f"SPY,lots,10,10,11,9,{ns(3)},", "volume 'lots' is not a number"),
    (f"SPY,100,10,10,8,9,{ns(3)},", "high 8 is below low 9"),
    (f"SPY,100,10,12,11,9,{ns(3)},", "close 12 lies outside low 9 to high 11"),
    (f"SPY,100,8,10,11,9,{ns(3)},", "open 8 lies outside low 9 to high 11"),
    (f"SPY,100,1,1,11,-9,{ns(3)},", "low -9 is negative"),
    (f"SPY,100,0,0,0,0,{ns(3)},", "open 0 is no price at which anything trades"),
    (f"SPY,100,1,1,11,0.00,{ns(3)},", "low 0.00 is no price at which anything trades"),
    ("SPY,100,10,10,11,9,", "7 fields where the header has 8"),
    (f"SPY,100,10,10,11,9,{ns(3)},5,6", "9 fields where the header has 8"),
    (f",100,10,10,11,9,{ns(3)},", "ticker is empty"),
    ("SPY,100,10,10,11,9,yesterday,", "window_start 'yesterday': nanoseconds since 1970 (UTC) of the start of a whole "
     "minute are wanted"),
    (f"SPY,100,10,10,11,9,{ns(3) + 1},", f"window_start '{ns(3) + 1}': nanoseconds since 1970 (UTC) of the start of a "
     "whole minute are wanted"),
    (f"SPY,100,10,10,11,9,{ns(3) // 10**6},", f"window_start '{ns(3) // 10**6}': nanoseconds since 1970 (UTC) of the "
     "start of a whole minute are wanted, this looks like milliseconds"),
    (f"SPY,100,10,10,11,9,{'9' * 25},", f"window_start '{'9' * 25}': nanoseconds since 1970 (UTC) of the start of a "
     "whole minute are wanted, this is after the year 2262"),
]


@pytest.mark.parametrize(("bad", "words"), BAD_ROWS)
@pytest.mark.parametrize("name", ["2011-01-03.csv", "any.csv.gz"])
def test_a_bad_row_is_refused_by_file_line_and_field(tmp_path: Path, bad: str, words: str, name: str) -> None:
    file = write(tmp_path / name, *(row("SPY", ns(3, 11, n)) for n in range(50)), bad, good())
    assert refusal(file) == f"{file}:52: {words}; correct or remove the row"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (f"SPY,{ns(3)},9.9,300,ten,200", "ask 'ten' is not a number"),
        (f"SPY,{ns(3)},-9.9,300,10,200", "bid -9.9 is negative"),
        (f"SPY,{ns(3)},9.9,300,10", "5 fields where the header has 6"),
        (f"SPY,{ns(3)},9.9,300,10,nan", "ask_size 'nan' is not a finite number"),
    ],
)
def test_a_bad_quote_is_refused_likewise(tmp_path: Path, bad: str, words: str) -> None:
    write(tmp_path / "minute_aggs_v1/2011-01-03.csv", good())
    file = write(tmp_path / "quotes_1m/2011-01-03.csv", f"SPY,{ns(3, 9, 31)},9.9,300,10,200", bad, header=QUOTES)
    assert refusal(tmp_path) == f"{file}:3: {words}; correct or remove the row"


def test_bad_values_of_symbols_that_nobody_asked_for_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", f"JUNK,x,x,x,x,x,{ns(3)},", good())
    assert starts(replay(ReplaySource(tmp_path, ["SPY"]))) == [("SPY", ns(3))]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("ticker,volume,open,close,high,low,window_stat", "1: no column 'window_start'; minute bars need ticker,open,"
         "close,high,low,window_start; is 'window_stat' meant?"),
        ("a,b,c", "1: no column 'ticker'; minute bars need ticker,open,close,high,low,window_start; "
         "the first line is a,b,c"),
        ("ticker,window_start,bid,ask,ask_size", "1: no column 'bid_size'; quotes need ticker,window_start,bid,"
         "bid_size,ask,ask_size; is 'ask_size' meant?"),
        (BARS + ",open", "1: column 'open' is there twice; keep one"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, header: str, words: str) -> None:
    file = write(tmp_path / "a.csv", good(), header=header)
    assert refusal(tmp_path, symbols=["SPY"]) == f"{file}:{words}"


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = gzip.compress(("\n".join([BARS] + [row("SPY", ns(3, 10, n)) for n in range(60)])).encode())
    cut, fake = tmp_path / "cut.csv.gz", tmp_path / "fake.csv.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    assert refusal(cut) == (f"{cut}: the gzip data is cut short or damaged after line 0 (Compressed file ended before "
                            "the end-of-stream marker was reached); fetch the file again")
    fake.write_bytes(b"no gzip at all")
    assert refusal(fake).startswith(f"{fake}: the gzip data is cut short or damaged after line 0 (Not a gzipped file")
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    assert refusal(empty) == (f"{empty}: the file is empty; minute bars begin with a header: "
                              "ticker,open,close,high,low,window_start")
    latin = tmp_path / "latin.csv"
    latin.write_bytes((BARS + "\nSP").encode() + b"\xe9\xff\n")
    assert refusal(latin) == (f"{latin}: not UTF-8 text after line 0 (invalid continuation byte); "
                              "save the file as UTF-8 CSV")
    open_quote = write(tmp_path / "quote.csv", good(), '"SPY,1')
    assert refusal(open_quote) == (f"{open_quote}:4: not CSV (unexpected end of data); correct or remove the line")


def test_a_header_alone_is_no_data(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv")
    assert refusal(file) == f"{file}: no minute bars of any symbol; the files cover no day at all"


def test_places_without_data_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == (
        f"{tmp_path / 'nowhere'}: no such file or folder; give the folder that holds the minute bars")
    assert refusal(tmp_path) == f"{tmp_path}: there is no .csv or .csv.gz file in this folder or below it"
    file = write(tmp_path / "2011-13-03.csv", good())
    assert refusal(tmp_path) == f"{file}: 2011-13-03 is not a date; name day files YYYY-MM-DD.csv"


def test_a_day_file_with_rows_of_another_day_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "2011-01-03.csv", good(3), good(4))
    assert refusal(tmp_path) == (f"{file}: the name says one day, but it holds rows of 2011-01-04 (America/New_York); "
                                 "rename the file, or give the time zone of its dates")


def test_a_single_symbol_that_goes_back_by_days_is_refused_rather_than_half_sorted(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", good(3), good(5), good(4))
    assert refusal(file) == (f"{file}: rows of SPY go back in time to 2011-01-04 after a later day; sort the file by "
                             "window_start, or replay in arrival order")


def test_a_range_or_a_zone_that_cannot_be_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", good())
    assert refusal(tmp_path, start=date(2011, 2, 1), end=date(2011, 1, 1)) == (
        "the replay ends (2011-01-01) before it starts (2011-02-01); exchange the two")
    assert refusal(tmp_path, calendar_timezone="Mars/Olympus") == (
        "there is no time zone 'Mars/Olympus'; use a name such as America/New_York or UTC")


@given(st.lists(st.tuples(st.sampled_from(["SPY", "AIG", "I:SPX"]), st.integers(0, 3000)), min_size=1, max_size=60))
def test_any_rows_come_out_once_each_in_strictly_increasing_ticks(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    half = len(rows) // 2
    ordered = [*sorted(rows[:half]), *sorted(rows[half:], key=lambda item: item[1])]
    write(folder / "a.csv", *(row(ticker, ns(3) + n * MINUTE) for ticker, n in [*ordered, ("AAA", 0)]))
    ticks = replay(ReplaySource(folder))
    times = [tick.time_ns for tick in ticks]
    assert times == sorted(set(times))
    found = starts(ticks)
    assert len(found) == len(set(found))
    assert set(found) == {(ticker.removeprefix("I:"), ns(3) + n * MINUTE) for ticker, n in [*rows, ("AAA", 0)]}


@given(st.binary(max_size=300), st.booleans())
def test_no_file_whatever_gives_anything_but_ticks_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, with_header: bool
) -> None:
    file = tmp_path_factory.mktemp("junk") / "a.csv"
    file.write_bytes((BARS + "\n").encode() * with_header + junk)
    for symbols in (None, ["SPY"]):
        with pytest.raises(SourceError, match=r"a\.csv"):
            replay(ReplaySource(file, symbols))
