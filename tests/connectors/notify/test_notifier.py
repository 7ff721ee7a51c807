"""Notifications over a real socket: what arrives, what is never in it, and that nobody waits for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("apprise")

from connectors.notify.notifier import Notifier
from connectors.notify.outbox import Kind, Message
from connectors.notify.redact import STARS, Redactor
from connectors.notify.targets import Address, NotifyError, Target, split_urls, targets_of


class Webhook:
    """Takes what is posted to it; ``refuses`` that many requests first."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.arrived = threading.Condition()
        self.refuses = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.arrived:
                    refused = outer.refuses > 0
                    outer.refuses -= refused
                    if not refused:
                        outer.got.append(json.loads(body))
                    outer.arrived.notify_all()
                self.send_response(500 if refused else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"json://127.0.0.1:{self.server.server_port}/secretpath123"
        self.address = Address("notify.urls, number 1", self.url)

    def wait(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, 20)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_it_arrives_without_secrets_and_only_what_was_asked_for(webhook: Webhook) -> None:
    redact = Redactor(["key-id-0001"], [webhook.url])
    notifier = Notifier(targets_of([webhook.address]), [Kind.ERRORS], 10, redact)
    notifier.tell(Kind.TRADES, "filled", "nobody asked for trades")
    notifier.tell(Kind.ERRORS, "key-id-0001 refused", f"{webhook.url} and key-id-0001")
    webhook.wait(1)
    assert notifier.close() == 0
    (got,) = webhook.got
    assert got["title"] == f"{STARS} refused"
    assert got["message"] == f"{STARS} and {STARS}"
    assert got["type"] == "failure"


def test_a_target_that_fails_is_tried_again_and_said_once(webhook: Webhook) -> None:
    webhook.refuses = 1
    said: list[str] = []
    ticking = iter(range(0, 10_000, 10))  # every look at the clock is ten seconds later, so that no pause is waited for
    notifier = Notifier(
        targets_of([webhook.address]), list(Kind), 10, Redactor(), said.append, lambda: float(next(ticking))
    )
    notifier.tell(Kind.HALTS, "halted", "too much")
    webhook.wait(1)
    assert notifier.close() == 0
    assert said == ["notifications to json 1 fail", "notifications to json 1 are back"]


def test_telling_never_waits_and_a_target_that_hangs_holds_up_no_other(webhook: Webhook) -> None:
    hangs, let_go = threading.Event(), threading.Event()

    def hang(message: Message) -> bool:
        hangs.set()
        let_go.wait(20)
        return True

    notifier = Notifier([Target("hangs 1", hang), *targets_of([webhook.address])], list(Kind), 10, Redactor())
    for number in range(500):
        notifier.tell(Kind.TRADES, f"filled {number}", "text")
    assert hangs.wait(20)
    webhook.wait(1)
    assert notifier.close(0.0) > 0, "what did not arrive is counted"
    let_go.set()


def test_an_exception_of_a_library_is_a_failure_and_no_end() -> None:
    tries = 0

    def broken(message: Message) -> bool:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("token in here")
        return True

    ticking = iter(range(0, 10_000, 10))
    said: list[str] = []
    notifier = Notifier(
        [Target("odd 1", broken)], list(Kind), 10, Redactor(), said.append, lambda: float(next(ticking))
    )
    notifier.tell(Kind.ERRORS, "a", "b")
    assert notifier.close(20.0) == 0
    assert tries == 2
    assert "token" not in " ".join(said)


def test_a_wrong_address_is_named_and_not_shown() -> None:
    with pytest.raises(NotifyError, match=r"notify\.urls, number 2: no address") as error:
        targets_of(split_urls("json://127.0.0.1:9/, nonsense-with-secret", "notify.urls"))
    assert "nonsense" not in str(error.value)
    with pytest.raises(NotifyError, match=r"discord\.webhook_url: no address"):
        targets_of([*split_urls("json://127.0.0.1:9/", "notify.urls"), Address("discord.webhook_url", "nonsense")])
    assert [address.url for address in split_urls("json://a, tgram://b/c,", "it")] == ["json://a", "tgram://b/c"]
