"""Files read into columns at once and tick by tick come to the same, or to the same words for what is wrong."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.replay import ReplaySource
from connectors.replay.digits import OddText, Text
from engine.market.columns import MarketColumns
from engine.market.events import NANOS, SourceError

MINUTE_NS = 60 * NANOS
OPEN_NS = 1_709_649_000 * NANOS  # 2024-03-05 14:30 UTC
DAY_NS = 86_400 * NANOS
BARS = "ticker,volume,open,close,high,low,window_start,transactions"
AGGS = "minute_aggs_v1"
QUOTES = "ticker,window_start,bid,bid_size,ask,ask_size"
NO_NUMBERS = ("", "1e2", " 5", "-1", "nan", "1.2.3", "x", "123456789012345678", "\"7\"", "+3", "1_0")
ODD_CELLS = (*NO_NUMBERS, "5.", ".5", "00012.50")


def test_numbers_are_those_that_python_reads() -> None:
    draw = random.Random(5)
    texts = [f"{draw.uniform(0, 10 ** draw.randint(0, 8)):.{draw.randint(0, 6)}f}" for _ in range(5000)]
    texts += ["0", "0.0", ".5", "5.", "999999999999999", "0.00000000000001", "0.1", "0.3", "123456.789"]
    ends = np.cumsum([len(text) + 1 for text in texts]) - 1
    begins = np.append(0, ends[:-1] + 1)
    found = Text((",".join(texts) + ",").encode()).numbers(begins, ends)
    assert found.tolist() == [float(text) for text in texts]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_not_plainly_a_number_is_not_read(text: str) -> None:
    with pytest.raises(OddText):
        Text(text.encode()).numbers(np.array([0]), np.array([len(text)]))


def same(one: MarketColumns, other: MarketColumns) -> None:
    for each in fields(MarketColumns):
        if each.init:
            a, b = getattr(one, each.name), getattr(other, each.name)
            if isinstance(a, np.ndarray):
                assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), each.name
            else:
                assert a == b, each.name


def agree(make: Callable[[], ReplaySource]) -> bool:
    """Whether the quick way did it; it agrees with the slow one in any case."""
    quick = make()
    found = quick.columns(lambda: None)
    slow = make()
    try:
        wanted = MarketColumns.of(slow.ticks())
    except SourceError as error:
        assert found is None
        with pytest.raises(SourceError) as raised:
            MarketColumns.read(make())
        assert str(raised.value) == str(error)
        return False
    same(MarketColumns.read(make()), wanted)
    if found is not None:
        assert quick.duplicates_dropped == slow.duplicates_dropped
        assert quick.progress() == slow.progress() == 1.0
    return found is not None


class Folder:
    """Random files: days, symbols, quotes, repetitions, odd fields, with and without dates in their names."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.draw = root, random.Random(seed)

    def fill(self, odd: float) -> None:
        draw = self.draw
        symbols = draw.sample(["SPY", "QQQ", "I:SPX", "A", "O:SPY240305C00510000"], draw.randint(1, 4))
        dated, days = draw.random() < 0.7, draw.randint(1, 4)
        files = {f"{kind}/2024-03-{5 + day:02}" if dated else f"{kind}/all": kind for day in range(days)
                 for kind in ((AGGS, "quotes_1m") if draw.random() < 0.5 else (AGGS,))}  # fmt: skip
        for name, kind in files.items():
            day = int(name[-2:]) - 5 if dated else 0
            rows = self.rows(symbols, kind == AGGS, [day] if dated else range(days), odd)
            self.write(name, [BARS if kind == AGGS else QUOTES, *rows])

    def rows(self, symbols: list[str], bars: bool, days: object, odd: float) -> list[str]:
        draw, found = self.draw, []
        for day in days:  # type: ignore[attr-defined]
            for minute in sorted(draw.sample(range(390), 12)):
                start = OPEN_NS + day * DAY_NS + minute * MINUTE_NS
                found += [self.bar(s, start) if bars else self.quote(s, start) for s in symbols]
        if draw.random() < 0.4:
            found.sort()  # by ticker, then by whatever comes
        if draw.random() < 0.3:
            found.insert(draw.randrange(len(found)), draw.choice(found))
        if draw.random() < odd:
            at = draw.randrange(len(found))
            cells = found[at].split(",")
            cells[draw.randrange(len(cells))] = draw.choice(ODD_CELLS)
            found[at] = ",".join(cells[: draw.choice((len(cells), len(cells), 3))])
        return found

    def bar(self, symbol: str, start: int) -> str:
        draw = self.draw
        low, high = sorted(draw.uniform(1, 500) for _ in range(2))
        opened, close = draw.uniform(low, high), draw.uniform(low, high)
        places = draw.randint(2, 6)
        volume = draw.choice(("", str(draw.randint(0, 10**7)), f"{draw.uniform(0, 100):.3f}"))
        texts = [f"{x:.{places}f}" for x in (opened, close, high, low)]
        texts[2] = max(texts, key=float)
        texts[3] = min(texts, key=float)
        return f"{symbol},{volume},{','.join(texts)},{start},{draw.randint(1, 99)}"

    def quote(self, symbol: str, start: int) -> str:
        draw = self.draw
        sides = [draw.choice(("", "0", f"{draw.uniform(1, 9):.2f}")) for _ in range(2)]
        sizes = [draw.choice(("", "0", "100")) for _ in range(2)]
        return f"{symbol},{start},{sides[0]},{sizes[0]},{sides[1]},{sizes[1]}"

    def write(self, name: str, lines: list[str]) -> None:
        draw = self.draw
        end = draw.choice(("\n", "\n", "\r\n"))
        data = (end.join(lines) + draw.choice(("", end))).encode()
        if draw.random() < 0.2:
            data = b"\xef\xbb\xbf" + data
        packed = draw.random() < 0.3
        path = self.root / f"{name}.csv{'.gz' if packed else ''}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if packed else data)


