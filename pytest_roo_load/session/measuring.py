"""What the fixtures do: prepares a test, makes a run, notes it."""

from __future__ import annotations

import secrets
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest

from pytest_roo_load.core.early_end import EarlyEnd, check_condition
from pytest_roo_load.core.faults.phases import with_faults
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.core.ports import Probe, Snapshots
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.target import target_among
from pytest_roo_load.core.units import duration
from pytest_roo_load.engine.fleet.inline import InlineFleet
from pytest_roo_load.engine.fleet.local import LocalFleet
from pytest_roo_load.engine.fleet.strategy import Fleet
from pytest_roo_load.engine.fleet.workers import WorkerFleet
from pytest_roo_load.engine.journeys import check_journeys, pack
from pytest_roo_load.engine.recorder import MAX_NAMES, OTHER
from pytest_roo_load.engine.runner import Load, perform
from pytest_roo_load.engine.shard import Shard
from pytest_roo_load.errors import RooLoadError, RooLoadWarning, ServiceError, UsageError
from pytest_roo_load.monitor.processes import ProcessProbe
from pytest_roo_load.report.schema import RunRecord
from pytest_roo_load.session.facts import now
from pytest_roo_load.session.faults import FollowingProbe, check_schedule, injector_of, trees_of
from pytest_roo_load.session.gate import MEASURING, plan_key
from pytest_roo_load.session.hooks import run_of
from pytest_roo_load.session.judging import measured_by
from pytest_roo_load.session.measured import Measured
from pytest_roo_load.session.progress import Note, noted
from pytest_roo_load.session.run import Run
from pytest_roo_load.session.scale import Scale
from pytest_roo_load.session.stack import Service

if TYPE_CHECKING:
    from pytest_roo_load.core.profiles import Plan, Profile

__all__ = ["Asked", "early_end", "measure", "measuring", "prepare", "scale_of", "service"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a test asks a run for.

    Attributes:
        journey: One, or several with their weights.
        profile: How many users there are, or when iterations begin.
        ends: When to end early.
        target: The system under test; None when the journeys have no use for one.
        watched: Processes to look at besides those of the services in use: name → process ids.
        complete: Makes the result that is judged and noted of what was measured and its begin and end.
        faults: What is broken meanwhile; None for nothing.
    """

    journey: object
    profile: Profile
    ends: EarlyEnd = field(default_factory=EarlyEnd)
    target: Service | None = None
    watched: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    complete: Callable[[Result, tuple[float, float]], Result] = lambda result, _: result
    faults: object = None


def prepare(request: pytest.FixtureRequest) -> tuple[Run, Measured]:
    """Make the target ready for a test that measures; what the test measures is noted in the second value."""
    run, measured = measuring(request)
    _adopt(run, request.getfixturevalue("target"))
    if measured.plan.needs and (missing := run.offers.missing(run.stack.target(), measured.plan.needs)):
        from pytest_roo_load.session.offered import told  # noqa: PLC0415 - loaded when used

        measured.not_offered.append(told(missing))
        pytest.skip(measured.not_offered[0])
    return run, measured


def measuring(request: pytest.FixtureRequest) -> tuple[Run, Measured]:
    """The run, and where is noted what a test measures that needs no target."""
    item = request.node
    if plan_key not in item.stash:
        fixture = " or ".join(sorted(MEASURING))
        error = UsageError(
            "a fixture that measures was asked for while the test ran",
            value=item.name,
            allowed=f"tests whose signature names {fixture}, so that it is known beforehand that they measure",
            place=item.nodeid,
        )
        pytest.fail(str(error), pytrace=False)
    run = run_of(item.config)
    if run.refusal:
        pytest.fail(run.refusal, pytrace=False)
    return run, measured_by(item, run)


def service(config: pytest.Config, name: str) -> Service:
    """A service of the system under test, ready."""
    run = run_of(config)
    if name == "ccs":
        return _target(run)
    found = _or_fail(lambda: run.stack.service(name))
    run.note_services()
    return found


def scale_of(config: pytest.Config) -> Scale:
    """The chosen scale."""
    return Scale(run_of(config).config.scale)


def _target(run: Run) -> Service:
    known = len(run.stack.known())
    found = _or_fail(run.stack.target)
    if len(run.stack.known()) != known:
        run.note_services()
    return found


def _adopt(run: Run, given: object) -> None:
    """Measure what the fixture `target` gives: a URL when it is the user's own."""
    known = run.stack.known()
    before = known.get(target_among(known))

    def adopted() -> Service:
        run.stack.adopt(given)
        return run.stack.target()

    if _or_fail(adopted) is not before:
        run.note_services()


def _or_fail(get: Callable[[], Service]) -> Service:
    """What the user can mend is told in a few lines, not in a traceback through our insides."""
    try:
        return get()
    except (ServiceError, UsageError) as error:
        text = str(error)
    pytest.fail(text, pytrace=False)


def early_end(measured: Measured, until: str | None, abort_after: str | float | None) -> EarlyEnd:
    """When a run may end early, from what was given to `VirtualUsers.run`.

    Raises:
        UsageError: `until` is no condition that can be decided while a load runs, or `abort_after` is no duration.
    """
    return EarlyEnd(
        until=None if until is None else check_condition(parse_objective(until, "argument until")),
        broken=() if abort_after is None else measured.plan.objectives,
        grace_s=0.0 if abort_after is None else duration(abort_after, name="abort_after"),
    )


def measure(run: Run, measured: Measured, asked: Asked) -> Result:
    """Perform what is asked, as `VirtualUsers.run` says, and note it."""
    draft = _Draft.of(run, measured, asked)
    began = perf_counter()
    note = Note(
        test=measured.test,
        live=str(draft.load.live),
        duration_s=draft.load.shard.plan.duration_s,
        worker=run.worker or "",
    )
    try:
        with noted(run.note, note):
            result, interval = perform(draft.load)
            result = asked.complete(result, interval)
    except BaseException as error:
        problem = str(error) if isinstance(error, RooLoadError) else f"ended by {type(error).__name__}"
        measured.records.append(draft.record((began, perf_counter()), None, problem))
        raise
    measured.records.append(draft.record(interval, result))
    if result.faults:
        run.stack.look_again()
    _warn_of_names(result)
    return result


def _warn_of_names(result: Result) -> None:
    if OTHER in result.operations:
        warnings.warn(
            f"more than {MAX_NAMES} names of operations: the rest is {OTHER!r}; give requests that carry ids a name=",
            RooLoadWarning,
            stacklevel=4,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A run that is about to be made."""

    number: int
    journeys: Mapping[Any, float]
    profile: Profile
    load: Load
    started_at: str
    live: str

    @classmethod
    def of(cls, run: Run, measured: Measured, asked: Asked) -> _Draft:
        """The run that was asked for.

        Raises:
            UsageError: Its journeys or its profile cannot be used.
        """
        journeys, profile = _offered(run, measured, asked), asked.profile
        if not callable(getattr(profile, "plan", None)):
            raise UsageError("not a profile", value=profile, allowed='a profile such as constant_users(10, "20 s")')
        number = len(measured.records) + 1
        live = run.directory.live(measured.slug, measured.attempt, number)
        plan, injector = profile.plan(), None
        if asked.faults is not None:
            schedule = check_schedule(asked.faults)
            run.links.check(schedule)
            plan = with_faults(plan, schedule)
            if schedule.needs_links:
                asked = replace(asked, target=run.stack.linked())
                run.note_services()
            injector = injector_of(run, schedule)
        load = Load(
            shard=_shard(run, journeys, asked, plan),
            fleet=_fleet(run, plan.peak_users),
            probe=lambda generators: _probe(run, asked, generators),
            live=live,
            objectives=measured.plan.objectives,
            early_end=asked.ends,
            injector=injector,
            snapshots=_snapshots(run, asked),
            given_up=lambda: run.worker is not None and run.stopped,
        )
        return cls(
            number=number,
            journeys=journeys,
            profile=profile,
            load=load,
            started_at=now(),
            live=str(live.relative_to(run.directory.path)),
        )

    def record(self, interval: tuple[float, float], result: Result | None, problem: str = "") -> RunRecord:
        """What is written of the run, whether it gave a result or ended with a problem."""
        return RunRecord(
            number=self.number,
            journeys={getattr(one, "__name__", str(one)): weight for one, weight in self.journeys.items()},
            profile=str(self.profile),
            fleet=str(self.load.fleet),
            seed=self.load.shard.seed,
            started_at=self.started_at,
            interval=interval,
            live=self.live,
            result=result,
            problem=problem,
        )


def _offered(run: Run, measured: Measured, asked: Asked) -> dict[Any, float]:
    """The journeys that are asked for and their weights, without those that need what the target does not offer.

    Raises:
        UsageError: A journey cannot be used.
        Skipped: None is left.
    """
    journeys = check_journeys(asked.journey)
    needs: dict[Any, tuple[str, ...]] = {journey: getattr(journey, "needs", ()) for journey in journeys}
    needed = dict.fromkeys(feature for features in needs.values() for feature in features)
    missing = run.offers.missing(asked.target, needed) if asked.target is not None and needed else {}
    if not missing:
        return journeys
    from pytest_roo_load.session.offered import told  # noqa: PLC0415 - loaded when used

    offered = {journey: weight for journey, weight in journeys.items() if missing.keys().isdisjoint(needs[journey])}
    text = told(missing, [journey.__name__ for journey in journeys if journey not in offered])
    if text not in measured.not_offered:
        measured.not_offered.append(text)
    if not offered:
        pytest.skip(text)
    return offered


def _shard(run: Run, journeys: Mapping[Any, float], asked: Asked, plan: Plan) -> Shard:
    target = asked.target
    accounts = () if target is None else target.accounts
    if target is not None:
        _check_accounts(run, len(accounts), plan.peak_users)
    return Shard(
        journeys=pack(list(journeys)),
        weights=tuple(journeys.values()),
        plan=plan,
        run=secrets.token_hex(4),
        seed=run.identity.seed,
        target=None if target is None else target.url,
        modules=tuple(sys.path),
        target_ws=None if target is None else target.websocket_url,
        accounts=accounts[: plan.peak_users],
    )


def _check_accounts(run: Run, accounts: int, users: int) -> None:
    """Each user has an account of its own, or makes one.

    Raises:
        UsageError: There are accounts, but too few.
    """
    if 0 < accounts < users:
        raise UsageError(
            "fewer accounts than virtual users",
            value=accounts,
            allowed=f"{users} or more, one for each user",
            place=run.config.places["accounts"],
            remedy="add accounts to the file, or let fewer users come",
        )


def _fleet(run: Run, users: int) -> Fleet:
    """No more generators than users: one without a user would have nothing to measure with."""
    if run.config.fleet == "inline":
        return InlineFleet()
    if run.config.fleet == "xdist" and run.worker is not None:
        return WorkerFleet(run.stations, run.worker, min(run.config.generators or users, users))
    return LocalFleet(min(run.config.generators or 1, users))


def _probe(run: Run, asked: Asked, generators: tuple[int, ...]) -> Probe:
    probe = ProcessProbe({**_watched(run, asked), "generator": generators}, tasks=run.config.tasks)
    return probe if asked.faults is None else FollowingProbe(probe, _trees(run, asked), run.keeper)


def _snapshots(run: Run, asked: Asked) -> Snapshots | None:
    if run.config.allocations is None:
        return None
    from pytest_roo_load.tracing import snapshots  # noqa: PLC0415 - loaded when used

    return snapshots.Snapshots(_watched(run, asked), run.config.allocations)


def _watched(run: Run, asked: Asked) -> dict[str, tuple[int, ...]]:
    """The roots of the trees of processes that are looked at, those of generators apart."""
    known = run.stack.known()
    return {shown: known[name].pids for name, shown in _trees(run, asked).items()} | dict(asked.watched)


def _trees(run: Run, asked: Asked) -> dict[str, str]:
    return trees_of(run, asked.faults if isinstance(asked.faults, Schedule) else None)
