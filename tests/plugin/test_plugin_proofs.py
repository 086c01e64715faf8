"""Scenarios of the phase fail where they have to: a server is made wrong, and the very same test finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STRESS = ROOT / "tests" / "phase_3_3_2" / "test_3_3_2_3_stress.py"
HASTY = """
    import asyncio

    import asyncpg
    import pytest


    async def acknowledge_early(url):
        connection = await asyncpg.connect(url)
        await connection.execute("ALTER DATABASE postgres SET synchronous_commit = off")
        await connection.execute("ALTER SYSTEM SET wal_writer_delay = '700 ms'")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()


    @pytest.fixture(autouse=True, scope="session")
    def hasty(postgres):
        asyncio.run(acknowledge_early(postgres.url))
"""


def test_a_database_that_acknowledges_before_it_commits_fails_the_cascade(pytester: pytest.Pytester) -> None:
    """PostgreSQL says that a transaction is committed up to two seconds before it is in the log."""
    pytester.makepyfile(hasty=HASTY)
    asked = ("--roo-scale=quick", "-p", "hasty", "-p", "no:cacheprovider", f"--roo-directory={pytester.path}")
    outcome = pytester.runpytest_subprocess(
        "-c", str(ROOT / "pyproject.toml"), f"{STRESS}::test_cascading_failure", *asked, timeout=120
    )
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*every acknowledged element is there, once*: * lost*"])
