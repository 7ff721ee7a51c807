"""Metrics for Prometheus: what the engine that runs has told of itself, and how the service is used.

The figures of a run begin at zero with it, as counters of a process do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from engine.market.meter import OUTCOMES as REQUEST_OUTCOMES
from engine.service.desk import WORKER, Heard, is_up

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PROVIDERS: Final = ("kalshi", "tradier", "polygon")
OUTCOMES: Final = ("generated", "approved", "blocked", "options_blocked")
Figures = Callable[[], Mapping[str, Heard]]

_GAUGES: Final = {
    "active_trades": "Positions that are open.",
    "open_orders": "Entry orders under way.",
    "halted": "1 while entries are halted.",
    "equity": "Cash and positions at their last prices, in dollars.",
    "cash": "Cash, in dollars.",
    "realised": "Profit made since the run began, after fees, in dollars.",
    "last_tick": "Market time of the last tick, in seconds since 1970.",
}
_GAUGE_NAMES: Final = {
    "equity": "equity_dollars", "cash": "cash_dollars", "realised": "realised_profit_dollars",
    "last_tick": "last_tick_timestamp_seconds",
}  # fmt: skip
_COUNTERS: Final = {
    "ticks": ("ticks", "Ticks that were decided on."),
    "events": ("market_events", "Market events in those ticks."),
    "halts": ("halts", "How often entries were halted."),
    "data_notes": ("market_data_notes", "Late, repeated or odd market data."),
    "fees": ("fees_dollars", "Fees paid, in dollars."),
}
_LABELLED: Final = {
    "orders": ("orders", "Orders that were wanted.", ("leg", "side")),
    "updates": ("order_updates", "News of orders from the broker.", ("state",)),
    "fills": ("fills", "Executions.", ("leg", "side")),
}


disable_created_metrics()  # type: ignore[no-untyped-call]  # series that nobody charts


class ServiceMetrics:
    """``seen`` counts the requests of the service itself; ``text`` is everything in Prometheus' own format."""

    def __init__(self, figures: Figures) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "autotrader_api_requests", "Requests that the service answered.", ("method", "route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "autotrader_api_request_seconds", "How long they took, in seconds.", ("method", "route"),
            registry=self._registry,
        )  # fmt: skip
        self._registry.register(_Processes(figures))

    def seen(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Processes:
    """A collector over the figures that processes have told."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        told = self._figures()
        up = GaugeMetricFamily("autotrader_process_up", "1 while a process goes on.", labels=["process"])
        age = GaugeMetricFamily(
            "autotrader_process_figures_age_seconds", "How old the last figures of a process are.", labels=["process"]
        )
        for process in sorted({WORKER, *told}):
            seconds, body = told.get(process, (float("inf"), {}))
            up.add_metric([process], float(is_up((seconds, body))))
            age.add_metric([process], seconds)
        yield up
        yield age
        yield from _requests(told.values())
        worker = told.get(WORKER, (0.0, {}))[1]
        yield _signals(worker)
        yield from _run(worker)

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before it is asked for."""
        return []


def _requests(told: Iterable[tuple[float, Mapping[str, Any]]]) -> Iterable[Metric]:
    counts: dict[str, dict[str, int]] = {provider: {} for provider in PROVIDERS}
    for _, body in told:
        for provider, outcome, count in body.get("requests", ()):
            outcomes = counts.setdefault(provider, {})
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    for provider, outcomes in counts.items():
        family = CounterMetricFamily(
            f"autotrader_{provider}_request", f"Requests to {provider}, by how they ended.", labels=["outcome"]
        )
        for outcome, count in sorted({**dict.fromkeys(REQUEST_OUTCOMES, 0), **outcomes}.items()):
            family.add_metric([outcome], count)
        yield family


def _signals(worker: Mapping[str, Any]) -> Metric:
    labels = ["pack", "setup", "outcome"]
    family = CounterMetricFamily("autotrader_signal", "Signals and what became of them.", labels=labels)
    counts = {(pack, setup, outcome): 0 for pack, setup in worker.get("strategies", ()) for outcome in OUTCOMES}
    counts |= {(pack, setup, outcome): count for pack, setup, outcome, count in worker.get("outcomes", ())}
    for values, count in sorted(counts.items()):
        family.add_metric([*values], count)
    return family


def _run(worker: Mapping[str, Any]) -> Iterable[Metric]:
    """What the run says; what it does not know is not told as a number."""
    for key, text in _GAUGES.items():
        gauge = GaugeMetricFamily(f"autotrader_{_GAUGE_NAMES.get(key, key)}", text)
        value = worker.get(key)
        if value is not None:
            gauge.add_metric([], float(value))
        yield gauge
    for key, (name, text) in _COUNTERS.items():
        counter = CounterMetricFamily(f"autotrader_{name}", text)
        if key in worker:
            counter.add_metric([], worker[key])
        yield counter
    for key, (name, text, labels) in _LABELLED.items():
        family = CounterMetricFamily(f"autotrader_{name}", text, labels=labels)
        for *values, count in worker.get(key, ()):
            family.add_metric(values, count)
        yield family
    yield _durations(worker.get("tick_seconds"))


def _durations(told: Mapping[str, Any] | None) -> Metric:
    family = HistogramMetricFamily("autotrader_tick_seconds", "From market events to orders on their way, in seconds.")
    if told is not None:
        buckets: list[tuple[str, float]] = []
        total = 0
        bounds: Sequence[str] = [*(repr(bound) for bound in told["buckets"]), "+Inf"]
        for bound, count in zip(bounds, told["counts"], strict=True):
            total += count
            buckets.append((bound, total))
        family.add_metric([], buckets, told["sum"])
    return family
