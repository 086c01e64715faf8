"""Phase 3.3.2.2: high volumes: files, commands, users, a database, thousands of WebSockets, a message queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_roo_load.fixtures.ccs_workloads import Commands, FileSync, MassUsers
    from pytest_roo_load.fixtures.chaos import Faults
    from pytest_roo_load.fixtures.workloads import MessageQueue, PostgresStress, WebSocketSwarm
    from pytest_roo_load.session.scale import Scale

pytestmark = pytest.mark.high_volume

STATEMENTS = 10_000
MESSAGES = 50_000
COMMANDS = 1_500
USERS = 500


@pytest.mark.scenario("large-files")
@pytest.mark.needs("files", "file sync")
def test_large_files(file_sync: FileSync, scale: Scale) -> None:
    """A file is uploaded, cut off and resumed; four devices fetch it; then it changes, and two devices disagree."""
    size = scale(quick="150 MB", standard="150 MB", soak="4 GB")
    result = file_sync.run(size=size, devices=5, max_duration="60 min")
    assert result.fact("downloads") == 4
    assert result.fact("uploads cut and resumed") == 2


@pytest.mark.scenario("bulk-commands")
@pytest.mark.needs("commands", "websocket")
def test_bulk_commands(commands: Commands, scale: Scale) -> None:
    """Users queue commands of mixed priorities in bulk, their devices execute them."""
    count = scale(quick=3 * COMMANDS, standard=12_000, soak=99_000)
    result = commands.run(count=count, bulk=300, users=5, max_duration="30 min")
    assert int(result.fact("commands with their effect") or 0) == count >= COMMANDS


@pytest.mark.scenario("commands-crash")
@pytest.mark.needs("commands", "websocket")
def test_commands_survive_crashes(commands: Commands, faults: Faults, scale: Scale) -> None:
    """The server dies with commands in its hands, and then Redis."""
    duration = scale(quick="18 s", standard="25 s", soak="5 min")
    outage = faults.at("1 s").kill("ccs").then_after("1 s").restart("ccs")
    outage = outage.then_after("2 s").kill("redis").then_after("1 s").restart("redis")
    result = commands.run(bulk=20, users=5, duration=duration, faults=outage)
    assert int(result.fact("commands with their effect") or 0) >= COMMANDS


@pytest.mark.scenario("mass-users")
@pytest.mark.needs("batch users")
def test_mass_users(mass_users: MassUsers, scale: Scale) -> None:
    """Hundreds of users are created, changed, logged in, deactivated and deleted, in batches and at the same time."""
    count = scale(quick=USERS, standard=2_000, soak=50_000)
    result = mass_users.run(count=count, batch=100, managers=5, max_duration="60 min")
    assert result.fact("users: delete") == count


@pytest.mark.scenario("database")
def test_mixed_statements_over_a_pool(postgres_stress: PostgresStress, scale: Scale) -> None:
    """32 clients share 16 connections: reads by key and by range, joins, and pgbench's writing transactions."""
    duration = scale(quick="8 s", standard="30 s", soak="10 min")
    result = postgres_stress.run("mixed", clients=32, pool=16, rate="700/s", duration=duration)
    assert result.count >= STATEMENTS


@pytest.mark.scenario("database-contention")
@pytest.mark.parametrize("workload", ["hot_row", "serializable"])
def test_contention(postgres_stress: PostgresStress, scale: Scale, workload: str) -> None:
    """Everybody wants the same rows; what the server aborts is retried, and the invariants hold."""
    duration = scale(quick="2 s", standard="8 s", soak="5 min")
    result = postgres_stress.run(workload, clients=12, duration=duration)
    assert int(result.fact("commits") or 0) > 0


@pytest.mark.scenario("websockets")
def test_websockets(websocket_swarm: WebSocketSwarm, scale: Scale) -> None:
    """Thousands of devices are connected, five of each user: what one sends reaches the other four."""
    connections = scale(quick=1_000, standard=2_500, soak=10_000)
    connect_over = scale(quick="6 s", standard="15 s", soak="2 min")
    duration = scale(quick="5 s", standard="15 s", soak="10 min")
    result = websocket_swarm.run(
        connections=connections, connect_over=connect_over, duration=duration, devices=5, interval="2 s"
    )
    assert result.fact("connections") == connections


@pytest.mark.scenario("message-queue")
def test_message_queue(message_queue: MessageQueue, scale: Scale) -> None:
    """A consumer dies with messages in its hands, and some messages nobody can process."""
    messages = scale(quick=MESSAGES, standard=200_000, soak=5_000_000)
    result = message_queue.run(messages=messages, rate="10000/s", crashes=1, poison=10, max_duration="30 min")
    assert int(result.fact("messages delivered") or 0) >= messages  # one may come again from a consumer that was slow
    assert result.fact("dead letters") == 10
    assert int(result.fact("messages left by consumers that crashed") or 0) > 0
