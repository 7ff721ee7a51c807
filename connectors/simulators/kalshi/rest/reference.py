"""What surrounds markets: occasions (milestones) with their live state, competitors (structured targets), search
filters, incentives. All of it follows from the listings and from how far their markets have come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.call import Call
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.model import Event, Market
from connectors.simulators.kalshi.core.units import UnitError, parse_time, show_time
from connectors.simulators.kalshi.paging import page
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

OCCASION = "occurrence_datetime"  # the field of a market that says when what it is about happens
_PERIODS = ("all", "active", "upcoming", "closed", "paid_out")
_PROGRAMS = ("all", "liquidity", "volume", "margin_maker_volume", "margin_taker_volume")


# Milestones


def milestones(venue: Venue, call: Call) -> Reply:
    if call.text("limit") is None:
        raise call.bad("limit", "required")
    earliest, updated = _moment(call, "minimum_start_date"), call.time("min_updated_ts")
    wanted = {name: call.text(name) for name in ("category", "type", "source_id")}
    competition, related = call.text("competition"), call.text("related_event_ticker")
    found = [
        shown
        for event in venue.floor.events.values()
        if (shown := _milestone(venue, event, call.now)) is not None
        and all(value in (None, shown.get(name)) for name, value in wanted.items())
        and competition in (None, _competition(event))
        and related in (None, event.ticker)
        and (earliest is None or parse_time(shown["start_date"]) >= earliest)
        and (updated is None or event.updated_ns > updated)
    ]
    key = call.limit(100, 500), call.text("cursor")
    listed, cursor = page(found, lambda m: (parse_time(m["start_date"]), m["id"]), *key, newest_first=False)
    return Reply(200, {"milestones": listed, "cursor": cursor})


def milestone(venue: Venue, call: Call) -> Reply:
    return Reply(200, {"milestone": _find_milestone(venue, call.path["milestone_id"], call.now)})


def _find_milestone(venue: Venue, milestone_id: str, now: int) -> render.Json:
    for event in venue.floor.events.values():
        if _milestone_id(venue, event) == milestone_id:
            found = _milestone(venue, event, now)
            if found is not None:
                return found
    raise not_found()


def _milestone_id(venue: Venue, event: Event) -> str:
    return venue.floor.ids.of("milestone", event.ticker)


def _milestone(venue: Venue, event: Event, now: int) -> render.Json | None:
    """None for an event whose markets do not say when it happens."""
    members = [m for m in venue.floor.markets.values() if m.event_ticker == event.ticker]
    starts = [str(m.info[OCCASION]) for m in members if m.info.get(OCCASION)]
    if not starts:
        return None
    series = venue.floor.series[event.series_ticker]
    start = min(parse_time(text) for text in starts)
    over = all(m.over for m in members)
    return {
        "id": _milestone_id(venue, event),
        "category": series.info["category"],
        "type": f"{_sport(series.info).lower().replace(' ', '_')}_match",
        "start_date": show_time(start),
        "end_date": show_time(max(m.updated_ns for m in members)) if over else None,
        "related_event_tickers": [event.ticker],
        "primary_event_tickers": [event.ticker],
        "title": event.info["title"],
        "notification_message": "",
        "source_ids": {},
        "details": _state(members, start, now),
        "last_updated_ts": show_time(max(event.updated_ns, *(m.updated_ns for m in members))),
    }


def _state(members: list[Market], start: int, now: int) -> render.Json:
    if all(m.over for m in members):
        winners = [m.info["yes_sub_title"] for m in members if m.result == "yes"]
        return {"status": "closed"} | ({"winner": winners[0]} if winners else {})
    return {"status": "scheduled" if now < start else "live"}


def _sport(info: Any) -> str:
    """The first tag of a series says the sport."""
    return str((info.get("tags") or [info["category"]])[0])


def _competition(event: Event) -> str | None:
    metadata = event.info.get("product_metadata") or {}
    return metadata.get("competition")


def _moment(call: Call, name: str) -> int | None:
    text = call.text(name)
    try:
        return parse_time(text) if text is not None else None
    except UnitError as error:
        raise VenueError(400, "invalid_parameters", f"{name}: {error}") from None


# Live data


def live_milestone(venue: Venue, call: Call) -> Reply:
    found = _find_milestone(venue, call.path["milestone_id"], call.now)
    if call.path.get("type") not in (None, found["type"]):
        raise not_found()
    return Reply(200, {"live_data": _live(found)})


def live_batch(venue: Venue, call: Call) -> Reply:
    """Those that there are of the milestones asked for."""
    ids = call.query.get("milestone_ids") or []
    events = {_milestone_id(venue, event): event for event in venue.floor.events.values()}
    found = (_milestone(venue, events[i], call.now) for i in ids[:100] if i in events)
    return Reply(200, {"live_datas": [_live(m) for m in found if m is not None]})


def _live(found: render.Json) -> render.Json:
    return {"type": found["type"], "details": found["details"], "milestone_id": found["id"]}


def game_stats(venue: Venue, call: Call) -> Reply:
    """No play is recorded here: what the venue answers for kinds of milestones that it has none for."""
    _find_milestone(venue, call.path["milestone_id"], call.now)
    return Reply(200, {})


def live_event(venue: Venue, call: Call) -> Reply:
    """Only some kinds of events (coins, commodities, weather) have any, and none of those are here."""
    raise not_found()


def weather(venue: Venue, call: Call) -> Reply:
    raise VenueError(400, "invalid_parameters", f"there is no weather index of {call.path['city']}")


# Structured targets


def targets(venue: Venue, call: Call) -> Reply:
    ids, kind, competition = call.query.get("ids"), call.text("type"), call.text("competition")
    found = [
        t
        for t in _targets(venue)
        if (not ids or t["id"] in ids)
        and kind in (None, t["type"])
        and competition in (None, t["details"].get("competition"))
    ]
    size = call.integer("page_size", 1, 2000) or 100
    shown, cursor = page(found, lambda t: (0, t["id"]), size, call.text("cursor"), newest_first=False)
    return Reply(200, {"structured_targets": shown, "cursor": cursor})


def target(venue: Venue, call: Call) -> Reply:
    found = next((t for t in _targets(venue) if t["id"] == call.path["structured_target_id"]), None)
    if found is None:
        raise not_found()
    return Reply(200, {"structured_target": found})


def _targets(venue: Venue) -> Iterable[render.Json]:
    """Whom the structured strikes of markets name, each once."""
    named: dict[str, render.Json] = {}
    for market in venue.floor.markets.values():
        if market.info.get("strike_type") != "structured":
            continue
        competition = _competition(venue.floor.events[market.event_ticker])
        for kind, target_id in (market.info.get("custom_strike") or {}).items():
            named.setdefault(
                target_id,
                {
                    "id": target_id,
                    "name": market.info["yes_sub_title"],
                    "type": kind,
                    "details": {"competition": competition} if competition else {},
                    "source_ids": {},
                    "last_updated_ts": show_time(market.created_ns),
                },
            )
    return named.values()


# Search and incentives


def tags(venue: Venue, call: Call) -> Reply:
    by_category: dict[str, list[str]] = {}
    for series in venue.floor.series.values():
        known = by_category.setdefault(series.info["category"], [])
        known += [tag for tag in series.info.get("tags") or () if tag not in known]
    return Reply(200, {"tags_by_categories": by_category})


def sports(venue: Venue, call: Call) -> Reply:
    """By the metadata of events: ``competition`` and ``competition_scope``."""
    filters: dict[str, render.Json] = {}
    for event in venue.floor.events.values():
        metadata, info = event.info.get("product_metadata") or {}, venue.floor.series[event.series_ticker].info
        if "competition" not in metadata:
            continue
        details = filters.setdefault(_sport(info), {"scopes": [], "competitions": {}})
        scopes = details["competitions"].setdefault(metadata["competition"], {"scopes": []})["scopes"]
        scope = metadata.get("competition_scope", "Games")
        for known in (scopes, details["scopes"]):
            if scope not in known:
                known.append(scope)
    return Reply(200, {"filters_by_sports": filters, "sport_ordering": sorted(filters)})


def incentives(venue: Venue, call: Call) -> Reply:
    """Nobody is paid for trading here."""
    call.choice("status", _PERIODS)
    call.choice("type", _PROGRAMS)
    call.limit(100, 10_000)
    return Reply(200, {"incentive_programs": [], "next_cursor": ""})


# Members of other kinds


def fcm(venue: Venue, call: Call) -> Reply:
    """All users here are direct members."""
    raise VenueError(403, "forbidden", "for FCM members only")
