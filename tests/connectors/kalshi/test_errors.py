"""The four shapes of the venue's errors, as recorded, and what each says about an order."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from connectors.kalshi.errors import (
    ClockSkewError,
    DuplicateOrder,
    KalshiError,
    NotAuthorized,
    NotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    VenueUnavailable,
    batch_error,
    error_of,
)
from engine.market.venue import Outcome


def of(status: int, text: str, *, writes: bool = True, orders: bool = True) -> KalshiError:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    return error_of("POST /x", status, body, text, writes=writes, orders=orders)


@pytest.mark.parametrize(
    ("name", "kind", "code", "meaning"),
    [
        ("auth__bad_signature", NotAuthorized, "authentication_error", Outcome.REFUSED),
        ("auth__unknown_key_id", NotAuthorized, "authentication_error", Outcome.REFUSED),
        ("auth__missing_signature_header", NotAuthorized, "signature_is_missing_from_headers", Outcome.REFUSED),
        ("auth__skew_minus30s", ClockSkewError, "header_timestamp_expired", Outcome.REFUSED),
        ("auth__skew_plus5min", ClockSkewError, "header_timestamp_expired", Outcome.REFUSED),
        ("markets__limit_over_max", OrderRefused, "bad_request", Outcome.REFUSED),
        ("orders__duplicate_client_order_id", DuplicateOrder, "order_already_exists", Outcome.DUPLICATE),
        ("orders__reuse_canceled_client_id", DuplicateOrder, "order_already_exists", Outcome.DUPLICATE),
        ("orders__insufficient_balance", OrderRefused, "insufficient_balance", Outcome.REFUSED),
        ("orders__invalid_price_structure", OrderRefused, "invalid_price", Outcome.REFUSED),
        ("orders__post_only_cross", OrderRefused, "invalid_order", Outcome.REFUSED),
        ("orders__numeric_field_types", OrderRefused, "bad_request", Outcome.REFUSED),
        ("orders__cancel_unknown_id", NotFound, "not_found", Outcome.GONE),
        ("orders__cancel_executed", NotFound, "not_found", Outcome.GONE),
        ("orders__cancel_already_canceled", NotFound, "not_found", Outcome.GONE),
    ],
)
def test_recorded_errors_are_understood(
    recorded: Callable[[str], tuple[int, str]], name: str, kind: type[KalshiError], code: str, meaning: Outcome
) -> None:
    status, text = recorded(name)
    error = of(status, text)
    assert (type(error), error.status, error.code, error.meaning) == (kind, status, code, meaning)
    assert error.body == text
    assert code in str(error) or "Limit" in str(error)


def test_details_are_told() -> None:
    error = of(400, '{"error":{"code":"invalid_order","message":"invalid order","details":"post only cross"}}')
    assert str(error) == "POST /x: 400 invalid_order: invalid order: post only cross"
    assert error.details == "post only cross"


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (429, '{"error":"too many requests"}', RateLimited),
        (429, "<html>slow down</html>", RateLimited),
        (409, '{"error":{"code":"fill_or_kill_insufficient_resting_volume","message":"…"}}', OrderRefused),
        (410, '{"error":{"code":"deprecated_v1_order_endpoint","message":"…"}}', OrderRefused),
        (403, '{"code":"forbidden","message":"scope"}', NotAuthorized),
        (403, "<html>blocked</html>", OutcomeUnknown),
        (400, '{"strange":1}', OutcomeUnknown),
        (400, '{"error":{"code":"inv', OutcomeUnknown),
        (404, "Not Found", OutcomeUnknown),
        (302, "", OutcomeUnknown),
        (408, '{"error":{"code":"timeout"}}', OutcomeUnknown),
        (500, '{"error":{"code":"internal"}}', OutcomeUnknown),
        (502, "<html>Bad Gateway</html>", OutcomeUnknown),
        (503, '{"code":"unavailable","message":"later"}', OutcomeUnknown),
    ],
)
def test_only_what_the_venue_says_itself_is_certain(status: int, text: str, kind: type[KalshiError]) -> None:
    error = of(status, text)
    assert type(error) is kind
    if kind is OutcomeUnknown:
        assert error.meaning is Outcome.UNKNOWN
        assert "read the order list before asking again" in str(error)


@pytest.mark.parametrize(("status", "kind"), [(500, VenueUnavailable), (408, VenueUnavailable), (400, RequestRefused)])
def test_of_reads_nothing_is_unknown(status: int, kind: type[KalshiError]) -> None:
    assert type(of(status, "<html>", writes=False, orders=False)) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("order_already_exists", DuplicateOrder),
        ("not_found", NotFound),
        ("insufficient_balance", OrderRefused),
        ("internal_server_error", OutcomeUnknown),
        ("", OutcomeUnknown),
    ],
)
def test_orders_of_a_batch_fail_each_for_itself(code: str, kind: type[KalshiError]) -> None:
    assert type(batch_error("POST /x", {"code": code, "message": ""})) is kind


def test_a_long_page_is_cut_in_the_message_and_kept_for_the_log() -> None:
    error = of(502, "<html>" + "x" * 5000)
    assert len(str(error)) < 500
    assert len(error.body) == 5006
