"""The collector is as it was when the load is over."""

from __future__ import annotations

import gc

from pytest_roo_load.engine.garbage import rarely_collected


def test_what_is_there_is_left_alone_and_the_rest_seldom_looked_at_until_the_end() -> None:
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    with rarely_collected():
        assert gc.get_freeze_count() > frozen
        assert all(more > less for more, less in zip(gc.get_threshold(), usual, strict=True))
    assert (gc.get_threshold(), gc.get_freeze_count()) == (usual, 0)


def test_garbage_in_a_circle_is_collected_all_the_same() -> None:
    with rarely_collected():
        circle: list[object] = []
        circle.append(circle)
        del circle
        assert gc.collect()


def test_the_last_of_several_generators_of_a_process_puts_it_back() -> None:
    usual, first, second = gc.get_threshold(), rarely_collected(), rarely_collected()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() != usual
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual
