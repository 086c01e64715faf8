"""A lane: whatever happens in whatever order, its limit is kept and every command ends once."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pytest_roo_load.ccs.commands.command import Claimed, Effect, Outcome, Patience
from pytest_roo_load.ccs.commands.lane import LINGER_S, Lane, in_order

DEVICES = ("a", "b")
LIMIT = 3


def claimed(number: int, *, executors: tuple[str, ...] = ("a",), attempt: int = 1, priority: int = 1) -> Claimed:
    return Claimed(
        id=str(number),
        user_id="u",
        type="custom",
        priority=priority,
        sequence=number,
        attempt=attempt,
        idempotency_key=str(number),
        executors=executors,
        patience=Patience(timeout_s=10, retries=2, retry_delay_s=1),
    )


def lane(limit: int = LIMIT) -> Lane:
    return Lane("u", 7, limit=limit)


class Queue(RuleBasedStateMachine):
    """A lane and the table behind it, as simple as can be: what is queued, what is claimed, what has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.lane = lane()
        self.now = 0.0
        self.numbers = 0
        self.queued: dict[str, tuple[Claimed, float]] = {}
        self.ended: Counter[str] = Counter()
        self.effects: set[tuple[str, str]] = set()

    @rule(executors=st.sets(st.sampled_from(DEVICES), min_size=1))
    def queue(self, executors: set[str]) -> None:
        self.numbers += 1
        self.queued[str(self.numbers)] = (claimed(self.numbers, executors=tuple(executors), attempt=0), self.now)
        self.lane.wake()

    @rule()
    def turn(self) -> None:
        wanted = self.lane.ask(self.now)
        if not wanted:
            return
        ready = [
            command
            for command, due in self.queued.values()
            if due <= self.now and not self.lane.offline.intersection(command.executors)
        ]
        mine = in_order(ready)[:wanted]
        later = [due for name, (_, due) in self.queued.items() if name not in {command.id for command in mine}]
        self.lane.answered(full=len(mine) == wanted, again_at=min(later, default=math.inf))
        for command in mine:
            del self.queued[command.id]
            missing = tuple(e for e in command.executors if (command.id, e) not in self.effects)
            again = claimed(int(command.id), executors=missing, attempt=command.attempt + 1)
            self.take(self.lane.start(again, self.now), again)

    @precondition(lambda self: self.lane.running)
    @rule(data=st.data(), device=st.sampled_from(DEVICES))
    def complete(self, data: st.DataObject, device: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.lane.running)))
        command = self.lane.running[name].command
        self.take(self.lane.complete(name, Effect(executor=device, result="{}")), command)

    @precondition(lambda self: self.lane.running)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.lane.running)))
        command = self.lane.running[name].command
        self.take(self.lane.fail(name, "broken", self.now), command)

    @rule(seconds=st.floats(0.1, 20))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        running = {name: entry.command for name, entry in self.lane.running.items()}
        for outcome in self.lane.expire(self.now):
            self.take(outcome, running[outcome.command_id])

    @rule(device=st.sampled_from(DEVICES), online=st.booleans())
    def move(self, device: str, online: bool) -> None:  # noqa: FBT001 - hypothesis gives it by name
        running = {name: entry.command for name, entry in self.lane.running.items()}
        for outcome in self.lane.back(device) if online else self.lane.gone(device, self.now):
            self.take(outcome, running[outcome.command_id])

    @invariant()
    def limit_is_kept(self) -> None:
        assert len(self.lane.running) <= LIMIT

    @invariant()
    def nothing_is_lost(self) -> None:
        names = {str(number) for number in range(1, self.numbers + 1)}
        assert names == set(self.queued) | set(self.lane.running) | set(self.ended)
        assert len(self.queued) + len(self.lane.running) + len(self.ended) == len(names)
        assert set(self.ended.values()) <= {1}

    @invariant()
    def what_is_due_is_looked_for(self) -> None:
        due = [due for command, due in self.queued.values() if not self.lane.offline.intersection(command.executors)]
        if due and len(self.lane.running) < LIMIT:
            assert self.lane.look_at <= max(min(due), self.now)

    def take(self, outcome: Outcome | None, command: Claimed) -> None:
        if outcome is None:
            return
        self.effects |= {(outcome.command_id, effect.executor) for effect in outcome.effects}
        if outcome.state == "queued":
            again = claimed(int(command.id), executors=command.executors, attempt=outcome.attempts)
            self.queued[command.id] = (again, self.now + outcome.delay_s)
        else:
            self.ended[outcome.command_id] += 1
            assert outcome.attempts <= command.patience.retries + 1
            if outcome.state == "completed":
                assert {(command.id, executor) for executor in command.executors} <= self.effects


