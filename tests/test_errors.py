import copy
import pickle
import re

import pytest

from pytest_roo_load import errors
from pytest_roo_load.errors import OperationError, RooLoadError, UsageError

TREE = [getattr(errors, name) for name in errors.__all__ if not name.endswith("Warning")]
OPERATION_ERRORS = [kind for kind in TREE if issubclass(kind, OperationError)]
FULL = UsageError("unknown metric", value="p59", allowed="p50, p95", place="sla.toml:3", remedy="did you mean p95?")


def facts(error: UsageError) -> tuple[object, ...]:
    return error.problem, error.value, error.allowed, error.place, error.remedy


def test_there_is_one_tree() -> None:
    assert [kind for kind in TREE if not issubclass(kind, RooLoadError)] == []
    assert RooLoadError.__bases__ == (Exception,)


def drawn() -> list[tuple[str, str | None]]:
    """(class, its parent) as the module's docstring draws the tree."""
    above: list[str] = []
    found: list[tuple[str, str | None]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│ ]*)(├── |└── )?([A-Z]\w+)(?:  | ?$)", line)
        if match is not None:
            depth = len(match[1]) // 4 + (match[2] is not None)
            above[depth:] = [match[3]]
            found.append((match[3], above[depth - 1] if depth else None))
    return found


def test_the_tree_is_the_one_that_is_drawn_at_the_top() -> None:
    tree = {kind.__name__: None if kind is RooLoadError else kind.__bases__[0].__name__ for kind in TREE}

    assert dict(drawn()) == tree


def test_a_usage_error_says_where_what_and_what_to_do() -> None:
    assert str(FULL) == "sla.toml:3: unknown metric: 'p59' (allowed: p50, p95); did you mean p95?"
    assert str(UsageError("out of range", value=0, allowed="1 to 3")) == "out of range: 0 (allowed: 1 to 3)"
    assert facts(FULL) == ("unknown metric", "p59", "p50, p95", "sla.toml:3", "did you mean p95?")


def test_a_place_is_added_where_it_is_known_and_never_replaced() -> None:
    bare = UsageError("out of range", value=0, allowed="1 to 3", remedy="count again")

    assert facts(bare.at("--users")) == ("out of range", 0, "1 to 3", "--users", "count again")
    assert bare.place is None
    assert FULL.at("elsewhere").place == "sla.toml:3"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_usage_error_keeps_its_facts_on_the_way_from_another_process(again: object) -> None:
    assert callable(again)
    travelled = again(FULL)

    assert type(travelled) is UsageError
    assert facts(travelled) == facts(FULL)
    assert str(travelled) == str(FULL)


@pytest.mark.parametrize("kind", OPERATION_ERRORS)
def test_an_operation_error_keeps_its_kind_on_the_way_from_another_process(kind: type[OperationError]) -> None:
    own, given = kind("no answer"), kind("no answer", kind="status 500")
    own_again, given_again = pickle.loads(pickle.dumps((own, given)))

    assert (own.kind, given.kind) == (kind.kind, "status 500")
    assert (type(own_again), own_again.kind, str(own_again)) == (kind, kind.kind, "no answer")
    assert (type(given_again), given_again.kind, str(given_again)) == (kind, "status 500", "no answer")


def test_every_operation_error_is_counted_under_a_name_of_its_own() -> None:
    kinds = [kind.kind for kind in OPERATION_ERRORS]

    assert len(set(kinds)) == len(kinds)
