"""Where pytest's objects carry ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_roo_load.session.measured import Measured
    from pytest_roo_load.session.plan import TestPlan
    from pytest_roo_load.session.run import Run

__all__ = ["measured_key", "plan_key", "report_key", "run_key"]

run_key: pytest.StashKey[Run] = pytest.StashKey()
plan_key: pytest.StashKey[TestPlan] = pytest.StashKey()
measured_key: pytest.StashKey[Measured] = pytest.StashKey()
report_key: pytest.StashKey[Path] = pytest.StashKey()