TestQueue = Queue.TestCase


def test_higher_priorities_first_and_first_come_first_served_inside_one() -> None:
    commands = [claimed(number, priority=number % 3) for number in range(9)]
    assert [command.sequence for command in in_order(commands)] == [2, 5, 8, 1, 4, 7, 0, 3, 6]


def test_pauses_double() -> None:
    patience = Patience(retries=3, retry_delay_s=1)
    assert [patience.pause_s(attempt) for attempt in (1, 2, 3, 4)] == [1, 2, 4, None]


def test_a_command_that_everybody_has_done_already_ends_at_once() -> None:
    outcome = lane().start(claimed(1, executors=()), 0)
    assert outcome is not None
    assert outcome.state == "completed"


def test_an_acknowledgement_counts_once_and_a_foreign_one_not_at_all() -> None:
    busy = lane()
    busy.start(claimed(1), 0)
    first = busy.acknowledge("1")
    assert first is not None
    assert (first.state, first.acknowledged) == ("executing", True)
    assert busy.acknowledge("1") is None
    assert busy.acknowledge("2") is None


def test_a_device_that_may_not_do_it_completes_nothing() -> None:
    busy = lane()
    busy.start(claimed(1), 0)
    assert busy.complete("1", Effect(executor="b", result="{}")) is None
    assert repr(busy) == "<Lane of u, fence 7: 1 of 3 run>"


def test_a_lane_is_idle_when_nothing_runs_and_nothing_waits_for_a_while() -> None:
    busy = lane()
    assert not busy.idle(0)  # the queue has not been looked at
    assert busy.ask(0) == LIMIT
    busy.answered(full=False)
    assert not busy.idle(1)
    assert busy.idle(1 + LINGER_S)
    busy.start(claimed(1), 7)
    assert not busy.idle(8)


def test_a_question_wakened_meanwhile_is_asked_again() -> None:
    busy = lane()
    assert busy.ask(0) == LIMIT
    assert busy.ask(0) == 0
    busy.wake()
    busy.answered(full=False)
    assert busy.ask(0) == LIMIT


def test_devices_that_were_away_are_tried_again_even_if_nobody_says_that_they_are_back() -> None:
    busy = lane()
    busy.start(claimed(1), 0)
    (outcome,) = busy.gone("a", 0)
    assert (outcome.state, outcome.attempts) == ("queued", 0)
    assert busy.offline == {"a"}
    assert busy.ask(2) == LIMIT
    assert busy.offline == set()


def test_devices_are_tried_again_also_when_the_queue_was_asked_meanwhile() -> None:
    busy = lane()
    busy.start(claimed(1), 0)
    busy.gone("a", 0)
    busy.wake()
    assert busy.ask(1) == LIMIT
    busy.answered(full=False)
    assert busy.ask(1.5) == 0
    assert busy.ask(2) == LIMIT


def test_what_was_claimed_while_something_went_back_to_the_queue_goes_back_as_well() -> None:
    busy = lane()
    first, second = claimed(1), claimed(2)
    busy.start(first, 0)
    assert busy.ask(0) == LIMIT - 1
    assert not busy.disturbed
    assert [outcome.command_id for outcome in busy.back("a")] == ["1"]
    busy.start(second, 0)
    assert busy.disturbed
    assert [(outcome.command_id, outcome.state) for outcome in busy.put_back([second])] == [("2", "queued")]
    busy.answered(full=False)
    assert busy.ask(0) == LIMIT
    assert not busy.disturbed


def test_a_command_that_was_claimed_anew_is_another_one() -> None:
    busy = lane()
    old, new = claimed(1), claimed(1)
    busy.start(old, 0)
    busy.back("a")
    assert not busy.awaits(old, "a")
    busy.start(new, 0)
    assert (busy.awaits(old, "a"), busy.awaits(new, "a"), busy.awaits(new, "b")) == (False, True, False)
