"""The names and versions of what a run directory holds."""

from __future__ import annotations

__all__ = ["RESULT_SCHEMA", "RUN_SCHEMA"]

RESULT_SCHEMA = "pytest-roo-load/result/1"
RUN_SCHEMA = "pytest-roo-load/run/1"
