"""Who is connected, what they are subscribed to, and what they are told as time passes. No I/O."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.simulators.polygon.messages import CHANNELS, Message, minute_message, second_messages
from connectors.simulators.polygon.units import MINUTE, NANOS
from connectors.simulators.polygon.vendor import Vendor

FULL = (
    "Maximum number of websocket connections exceeded. You have reached the connection limit for your account. "
    "Please contact support to increase it."
)
POLICY = 1008


def status(kind: str, words: str) -> Message:
    """A status message."""
    return {"ev": "status", "status": kind, "message": words}


@dataclass(eq=False)
class Client:
    """One connection. ``say`` sends messages as one frame, ``end`` closes with a code and a reason."""

    cluster: str
    say: Callable[[Sequence[Message]], None]
    end: Callable[[int, str], None]
    known: bool = False
    channels: dict[str, set[str]] = field(default_factory=dict)  # tickers by channel; * for all


class Hub:
    """The websockets of a vendor. ``advance`` tells what has happened since it was last called."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.clients: list[Client] = []
        self._told = vendor.now() // NANOS * NANOS  # seconds that begin before it have been told
        self._minutes = self._told // MINUTE * MINUTE  # minutes that begin before it have been told

    def enter(self, client: Client) -> None:
        """A new connection: the server speaks first."""
        self.clients.append(client)
        client.say([status("connected", "Connected Successfully")])

    def leave(self, client: Client) -> None:
        """A connection is gone."""
        if client in self.clients:
            self.clients.remove(client)

    def command(self, client: Client, text: str) -> None:
        """One frame of a client."""
        try:
            found: Any = json.loads(text)
            action, params = found["action"], str(found["params"])
        except (ValueError, KeyError, TypeError):
            client.say([status("error", "could not parse the message")])
            return
        if action == "auth":
            self._auth(client, params)
        elif not client.known:
            client.say([status("auth_required", "please authenticate first")])
        elif action in ("subscribe", "unsubscribe"):
            self._subscribe(client, params.split(","), action == "subscribe")
        else:
            client.say([status("error", f"unknown action {action}")])

    def _auth(self, client: Client, key: str) -> None:
        if not hmac.compare_digest(key.encode(), self.vendor.key.encode()):
            client.say([status("auth_failed", "authentication failed")])
            client.end(POLICY, "authentication failed")
            return
        if not self.vendor.includes(client.cluster):
            words = "Your plan doesn't include websocket access. Visit https://massive.com/pricing to upgrade."
            client.say([status("auth_failed", words)])
            client.end(POLICY, "no access")
            return
        client.known = True
        client.say([status("auth_success", "authenticated")])
        self._keep_to_limit(client)

    def _keep_to_limit(self, newest: Client) -> None:
        """Handshake and key succeed beyond the limit, too; then one of the connections is cut off."""
        same = [client for client in self.clients if client.known and client.cluster == newest.cluster]
        if len(same) > self.vendor.options.connections:
            out = newest if self.vendor.options.evict_newest else same[0]
            out.say([status("max_connections", FULL)])
            out.end(POLICY, "max_connections")

    def _subscribe(self, client: Client, names: list[str], on: bool) -> None:
        answers: list[Message] = []
        for name in dict.fromkeys(filter(None, (name.strip() for name in names))):
            channel, _, ticker = name.partition(".")
            if channel not in CHANNELS[client.cluster] or not ticker:
                continue  # passed over in silence
            tickers = client.channels.setdefault(channel, set())
            if not on:
                tickers.discard(ticker)
                answers.append(status("success", f"unsubscribed to: {name}"))
            elif not self.vendor.includes(channel, ticker):
                answers.append(status("error", "not authorized"))
            elif ticker not in tickers:
                tickers.add(ticker)
                answers.append(status("success", f"subscribed to: {name}"))
        if answers:
            client.say(answers)

    # -- time

    def advance(self) -> None:
        """Tell everything that is over by now and was not told."""
        now = self.vendor.now()
        last = now // NANOS * NANOS
        lag = self.vendor.options.lag_ns
        while self._told < last:
            second, self._told = self._told, self._told + NANOS
            self._tell_second(second)
            if self._minutes + MINUTE + lag <= self._told:
                self._tell_minute(self._minutes)
                self._minutes += MINUTE

    def _tell_second(self, start: int) -> None:
        for client in self._known():
            messages = []
            for channel in ("A", "T", "Q", "V"):
                for ticker in self._tickers(client, channel):
                    for row in self.vendor.tape.seconds(ticker, start, start + NANOS):
                        messages += second_messages(ticker, row, channel, self.vendor.tape)
            if messages:
                client.say(messages)

    def _tell_minute(self, start: int) -> None:
        for client in self._known():
            messages = []
            for ticker in self._tickers(client, "AM"):
                row = self.vendor.tape.minute(ticker, start)
                if row is not None:
                    messages.append(minute_message(ticker, row, self.vendor.tape))
            if messages:
                client.say(messages)

    def _known(self) -> list[Client]:
        return [client for client in self.clients if client.known]

    def _tickers(self, client: Client, channel: str) -> list[str]:
        wanted = client.channels.get(channel, set())
        if "*" not in wanted:
            return sorted(wanted)
        prefix = {"indices": "I:", "options": "O:"}.get(client.cluster, "")
        return [t for t in self.vendor.tape.tickers if (t.startswith(prefix) if prefix else ":" not in t)]
