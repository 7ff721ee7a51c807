"""What ``engine reconcile`` says of what stays uncertain, however often it reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.cli import reconcile
from engine.execute.reconcile import Difference, Findings
from engine.market.orders import Fill, Leg, Side
from engine.market.venue import ZERO, WireOrder
from engine.market.wire import Booked
from state import Mode, open_store

SENT_NS = 1_700_000_000_000_000_000


class Readings:
    """A recovery that finds what it is told, reading by reading; the last one goes on."""

    def __init__(self, *findings: Findings) -> None:
        self._findings = list(findings)
        wire = WireOrder("abc-1", "KXU-A", Side.BUY, Decimal(3), Decimal("0.41"))
        attempts = {"abc-1": SimpleNamespace(wire=wire, sent_ns=SENT_NS)}
        accounts = SimpleNamespace(attempts=attempts, net=lambda: {"KXU-A": Decimal(3)})
        self.broker = SimpleNamespace(accounts=accounts, on_events=lambda now, events: None)
        self.cash = Decimal(10)

    async def read(self) -> None:
        return None

    def apply(self, picture: object, now_ns: int) -> Findings:
        return self._findings.pop(0) if len(self._findings) > 1 else self._findings[0]


def found(monkeypatch: pytest.MonkeyPatch, *findings: Findings) -> Any:
    async def at_once(recovery: object) -> AsyncIterator[int]:
        for number in range(5):
            yield number

    monkeypatch.setattr(reconcile, "patiently", at_once)
    return asyncio.run(reconcile._read(cast(Any, Readings(*findings)), alerts()))


def alerts(*told: tuple[str, str], kept: list[tuple[str, str]] | None = None) -> reconcile.Alerts:
    """Those of a reading in which ``told`` were raised; what the store is given goes to ``kept``."""
    store = [] if kept is None else kept
    writer = SimpleNamespace(alert=lambda time_ns, level, kind, text: store.append((kind, text)))
    found = reconcile.Alerts(cast(Any, writer))
    for kind, text in told:
        found(kind, text)
    return found


def test_an_order_that_stays_uncertain_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = found(monkeypatch, Findings(unsettled=("abc-1",)))
    assert said.agree is False
    assert said.uncertain == ["buy 3 KXU-A at 0.41, sent 2023-11-14 22:13:20 UTC as abc-1"]


def test_what_became_certain_is_not_uncertain_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    said = found(monkeypatch, Findings(unsettled=("abc-1",)), Findings(never_arrived=("abc-1",)), Findings())
    assert (said.agree, said.uncertain) == (True, [])
    assert said.said == {"never arrived": ["abc-1"]}


def test_a_difference_that_stays_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = found(monkeypatch, Findings(different=(Difference("KXU-A", Decimal(0), Decimal(3)),)))
    assert said.said == {"position differs": ["KXU-A: the venue has 3, our books 0"]}


def test_an_alert_of_every_reading_is_said_and_kept_once(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = ("position", "KXU-A: no price is known"), ("position", "KXU-B: no price is known")
    kept: list[tuple[str, str]] = []
    told = alerts(*[one] * 40, two, kept=kept)
    assert kept == [one, two]
    reconcile._print(reconcile.Found({}, {}, told, agree=True))
    assert capsys.readouterr().err.splitlines() == [f"position: {text}" for _, text in kept]


def test_what_was_found_and_alerted_is_said_once_and_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    told = alerts(
        ("foreign_fill", "sell 4 KXU-A at 0.49 changed what p.s had"),
        ("foreign_order", "sell 4 KXU-A at 0.49 is not ours"),
        ("order_lost", "abc-12: the venue does not know this order any more"),
        ("position", "KXU-A: the venue has 3, our books 0; the venue is followed, and +3 booked at 0.5"),
        ("position", "KXU-A: no price is known; it is booked at 0, so its profit will be wrong"),
    )
    said = {
        "lost": ["abc-1", "abc-12"], "foreign fill": ["sell 4 KXU-A at 0.49", "buy 1 KXU-B at 0.2"],
        "foreign order": ["sell 4 KXU-A at 0.49"], "position differs": ["KXU-A: the venue has 3, our books 0"],
    }  # fmt: skip
    reconcile._print(reconcile.Found(said, {}, told))
    printed = capsys.readouterr()
    assert printed.out.splitlines()[:-1] == [
        "lost: abc-1",
        "lost: abc-12: the venue does not know this order any more",
        "foreign fill: sell 4 KXU-A at 0.49 changed what p.s had",
        "foreign fill: buy 1 KXU-B at 0.2",
        "foreign order: sell 4 KXU-A at 0.49 is not ours",
        "position differs: KXU-A: the venue has 3, our books 0; the venue is followed, and +3 booked at 0.5",
    ]
    assert printed.err.splitlines() == [
        "position: KXU-A: no price is known; it is booked at 0, so its profit will be wrong"
    ]


@pytest.mark.parametrize(("mark", "worth"), [("0.70", [105.0]), (None, [])])
def test_what_the_account_is_worth_is_kept_if_every_price_is_known(
    tmp_path: Path, mark: str | None, worth: list[float]
) -> None:
    with closing(open_store(tmp_path / "s.db", Mode.DEMO)) as store:
        writer = store.begin_run(
            "demo", 1, "reconcile", [], [], "", {}, {}, {}, {}, "1", cash=Decimal(100), venue="kalshi", book="me"
        )
        with writer:
            bought = Fill("t1", "", "A", "p.s", Side.BUY, Decimal(20), Decimal("0.45"), ZERO, 7, Leg.ENTRY)
            writer.live_orders().save([], [Booked(bought, "")], 7)
            if mark is not None:
                writer.mark("A", float(mark), 8)
            reconcile._keep_worth(store, writer)
        assert [equity for _, equity in store.equity(writer.run_id)] == worth
