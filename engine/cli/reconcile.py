"""``engine reconcile``: our books against the venue's, without trading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.cli.assemble import now_ns
from engine.cli.console import err, print_json
from engine.cli.errors import ExitCode
from engine.cli.log import configure_log
from engine.cli.on_venue.account import patiently
from engine.cli.on_venue.charges import book_charges
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.positions import positions_of
from engine.cli.stores import footer, store_of, told
from engine.cli.venue import ask_venue, must_find, where
from engine.cli.venues import DEFAULT, VenueOption, port_of
from engine.cli.venues.port import VenuePort
from engine.cli.version import __version__
from engine.execute.broker import VenueBroker
from engine.execute.reconcile import Findings
from engine.execute.recovery import Recovery
from engine.report.trace_text import clock
from engine.settings import load_settings
from state import RunWriter, Store, open_store
from state.ledger import Account

# What a reading finds, and the kind of alert that tells more of it.
TOLD_AS = {
    "lost": "order_lost", "rests although it was over": "order_found", "foreign fill": "foreign_fill",
    "adopted": "foreign_order", "foreign order": "foreign_order", "position differs": "position", "charged": "charges",
}  # fmt: skip


class Alerts:
    """Keeps each alert once, as every reading finds again what stays as it is."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer, self._kept = writer, dict[tuple[str, str], None]()

    def __call__(self, kind: str, text: str) -> None:
        if (kind, text) not in self._kept:
            self._kept[kind, text] = None
            self._writer.alert(now_ns(), "error", kind, text)

    def fuller(self, what: str, line: str) -> str:
        """The words of the alert that tells more of what was found; the line itself where there is none."""
        kind = TOLD_AS.get(what)
        return next((text for k, text in self._kept if k == kind and _begins(text, line)), line)

    def besides(self, said: Collection[str]) -> Iterator[str]:
        """In words what ``said`` has nothing of."""
        return (f"{kind.replace('_', ' ')}: {text}" for kind, text in self._kept if text not in said)


def _begins(text: str, line: str) -> bool:
    return text.startswith(line) and not text[len(line) :][:1].isalnum()


@dataclass(slots=True)
class Found:
    """Everything that the readings found, added up, each thing once; ``uncertain`` is as the last one left it.

    ``agree``: the last one found nothing more. ``alerts``: what a person was told of it.
    """

    said: dict[str, list[str]]
    positions: dict[str, str]
    alerts: Alerts
    uncertain: list[str] = field(default_factory=list)
    cash: str = ""
    agree: bool = False


