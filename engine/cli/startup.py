"""What every start says in the log: which exchange, who takes the orders, where they are kept."""

from __future__ import annotations

from collections.abc import Sequence

from loguru import logger

from state import Place


def log_runtime_mode(
    environment: str, execution_mode: str, api_base_url: str, store: Place, packs: Sequence[str]
) -> None:
    """``runtime_mode_resolved``: said once, before anything is opened or connected.

    ``execution_mode`` is what this run does (``paper`` for a paper run, whatever the settings say).
    """
    logger.bind(
        mode=environment, execution_mode=execution_mode, api_base_url=api_base_url, store=str(store),
        packs=",".join(packs),
    ).info("runtime_mode_resolved")  # fmt: skip


def log_client_connected(venue: str, environment: str, base_url: str) -> None:
    """``kalshi_client_connected``, or another venue's: said when it has answered, with the address that did."""
    logger.bind(environment=environment, base_url=base_url).info(f"{venue}_client_connected")
