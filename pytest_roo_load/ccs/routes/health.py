"""Health and metrics: the only answers outside of the envelope."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aiohttp import web

from pytest_roo_load.ccs.envelope import plain
from pytest_roo_load.ccs.errors import CacheError
from pytest_roo_load.ccs.services import SERVICES, Services

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

try:
    _VERSION = version("pytest-roo-load")
except PackageNotFoundError:  # run from a source tree that was never installed
    _VERSION = "0"


async def health(request: web.Request) -> web.Response:
    """Answer whether this instance can serve: 200 healthy, or 503 degraded when the database does not answer."""
    services = request.app[SERVICES]
    good = not services.gate.draining and await _database_answers(services)
    return plain(_summary(services, good=good), 200 if good else 503)


async def detailed(request: web.Request) -> web.Response:
    """Answer as `health` does, with every service and the figures so far; Redis counts too."""
    services = request.app[SERVICES]
    database, redis = await asyncio.gather(_database_answers(services), _redis_answers(services))
    durations = services.metrics.all_durations()
    requests, errors = services.metrics.requests.total(), services.metrics.errors()
    body = _summary(services, good=database and redis) | {
        "services": {"database": _word(good=database), "redis": _word(good=redis), "api": _word(good=True)},
        "metrics": {
            "memory": services.process.usage().memory_bytes,
            "requests": {"total": requests, "errors": errors, "errorRate": errors / requests if requests else 0},
            "responseTime": {
                "average": durations.total_s / durations.count if durations.count else None,
                "p95": durations.percentile(95),
                "p99": durations.percentile(99),
            },
        },
    }
    return plain(body, 200 if database and redis else 503)


async def process_metrics(request: web.Request) -> web.Response:
    """Answer memory in bytes, CPU time in seconds and the event loop's lag in seconds."""
    services = request.app[SERVICES]
    usage = services.process.usage()
    return plain(
        {
            "memory": {"resident_bytes": usage.memory_bytes},
            "cpu": {"seconds": usage.cpu_s},
            "event_loop": {"lag_seconds": services.process.lag_s},
            "websocket": {"connections": len(services.hub)},
            "uptime": _uptime(services),
        }
    )


async def prometheus(request: web.Request) -> web.Response:
    """Answer everything counted, as Prometheus text."""
    services = request.app[SERVICES]
    usage = services.process.usage()
    text = services.metrics.exposition(
        {
            "ccs_websocket_connections": ("Open WebSockets.", len(services.hub)),
            "ccs_database_connections_in_use": ("Busy database connections.", services.database.in_use()),
            "ccs_commands_running": ("Commands claimed and not ended.", services.commands.running()),
            "ccs_requests_in_flight": ("Requests that are being answered.", services.gate.in_flight),
            "ccs_rate_limited_total": ("Requests beyond a rate limit.", services.rates.refused),
            "ccs_audit_events_lost_total": ("Audit events that could not be kept.", services.audit.lost),
            "ccs_draining": ("1 while the instance is about to stop.", services.gate.draining),
            "ccs_database_connections_limit": ("Database connections at most.", services.settings.pool_size),
            "process_open_fds": ("Open descriptors.", services.process.descriptors()),
            "ccs_event_loop_lag_seconds": ("How late the event loop last was.", services.process.lag_s),
            "ccs_uptime_seconds": ("Time since the start.", _uptime(services)),
            "process_resident_memory_bytes": ("Resident memory.", usage.memory_bytes),
            "process_cpu_seconds_total": ("CPU time used.", usage.cpu_s),
        }
    )
    return web.Response(body=text.encode(), headers={"Content-Type": _PROMETHEUS})


ROUTES = (
    web.get("/health", health),
    web.get("/health/detailed", detailed),
    web.get("/health/metrics", process_metrics),
    web.get("/metrics", prometheus),
)


def _summary(services: Services, *, good: bool) -> dict[str, Any]:
    return {
        "status": "healthy" if good else "degraded",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "uptime": _uptime(services),
        "version": _VERSION,
        "environment": services.settings.environment,
    }


def _uptime(services: Services) -> float:
    return round(asyncio.get_running_loop().time() - services.started, 3)


def _word(*, good: bool) -> str:
    return "healthy" if good else "unhealthy"


async def _database_answers(services: Services) -> bool:
    return bool(await services.probe.get("database"))


async def _redis_answers(services: Services) -> bool:
    try:
        await services.cache.ping()
    except CacheError:
        return False
    return True