def command(
    venue: VenueOption = DEFAULT,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Read the venue's orders, fills and positions, book what is missing, and print what was found. Sends nothing."""
    settings = load_settings(config, {f"{venue}.base_url": exchange})
    configure_log(settings.log)
    port = port_of(settings, venue)
    store = open_store(store_of(settings, port.mode), port.mode)
    found = ask_venue(lambda: _reconcile(port, store))
    if json:
        _tell(found.alerts.besides(()))
        print_json({
            **told(store), "agree": found.agree, "found": found.said, "uncertain": found.uncertain,
            "positions": found.positions, "cash": found.cash,
        })  # fmt: skip
    else:
        _print(found)
        print(footer(settings, store, store.mode))
    return ExitCode.GOOD if found.agree else ExitCode.NO


def _print(found: Found) -> None:
    """Each thing once: in the words of the alert where there is one."""
    fuller = [(what, found.alerts.fuller(what, line)) for what, lines in found.said.items() for line in lines]
    for what, line in fuller:
        print(f"{what}: {line}")
    _tell(found.alerts.besides({line for _, line in fuller}))
    for symbol, quantity in found.positions.items():
        print(f"position: {quantity} {symbol}")
    for line in found.uncertain:
        print(f"uncertain: {line}")
    print("our books and the venue's agree" if found.agree else "not everything is certain yet; try again")


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        err().print(line, markup=False)


async def _reconcile(port: VenuePort, store: Store) -> Found:
    async with port.connected() as desk:
        writer = store.begin_run(
            str(port.mode), now_ns(), f"reconcile {where(port)}", [], [], "", {}, {}, {}, {}, __version__,
            venue=port.venue, book=port.account,
        )  # fmt: skip
        with writer:
            orders = writer.live_orders()
            saved = orders.load()
            listed = await desk.orders(()).picture(saved.reconciled_ns or now_ns())
            symbols = {i.order.symbol for i in saved.intents} | {o.symbol for o in listed.orders}
            instruments = await must_find(desk, symbols | {symbol for _, symbol, _ in saved.positions})

            alert = Alerts(writer)
            venue = desk.orders(instruments)
            broker = VenueBroker(venue, orders, instruments, lambda client_id: ((), ""), alert)
            broker.muted = True
            broker.accounts.restore(saved)
            recovery = Recovery(broker, alert, port.recovery())
            recovery.start(saved, now_ns())
            try:
                found = await _read(recovery, alert)
                orders.settle(now_ns())
                charged = await book_charges(desk, writer, lambda words: alert("charges", words))
            except BaseException:
                _tell(alert.besides(()))  # what was booked is not found again by the next reading
                raise
            if charged:
                found.said["charged"] = [f"{charged:.2f} of commissions and fees"]
            _keep_worth(store, writer)
            return found


def _keep_worth(store: Store, writer: RunWriter) -> None:
    """What the account is worth after this, if every price is known: what was traded here belongs to its curve."""
    writer.flush()
    balances = store.balances(writer.book.name)
    rows = [row for row in positions_of(store, writer.book.name, balances) if row["quantity"]]
    if all(row["mark"] is not None for row in rows):
        held = sum((row["quantity"] * row["mark"] for row in rows), Decimal(0))
        writer.equity(now_ns(), float(balances.total(Account.CASH) + held))


async def _read(recovery: Recovery, alerts: Alerts) -> Found:
    """Until a reading finds nothing more."""
    broker = recovery.broker
    found = Found({}, {}, alerts)
    async for _ in patiently(recovery):
        findings = recovery.apply(await recovery.read(), now_ns())
        broker.on_events(now_ns(), ())
        _add(found, findings)
        found.uncertain = [_uncertain(broker, client_id) for client_id in findings.unsettled]
        if findings.agrees:
            found.agree = True
            break
    found.positions = {symbol: str(quantity) for symbol, quantity in broker.accounts.net().items()}
    found.cash = str(recovery.cash)
    return found


def _uncertain(broker: VenueBroker, client_id: str) -> str:
    """An order of ours of which the venue's lists cannot tell yet what became of it."""
    attempt = broker.accounts.attempts[client_id]
    wire, now = attempt.wire, clock(attempt.sent_ns, "UTC")
    return f"{wire.side} {wire.quantity} {wire.symbol} at {wire.limit}, sent {now} as {client_id}"


def _add(found: Found, findings: Findings) -> None:
    lines: dict[str, list[Any]] = {
        "booked": [f"{f.side} {f.quantity} {f.symbol} at {f.price} of {c}" for c, f in findings.fills],
        "settled": [f"{s.symbol} paid {s.value}" for s in findings.settlements],
        "never arrived": list(findings.never_arrived),
        "lost": list(findings.lost),
        "rests although it was over": [f"{c}: {o.side} {o.quantity} {o.symbol}" for c, o in findings.stray],
        "foreign fill": [f"{f.side} {f.quantity} {f.symbol} at {f.price}" for f in findings.foreign_fills],
        "adopted": [f"{o.side} {o.quantity} {o.symbol} at {o.limit}" for o in findings.adopt],
        "foreign order": [f"{o.side} {o.quantity} {o.symbol} at {o.limit}" for o in findings.foreign],
        "position differs": [f"{d.symbol}: the venue has {d.venue}, our books {d.ours}" for d in findings.different],
    }
    for what, new in lines.items():
        known = found.said.setdefault(what, [])
        known += [line for line in new if line not in known]
    found.said = {what: known for what, known in found.said.items() if known}
