"""What run.json tells of a run's command."""

from __future__ import annotations

from pathlib import Path

from pytest_roo_load.session.facts import beginning


def test_the_command_has_no_password_wherever_a_url_has_it(tmp_path: Path) -> None:
    arguments = [
        "--roo-postgres=postgresql:///shop?user=u&password=s3cret",
        "--roo-redis",
        "redis://h/0?password=s3cret",
        "-o",
        "roo_target=http://u:s3cret@h",
    ]
    command = beginning(tmp_path, 1, "quick", arguments)["command"]
    assert "s3cret" not in command
    assert command.startswith("pytest --roo-postgres=postgresql:///shop?user=u&password=*** --roo-redis redis://h/0?")
