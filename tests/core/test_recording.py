from collections.abc import Sequence

from core_samples import LOGIN, SEND, histogram, phase, tally
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.recording import ErrorCount, PhaseRecording, Recording, Tally, Values

Sample = tuple[str, float, str]  # operation, latency, kind of error or ""
samples = st.lists(
    st.tuples(st.sampled_from([LOGIN, SEND]), st.floats(0, 5), st.sampled_from(["", "", "timeout", "status 500"])),
    max_size=25,
)


def recorded(observed: Sequence[Sample], users: int = 1) -> Recording:
    recording = Recording()
    steady = recording.phase("steady")
    steady.users = users
    steady.iterations = len(observed)
    for name, latency, kind in observed:
        one = steady.operations.setdefault(name, Tally())
        one.started += 1
        if kind:
            one.failed.add([latency])
            one.errors.setdefault(kind, ErrorCount(exemplar=f"{kind}!")).count += 1
        else:
            one.ok.add([latency])
    return recording


@given(parts=st.lists(samples, min_size=1, max_size=4))
def test_several_generators_make_what_a_single_one_would_have(parts: list[list[Sample]]) -> None:
    merged = Recording()
    for part in parts:
        merged.merge(recorded(part))
    single = recorded([sample for part in parts for sample in part], users=len(parts))

    assert merged == single


def test_merging_leaves_the_other_recording_alone() -> None:
    other = recorded([(SEND, 1.0, "timeout")])
    whole = Recording()
    whole.merge(other)
    whole.merge(recorded([(SEND, 2.0, "timeout"), (SEND, 3.0, "")]))

    assert other == recorded([(SEND, 1.0, "timeout")])


def test_what_was_started_and_has_no_outcome_was_interrupted() -> None:
    whole = tally([0.1, 0.2], [0.3], interrupted=4)
    whole.merge(tally([0.1], interrupted=1))

    assert (whole.started, whole.interrupted) == (9, 5)


def test_the_first_exemplar_of_an_error_is_kept() -> None:
    error = ErrorCount()
    error.merge(ErrorCount(count=1, exemplar="first"))
    error.merge(ErrorCount(count=2, exemplar="second"))

    assert error == ErrorCount(count=3, exemplar="first")


def test_successful_and_failed_latencies_never_mix() -> None:
    whole = tally([0.1], [30.0])
    whole.merge(tally([0.2], [30.0]))

    assert whole.ok == histogram([0.1, 0.2])
    assert whole.failed == histogram([30.0, 30.0])


def test_the_least_number_of_users_is_never_overstated() -> None:
    never_looked, of_three, of_four = phase(None), phase(3), phase(4)
    of_four.merge(of_three)
    of_four.merge(never_looked)
    never_looked.merge(of_three)
    both_blind = phase(None)
    both_blind.merge(phase(None))

    assert (of_four.users, never_looked.users, both_blind.users) == (7, 3, None)


def test_a_generator_without_users_counts_as_zero() -> None:
    whole = phase(0)
    whole.merge(phase(5))

    assert whole.users == 5


def test_checks_and_groups_add_up_by_name() -> None:
    left = PhaseRecording(checks={"named": [3, 1]}, groups={"trip": tally([0.1])}, iterations=2)
    left.merge(PhaseRecording(checks={"named": [1, 0], "new": [0, 2]}, groups={"trip": tally([0.2])}, iterations=5))

    assert left.checks == {"named": [4, 1], "new": [0, 2]}
    assert left.groups == {"trip": tally([0.1, 0.2])}
    assert left.operations == {}
    assert left.iterations == 7


def test_turns_of_users_are_kept_apart_by_user() -> None:
    left = PhaseRecording(turns={0: 3, 2: 1}, iterations=4)
    left.merge(PhaseRecording(turns={1: 5}, iterations=5))

    assert left.turns == {0: 3, 1: 5, 2: 1}


def test_a_phase_that_only_one_generator_reached_is_kept() -> None:
    whole = Recording(phases={"warm_up": phase(1)})
    whole.merge(Recording(phases={"steady": phase(2)}))

    assert {name: one.users for name, one in whole.phases.items()} == {"warm_up": 1, "steady": 2}


def test_the_steady_phase_ends_with_the_last_generator() -> None:
    whole = Recording()
    for end in (None, 12.0, 11.0, None):
        whole.merge(Recording(steady_end_s=end))

    assert whole.steady_end_s == 12.0


def test_values_are_kept_up_to_a_limit_and_counted_beyond_it() -> None:
    values = Values(items=list(range(99_999)))
    values.add("last")
    values.add("too many")

    assert (len(values.items), values.items[-1], values.omitted) == (100_000, "last", 1)


def test_merged_values_keep_to_the_limit_too() -> None:
    whole = Recording(values={"size": Values(items=[0] * 99_999)})
    whole.merge(Recording(values={"size": Values(items=[1, 2, 3], omitted=4), "new": Values(items=["x"])}))

    assert whole.values["size"].items[-2:] == [0, 1]
    assert whole.values["size"].omitted == 6
    assert whole.values["new"] == Values(items=["x"])


def test_secrets_are_hidden_in_the_texts_of_errors() -> None:
    recording = Recording()
    tally = recording.phase("steady").operations["GET /x"] = Tally()
    tally.errors["status 500"] = ErrorCount(count=2, exemplar="answer: abc-1 and abc-12 [x]")
    recording.hide(["abc-1", "abc-12", "[x]"])
    assert tally.errors["status 500"] == ErrorCount(count=2, exemplar="answer: *** and *** ***")
    recording.hide([])
    assert tally.errors["status 500"].exemplar.startswith("answer")
