"""Everything broken at once on the real stack, and pytest killed in the middle of it: nothing remains."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import psutil
from keeper_lab import eventually, groups, listens, memory_groups_refused, new_run, runs

from pytest_roo_load.core.faults.schedule import Moment, Schedule
from pytest_roo_load.core.faults.toml import VERBS
from pytest_roo_load.keeper.launch import DEFAULT_RECIPES

MENDING = {"resume", "heal"}


def everything(at: Moment) -> Schedule:
    """Every verb that breaks, in an order in which each can still take hold; the last ones stop, silence and kill."""
    return (
        at.terminate_backends().at(0).demote(duration="100 ms")
        .at(0.2).slow("ccs", latency="50 ms")
        .at(0.2).throttle("ccs", rate="1 MB").at(0.2).lose("ccs", rate="5 %")
        .at(0.2).slice("ccs", size="100 B").at(0.2).corrupt("ccs", rate="1 %")
        .at(0.2).close_slowly("ccs", delay="1 s").at(0.2).close_after("ccs", size="1 MB")
        .at(0.2).partition("redis").at(0.2).stall("redis").at(0.2).reset("redis")
        .at(0.2).cut("postgres")
        .at(0.2).duplicate("telemetry", rate="5 %").at(0.2).reorder("telemetry", rate="5 %")
        .at(0.2).pause_replication().at(0.2).lock_tables().at(0.2).fill_memory()
        .at(0.2).take_connections("redis", count=20)
        .at(0.2).drop_packets("redis", rate="1 %").at(0.2).pace("redis", rate="1 MB")
        .at(0.2).break_connections("ccs-linked")
        .at(0.2).hog_cpu(share="5 %").at(0.2).hog_memory(size="10 MB").at(0.2).hog_disk()
        .at(0.8).fill_connections()
        .at(1.5).limit_files("postgres").at(1.5).fill_disk("redis").at(1.5).limit_memory("redis", spare="50 MB")
        .at(1.8).pause_clients(duration="60 s").at(1.8).limit_cpu("ccs-linked", share="50 %")
        .at(1.8).quota_cpu("ccs-linked", share="50 %").at(1.8).quota_memory("postgres", spare="50 MB")
        .at(2.2).block(duration="60 s")
        .at(2.4).crash_loop("ccs-linked", times=50, every="1 s")
        .at(2.6).pause("postgres-1").at(2.6).restart("links")
        .at(2.8).kill("redis").at(2.8).terminate("links")
    )  # fmt: skip


def open_datagrams(control: str, name: str) -> None:
    link = {"name": name, "server": "127.0.0.1:9", "datagrams": True}
    with urllib.request.urlopen(f"{control}/links", json.dumps(link).encode(), timeout=5) as answer:
        assert answer.status == 201


def test_no_limit_proxy_paused_process_or_file_remains() -> None:
    schedule = everything(Schedule().at(0))
    assert {fault.verb for fault in schedule.faults} == set(VERBS) - MENDING
    with new_run(DEFAULT_RECIPES) as run:
        client = run.client()
        client.ensure("ccs-linked")
        client.ensure("postgres-standby")
        open_datagrams(client.ensure("links").url, "telemetry")
        urls = [info.url for info in client.services().values()]
        (keeper,) = run.keeper_pids()
        seen: set[int] = set()

        def all_begun() -> bool:
            seen.update(child.pid for child in psutil.Process(keeper).children(recursive=True))
            return all(one.began_s is not None for one in client.faults())

        assert all(map(listens, urls))
        allowed = [one for one in schedule.faults if one.verb != "quota_memory" or not memory_groups_refused()]
        client.begin_faults(time.monotonic(), allowed)
        assert eventually(all_begun, within_s=20)
        run.kill_owner()
        assert eventually(lambda: not run.folder.exists() and not [pid for pid in seen | {keeper} if runs(pid)])
        assert not any(map(listens, urls))
        assert not list(Path("/dev/shm").glob(f"*{run.folder.name}*"))
        assert not groups(run)
