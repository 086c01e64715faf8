"""Passwords in URLs are not shown."""

from __future__ import annotations

import pytest

from pytest_roo_load.core.passwords import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("postgresql://user:pa:ss@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("redis://:p@ss@host:6379/0", "redis://:***@host:6379/0"),
        ("no url at all", "no url at all"),
        ("postgresql:///shop?user=u&password=s3cret", "postgresql:///shop?user=u&password=***"),
        ("postgresql://h:1/shop?password=s3:c@r#et&user=u", "postgresql://h:1/shop?password=***&user=u"),
        ("postgresql://u:one@h/shop?sslpassword=two", "postgresql://u:***@h/shop?sslpassword=***"),
        ("redis://h/0?PASSWORD=s3cret", "redis://h/0?PASSWORD=***"),
        ("host=h password=s3cret dbname=d", "host=h password=*** dbname=d"),
        ("postgresql:///shop?passfile=/home/u/.pgpass", "postgresql:///shop?passfile=/home/u/.pgpass"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
