"""The limits in the documentation are the ones that hold."""

import re

from doc_blocks import ROOT

from pytest_roo_load.core.validity import CHECKS, LIMITS


def test_the_published_limits_and_remedies_are_the_ones_that_hold() -> None:
    page = (ROOT / "docs" / "validity.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .+? \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(check.key, check.shown(getattr(LIMITS, check.key)), check.remedy) for check in CHECKS]
