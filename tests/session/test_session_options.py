"""One table makes flag, ini key, variable and help."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.options import OPTIONS


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_names_are_ours_in_every_form(option: object) -> None:
    assert getattr(option, "flag").startswith("--roo-")  # noqa: B009
    assert getattr(option, "key").startswith("roo_")  # noqa: B009
    assert getattr(option, "variable").startswith("ROO_")  # noqa: B009
    assert getattr(option, "help").endswith(".")  # noqa: B009


def test_a_postgres_of_ones_own_gets_no_standby(pytester: pytest.Pytester, tmp_path: Path) -> None:
    from pytest_roo_load.keeper.client import Keeper, KeeperSettings  # noqa: PLC0415
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415
    from pytest_roo_load.session.links import OwnLinks  # noqa: PLC0415
    from pytest_roo_load.session.stack import STANDBY, Stack  # noqa: PLC0415

    config = read_config(pytester.parseconfig("--roo-postgres=postgresql://127.0.0.1:1/shop"))
    never_made = Path("/nowhere")  # a folder of the test may have too long a path for a keeper
    keeper = Keeper(KeeperSettings(folder=never_made, owner_pid=os.getpid(), logs=tmp_path))
    with pytest.raises(UsageError, match=r"fixture postgres_standby: only the embedded PostgreSQL gets a standby"):
        Stack(config, keeper, OwnLinks(config, keeper, None, 0)).service(STANDBY)


def test_precedence_is_flag_then_variable_then_ini(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415

    pytester.makeini("[pytest]\nroo_generators = 2\nroo_allow_remote =\n    a.example\n    b.example")
    config = read_config(pytester.parseconfig())
    assert (config.generators, config.places["generators"]) == (2, "ini key roo_generators")
    assert config.allow_remote == ("a.example", "b.example")
    monkeypatch.setenv("ROO_GENERATORS", "3")
    monkeypatch.setenv("ROO_ALLOW_REMOTE", "c.example,d.example")
    config = read_config(pytester.parseconfig())
    assert (config.generators, config.places["generators"]) == (3, "variable ROO_GENERATORS")
    assert config.allow_remote == ("c.example", "d.example")
    config = read_config(pytester.parseconfig("--roo-generators=4", "--roo-allow-remote=e", "--roo-allow-remote=f"))
    assert (config.generators, config.places["generators"]) == (4, "option --roo-generators")
    assert config.allow_remote == ("e", "f")


def test_what_is_not_set_has_its_documented_default(pytester: pytest.Pytester) -> None:
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415

    config = read_config(pytester.parseconfig())
    assert (config.scale, config.generators, config.fleet, config.target) == ("standard", None, "local", None)
    assert config.sla == pytester.path / "sla.toml"
    assert config.directory == pytester.path / ".roo"
    assert read_config(pytester.parseconfig("--pdb")).fleet == "inline"


@pytest.mark.parametrize(
    ("arguments", "asks"),
    [((), False), (("--roo-tasks",), True), (("--roo-allocations=3",), True), (("-o", "roo_tasks=no"), False)],
)
def test_targets_are_made_to_answer_when_there_is_something_to_ask(
    pytester: pytest.Pytester, arguments: tuple[str, ...], *, asks: bool
) -> None:
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415

    config = read_config(pytester.parseconfig(*arguments))
    assert config.asks_target is asks
    assert config.tasks is ("--roo-tasks" in arguments)
    with pytest.raises(UsageError, match="ini key roo_tasks: neither yes nor no: 'maybe'"):
        read_config(pytester.parseconfig("-o", "roo_tasks=maybe"))


def test_a_remote_host_needs_its_name(pytester: pytest.Pytester) -> None:
    from pytest_roo_load.errors import UsageError  # noqa: PLC0415
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415

    with pytest.raises(UsageError, match=r"load would leave this machine.*--roo-allow-remote db\.example"):
        read_config(pytester.parseconfig("--roo-postgres=postgresql://u:secret@db.example/x"))
    allowed = read_config(
        pytester.parseconfig("--roo-postgres=postgresql://db.example/x", "--roo-allow-remote=db.example")
    )
    assert allowed.postgres == "postgresql://db.example/x"


def test_a_number_of_instances_has_a_range(pytester: pytest.Pytester) -> None:
    from pytest_roo_load.errors import UsageError  # noqa: PLC0415
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415

    assert read_config(pytester.parseconfig("--roo-instances=3")).instances == 3
    for wrong in ("0", "17", "two"):
        with pytest.raises(UsageError, match=r"--roo-instances.*a whole number from 1 to 16"):
            read_config(pytester.parseconfig(f"--roo-instances={wrong}"))


def account(**changes: object) -> dict[str, object]:
    ids = {"user_id": "00000000-0000-4000-8000-000000000001", "device_id": "00000000-0000-4000-8000-000000000002"}
    return {**ids, "email": "a@example.org", "password": "secret-1", "token": "secret-2", **changes}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_accounts_come_from_the_file(pytester: pytest.Pytester, encoding: str) -> None:
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415

    (pytester.path / "accounts.json").write_text(json.dumps([account()]), encoding=encoding)
    config = read_config(pytester.parseconfig("--roo-accounts=accounts.json"))
    assert [one.email for one in config.accounts] == ["a@example.org"]
    assert "secret" not in repr(config)
    assert read_config(pytester.parseconfig()).accounts == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "option --roo-accounts: No such file or directory: 'accounts.json'"),
        (b"\xff", "option --roo-accounts: cannot be read: 'accounts.json'"),
        (json.dumps([account(email=7)], indent=1).encode(), "accounts.json:5: not an account: 'email is int'"),
    ],
)
def test_accounts_that_cannot_be_used(pytester: pytest.Pytester, content: bytes | None, message: str) -> None:
    from pytest_roo_load.errors import UsageError  # noqa: PLC0415
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415

    if content is not None:
        (pytester.path / "accounts.json").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_config(pytester.parseconfig("--roo-accounts=accounts.json"))
    assert str(caught.value).startswith(message)


def test_websockets_stay_on_this_machine_too(pytester: pytest.Pytester) -> None:
    from pytest_roo_load.errors import UsageError  # noqa: PLC0415
    from pytest_roo_load.session.config import read_config  # noqa: PLC0415

    assert read_config(pytester.parseconfig("--roo-target-ws=ws://127.0.0.1:1/x")).target_ws == "ws://127.0.0.1:1/x"
    with pytest.raises(UsageError, match=r"option --roo-target-ws: load would leave this machine"):
        read_config(pytester.parseconfig("--roo-target-ws=wss://ws.example"))
    with pytest.raises(UsageError, match=r"allowed: ws://HOST:PORT or wss://HOST:PORT"):
        read_config(pytester.parseconfig("--roo-target-ws=http://127.0.0.1:1"))
