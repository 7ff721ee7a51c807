"""The exchange itself: whether it is open, its hours, and how fresh what it says of our account is."""

from __future__ import annotations

from connectors.kalshi.models.fields import Answer, Instant, Shard


class ShardStatus(Answer):
    """One shard of the exchange. A market lives on one shard, and needs money there."""

    exchange_index: Shard
    description: str = ""
    exchange_active: bool
    trading_active: bool
    intra_exchange_transfers_active: bool | None = None


class ExchangeStatus(Answer):
    """``exchange_active`` false: nothing can be changed, not even cancelled; ``trading_active`` false: cancels only."""

    exchange_active: bool
    trading_active: bool
    intra_exchange_transfers_active: bool | None = None
    exchange_estimated_resume_time: Instant | None = None
    exchange_index_statuses: tuple[ShardStatus, ...] = ()

    def of_shard(self, index: int | None) -> tuple[bool, bool]:
        """(exchange active, trading active) of one shard; the whole exchange's where its shard is not listed."""
        for shard in self.exchange_index_statuses:
            if shard.exchange_index == index:
                return shard.exchange_active, shard.trading_active
        return self.exchange_active, self.trading_active


class Session(Answer):
    """Hours of one day, HH:MM in New York."""

    open_time: str
    close_time: str


class WeeklySchedule(Answer):
    """Hours in force from ``start_time`` to ``end_time``."""

    start_time: Instant
    end_time: Instant
    monday: list[Session]
    tuesday: list[Session]
    wednesday: list[Session]
    thursday: list[Session]
    friday: list[Session]
    saturday: list[Session]
    sunday: list[Session]


class MaintenanceWindow(Answer):
    """When the exchange may be away."""

    start_datetime: Instant
    end_datetime: Instant


class Schedule(Answer):
    standard_hours: list[WeeklySchedule]
    maintenance_windows: list[MaintenanceWindow]


class ScheduleAnswer(Answer):
    schedule: Schedule


class UserDataTimestamp(Answer):
    """When what portfolio reads say was last brought up to date."""

    as_of_time: Instant
