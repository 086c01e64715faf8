"""The runs that a test has made so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_roo_load.report.schema import RunRecord
from pytest_roo_load.session.plan import TestPlan

__all__ = ["Measured"]


@dataclass(slots=True, kw_only=True)
class Measured:
    """One attempt at a test that measures.

    Attributes:
        test: The test's name.
        plan: What its markers ask for.
        slug: Makes the names of its files.
        attempt: From 1; more than 1 when the test was run again.
        records: Its runs.
    """

    test: str
    plan: TestPlan
    slug: str
    attempt: int
    records: list[RunRecord] = field(default_factory=list)
