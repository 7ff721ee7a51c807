"""The service does what its OpenAPI document says, whatever it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from engine.service.tokens import Scope

ROUTES = 22  # that the document must have at least


def test_every_route_answers_as_documented(tmp_path: Path, make_service: Any) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    from schemathesis.specs.openapi import checks as openapi

    schemathesis.checks.load_all_checks()
    checks = [
        schemathesis.checks.not_a_server_error, openapi.status_code_conformance, openapi.content_type_conformance,
        openapi.response_schema_conformance, openapi.ignored_auth,
    ]  # fmt: skip
    made = make_service(tmp_path, open_reads=False, wait=60)
    made.engine()
    headers = made.bearer(*Scope)
    try:
        schema = schemathesis.openapi.from_asgi("/openapi.json", made.app)
        operations = [result.ok() for result in schema.get_all_operations()]
        assert len(operations) >= ROUTES
        for operation in operations:
            _try(operation, headers, checks)
    finally:
        made.close()


def _try(operation: Any, headers: dict[str, str], checks: list[Any]) -> None:
    # Nothing is too slow here: sizes and the clock of a busy machine are not what is tried.
    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def answers(case: Any) -> None:
        response = case.call(headers=headers)
        case.validate_response(response, checks=checks)

    answers()
