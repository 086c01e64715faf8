"""The runs that a test has made so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.result import Result
from pytest_roo_load.report.schema import RunRecord
from pytest_roo_load.report.searches import SearchRecord
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
        findings: What checkers found in histories that belong to no run.
        not_offered: What the target does not offer of that which the test needs, with the answers that it gave.
        searches: Its searches for a capacity; their steps are not among the runs.
    """

    test: str
    plan: TestPlan
    slug: str
    attempt: int
    records: list[RunRecord] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    searches: list[SearchRecord] = field(default_factory=list)

    def note(self, found: Finding, source: object) -> None:
        """Note what a checker found: of the run whose result the history came from, else of the test itself."""
        for place, record in enumerate(self.records):
            if isinstance(source, Result) and record.result and record.result.values is source.values:
                result = replace(record.result, findings=(*record.result.findings, found))
                self.records[place] = replace(record, result=result)
                return
        self.findings.append(found)
