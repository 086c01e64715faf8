"""The benchmarks, in the order of the document: `benchmarks.suite.NAME` has `measure()`."""

from __future__ import annotations

__all__ = ["BENCHMARKS"]

BENCHMARKS = (
    "http_rate",
    "generators",
    "idle_users",
    "websocket_echo",
    "websocket_idle",
    "recording",
    "start_up",
    "streaming",
    "postgres_rate",
    "redis_rate",
    "file_sync",
    "proxy",
    "toxics",
    "ccs",
)
