"""A pytest run that uses nothing of ours."""

from __future__ import annotations

import subprocess
import sys

import pytest

FRAME = ("plugins:", "rootdir:", "platform ")  # pytest's own lines, which name the plugin and the folder


def test_prints_and_makes_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass")
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-v")
    outcome.assert_outcomes(passed=1)
    rest = [line for line in outcome.outlines if "roo-load" in line and not line.startswith(FRAME)]
    assert rest == []
    assert not (pytester.path / ".roo").exists()


def test_an_argument_that_is_called_like_a_fixture_of_ours_is_none(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("capacity", [1, 2])
        def test_other(capacity):
            assert capacity
    """)
    outcome = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    outcome.assert_outcomes(passed=2)
    assert not (pytester.path / ".roo").exists()


@pytest.mark.parametrize("module", ["numpy", "scipy", "uvloop", "httptools", "aiohttp", "asyncpg", "jinja2", "psutil"])
def test_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, pytest_roo_load.plugin, pytest_roo_load.fixtures.load; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_has_every_option(pytester: pytest.Pytester) -> None:
    from pytest_roo_load.session.options import OPTIONS  # noqa: PLC0415

    text = pytester.runpytest_subprocess("--help").stdout.str()
    for option in OPTIONS:
        assert option.flag in text
        assert option.variable in text.replace("\n", " ")
    markers = pytester.runpytest_subprocess("--markers").stdout.str()
    assert all(f"@pytest.mark.{name}" in markers for name in ("sla(", "scenario(", "concurrent_users"))
