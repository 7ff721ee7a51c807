"""What the tests of the Kalshi connector share: a clock that is commanded, keys, a scripted venue, the recordings."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.hosts import Environment, venue_hosts
from connectors.kalshi.sign import Signer
from connectors.transport.clock import Clock

START_NS = 1_790_000_000_000_000_000


@dataclass
class FakeTime:
    """Time that passes only by sleeping; ``slept`` are the seconds of every sleep."""

    elapsed: float = 0.0
    slept: list[float] = field(default_factory=list)
    draw: float = 1.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.elapsed += seconds

    @property
    def clock(self) -> Clock:
        return Clock(
            now_ns=lambda: START_NS + int(self.elapsed * 1e9),
            monotonic=lambda: self.elapsed,
            sleep=self.sleep,
            jitter=lambda: self.draw,
        )


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture(scope="session")
def key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


@pytest.fixture
def signer(key: ed25519.Ed25519PrivateKey) -> Signer:
    return Signer("0a1b2c3d-0000-4000-8000-000000000000", key)


Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers in order, the last one for ever; keeps what was asked."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, httpx.Response):
            return answer(request)
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(r.content) if r.content else None for r in self.requests]


@pytest.fixture
def venue(signer: Signer, fake_time: FakeTime) -> Callable[..., tuple[KalshiRest, Script]]:
    """``venue(answer, …)``: a client whose network gives these answers in order, and the script that gives them."""

    def make(*answers: Answer) -> tuple[KalshiRest, Script]:
        script = Script(answers)
        hosts = venue_hosts(Environment.DEMO)
        rest = KalshiRest(hosts, signer, clock=fake_time.clock, transport=httpx.MockTransport(script))
        return rest, script

    return make


@pytest.fixture(scope="session")
def kalshi_data(shared_data: Path) -> Path:
    """The venue's specifications and recordings; a test that needs them is skipped where they are absent."""
    folder = shared_data / "kalshi"
    if not folder.is_dir():
        pytest.skip("the recordings of the venue are not here: they are expected at ../shared/data/kalshi")
    return folder


@pytest.fixture(scope="session")
def recorded(kalshi_data: Path) -> Callable[[str], tuple[int, str]]:
    """``recorded("orders__cancel_v2")``: status and body of a recorded answer."""
    folder = kalshi_data / "recorded-demo-2026-06-11"

    def read(name: str) -> tuple[int, str]:
        meta = json.loads((folder / f"{name}.meta.json").read_text(encoding="utf-8"))
        return meta["status"], (folder / f"{name}.json").read_text(encoding="utf-8")

    return read


@pytest.fixture(scope="session")
def market_record() -> Callable[..., dict[str, Any]]:
    """A market as REST tells it, of the form of October 2026; keyword arguments replace fields."""

    def make(**fields: Any) -> dict[str, Any]:
        return {**_MARKET, **fields}

    return make


_MARKET: dict[str, Any] = {
    "ticker": "KXATPMATCH-26NOV21AAABBB-AAA", "event_ticker": "KXATPMATCH-26NOV21AAABBB", "market_type": "binary",
    "yes_sub_title": "A. Aaa", "no_sub_title": "A. Aaa", "created_time": "2026-11-20T05:12:22.338653Z",
    "updated_time": "2026-11-20T05:39:31.28563Z", "open_time": "2026-11-20T05:39:29Z",
    "close_time": "2026-12-05T16:00:00Z", "latest_expiration_time": "2026-12-05T16:00:00Z",
    "settlement_timer_seconds": 60, "status": "active", "result": "", "can_close_early": True,
    "yes_bid_dollars": "0.4700", "yes_bid_size_fp": "3.00", "yes_ask_dollars": "0.5200", "yes_ask_size_fp": "3.00",
    "no_bid_dollars": "0.4800", "no_ask_dollars": "0.5300", "last_price_dollars": "0.5000",
    "previous_yes_bid_dollars": "0.0000", "previous_yes_ask_dollars": "0.0000", "previous_price_dollars": "0.0000",
    "volume_fp": "2.00", "volume_24h_fp": "1.00", "open_interest_fp": "2.00", "notional_value_dollars": "1.0000",
    "settlement_bounds_type": "default", "expiration_value": "", "rules_primary": "If A. Aaa wins …",
    "rules_secondary": "", "price_level_structure": "linear_cent",
    "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}], "exchange_index": 3,
}  # fmt: skip
