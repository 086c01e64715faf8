from __future__ import annotations

import pytest

from pytest_roo_load.core.target import meant, target_among

OURS, THEIRS = ("ccs", "redis", "generator"), ("generator", "target")


@pytest.mark.parametrize(("names", "name"), [(OURS, "ccs"), (THEIRS, "target"), ((), "ccs")])
def test_the_target_is_known_by_the_name_in_use(names: tuple[str, ...], name: str) -> None:
    assert target_among(names) == name


@pytest.mark.parametrize("written", [None, "ccs", "target"])
def test_both_names_and_none_mean_the_target(written: str | None) -> None:
    assert (meant(written, OURS), meant(written, THEIRS)) == ("ccs", "target")


@pytest.mark.parametrize("written", ["redis", "generator", "nginx"])
def test_other_names_mean_themselves(written: str) -> None:
    assert meant(written, OURS) == written
