"""Ctrl-C is Ctrl-C, whatever a library makes of it."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from pydantic import BaseModel, field_serializer

from engine.cli.interrupts import Interrupts


class Slow(BaseModel):
    """Somebody presses Ctrl-C while it is written."""

    value: int = 1

    @field_serializer("value")
    def _write(self, value: int) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return value


def test_an_interrupted_serialisation_is_an_interrupt_and_no_fault() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interrupts(signal.SIGINT):
        Slow().model_dump_json()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_without_an_interrupt_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), Interrupts(signal.SIGINT):
        1 / 0  # noqa: B018


def test_what_is_ignored_stays_ignored() -> None:
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts(signal.SIGINT):
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, old)


class Dropping:
    """Somebody presses Ctrl-C while it is thrown away, where Python drops every error."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_that_python_drops_comes_again() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts(signal.SIGINT):
        Dropping()
        threading.Event().wait(timeout=30)
