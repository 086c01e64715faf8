import subprocess
import sys

import pytest

import pytest_roo_load

DOCUMENTED = [
    "FeedExhausted", "LeakLimits", "OperationError", "Result", "RooLoadError", "UsageError", "User", "Verdict",
    "arrival_rate", "as_recorded", "constant_users", "csv_feed", "feedback_rate", "iterations", "json_lines_feed",
    "made_feed", "minutes", "observe", "poisson", "ramping_rate", "ramping_users", "recorded_trace", "replay",
    "seconds", "soak", "spike", "spiking_rate", "stairs",
]  # fmt: skip
HEAVY = ("numpy", "scipy", "asyncio", "uvloop", "aiohttp", "sqlalchemy", "pytest_roo_load.core")


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_public_names_are_the_documented_ones() -> None:
    assert pytest_roo_load.__all__ == DOCUMENTED
    assert dir(pytest_roo_load) == sorted(DOCUMENTED)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_public_name_loads_and_is_documented(name: str) -> None:
    thing = getattr(pytest_roo_load, name)

    assert thing.__name__ == name
    assert thing.__module__.startswith("pytest_roo_load.")
    assert thing.__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pytest_roo_load' has no attribute 'nonsense'"):
        _ = pytest_roo_load.nonsense


def test_a_star_import_gives_exactly_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from pytest_roo_load import *", namespace)

    assert sorted(namespace.keys() - {"__builtins__"}) == sorted(DOCUMENTED)


def test_importing_the_package_imports_next_to_nothing() -> None:
    code = f"import sys, pytest_roo_load; print([name for name in {HEAVY!r} if name in sys.modules])"

    assert fresh(code) == "[]"
    assert fresh(code.replace("import sys", "import sys, numpy", 1)) != "[]", "the check can fail"
