"""Run directories as a run would leave them, small and made from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_roo_load.core.histogram import Histogram

JSON = dict[str, Any]
OPERATIONS = ("POST /auth/login", "POST /conversations/:id/messages", "ws command device_sync")
STARTED = "2026-11-23T22:15:00+00:00"


@dataclass(frozen=True, kw_only=True)
class Load:
    """What `run_dict` makes up a run from: `slowness` multiplies latencies, `failing` is the share that fails."""

    users: int = 10
    seconds: int = 20
    warm_up: int = 5
    slowness: float = 1.0
    failing: float = 0.0
    per_second: int = 40
    silent: tuple[int, ...] = ()  # seconds in which nothing ended


def statistics(latencies: Sequence[float], errors: dict[str, int], duration: float) -> JSON:
    """A STAT of the schema from its samples."""
    histogram = Histogram()
    histogram.add(list(latencies))
    failed = sum(errors.values())
    ended = histogram.count + failed
    quantiles = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
    return {
        "count": ended,
        "succeeded": histogram.count,
        "failed": failed,
        "interrupted": 0,
        "throughput": histogram.count / duration if duration else 0.0,
        "error_rate": failed / ended if ended else None,
        "mean": histogram.mean,
        "min": histogram.minimum if histogram.count else None,
        "max": histogram.maximum if histogram.count else None,
        **{name: histogram.percentile(q) for name, q in quantiles.items()},
        "intervals": {name: histogram.interval(quantiles[name]) for name in ("p50", "p95", "p99")},
        "errors": {
            kind: {"count": count, "exemplar": f"{kind}: the <server> said & did nothing\n  at line 3"}
            for kind, count in errors.items()
        },
        "histogram": histogram.to_dict(),
    }


def objective_dict(text: str, measured: float | None, limit: float, **rest: Any) -> JSON:
    """An objective of the schema; verdict and margin follow from `measured` and the operator in its text."""
    operator = next(operator for operator in ("<=", ">=", "<", ">") if f" {operator} " in text)
    holds = measured is not None and (measured < limit if operator.startswith("<") else measured >= limit)
    distance = None if measured is None else (limit - measured) * (1 if operator.startswith("<") else -1)
    return {
        "text": text,
        "source": "sla.toml:12",
        "metric": text.split(maxsplit=1)[0],
        "dimension": "time",
        "of": None,
        "phase": "steady",
        "operator": operator,
        "limit": limit,
        "measured": measured,
        "interval": None,
        "margin": None if distance is None else distance / limit,
        "samples": 0,
        "verdict": "no data" if measured is None else "pass" if holds else "fail",
        "reason": "no operation ended in steady" if measured is None else "",
        **rest,
    }


def _latencies(load: Load, draw: random.Random, second: int) -> list[float]:
    if second in load.silent:
        return []
    stall = 6.0 if second == load.seconds // 2 else 1.0
    succeeding = sum(draw.random() >= load.failing for _ in range(load.per_second))
    return [draw.lognormvariate(-4.4, 0.5) * load.slowness * stall for _ in range(succeeding)]


def _timeline(load: Load, samples: Sequence[Sequence[float]], draw: random.Random) -> JSON:
    histograms = []
    for latencies in samples:
        histogram = Histogram()
        histogram.add(list(latencies))
        histograms.append(histogram)
    seconds = range(len(samples))
    processes = {"ccs": (180e6, 0.35), "postgres": (96e6, 0.2), "redis": (14e6, 0.04), "generator": (70e6, 0.22)}
    return {
        "t": list(seconds),
        "phase": ["warm_up" if second < load.warm_up else "steady" for second in seconds],
        "users": [min(load.users, round(load.users * 2 * (t + 1) / (load.warm_up or 1))) for t in seconds],
        "throughput": [len(latencies) for latencies in samples],
        "failed": [0 if t in load.silent else load.per_second - len(samples[t]) for t in seconds],
        **{f"p{q}": [histogram.percentile(q) for histogram in histograms] for q in (50, 95, 99)},
        "resources": {
            name: {
                "memory": [round(memory * (1 + 0.2 * t / len(samples))) for t in seconds],
                "cpu": [None if t == 0 else cpu * draw.uniform(0.8, 1.2) for t in seconds],
            }
            for name, (memory, cpu) in processes.items()
        },
    }


def _phase(name: str, load: Load, start: int, samples: Sequence[Sequence[float]]) -> JSON:
    latencies = [latency for second in samples for latency in second]
    failed = sum(load.per_second - len(second) for second in samples if second)
    errors = {"timeout": failed - failed // 3, "status 500": failed // 3} if failed else {}
    share = len(OPERATIONS)
    return {
        "name": name,
        "start": float(start),
        "duration": float(len(samples)),
        "users": load.users,
        "iterations": len(latencies) // share,
        "little": {"inside": 3.2, "explained": 3.1, "tolerance": 0.6, "holds": True},
        "statistics": statistics(latencies, errors, len(samples)),
        "operations": {
            operation: statistics(latencies[index::share], errors if index == 0 else {}, len(samples))
            for index, operation in enumerate(OPERATIONS)
        },
        "groups": {"round trip": statistics([latency * 2 for latency in latencies[::9]], {}, len(samples))},
        "checks": {"the answer names its sender": [len(latencies) // 4, 0]},
        "fairness": {
            "users": load.users,
            "least": 2,
            "p5": 3,
            "median": 4,
            "p95": 6,
            "most": 7,
            "gini": 0.12,
        },
    }


def run_dict(load: Load, *, number: int = 1, problems: Sequence[str] = ()) -> JSON:
    """A RUN of the schema whose figures follow from its samples."""
    draw = random.Random(load.users)
    samples = [_latencies(load, draw, second) for second in range(load.seconds + load.warm_up)]
    warm_up, steady = samples[: load.warm_up], samples[load.warm_up :]
    phases = [_phase("warm_up", load, 0, warm_up)] if load.warm_up else []
    phases.append(_phase("steady", load, load.warm_up, steady))
    figures = phases[-1]["statistics"]
    objectives = _objectives(figures, load)
    if problems:
        for objective in objectives:
            if objective["dimension"] == "time":
                objective.update(verdict="invalid", reason="; ".join(problems))
    verdicts = [objective["verdict"] for objective in objectives]
    return {
        "number": number,
        "journeys": {"collaborate": 1.0},
        "profile": f"{load.users} users for {load.seconds} s, after a warm-up of {load.warm_up} s",
        "fleet": "local x1",
        "seed": 1,
        "started_at": STARTED,
        "interval": [1000.0, 1000.0 + len(samples)],
        "live": f"live/users-{load.users}-1-1.ndjson",
        "verdict": next((word for word in ("fail", "invalid", "no data") if word in verdicts), "pass"),
        "problems": list(problems),
        "objectives": objectives,
        "phases": phases,
        "resources": {
            "ccs": {"memory_peak": 214_000_000, "cpu_mean": 0.347, "cores": 2, "looks": load.seconds},
            "postgres": {"memory_peak": 115_000_000, "cpu_mean": 0.2, "cores": 2, "looks": load.seconds},
            "redis": {"memory_peak": 16_700_000, "cpu_mean": None, "cores": 2, "looks": load.seconds},
        },
        "values": {"bytes synced": {"count": 120, "omitted": 0, "first": ["1048576", "2097152", "'n/a'"]}},
        "generators": [_generator(problems)],
        "timeline": _timeline(load, samples, draw),
        "spans": ({"warm_up": [0, load.warm_up]} if load.warm_up else {})
        | {"steady": [load.warm_up, load.warm_up + load.seconds]},
    }


def _objectives(figures: JSON, load: Load) -> list[JSON]:
    rate = figures["error_rate"]
    return [
        objective_dict(
            "p95 < 3 s", figures["p95"], 3.0, interval=figures["intervals"]["p95"], samples=figures["count"]
        ),
        objective_dict("error_rate < 1 %", rate, 0.01, dimension="ratio", samples=figures["count"]),
        objective_dict(
            "throughput > 1000 requests/min",
            figures["throughput"],
            1000 / 60,
            dimension="rate",
            samples=figures["count"],
        ),
        objective_dict(f"users >= {load.users}", float(load.users), float(load.users), dimension="count", samples=1),
        objective_dict("memory_peak < 500 MB", 214e6, 500e6, dimension="size", samples=load.seconds),
        objective_dict("cpu_mean < 70 %", 0.347, 0.7, dimension="ratio", samples=load.seconds),
    ]


def _generator(problems: Sequence[str]) -> JSON:
    return {
        "name": "local-0",
        "pid": 4242,
        "lag_p95_s": 0.31 if problems else 0.0021,
        "lag_max_s": 0.52 if problems else 0.0063,
        "starved": 0.02,
        "cpu": 0.99 if problems else 0.31,
        "gc_pause_max_s": 0.0011,
        "gc_share": 0.0004,
        "behind": None,
        "dropped": None,
    }


def result_dict(name: str, runs: Sequence[JSON], *, title: str = "", requirement: int | None = None) -> JSON:
    """A result file of the schema."""
    words = [run["verdict"] for run in runs]
    verdict = next((word for word in ("fail", "invalid", "no data") if word in words), "pass" if words else "no data")
    return {
        "schema": "pytest-roo-load/result/1",
        "test": {
            "id": f"tests/phase_3_3_2/test_concurrent_users.py::{name}",
            "name": name,
            "file": "tests/phase_3_3_2/test_concurrent_users.py",
            "line": 42,
            "attempt": 1,
            "worker": None,
            "outcome": "passed" if verdict == "pass" else "failed",
            "message": "" if verdict == "pass" else "AssertionError: the SLA was not met\n  p95 < 3 s",
            "scenario": {"name": name, "title": title, "requirement": requirement} if title else None,
        },
        "verdict": verdict,
        "runs": list(runs),
    }


def search_dict(*steps: tuple[float, str], found_by: str = "test_x") -> JSON:
    """A search for a capacity; a step is its rate and its outcome."""
    held = [rate for rate, outcome in steps if outcome == "holds"]
    failed = [rate for rate, outcome in steps if outcome == "fails"]
    return {
        "journeys": {"collaborate": 1.0},
        "profile": "10/s arrivals for 5 s, at most 100 users",
        "objectives": ["p95 < 3 s"],
        "tolerance": 0.1,
        "found_by": found_by,
        "verdict": "pass" if held else "invalid",
        "rate": max(held, default=None),
        "too_much": min(failed, default=None),
        "reason": "" if held else "3 steps were invalid",
        "steps": [
            {
                "rate": rate,
                "outcome": outcome,
                "reason": "" if outcome == "holds" else "p95 < 3 s: 4 s",
                "achieved": min(rate, 100.0),
                "throughput": min(rate, 100.0) * 2,
                "p95": 0.2 if outcome == "holds" else 4.0,
                "error_rate": 0.0,
                "lost": 0.0,
                "live": f"live/x-capacity-1-1-{number}.ndjson",
            }
            for number, (rate, outcome) in enumerate(steps, 1)
        ],
    }


def run_json(**changes: Any) -> JSON:
    """A run.json of the schema."""
    return {
        "schema": "pytest-roo-load/run/1",
        "id": "20261123-221500-1a2b3c",
        "started_at": STARTED,
        "finished_at": "2026-11-23T22:22:13+00:00",
        "status": "complete",
        "reason": "",
        "command": "pytest -m concurrent_users --roo-scale quick",
        "scale": "quick",
        "seed": 1234,
        "directory": ".roo/runs/20261123-221500-1a2b3c",
        "exit_status": 0,
        "environment": {
            "host": "build-7",
            "python": "CPython 3.11.9",
            "platform": "Linux-6.8.0-x86_64-with-glibc2.39",
            "kernel": "6.8.0-45-generic",
            "cpu_model": "AMD EPYC 7763 64-Core Processor",
            "cores": 2,
            "memory_bytes": 8_312_000_000,
            "plugin": "0.1.0",
            "packages": {"aiohttp": "3.14.5", "asyncpg": "0.32.0", "httptools": "0.9.0", "uvloop": "0.23.0"},
            "user": "ci",
        },
        "services": {
            "ccs": _service("http://127.0.0.1:41873", "0.1.0", 0.412),
            "postgres": {**_service("postgresql://127.0.0.1:40211/roo", "16.3", 1.93), "from_template": True},
            "redis": _service("redis://127.0.0.1:40212/0", "6.2.14", 0.08),
        },
        **changes,
    }


def _service(url: str, version: str, ready_s: float) -> JSON:
    pids = [4100, 4101]
    return {"url": url, "version": version, "ready_s": ready_s, "from_template": None, "embedded": True, "pids": pids}


def live_seconds(load: Load) -> list[JSON]:
    """The lines of the live file of the run that `run_dict` makes up from the same load."""
    draw = random.Random(load.users)
    lines = []
    for t in range(load.seconds + load.warm_up):
        latencies = _latencies(load, draw, t)
        operations = {}
        for index, name in enumerate(OPERATIONS):
            histogram = Histogram()
            histogram.add(latencies[index :: len(OPERATIONS)])
            operations[name] = {"ok": histogram.to_dict(), "failed": 0}
        phase = "warm_up" if t < load.warm_up else "steady"
        lines.append({"t": t, "phase": phase, "users": load.users, "operations": operations, "resources": {}})
    return lines


def write_live(directory: Path, load: Load) -> Path:
    """The live file of a run of this load."""
    (directory / "live").mkdir(exist_ok=True)
    path = directory / "live" / f"users-{load.users}-1-1.ndjson"
    path.write_text("".join(json.dumps(second) + "\n" for second in live_seconds(load)), encoding="utf-8")
    return path


def write(directory: Path, run: JSON, results: Sequence[JSON]) -> Path:
    """The run directory, on disk."""
    (directory / "results").mkdir(parents=True)
    (directory / "run.json").write_text(json.dumps(run), encoding="utf-8")
    for number, result in enumerate(results, 1):
        (directory / "results" / f"test-{number}-1.json").write_text(json.dumps(result), encoding="utf-8")
    return directory


LEVELS = {10: "10 users, baseline", 25: "25 users, normal use", 50: "50 users, high use", 100: "100 users, peak"}


def ramp() -> list[JSON]:
    """Four levels of users, the second one with a second without samples, all within their SLA."""
    loads = [
        Load(users=users, slowness=1 + users / 40, per_second=30 + users, silent=(12, 13) if users == 25 else ())
        for users in LEVELS
    ]
    return [
        result_dict(f"test_users[{load.users}]", [run_dict(load)], title=LEVELS[load.users], requirement=number)
        for number, load in enumerate(loads, 1)
    ]


def failing() -> JSON:
    """250 users who wait too long and meet errors."""
    load = Load(users=250, slowness=90.0, failing=0.04, per_second=140)
    return result_dict("test_users[250]", [run_dict(load)], title="250 users, peak", requirement=4)


def invalid() -> JSON:
    """A saturated generator."""
    problem = "generator local-0: used 99% of a core (limit 95%); use more generators (--roo-generators)"
    return result_dict("test_saturated", [run_dict(Load(users=40), problems=[problem])])
