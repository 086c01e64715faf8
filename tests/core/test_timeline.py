import json

from core_samples import LOGIN, SEND, histogram, second
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.timeline import OperationSecond, ProcessUse, Second, total

operations = st.dictionaries(
    st.sampled_from([LOGIN, SEND, "ws command"]),
    st.builds(OperationSecond, ok=st.lists(st.floats(0, 3600), max_size=8).map(histogram), failed=st.integers(0, 1000)),
)
counts = st.none() | st.integers(0, 10**6)
uses = st.builds(
    ProcessUse,
    memory_bytes=st.integers(0, 10**12),
    cpu_s=st.floats(0, 1e6),
    processes=st.integers(0, 99),
    unique_bytes=counts,
    connections=counts,
    tasks=counts,
)
seconds = st.builds(
    Second,
    t=st.integers(0, 86_400),
    phase=st.sampled_from(["warm_up", "steady"]),
    users=st.integers(0, 10_000),
    dropped=st.integers(0, 10_000),
    operations=operations,
    resources=st.dictionaries(st.sampled_from(["ccs", "redis"]), uses),
)


@given(one=seconds)
def test_json_and_back_is_the_same_second(one: Second) -> None:
    assert Second.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_a_second_of_an_older_version_does_not_know_what_was_not_looked_at_then() -> None:
    line = second(3).to_dict() | {"resources": {"ccs": {"memory_bytes": 5, "cpu_s": 1.0, "processes": 1}}}
    use = Second.from_dict(line).resources["ccs"]
    assert (use.unique_bytes, use.connections, use.tasks) == (None, None, None)


def test_generators_views_of_a_second_add_up() -> None:
    one = second(3, [0.1], 1, users=4)
    one.merge(second(3, [0.2, 0.3], 2, users=5))
    one.merge(second(3, [0.4], name=LOGIN, users=1))
    for dropped in (2, 3):
        one.merge(Second(t=3, phase="steady", dropped=dropped))

    assert one == Second(
        t=3,
        phase="steady",
        users=10,
        dropped=5,
        operations={
            SEND: OperationSecond(ok=histogram([0.1, 0.2, 0.3]), failed=3),
            LOGIN: OperationSecond(ok=histogram([0.4])),
        },
    )


def test_merging_leaves_the_other_second_alone() -> None:
    one, other = second(0), second(0, [0.1], 1)
    one.merge(other)
    one.merge(other)

    assert other == second(0, [0.1], 1)


def test_a_total_is_of_one_operation_or_of_all() -> None:
    some = [second(0, [0.1], 1), second(1, [0.2], name=LOGIN), second(2), second(3, [0.3])]

    assert total(some) == OperationSecond(ok=histogram([0.1, 0.2, 0.3]), failed=1)
    assert total(some, SEND) == OperationSecond(ok=histogram([0.1, 0.3]), failed=1)
    assert total(some, "never ran") == OperationSecond()
    assert total([]) == OperationSecond()
    assert some[0] == second(0, [0.1], 1), "the seconds are only read"
