from __future__ import annotations

import pytest

from pytest_roo_load.ccs.errors import SettingsError
from pytest_roo_load.ccs.settings import OPTIONS, read_settings

SERVICES = {"CCS_DATABASE": "postgresql://postgres@/postgres?host=/tmp/x", "CCS_REDIS": "unix:///tmp/r.sock"}
SECRET = "s" * 32


def test_defaults_are_those_of_production() -> None:
    settings = read_settings([], SERVICES)
    assert (settings.bcrypt_cost, settings.pool_size, settings.port) == (12, 20, 0)
    assert (settings.access_ttl, settings.refresh_ttl) == (15 * 60, 7 * 24 * 3600)


def test_a_flag_wins_over_its_variable() -> None:
    environ = SERVICES | {"CCS_PORT": "1", "CCS_ENVIRONMENT": "stage"}
    settings = read_settings(["--port", "2"], environ)
    assert (settings.port, settings.environment) == (2, "stage")


def test_secret_and_instance_are_drawn_anew_when_not_given() -> None:
    first, second = read_settings([], SERVICES), read_settings([], SERVICES)
    assert first.jwt_secret != second.jwt_secret
    assert first.instance_id != second.instance_id


def test_all_problems_are_named_at_once_and_no_secret_with_them() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(["--jwt-secret", "hunter2", "--bcrypt-cost", "3"], {"CCS_PORT": "x"})
    assert len(caught.value.problems) == 5
    text = str(caught.value)
    assert "--bcrypt-cost must be a whole number from 4 to 16, not '3'" in text
    assert "CCS_PORT must be" in text
    assert "--database (or CCS_DATABASE) is required" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--database", "mysql://x"),
        ("--redis", "localhost:6379"),
        ("--port", "65536"),
        ("--pool-size", "0"),
        ("--startup-timeout", "inf"),
        ("--startup-timeout", "nan"),
        ("--instance-id", "a b"),
        ("--log-level", "loud"),
        ("--host", " "),
    ],
)
def test_a_value_out_of_range_is_refused(flag: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{flag} must be"):
        read_settings([flag, value], SERVICES)


def test_the_repr_keeps_the_secrets() -> None:
    settings = read_settings(["--jwt-secret", SECRET], SERVICES | {"CCS_DATABASE": "postgresql://u:pw@h/d"})
    assert SECRET not in repr(settings)
    assert "pw@" not in repr(settings)


def test_every_option_has_one_name_in_both_forms() -> None:
    assert {option.flag for option in OPTIONS} >= {"--database", "--redis", "--jwt-secret", "--bcrypt-cost"}
    assert all(option.variable == "CCS_" + option.flag[2:].replace("-", "_").upper() for option in OPTIONS)
