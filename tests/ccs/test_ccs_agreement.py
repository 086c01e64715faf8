"""Agreeing on versions, with devices that offer anything at any time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.ccs.files.agreement import RESOLUTIONS, Offer, decide

VERSIONS = st.sampled_from([None, "a", "b", "c"])
OFFERS = st.builds(
    Offer, hash=VERSIONS, base_hash=VERSIONS, resolution=st.one_of(st.none(), st.sampled_from(RESOLUTIONS))
)


@given(current=VERSIONS, offer=OFFERS, disputed=st.booleans())
def test_no_version_is_replaced_by_a_device_that_has_not_seen_it(
    current: str | None, offer: Offer, *, disputed: bool
) -> None:
    decision = decide(current, offer, disputed=disputed)
    assert not (decision.taken and decision.conflict)
    if decision.taken and offer.hash != current:
        assert offer.base_hash == current
    if not decision.taken and not decision.conflict:
        assert offer.hash == current


@given(st.lists(st.tuples(VERSIONS, VERSIONS), max_size=20))
def test_every_version_that_was_current_is_the_base_of_the_next(offers: list[tuple[str | None, str | None]]) -> None:
    current, history = None, list[tuple[str | None, str | None]]()
    for offered, base in offers:
        if decide(current, Offer(hash=offered, base_hash=base)).taken:
            history.append((base, offered))
            current = offered
    assert all(after[0] == before[1] for before, after in pairwise(history))


def test_operations_are_named_for_what_they_do() -> None:
    named = {
        (None, Offer(hash="a", base_hash=None)): "create",
        ("a", Offer(hash="b", base_hash="a")): "update",
        ("a", Offer(hash=None, base_hash="a")): "delete",
        ("a", Offer(hash="a", base_hash=None)): None,
        ("a", Offer(hash="b", base_hash=None)): "conflict",
        ("a", Offer(hash="b", base_hash="a", resolution="local_wins")): "resolve",
        ("a", Offer(hash="b", base_hash="a", resolution="remote_wins")): "conflict",
    }
    for (current, offer), operation in named.items():
        assert decide(current, offer).operation == operation
    gives_in = Offer(hash="a", base_hash=None, resolution="remote_wins")
    assert decide("a", gives_in, disputed=True).operation == "resolve"