def source(root: Path, seed: int) -> Callable[[], ReplaySource]:
    draw = random.Random(seed)
    symbols = draw.choice((None, ["SPY"], ["SPX", "SPY"], ["A", "QQQ", "SPY"]))
    return lambda: ReplaySource(root, symbols)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9))
def test_columns_are_what_the_ticks_come_to(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    root = tmp_path_factory.mktemp("data")
    Folder(root, seed).fill(odd=0.3)
    agree(source(root, seed))


def test_plain_files_are_read_the_quick_way(tmp_path: Path) -> None:
    quick = 0
    for seed in range(12):
        Folder(tmp_path / str(seed), seed).fill(odd=0.0)
        quick += agree(lambda root=tmp_path / str(seed): ReplaySource(root))  # type: ignore[misc]
    assert quick == 12


def test_an_odd_file_does_not_keep_the_others_from_being_read_quickly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(3):
        folder = Folder(tmp_path, day)
        rows = folder.rows(["SPY"], True, [day], 0.0)
        if day == 1:
            cells = rows[3].split(",")
            rows[3] = ",".join([cells[0], "1e2", *cells[2:]])
        folder.write(f"minute_aggs_v1/2024-03-{5 + day:02}", [BARS, *rows])
    assert agree(lambda: ReplaySource(tmp_path))
    market = ReplaySource(tmp_path).columns(lambda: None)
    assert market is not None
    assert 100.0 in market.bars[:, 4]


def test_rows_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 1)
    rows = folder.rows(["SPY"], True, [0], 0.0)
    cells = rows[4].split(",")
    rows.append(",".join([cells[0], "1", *cells[2:]]))
    folder.write("minute_aggs_v1/2024-03-05", [BARS, *rows])
    assert not agree(lambda: ReplaySource(tmp_path))
