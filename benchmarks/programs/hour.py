"""A generator's hour of recording, and its run's, as fast as it goes: ``python -m benchmarks.programs.hour [SECONDS]``.

Prints one JSON line: CPU nanoseconds for each sample (taking it, folding it with the others of its second, sending and
writing the second), and resident megabytes of the generator and of the run by the minute.
"""

from __future__ import annotations

import json
import pickle
import random
import sys
import tempfile
from pathlib import Path
from time import process_time

import psutil

from pytest_roo_load.core.recording import Recording
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.engine.spool import Spool

RATE, OPERATIONS = 20_000, 50
NAMES = [f"GET /operations/{number}" for number in range(OPERATIONS)]
_MINUTE = 60
_ROUND = range(RATE // OPERATIONS)


def latencies() -> list[float]:
    """As many as an operation has in a second, spread as latencies are."""
    chance = random.Random(1)
    return [chance.lognormvariate(-5.0, 0.7) for _ in _ROUND]


def take(recorder: PhaseRecorder, values: list[float]) -> None:
    """What clients do for every operation of a second."""
    for name in NAMES:
        for value in values:
            slot = recorder.slot(name)
            slot.started += 1
            slot.ok.append(value)


def nothing(values: list[float]) -> None:
    """The same without recording."""
    for _name in NAMES:
        for _value in values:
            pass


def resident_mb() -> float:
    """This process's memory."""
    return round(psutil.Process().memory_info().rss / 1e6, 1)


def generator(seconds: int) -> tuple[dict[str, float], list[float], Second]:
    """A generator's part: take, fold and send; what each costs a sample, memory by the minute, and the last second."""
    recorder, memory = PhaseRecorder("steady"), []
    taking = folding = sending = 0.0
    for t in range(seconds):
        values = latencies()
        began = process_time()
        nothing(values)
        idle = process_time()
        take(recorder, values)
        taken = process_time()
        second = recorder.collect(t, "steady")
        folded = process_time()
        pickle.dumps(second, protocol=pickle.HIGHEST_PROTOCOL)
        taking += (taken - idle) - (idle - began)
        folding += folded - taken
        sending += process_time() - folded
        if not (t + 1) % _MINUTE:
            memory.append(resident_mb())
    whole = Recording()
    whole.merge(recorder.recording)
    samples = sum(tally.ok.count for tally in whole.phase("steady").operations.values())
    if samples != seconds * RATE:
        raise RuntimeError(f"{samples} of {seconds * RATE} samples were recorded")
    each = {"take_ns": taking, "fold_ns": folding, "send_ns": sending}
    return {name: used / samples * 1e9 for name, used in each.items()}, memory, second


def run(seconds: int, second: Second) -> tuple[float, list[float]]:
    """The run's part: write every second to disk; what that costs a sample, and memory by the minute."""
    memory, began = [], process_time()
    for minute in range(seconds // _MINUTE):
        with tempfile.TemporaryDirectory() as folder, Spool(Path(folder) / "live") as spool:
            for t in range(minute * _MINUTE, (minute + 1) * _MINUTE):
                second.t = t
                spool.write(second)
        memory.append(resident_mb())
    return (process_time() - began) / (seconds * RATE) * 1e9, memory


def main(seconds: int) -> dict[str, object]:
    """Both parts."""
    each, memory, second = generator(seconds)
    writing, later = run(seconds, second)
    return {**each, "write_ns": writing, "generator_mb": memory, "run_mb": later}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3600)))
